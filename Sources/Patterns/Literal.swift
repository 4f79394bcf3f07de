/// A byte string that is searched for, in time linear in the text whatever the string (Knuth, Morris, Pratt 1977).
package struct Literal: Sendable {
    package let bytes: [UInt8]
    /// For each beginning of the string how long the longest shorter beginning is that it ends in.
    package let borders: [Int]

    package init(_ bytes: [UInt8]) {
        var borders = [Int](repeating: 0, count: bytes.count)
        var length = 0
        for index in bytes.indices.dropFirst() {
            while length > 0, bytes[index] != bytes[length] { length = borders[length - 1] }
            if bytes[index] == bytes[length] { length += 1 }
            borders[index] = length
        }
        (self.bytes, self.borders) = (bytes, borders)
    }

    package init(_ text: String) { self.init(Array(text.utf8)) }

    /// Where the string stands in `range` of `text`, from left to right, none overlapping another; an empty string nowhere.
    package func matches(in text: [UInt8], range: Range<Int>) -> [Range<Int>] {
        guard let first = bytes.first else { return [] }
        var found: [Range<Int>] = []
        var length = 0
        for index in range {
            let byte = text[index]
            if length == 0, byte != first { continue }
            while length > 0, byte != bytes[length] { length = borders[length - 1] }
            if byte == bytes[length] { length += 1 }
            if length == bytes.count {
                found.append(index + 1 - length..<index + 1)
                length = 0
            }
        }
        return found
    }

    /// The text with every occurrence replaced.
    package func replaced(in text: [UInt8], by replacement: [UInt8]) -> [UInt8] {
        let found = matches(in: text, range: text.indices)
        if found.isEmpty { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var end = 0
        for match in found {
            result += text[end..<match.lowerBound]
            result += replacement
            end = match.upperBound
        }
        return result + text[end...]
    }
}
