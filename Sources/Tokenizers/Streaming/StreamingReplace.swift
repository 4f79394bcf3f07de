import Patterns

/// Replaces a string in a text that comes in pieces; the beginning of an occurrence at the end of a piece is held back.
struct StreamingReplace: Sendable {
    private let wanted: Literal
    private let content: [UInt8]
    /// How much of the string the text ends in.
    private var length = 0

    init(_ wanted: Literal, by content: [UInt8]) { (self.wanted, self.content) = (wanted, content) }

    /// The next piece of the text, as far as it is certain.
    mutating func push(_ piece: [UInt8]) -> [UInt8] {
        guard !wanted.bytes.isEmpty else { return piece }
        var result: [UInt8] = []
        result.reserveCapacity(piece.count)
        for byte in piece {
            while length > 0, byte != wanted.bytes[length] {
                // What was held back begins with so many bytes that belong to no occurrence.
                let shorter = wanted.borders[length - 1]
                result += wanted.bytes[..<(length - shorter)]
                length = shorter
            }
            guard byte == wanted.bytes[length] else {
                result.append(byte)
                continue
            }
            length += 1
            if length == wanted.bytes.count {
                result += content
                length = 0
            }
        }
        return result
    }

    /// What was held back.
    mutating func end() -> [UInt8] {
        defer { length = 0 }
        return Array(wanted.bytes[..<length])
    }
}
