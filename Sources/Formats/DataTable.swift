import OrderedCollections

/// Named columns of equal length, as read from a TSV, CSV, JSON, JSON Lines or text file.
public struct DataTable: Sendable {
    /// The values of one column.
    public enum Column: Sendable, Equatable {
        case integers([Int64])
        case floats([Double])
        case strings([String])
        /// Values of several kinds, or nested ones; only JSON has them.
        case json([JSON])

        /// Number of rows.
        public var count: Int {
            switch self {
            case .integers(let values): values.count
            case .floats(let values): values.count
            case .strings(let values): values.count
            case .json(let values): values.count
            }
        }

        /// The value of one row.
        public subscript(row: Int) -> JSON {
            switch self {
            case .integers(let values): .integer(values[row])
            case .floats(let values): .number(values[row])
            case .strings(let values): .string(values[row])
            case .json(let values): values[row]
            }
        }
    }

    /// Types that a column can be asked to have.
    public enum ColumnType: String, Sendable, CaseIterable { case integer, float, string }

    /// How a file is to be read.
    public struct Options: Sendable {
        /// Names of the columns, where the file has no header or other names are wanted.
        public var columns: [String]?
        /// Whether the first line names the columns; true unless `columns` are given.
        public var header: Bool?
        /// What separates the fields; by the file's extension where nil.
        public var delimiter: UInt8?
        /// Types of some columns; the others' are found out.
        public var types: OrderedDictionary<String, ColumnType>

        /// Options; nothing is set where nothing is said.
        public init(
            columns: [String]? = nil, header: Bool? = nil, delimiter: UInt8? = nil,
            types: OrderedDictionary<String, ColumnType> = [:]
        ) { (self.columns, self.header, self.delimiter, self.types) = (columns, header, delimiter, types) }
    }

    /// Columns by name, in the file's order.
    public let columns: OrderedDictionary<String, Column>
    /// Number of rows.
    public let rowCount: Int

    /// Table of columns; throws where they differ in length.
    public init(columns: OrderedDictionary<String, Column>) throws {
        rowCount = columns.values.first?.count ?? 0
        for (name, column) in columns where column.count != rowCount {
            throw FormatError("column '\(name)' has \(column.count) rows, '\(columns.keys[0])' has \(rowCount)")
        }
        self.columns = columns
    }

    /// Reads the file `name` of `folder` by its extension: .tsv, .csv, .jsonl, .json, .txt.
    public init(_ folder: Folder, _ name: String, options: Options = Options()) throws {
        let source = name.split(separator: "/").last.map(String.init) ?? name
        let bytes = try folder.read(name)
        let lowered = source.lowercased()
        if lowered.hasSuffix(".tsv") || lowered.hasSuffix(".csv") {
            let isTSV = lowered.hasSuffix(".tsv")
            let text = DelimitedText(
                bytes: bytes, delimiter: options.delimiter ?? UInt8(ascii: isTSV ? "\t" : ","), hasQuotes: !isTSV,
                source: source)
            try self.init(text, options: options)
            return
        }
        if options.header != nil || options.delimiter != nil {
            throw FormatError("\(source): header and delimiter are options of .tsv and .csv files")
        }
        if lowered.hasSuffix(".jsonl") || lowered.hasSuffix(".ndjson") {
            try self.init(rows: JSONLines.parse(bytes, source: source), options: options, source: source)
        } else if lowered.hasSuffix(".json") {
            let json = try JSON(parsing: bytes, source: source)
            guard let rows = json.array else {
                throw FormatError("\(source): expected an array of objects, got \(json.kind)")
            }
            try self.init(
                rows: rows.enumerated().map { ("\(source): row \($0 + 1)", $1) }, options: options, source: source)
        } else if lowered.hasSuffix(".txt") {
            let lines = try DelimitedText(bytes: bytes, delimiter: 0, hasQuotes: false, source: source).lines()
            guard !lines.isEmpty else { throw FormatError("\(source): is empty") }
            try self.init(columns: [options.columns?.first ?? "text": .strings(lines)])
        } else {
            throw FormatError("\(source): unknown kind of data file; known are .tsv, .csv, .jsonl, .json and .txt")
        }
    }

    private init(_ text: DelimitedText, options: Options) throws {
        let source = text.source
        var names = options.columns
        var values: [[String]] = names.map { Array(repeating: [], count: $0.count) } ?? []
        var skipsHeader = options.header ?? (names == nil)
        try text.forEachRow { line, fields in
            if skipsHeader {
                skipsHeader = false
                if names == nil { (names, values) = (fields, Array(repeating: [], count: fields.count)) }
                return
            }
            if names == nil {
                names = fields.indices.map { "column\($0 + 1)" }
                values = Array(repeating: [], count: fields.count)
            }
            guard fields.count == values.count else {
                let what = options.columns == nil && options.header != false ? "the header has" : "expected"
                throw FormatError("\(source):\(line): row has \(fields.count) fields, \(what) \(values.count)")
            }
            for (index, field) in fields.enumerated() { values[index].append(field) }
        }
        guard let names, !names.isEmpty else { throw FormatError("\(source): is empty") }
        var columns: OrderedDictionary<String, Column> = [:]
        for (name, strings) in zip(names, values) {
            guard columns[name] == nil else { throw FormatError("\(source): two columns are called '\(name)'") }
            columns[name] = try DataTable.column(strings, type: options.types[name], name: name, source: source)
        }
        try DataTable.check(options.types, in: columns, source: source)
        guard columns.values[0].count > 0 else { throw FormatError("\(source): has a header and no rows") }
        try self.init(columns: columns)
    }

