import Formats
import Words

extension Dataset {
    /// Writes the rows to a file, whole or not at all, by the name's ending: .jsonl (an object a line), .csv or .tsv (a header, fields
    /// quoted where they hold a delimiter, a quote or a line end, as Python's csv module and pandas write and read them).
    ///
    /// What is missing is null in .jsonl and an empty field elsewhere. Numbers that are not finite, and lists in .csv and .tsv, are an
    /// error that names the row or column.
    public func save(to folder: Folder, _ name: String, source: String? = nil) throws {
        let source = source ?? Shown.name(name)
        switch name.split(separator: ".").last.map({ $0.lowercased() }) ?? "" {
        case "jsonl", "ndjson":
            let names = columnNames
            try folder.write(name, lines: count) { row in
                let values = columns.map { $0.column[place(ofRow: row)] }
                try zip(names, values).forEach { try check($1, $0, row, source) }
                return JSON(zip(names, values).map { JSON.Member($0, $1) })
            }
        case "csv": try saveFields(to: folder, name, UInt8(ascii: ","), source)
        case "tsv": try saveFields(to: folder, name, UInt8(ascii: "\t"), source)
        default: throw TrainingError("\(source): unknown kind of data file; known are .jsonl, .csv and .tsv")
        }
    }

    private func saveFields(to folder: Folder, _ name: String, _ delimiter: UInt8, _ source: String) throws {
        try folder.write(name, header: columnNames, rows: count, delimiter: delimiter) { row in
            try columns.map { named in
                let value = named.column[place(ofRow: row)]
                switch value {
                case .null: return ""
                case .string(let text): return text
                case .array, .object:
                    throw TrainingError(
                        "\(source): \(self.name(ofRow: row)): '\(named.name)' is \(value.quoted), which a field cannot hold; save as .jsonl, or leave the column out with remove_columns"
                    )
                case .bool, .integer, .number:
                    try check(value, named.name, row, source)
                    return value.compact()
                }
            }
        }
    }

    private func check(_ value: JSON, _ column: String, _ row: Int, _ source: String) throws {
        guard !value.holdsNonFinite else {
            throw TrainingError(
                "\(source): \(name(ofRow: row)): '\(column)' holds a number that is not finite, which is not saved")
        }
    }
}

extension JSON {
    /// Whether a number that is not finite is in it, at any depth.
    fileprivate var holdsNonFinite: Bool {
        switch self {
        case .number(let number): !number.isFinite
        case .array(let elements): elements.contains(where: \.holdsNonFinite)
        case .object(let members): members.contains(where: \.value.holdsNonFinite)
        case .null, .bool, .integer, .string: false
        }
    }
}
