/// Rows of fields between delimiters: TSV without quotes, CSV with the quotes of RFC 4180.
struct DelimitedText {
    let bytes: [UInt8]
    let delimiter: UInt8
    let hasQuotes: Bool
    let source: String

    init(bytes: [UInt8], delimiter: UInt8, hasQuotes: Bool, source: String) {
        self.bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        (self.delimiter, self.hasQuotes, self.source) = (delimiter, hasQuotes, source)
    }

    /// Lines without their ends.
    func lines() throws -> [String] {
        var lines: [String] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 10) ?? bytes.count
            let last = end > start && bytes[end - 1] == 13 ? end - 1 : end
            lines.append(try text(start, last, line: lines.count + 1))
            start = end + 1
        }
        return lines
    }

    /// Calls `body` with the number of each row's first line, from 1, and its fields.
    ///
    /// Empty lines are passed over.
    func forEachRow(_ body: (_ line: Int, _ fields: [String]) throws -> Void) throws {
        var (position, line) = (0, 1)
        var fields: [String] = []
        while position < bytes.count {
            let first = line
            fields.removeAll(keepingCapacity: true)
            var ended = false
            while !ended {
                if hasQuotes, position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
                    fields.append(try quoted(&position, &line))
                } else {
                    let start = position
                    while position < bytes.count, bytes[position] != delimiter, bytes[position] != 10 { position += 1 }
                    let atLineEnd = position == bytes.count || bytes[position] == 10
                    let end = atLineEnd && position > start && bytes[position - 1] == 13 ? position - 1 : position
                    fields.append(try text(start, end, line: line))
                }
                if position < bytes.count, bytes[position] == delimiter {
                    position += 1
                } else {
                    ended = true
                    if position < bytes.count { position += 1 }
                    line += 1
                }
            }
            if fields.count == 1, fields[0].isEmpty { continue }
            try body(first, fields)
        }
    }

    /// A field between quotes, with its delimiters, line ends and doubled quotes; stops before what follows.
    private func quoted(_ position: inout Int, _ line: inout Int) throws -> String {
        let (start, opened) = (position, line)
        var field: [UInt8] = []
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") {
                guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                    if position < bytes.count, bytes[position] == 13 { position += 1 }
                    guard position == bytes.count || bytes[position] == delimiter || bytes[position] == 10 else {
                        throw FormatError("\(source):\(line): text follows the closing quote of a field")
                    }
                    guard let text = String(validating: field, as: UTF8.self) else {
                        throw notUTF8(start, line: opened)
                    }
                    return text
                }
                position += 1
            } else if byte == 10 {
                line += 1
            }
            field.append(byte)
        }
        throw FormatError("\(source):\(opened): the quote of a field is not closed")
    }

    private func text(_ start: Int, _ end: Int, line: Int) throws -> String {
        guard let text = String(validating: bytes[start..<end], as: UTF8.self) else { throw notUTF8(start, line: line) }
        return text
    }

    private func notUTF8(_ place: Int, line: Int) -> FormatError {
        FormatError("\(source):\(line): not UTF-8 (in the field at byte \(place))")
    }
}
