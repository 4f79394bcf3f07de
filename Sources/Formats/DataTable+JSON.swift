import OrderedCollections
import Words

extension DataTable {
    /// Table of the objects of an array.
    ///
    /// Lines of objects under the name .json are read too.
    init(jsonArray bytes: UnsafeBufferPointer<UInt8>, options: Options, source: String) throws {
        let json: JSON
        do { json = try JSON(parsing: bytes, source: source) } catch {
            guard bytes.first(where: { $0 > 32 }) == UInt8(ascii: "{"), DataTable.firstLineIsObject(bytes) else {
                throw error
            }
            try self.init(jsonLines: bytes, options: options, source: source)
            return
        }
        guard let elements = json.array else {
            throw FormatError("\(source): expected an array of objects, got \(json.kind)")
        }
        var rows = JSONRows(options: options, source: source, byteCount: bytes.count)
        for (index, row) in elements.enumerated() { try rows.append(row, place: "\(source): row \(index + 1)") }
        try self.init(columns: rows.columns())
    }

    /// Table of objects, as the same rows of a .json file make it: a key that a row lacks is null in it.
    ///
    /// - Parameters:
    ///   - rows: the objects.
    ///   - size: bytes that the rows hold or so; a table far larger than them is refused.
    ///   - source: what errors call the rows.
    public init(rows: some Sequence<JSON>, size: Int, source: String) throws {
        var gathered = JSONRows(options: Options(), source: source, byteCount: size)
        for (index, row) in rows.enumerated() { try gathered.append(row, place: "\(source): row \(index + 1)") }
        try self.init(columns: gathered.columns())
    }

    /// Table of lines of objects.
    init(jsonLines bytes: UnsafeBufferPointer<UInt8>, options: Options, source: String) throws {
        var rows = JSONRows(options: options, source: source, byteCount: bytes.count)
        try JSONLines.forEach(bytes, source: source) { line, row in try rows.append(row, place: "\(source):\(line)") }
        try self.init(columns: rows.columns())
    }

    private static func firstLineIsObject(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let end = bytes.firstIndex(of: 10) ?? bytes.count
        let line = UnsafeBufferPointer(rebasing: bytes[..<end])
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
    private var places: [String] = []
    /// Most values of the table, those that rows lack included: rows of ever new keys make a table that is as wide as it is long.
    private let largest: Int

    init(options: DataTable.Options, source: String, byteCount: Int) {
        (self.options, self.source) = (options, source)
        largest = (1 << 20) + byteCount
        wanted = options.columns.map(Set.init)
        for name in options.columns ?? [] { values[name] = [] }
    }

    mutating func append(_ row: JSON, place: String) throws {
        guard case .object(let members) = row else {
            throw FormatError("\(place): expected an object, got \(row.kind)")
        }
        for (name, value) in members where wanted?.contains(name) ?? true {
            let missing = count - (values[name]?.count ?? 0)
            if missing > 0 { values[name, default: []].append(contentsOf: repeatElement(.null, count: missing)) }
            values[name, default: []].append(value)
        }
        for name in options.columns ?? [] where members[name] == nil {
            let hint = nearestName(to: name, in: members.keys).map { "; did you mean '\(FormatError.shown($0))'?" }
            throw FormatError("\(place): has no '\(name)'\(hint ?? "; it has \(DataTable.list(members.keys))")")
        }
        places.append(place)
        count += 1
        guard count <= largest / max(1, values.count) else {
            throw FormatError(
                "\(place): the rows so far have \(values.count) different keys: a table of \(count) rows with a column for each would be far "
                    + "larger than the file; name those that are wanted (columns), or turn the keys into values")
        }
    }

    func columns() throws -> OrderedDictionary<String, DataTable.Column> {
        guard count > 0 else { throw FormatError("\(source): is empty") }
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
                        "\(places[row]): '\(FormatError.shown(name))' expected \(what), got \(value.kind)")
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
