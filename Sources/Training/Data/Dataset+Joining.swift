import Memory
import Words

extension Dataset {
    /// The rows of several datasets one after the other, under the columns of the first; all must have the same names.
    ///
    /// - Parameter names: what errors call each of them.
    public static func concatenated(_ parts: [Dataset], names: [String]) throws -> Dataset {
        guard let first = parts.first else { throw TrainingError("concatenate: there is nothing to put together") }
        guard parts.count > 1 else { return first }
        for (part, name) in zip(parts, names).dropFirst() {
            if let missing = first.columnNames.first(where: { !part.has($0) }) {
                throw TrainingError(
                    "concatenate: \(name) has no column '\(missing)', which \(names[0]) has\(nearestNameHint(for: missing, in: part.columnNames))"
                )
            }
            if let added = part.columnNames.first(where: { !first.has($0) }) {
                throw TrainingError("concatenate: \(name) has a column '\(added)' that \(names[0]) has not")
            }
        }
        let columns = try first.columnNames.map { name in
            NamedColumn(
                name: name,
                column: try Column.joined(
                    try parts.map { part in try part.gathered(part.columns.filter { $0.name == name })[0].column }))
        }
        return try Dataset(columns, origins: try RowOrigins.joined(parts.map { (try $0.visibleOrigins(), $0.count) }))
    }
}

extension Column {
    /// The rows of several columns one after the other.
    fileprivate static func joined(_ columns: [Column]) throws -> Column {
        func all<Value>(_ values: (Column) -> [Value]?) throws -> [Value]? {
            let lists = columns.compactMap(values)
            guard lists.count == columns.count else { return nil }
            let count = lists.reduce(0) { $0 + $1.count }
            try MemoryBudget.reserve(count, of: MemoryLayout<Value>.stride)
            var all: [Value] = []
            // One that grew would hold up to twice as much.
            all.reserveCapacity(count)
            for list in lists { all += list }
            return all
        }
        if let values = try all({ if case .integers(let values) = $0 { values } else { nil } }) {
            return .integers(values)
        }
        if let values = try all({ if case .floats(let values) = $0 { values } else { nil } }) { return .floats(values) }
        if let values = try all({ if case .booleans(let values) = $0 { values } else { nil } }) {
            return .booleans(values)
        }
        if let values = try all({ if case .strings(let values) = $0 { values } else { nil } }) {
            return .strings(values)
        }
        var builder = ColumnBuilder()
        for column in columns {
            for row in 0..<column.count { try builder.append(column[row]) }
            try MemoryBudget.check()
        }
        return builder.built
    }
}