    private init(rows: [(place: String, value: JSON)], options: Options, source: String) throws {
        guard !rows.isEmpty else { throw FormatError("\(source): is empty") }
        var values: OrderedDictionary<String, [JSON]> = [:]
        for (index, row) in rows.enumerated() {
            guard case .object(let members) = row.value else {
                throw FormatError("\(row.place): expected an object, got \(row.value.kind)")
            }
            for (name, value) in members where options.columns?.contains(name) ?? true {
                values[name, default: []].append(
                    contentsOf: repeatElement(.null, count: index - (values[name]?.count ?? 0)))
                values[name]?.append(value)
            }
        }
        for name in options.columns ?? [] where values[name] == nil {
            throw FormatError(
                "\(source): no row has '\(name)'; there are \(rows[0].value.object?.keys.joined(separator: ", ") ?? "")"
            )
        }
        var columns: OrderedDictionary<String, Column> = [:]
        for (name, var column) in values {
            column.append(contentsOf: repeatElement(.null, count: rows.count - column.count))
            columns[name] = try DataTable.column(column, type: options.types[name], name: name, source: source)
        }
        try DataTable.check(options.types, in: columns, source: source)
        try self.init(columns: columns)
    }

    private static func check(
        _ types: OrderedDictionary<String, ColumnType>, in columns: OrderedDictionary<String, Column>, source: String
    ) throws {
        for name in types.keys where columns[name] == nil {
            throw FormatError(
                "\(source): types names the column '\(name)'; there are \(columns.keys.joined(separator: ", "))")
        }
    }

    /// A column is integer, else float, else string, by all its rows; a leading zero or an empty field keeps it a string.
    private static func column(_ strings: [String], type: ColumnType?, name: String, source: String) throws -> Column {
        if type == .string { return .strings(strings) }
        if type != .float {
            var integers: [Int64] = []
            integers.reserveCapacity(strings.count)
            for (row, text) in strings.enumerated() {
                guard isPlain(text), let integer = Int64(text) else {
                    if type == .integer {
                        throw FormatError("\(source): row \(row + 1): '\(name)' expected an integer, got '\(text)'")
                    }
                    break
                }
                integers.append(integer)
            }
            if integers.count == strings.count { return .integers(integers) }
        }
        var floats: [Double] = []
        for (row, text) in strings.enumerated() {
            guard isPlain(text) || type == .float, let number = Double(text), number.isFinite else {
                if type == .float {
                    throw FormatError("\(source): row \(row + 1): '\(name)' expected a number, got '\(text)'")
                }
                return .strings(strings)
            }
            floats.append(number)
        }
        return .floats(floats)
    }

    /// Whether a text may be read as a number: digits first, and no zero before another digit.
    private static func isPlain(_ text: String) -> Bool {
        var bytes = Array(text.utf8.prefix(4))[...]
        if bytes.first == UInt8(ascii: "-") { bytes = bytes.dropFirst() }
        guard let first = bytes.first else { return false }
        let isDigit = { (byte: UInt8?) in byte.map { (48...57).contains($0) } ?? false }
        guard isDigit(first) || (first == UInt8(ascii: ".") && isDigit(bytes.dropFirst().first)) else { return false }
        return !(first == UInt8(ascii: "0") && isDigit(bytes.dropFirst().first))
            && !text.utf8.contains { $0 | 32 == UInt8(ascii: "x") || $0 | 32 == UInt8(ascii: "p") }
    }

    private static func column(_ values: [JSON], type: ColumnType?, name: String, source: String) throws -> Column {
        func all<Value>(_ what: String, _ read: (JSON) -> Value?) throws -> [Value]? {
            var found: [Value] = []
            for (row, value) in values.enumerated() {
                guard let value = read(value) else {
                    if type == nil { return nil }
                    throw FormatError("\(source): row \(row + 1): '\(name)' expected \(what), got \(value.kind)")
                }
                found.append(value)
            }
            return found
        }
        if type == nil || type == .integer,
            let integers = try all("an integer", { if case .integer(let i) = $0 { i } else { nil } })
        {
            return .integers(integers)
        }
        if type == nil || type == .float, let floats = try all("a number", { $0.double }) { return .floats(floats) }
        if type == nil || type == .string, let strings = try all("a string", { $0.string }) { return .strings(strings) }
        return .json(values)
    }
}
