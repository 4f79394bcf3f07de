import OrderedCollections
import Words

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

        /// The value of one row, which must be below `count`.
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
        /// Names of the columns, where the file has no header or other names are wanted; of JSON, the columns wanted.
        public var columns: [String]?
        /// Whether the first line names the columns; true unless `columns` are given.
        public var header: Bool?
        /// What separates the fields; by the file's extension where nil.
        public var delimiter: UInt8?
        /// Whether fields may stand between quotes, as pandas writes them; by the file's extension (true for .csv) where nil.
        public var quotes: Bool?
        /// Types of some columns; the others' are found out.
        public var types: OrderedDictionary<String, ColumnType>

        /// Options; nothing is set where nothing is said.
        public init(
            columns: [String]? = nil, header: Bool? = nil, delimiter: UInt8? = nil, quotes: Bool? = nil,
            types: OrderedDictionary<String, ColumnType> = [:]
        ) {
            (self.columns, self.header, self.delimiter) = (columns, header, delimiter)
            (self.quotes, self.types) = (quotes, types)
        }
    }

    /// Columns by name, in the file's order.
    public let columns: OrderedDictionary<String, Column>
    /// Number of rows.
    public let rowCount: Int
    /// Line of the file in which each row begins, from 1; nil where rows have none of their own.
    public let lines: [UInt32]?

    /// Table of columns; throws where they differ in length.
    public init(columns: OrderedDictionary<String, Column>, lines: [UInt32]? = nil) throws {
        rowCount = columns.values.first?.count ?? 0
        for (name, column) in columns where column.count != rowCount {
            throw FormatError(
                "column '\(FormatError.shown(name))' has \(column.count) rows, '\(FormatError.shown(columns.keys[0]))' has \(rowCount)"
            )
        }
        (self.columns, self.lines) = (columns, lines)
    }

    /// Reads the file `name` of `folder` by its extension: .tsv, .csv, .jsonl, .json, .txt.
    ///
    /// A column is integer, else float, else string, by all its rows. A leading zero, as in "007", an empty field, and
    /// signs or words as in "+1" and "nan" keep it a string, unless `types` says otherwise. TSV knows no quotes but where
    /// `quotes` says so. JSON is an array of objects, or what `init(json:)` takes besides.
    ///
    /// `source` is what errors call the file, its name where nil.
    public init(_ folder: Folder, _ name: String, options: Options = Options(), source: String? = nil) throws {
        let source = source ?? Shown.name(name)
        let kind = name.split(separator: ".").last.map { $0.lowercased() } ?? ""
        let isDelimited = kind == "tsv" || kind == "csv"
        guard isDelimited || ["jsonl", "ndjson", "json", "txt"].contains(kind) else {
            throw FormatError("\(source): unknown kind of data file; known are .tsv, .csv, .jsonl, .json and .txt")
        }
        if !isDelimited, options.header != nil || options.delimiter != nil {
            throw FormatError("\(source): header and delimiter are options of .tsv and .csv files")
        }
        if !isDelimited, options.quotes != nil {
            throw FormatError("\(source): quotes is an option of .tsv and .csv files")
        }
        guard options.delimiter.map({ ![10, 13, 34].contains($0) }) ?? true else {
            throw FormatError("\(source): a line end or quote cannot be the delimiter")
        }
        let file = try folder.map(name)
        guard file.count > 0 else { throw FormatError("\(source): is empty") }
        guard ![[0xFF, 0xFE], [0xFE, 0xFF]].contains(Array(file.text.prefix(2))) else {
            throw FormatError("\(source): is UTF-16; convert it to UTF-8")
        }
        file.advise(.sequential)
        switch kind {
        case "tsv", "csv":
            let delimiter = options.delimiter ?? UInt8(ascii: kind == "tsv" ? "\t" : ",")
            let text = DelimitedText(
                bytes: file.text, delimiter: delimiter, hasQuotes: options.quotes ?? (kind == "csv"), source: source)
            try self.init(text, options: options)
        case "txt":
            let text = DelimitedText(bytes: file.text, delimiter: 0, hasQuotes: false, source: source)
            try self.init(lines: text, options: options)
        case "json": try self.init(json: file.text, options: options, source: source)
        default: try self.init(jsonLines: file.text, options: options, source: source)
        }
        withExtendedLifetime(file) {}
    }

    /// Throws where an option names a column that is not there.
    static func check(
        _ types: OrderedDictionary<String, ColumnType>, in columns: some Collection<String>, source: String
    ) throws {
        for name in types.keys where !columns.contains(name) {
            let hint = nearestName(to: name, in: columns).map { "; did you mean '\(FormatError.shown($0))'?" }
            throw FormatError(
                "\(source): types names a column '\(FormatError.shown(name))'\(hint ?? "; there are \(list(columns))")")
        }
    }

    static func list(_ columns: some Collection<String>) -> String {
        columns.prefix(20).map { "'\(FormatError.shown($0))'" }.joined(separator: ", ")
    }
}
