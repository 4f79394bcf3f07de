import Memory

/// Rows of fields between delimiters, without quotes (TSV) or with those of RFC 4180 (CSV); `LineEnd` says what ends a row.
struct DelimitedText {
    /// Place of a field in the bytes, between its quotes where it had some.
    struct Field {
        let start: Int
        let count: UInt32
        let isQuoted: Bool
        /// Whether quotes inside are doubled.
        let hasDoubledQuotes: Bool
    }

    let bytes: UnsafeBufferPointer<UInt8>
    let delimiter: UInt8
    let hasQuotes: Bool
    let source: String
    private let first: Int

    init(bytes: UnsafeBufferPointer<UInt8>, delimiter: UInt8, hasQuotes: Bool, source: String) {
        (self.bytes, self.delimiter, self.hasQuotes, self.source) = (bytes, delimiter, hasQuotes, source)
        first = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// Calls `body` with the fields of each row and the line that it begins in, from 1; empty lines are passed over.
    func forEachRow(_ body: ([Field], _ line: Int) throws -> Void) throws {
        var (position, line) = (first, 1)
        var fields: [Field] = []
        while position < bytes.count {
            fields.removeAll(keepingCapacity: true)
            fields.append(try field(&position))
            while position < bytes.count, bytes[position] == delimiter {
                position += 1
                fields.append(try field(&position))
            }
            position += LineEnd.length(at: position, in: bytes)
            if fields.count > 1 || fields[0].count > 0 || fields[0].isQuoted { try body(fields, line) }
            line += 1
            guard hasQuotes else { continue }
            for field in fields where field.isQuoted {
                line += LineEnd.count(in: field.start..<field.start + Int(field.count), of: bytes)
            }
        }
    }

    /// The field at a position, which is left at the delimiter, line end or end after it.
    private func field(_ position: inout Int) throws -> Field {
        if hasQuotes, position < bytes.count, bytes[position] == UInt8(ascii: "\"") { return try quoted(&position) }
        let start = position
        while position < bytes.count, bytes[position] != delimiter, bytes[position] != 10, bytes[position] != 13 {
            position += 1
        }
        return try made(start, position)
    }

    /// A field between quotes, with its delimiters and line ends.
    private func quoted(_ position: inout Int) throws -> Field {
        let start = position
        var doubled = false
        position += 1
        while position < bytes.count {
            guard bytes[position] == UInt8(ascii: "\"") else {
                position += 1
                continue
            }
            if position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "\"") {
                doubled = true
                position += 2
                continue
            }
            let end = position
            position += 1
            guard position == bytes.count || bytes[position] == delimiter || LineEnd.length(at: position, in: bytes) > 0
            else { throw error("text follows the closing quote of a field", at: position) }
            return try made(start + 1, end, isQuoted: true, doubled: doubled)
        }
        throw error("the quote of a field is not closed", at: start)
    }

    private func made(_ start: Int, _ end: Int, isQuoted: Bool = false, doubled: Bool = false) throws -> Field {
        guard let count = UInt32(exactly: end - start) else { throw error("a field of 4 GB or more", at: start) }
        return Field(start: start, count: count, isQuoted: isQuoted, hasDoubledQuotes: doubled)
    }

    /// The lines without their ends.
    func lines() throws -> [String] {
        var (lines, start): ([String], Int) = ([], first)
        while start < bytes.count {
            let end = LineEnd.next(from: start, in: bytes)
            // A text and its place; the list grows to twice its length beside what it was.
            try MemoryBudget.reserve(
                end - start + 48 + (lines.count == lines.capacity ? 2 * lines.count * MemoryLayout<String>.stride : 0))
            lines.append(try text(made(start, end)))
            start = end + LineEnd.length(at: end, in: bytes)
        }
        return lines
    }

    /// The bytes of a field as they stand.
    func raw(_ field: Field) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: bytes[field.start..<field.start + Int(field.count)])
    }

    /// The text of a field; throws where it is not UTF-8.
    func text(_ field: Field) throws -> String {
        let raw = raw(field)
        guard let text = String(validating: raw, as: UTF8.self) else {
            let place = field.start + firstInvalidUTF8(in: raw)
            throw error("not UTF-8 at byte \(place) of the file; convert it to UTF-8", at: field.start)
        }
        guard field.hasDoubledQuotes else { return text }
        var (single, isSecond): ([UInt8], Bool) = ([], false)
        for byte in raw {
            isSecond = byte == UInt8(ascii: "\"") && !isSecond
            if !isSecond { single.append(byte) }
        }
        return String(decoding: single, as: UTF8.self)
    }

    /// An error at a place of the bytes, told by its line.
    func error(_ message: String, at place: Int) -> FormatError {
        FormatError("\(source):\(1 + LineEnd.count(in: 0..<min(place, bytes.count), of: bytes)): \(message)")
    }
}
