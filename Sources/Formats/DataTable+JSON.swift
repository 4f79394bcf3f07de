import OrderedCollections
import Words

extension DataTable {
    /// Table of a JSON text: an array of objects, or one of the other forms in which people have tables.
    ///
    /// These are an object of columns `{"a": [1, 2], "b": ["x", "y"]}`; rows under a key, `{"version": …, "data": [{…}, …]}`; what
    /// pandas' to_json writes with orient "columns" (its default), "split" and "table"; and lines of objects under the name .json.
    init(json bytes: UnsafeBufferPointer<UInt8>, options: Options, source: String) throws {
        let json: JSON
        do { json = try JSON(parsing: bytes, source: source) } catch {
            guard DataTable.firstLineIsObject(bytes) else { throw error }
            try self.init(jsonLines: bytes, options: options, source: source)
            return
        }
        var rows = JSONRows(options: options, source: source, byteCount: bytes.count)
        switch json {
        case .array(let elements): try rows.append(elements)
        case .object(let members): try DataTable.gather(members, into: &rows, source: source)
        default: throw FormatError("\(source): expected an array of objects, got \(json.kind)")
        }
        try self.init(columns: rows.columns())
    }

    /// Reads an object that holds a table in one of the known forms.
    private static func gather(_ members: JSONObject, into rows: inout JSONRows, source: String) throws {
        // Of pandas' "split", which has a list of names beside the rows' values.
        if let names = members["columns"]?.array?.compactMap(\.string), let values = members["data"]?.array,
            !names.isEmpty, values.allSatisfy({ $0.array?.count == names.count })
        {
            for (place, name) in names.enumerated() {
                try rows.append(column: name, values.map { $0.array?[place] ?? .null })
            }
            return
        }
        let lists = members.map(\.value).filter { $0.array != nil }
        let arrays = members.filter { isRows($0.value) }
        // Rows under a key: "data", or the only one that has rows, unless every key has a list as long as it is.
        if let found = members["data"].flatMap({ isRows($0) ? $0 : nil })
            ?? (arrays.count == 1 ? arrays[0].value : nil),
            members.count == 1 || lists.count < members.count || Set(lists.map { $0.array?.count ?? 0 }).count > 1
        {
            return try rows.append(found.array ?? [])
        }
        if !members.isEmpty, lists.count == members.count {
            for (name, value) in members { try rows.append(column: name, value.array ?? []) }
            return
        }
        // Of pandas' "columns": the values of a column by their number.
        let columns = members.compactMap { name, value in value.object.map { (name, $0) } }
        if let first = columns.first, columns.count == members.count,
            columns.allSatisfy({ $0.1.map(\.key) == first.1.map(\.key) }), !first.1.isEmpty
        {
            for (name, values) in columns { try rows.append(column: name, values.map(\.value)) }
            return
        }
        throw FormatError(
            "\(source): expected an array of objects, columns as {\"text\": […], \"label\": […]}, or rows as {\"data\": [{…}]}, got an object with \(members.isEmpty ? "no keys" : DataTable.list(members.keys))"
        )
    }

    private static func isRows(_ value: JSON) -> Bool {
        value.array.map { rows in !rows.isEmpty && rows.allSatisfy { $0.object != nil } } ?? false
    }

    /// Table of objects, as the same rows of a .json file make it: a key that a row lacks is null in it.
    ///
    /// - Parameters:
    ///   - rows: the objects.
    ///   - size: bytes that the rows hold or so; a table far larger than them is refused.
    ///   - source: what errors call the rows.
    public init(rows: some Sequence<JSON>, size: Int, source: String) throws {
        var gathered = JSONRows(options: Options(), source: source, byteCount: size)
        for row in rows { try gathered.append(row) }
        try self.init(columns: gathered.columns())
    }

    /// Table of columns, as the same columns of a .json file make it; all must be equally long.
    ///
    /// - Parameter source: what errors call the columns.
    public init(columns: [(name: String, values: [JSON])], source: String) throws {
        var gathered = JSONRows(options: Options(), source: source, byteCount: 0)
        for (name, values) in columns { try gathered.append(column: name, values) }
        try self.init(columns: gathered.columns())
    }

    /// Table of lines of objects.
    init(jsonLines bytes: UnsafeBufferPointer<UInt8>, options: Options, source: String) throws {
        var rows = JSONRows(options: options, source: source, byteCount: bytes.count)
        try JSONLines.forEach(bytes, source: source) { line, row in try rows.append(row, line: line) }
        try self.init(columns: rows.columns(), lines: rows.lines)
    }

