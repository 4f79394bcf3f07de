import Words

extension Dataset {
    /// The same rows with other names for some columns, each of which must be there and may not meet another.
    public func renamingColumns(_ names: [(old: String, new: String)]) throws -> Dataset {
        for (old, _) in names { try check(old, "rename_columns") }
        let renamed = Dictionary(names.map { ($0.old, $0.new) }) { first, _ in first }
        let new = columns.map { NamedColumn(name: renamed[$0.name] ?? $0.name, column: $0.column) }
        var seen: Set<String> = []
        if let double = new.first(where: { !seen.insert($0.name).inserted }) {
            throw TrainingError("rename_columns: two columns would be called '\(double.name)'")
        }
        return try with(new)
    }

    /// The same rows without some columns, each of which must be there.
    public func removingColumns(_ names: [String]) throws -> Dataset {
        for name in names { try check(name, "remove_columns") }
        let left = columns.filter { !names.contains($0.name) }
        guard !left.isEmpty || columns.isEmpty else {
            throw TrainingError("remove_columns: no column would be left, so no rows")
        }
        return try with(left)
    }

    /// The same rows with these columns only, in this order.
    public func selectingColumns(_ names: [String]) throws -> Dataset {
        guard !names.isEmpty else {
            throw TrainingError("select_columns: no column is named, so no rows would be left")
        }
        for name in names { try check(name, "select_columns") }
        return try with(names.compactMap { name in columns.first { $0.name == name } })
    }

    /// Throws where there is no column of that name.
    func check(_ name: String, _ operation: String) throws {
        guard has(name) else {
            let hint = nearestNameHint(for: name, in: columnNames)
            throw TrainingError(
                "\(operation): there is no column '\(name)'\(hint.isEmpty ? "; the columns are \(columnNames.joined(separator: ", "))" : hint)"
            )
        }
    }
}
