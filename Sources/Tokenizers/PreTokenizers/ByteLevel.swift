import Patterns

/// GPT-2's way of writing bytes as visible characters, and its regular expression.
enum ByteLevel {
    /// The scalar that stands for each byte: itself where it is visible, else one from U+0100 on.
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (UInt32(0)..<256).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
            default:
                defer { next += 1 }
                return next
            }
        }
    }()

    /// The byte for which a scalar stands.
    static let bytes: [UInt32: UInt8] = {
        var result: [UInt32: UInt8] = [:]
        for (byte, scalar) in scalars.enumerated() { result[scalar] = UInt8(byte) }
        return result
    }()

    /// The scalar that stands for the space.
    static let space: UInt32 = 0x120

    /// Writes every byte of `range` as its scalar, each standing for the whole scalar that the byte belongs to.
    static func map(_ range: Range<Int>, of text: NormalizedText, to result: inout NormalizedText) {
        var index = range.lowerBound
        while index < range.upperBound {
            let length = text.bytes.scalar(at: index).length
            let span = text.span(at: index, length: length)
            for offset in 0..<length { result.append(scalars[Int(text.bytes[index + offset])], span: span) }
            index += length
        }
    }

    /// Writes every byte of a text as its scalar.
    static func map(_ text: inout NormalizedText) {
        var result = NormalizedText(capacity: text.bytes.count * 2)
        map(text.bytes.indices, of: text, to: &result)
        text = result
    }

    /// The bytes for which a token stands, or the token's own where one of its scalars stands for none.
    static func unmap(_ token: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(token.count)
        var index = 0
        while index < token.count {
            let (scalar, length) = token.scalar(at: index)
            guard let byte = bytes[scalar] else { return token }
            result.append(byte)
            index += length
        }
        return result
    }

    private enum Kind { case letter, number, space, other }

    @inline(__always)
    private static func kind(_ scalar: UInt32) -> Kind {
        if scalar < 0x80 {
            if scalar | 0x20 >= 0x61 && scalar | 0x20 <= 0x7A { return .letter }
            if scalar >= 0x30 && scalar <= 0x39 { return .number }
            return ScalarClass.isWhitespace(scalar) ? .space : .other
        }
        if ScalarClass.isWhitespace(scalar) { return .space }
        switch ScalarClass.category(scalar) {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return .other
        }
    }

    /// Cuts by GPT-2's expression:
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
    static func split(_ bytes: [UInt8], _ range: Range<Int>, _ result: inout [PreTokenizedText.Split]) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = contraction(bytes, start, range.upperBound) ?? piece(bytes, start, range.upperBound)
            result.append(start..<end)
            start = end
        }
    }

    private static func contraction(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int? {
        guard bytes[start] == UInt8(ascii: "'"), start + 1 < end else { return nil }
        switch bytes[start + 1] {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"):
            return start + 2 < end && bytes[start + 2] == UInt8(ascii: "e") ? start + 3 : nil
        case UInt8(ascii: "l"):
            return start + 2 < end && bytes[start + 2] == UInt8(ascii: "l") ? start + 3 : nil
        default: return nil
        }
    }

    private static func piece(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int {
        var index = start
        var (scalar, length) = bytes.scalar(at: index)
        var first = kind(scalar)
        if scalar == 0x20, start + 1 < end {
            let next = bytes.scalar(at: start + 1)
            let nextKind = kind(next.value)
            if nextKind != .space {
                index += 1
                (scalar, length) = next
                first = nextKind
            }
        }
        var last = index
        while index < end {
            (scalar, length) = bytes.scalar(at: index)
            guard kind(scalar) == first else { break }
            last = index
            index += length
        }
        // Whitespace before something else leaves it the last one.
        if first == .space, index < end, last > start { return last }
        return index
    }
}