    private static func firstLineIsObject(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard bytes[start...].first(where: { $0 > 32 }) == UInt8(ascii: "{") else { return false }
        let line = UnsafeBufferPointer(rebasing: bytes[start..<LineEnd.next(from: start, in: bytes)])
        return (try? JSON(parsing: line, source: ""))?.object != nil
    }
}

/// Gathers objects into columns; a key that a row lacks is null in it.
private struct JSONRows {
    private let options: DataTable.Options
    private let source: String
    private let wanted: Set<String>?
    private var count = 0
    private var values: OrderedDictionary<String, [JSON]> = [:]
    /// Line of each row, where rows are lines.
    private(set) var lines: [UInt32]?
    /// Most values of the table, those that rows lack included: rows of ever new keys make a table that is as wide as it is long.
    private let largest: Int

    init(options: DataTable.Options, source: String, byteCount: Int) {
        (self.options, self.source) = (options, source)
        largest = (1 << 20) + byteCount
        wanted = options.columns.map(Set.init)
        for name in options.columns ?? [] { values[name] = [] }
    }

    /// What errors call a row, counted from 0.
    private func place(_ row: Int) -> String {
        if let lines, row < lines.count { return "\(source):\(lines[row])" }
        return "\(source): row \(row + 1)"
    }

    mutating func append(_ rows: [JSON]) throws { for row in rows { try append(row) } }

    /// Adds a whole column; those of a table are equally long.
    mutating func append(column name: String, _ column: [JSON]) throws {
        guard wanted?.contains(name) ?? true else { return }
        if let first = values.first(where: { !$0.value.isEmpty }), first.value.count != column.count {
            throw FormatError(
                "\(source): column '\(FormatError.shown(name))' has \(column.count) rows, '\(FormatError.shown(first.key))' has \(first.value.count)"
            )
        }
        guard values[name]?.isEmpty ?? true else {
            throw FormatError("\(source): two columns are called '\(FormatError.shown(name))'")
        }
        values[name] = column
        count = max(count, column.count)
    }

    mutating func append(_ row: JSON, line: Int? = nil) throws {
        if let line {
            if lines == nil { lines = [] }
            lines?.append(UInt32(clamping: line))
        }
        guard case .object(let members) = row else {
            throw FormatError("\(place(count)): expected an object, got \(row.kind)")
        }
        for (name, value) in members where wanted?.contains(name) ?? true {
            let missing = count - (values[name]?.count ?? 0)
            if missing > 0 { values[name, default: []].append(contentsOf: repeatElement(.null, count: missing)) }
            values[name, default: []].append(value)
        }
        for name in options.columns ?? [] where members[name] == nil {
            let hint = nearestName(to: name, in: members.keys).map { "; did you mean '\(FormatError.shown($0))'?" }
            throw FormatError("\(place(count)): has no '\(name)'\(hint ?? "; it has \(DataTable.list(members.keys))")")
        }
        count += 1
        guard count <= largest / max(1, values.count) else {
            throw FormatError(
                "\(place(count - 1)): the rows so far have \(values.count) different keys: a table of \(count) rows with a column for each would be far "
                    + "larger than the file; name those that are wanted (columns), or turn the keys into values")
        }
    }

    func columns() throws -> OrderedDictionary<String, DataTable.Column> {
        guard count > 0 else { throw FormatError("\(source): is empty") }
        for name in options.columns ?? [] where values[name]?.isEmpty ?? true {
            let hint = nearestName(to: name, in: values.keys).map { "; did you mean '\(FormatError.shown($0))'?" }
            throw FormatError("\(source): has no column '\(FormatError.shown(name))'\(hint ?? "")")
        }
        try DataTable.check(options.types, in: values.keys, source: source)
        var columns: OrderedDictionary<String, DataTable.Column> = [:]
        for (name, var column) in values {
            column.append(contentsOf: repeatElement(.null, count: count - column.count))
            columns[name] = try self.column(column, name: name)
        }
        return columns
    }

    private func column(_ values: [JSON], name: String) throws -> DataTable.Column {
        let type = options.types[name]
        func all<Value>(_ what: String, _ read: (JSON) -> Value?) throws -> [Value]? {
            var found: [Value] = []
            for (row, value) in values.enumerated() {
                guard let value = read(value) else {
                    if type == nil { return nil }
                    throw FormatError(
                        "\(place(row)): '\(FormatError.shown(name))' expected \(what), got \(value.kind)")
                }
                found.append(value)
            }
            return found
        }
        if type == nil || type == .integer,
            let integers = try all("an integer", { if case .integer(let integer) = $0 { integer } else { nil } })
        {
            return .integers(integers)
        }
        if type == nil || type == .float, let floats = try all("a number", { $0.double }) { return .floats(floats) }
        if type == nil || type == .string, let strings = try all("a string", { $0.string }) { return .strings(strings) }
        return .json(values)
    }
}
