/// The bytes of a Lua text, and where its lines begin.
public struct SourceText: Sendable {
    /// A place as people count: both from 1, columns in characters of Unicode.
    public struct Position: Sendable, Equatable {
        /// The line, from 1.
        public let line: Int
        /// The column, from 1; a byte that belongs to no character counts as one.
        public let column: Int
    }

    /// The bytes, as they were read.
    public let bytes: [UInt8]
    /// Where the text of Lua begins: behind a byte order mark and a first line with #.
    let start: Int
    private let lines: [Int]

    /// The text of these bytes.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        let mark = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var lines = [mark]
        var place = mark
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            guard byte == 0x0A || byte == 0x0D else { continue }
            // As Lua counts: two different ends of a line beside each other are one.
            if place < bytes.count, bytes[place] ^ byte == 0x0A ^ 0x0D { place += 1 }
            lines.append(place)
        }
        self.lines = lines
        let hasHash = mark < bytes.count && bytes[mark] == UInt8(ascii: "#")
        start = hasHash ? bytes[mark...].firstIndex(of: 0x0A) ?? bytes.count : mark
    }

    /// The line and column of a byte.
    public func position(of offset: Int) -> Position {
        let offset = min(max(offset, 0), bytes.count)
        var (low, high) = (0, lines.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if lines[middle] <= offset { low = middle } else { high = middle }
        }
        guard lines[low] < offset else { return Position(line: low + 1, column: 1) }
        let column = String(decoding: bytes[lines[low]..<offset], as: UTF8.self).unicodeScalars.count
        return Position(line: low + 1, column: column + 1)
    }

    /// The text of a range; what is no UTF-8 is replaced.
    public func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range.clamped(to: 0..<bytes.count)], as: UTF8.self)
    }
}
