import Memory
import OrderedCollections

extension DataTable {
    /// Table of the lines of a text, in one column.
    init(lines text: DelimitedText, options: Options) throws {
        let names = options.columns ?? ["text"]
        guard names.count == 1 else {
            throw FormatError("\(text.source): a text file has one column, columns names \(names.count)")
        }
        try DataTable.check(options.types, in: names, source: text.source)
        guard options.types.values.allSatisfy({ $0 == .string }) else {
            throw FormatError("\(text.source): the column of a text file is a string")
        }
        let lines = try text.lines()
        try MemoryBudget.reserve(lines.count, of: MemoryLayout<UInt32>.stride)
        try self.init(columns: [names[0]: .strings(lines)], lines: (0..<lines.count).map { UInt32(clamping: $0 + 1) })
    }

    /// Table of rows of fields.
    init(_ text: DelimitedText, options: Options) throws {
        var (names, fields, lines) = try DataTable.fields(of: text, options: options)
        var columns: OrderedDictionary<String, Column> = [:]
        try DataTable.check(options.types, in: names, source: text.source)
        for (index, name) in names.enumerated() {
            let column = try ColumnReader(text: text, fields: fields[index], name: name).column(options.types[name])
            fields[index] = []
            guard columns.updateValue(column, forKey: name) == nil else {
                throw FormatError("\(text.source): two columns are called '\(FormatError.shown(name))'")
            }
        }
        try self.init(columns: columns, lines: lines)
    }

    /// Names of the columns, the fields of each, and the lines that rows begin in.
    private static func fields(
        of text: DelimitedText, options: Options
    ) throws -> (names: [String], fields: [[DelimitedText.Field]], lines: [UInt32]) {
        var names = options.columns
        var lines: [UInt32] = []
        var columns = names.map { [[DelimitedText.Field]](repeating: [], count: $0.count) } ?? []
        let hasHeader = options.header ?? (names == nil)
        var isFirst = true
        try text.forEachRow { fields, line in
            defer { isFirst = false }
            if names == nil {
                names = try fields.enumerated().map { index, field in
                    // A header may leave the name of row numbers empty; so may whoever gives no header.
                    let name = hasHeader ? try text.text(field) : ""
                    return name.isEmpty ? "column\(index + 1)" : name
                }
                columns = [[DelimitedText.Field]](repeating: [], count: fields.count)
            }
            guard fields.count == columns.count else {
                let against =
                    options.columns != nil
                    ? "columns names \(columns.count)"
                    : hasHeader ? "the header has \(columns.count)" : "the first has \(columns.count)"
                let count = fields.count == 1 ? "1 field" : "\(fields.count) fields"
                let isQuoted = !text.hasQuotes && fields.contains { text.raw($0).first == UInt8(ascii: "\"") }
                let hint = isQuoted ? "; a field begins with a quote: quotes = true reads fields between quotes" : ""
                throw text.error("row has \(count), \(against)\(hint)", at: fields[0].start)
            }
            if isFirst, hasHeader { return }
            if columns[0].count == columns[0].capacity {
                // All columns grow at once, each to twice its length beside what it was.
                let more = max(64, 2 * columns[0].count)
                try MemoryBudget.reserve(more * columns.count, of: MemoryLayout<DelimitedText.Field>.stride)
                try MemoryBudget.reserve(more, of: MemoryLayout<UInt32>.stride)
                for index in columns.indices { columns[index].reserveCapacity(more) }
                lines.reserveCapacity(more)
            }
            lines.append(UInt32(clamping: line))
            for index in fields.indices { columns[index].append(fields[index]) }
        }
        guard let names, !isFirst else { throw FormatError("\(text.source): is empty") }
        guard let first = columns.first, !first.isEmpty else {
            throw FormatError("\(text.source): has a header and no rows")
        }
        return (names, columns, lines)
    }
}

/// Finds out what a column of fields holds, and reads it.
private struct ColumnReader {
    let text: DelimitedText
    let fields: [DelimitedText.Field]
    let name: String

    func column(_ type: DataTable.ColumnType?) throws -> DataTable.Column {
        // A value takes 16 bytes at most; text of more than 15 bytes lies apart.
        try MemoryBudget.reserve(fields.reduce(0) { $0 + 16 + ($1.count > 15 ? Int($1.count) + 32 : 0) })
        switch type {
        case .integer:
            return .integers(
                try fields.map {
                    try read($0, "an integer") { ColumnReader.integer($0) ?? Int64(ColumnReader.string($0)) }
                })
        case .float:
            return .floats(
                try fields.map {
                    try read($0, "a number") { Double(ColumnReader.string($0)).flatMap { $0.isFinite ? $0 : nil } }
                })
        case .string: return .strings(try fields.map(text.text))
        case nil:
            if let integers = all(ColumnReader.integer) { return .integers(integers) }
            if let floats = all(ColumnReader.float) { return .floats(floats) }
            return .strings(try fields.map(text.text))
        }
    }

    private func all<Value>(_ convert: (UnsafeBufferPointer<UInt8>) -> Value?) -> [Value]? {
        var values: [Value] = []
        values.reserveCapacity(fields.count)
        for field in fields {
            guard let value = convert(text.raw(field)) else { return nil }
            values.append(value)
        }
        return values
    }

    private func read<Value>(
        _ field: DelimitedText.Field, _ what: String, _ convert: (UnsafeBufferPointer<UInt8>) -> Value?
    ) throws -> Value {
        guard let value = convert(text.raw(field)) else {
            throw text.error(
                "'\(FormatError.shown(name))' expected \(what), got '\(FormatError.shown(try text.text(field)))'",
                at: field.start)
        }
        return value
    }

    private static func string(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    /// Whether bytes begin as a number without sign or needless zeros does.
    private static func beginsNumber(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
        guard start < bytes.count, 48...57 ~= bytes[start] else { return false }
        return bytes[start] != 48 || start + 1 == bytes.count || !(48...57 ~= bytes[start + 1])
    }

    /// The integer that bytes write, without plus sign or needless zeros.
    private static func integer(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        let isNegative = bytes.first == UInt8(ascii: "-")
        let start = isNegative ? 1 : 0
        guard bytes.count <= 20, beginsNumber(bytes, at: start) else { return nil }
        var value: Int64 = 0
        for byte in bytes[start...] {
            guard 48...57 ~= byte else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte - 48)
            let (sum, carried) = product.addingReportingOverflow(isNegative ? -digit : digit)
            guard !overflow, !carried else { return nil }
            value = sum
        }
        return value
    }

    /// The finite decimal number that bytes write, without plus sign or needless zeros; ".5" counts.
    private static func float(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        let start = bytes.first == UInt8(ascii: "-") ? 1 : 0
        let beginsWithPoint = start + 1 < bytes.count && bytes[start] == 46 && 48...57 ~= bytes[start + 1]
        guard beginsWithPoint || beginsNumber(bytes, at: start) else { return nil }
        let isDecimal = bytes.allSatisfy { 48...57 ~= $0 || $0 == 46 || $0 == 43 || $0 == 45 || $0 | 32 == 101 }
        guard isDecimal, let value = Double(string(bytes)), value.isFinite else { return nil }
        return value
    }
}
