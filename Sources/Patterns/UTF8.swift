/// Scalars in arrays of UTF-8, which is what every stage works on.
extension [UInt8] {
    /// The scalar that begins at `index`, and its length in bytes.
    ///
    /// All text comes from Swift strings, so it is valid; whatever is not a scalar reads as U+FFFD of one byte, never
    /// beyond the end.
    @inlinable @inline(__always)
    package func scalar(at index: Int) -> (value: UInt32, length: Int) {
        let first = self[index]
        if first < 0x80 { return (UInt32(first), 1) }
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        guard first >= 0xC2, index + length <= count else { return (0xFFFD, 1) }
        var value = UInt32(first) & (0xFF >> UInt32(length + 1))
        for offset in 1..<length {
            value = value << 6 | UInt32(self[index + offset] & 0x3F)
        }
        return (value, length)
    }

    /// Where the scalar that ends just before `index` begins.
    @inlinable @inline(__always)
    package func scalarStart(before index: Int) -> Int {
        var start = index - 1
        while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    /// Appends a scalar as UTF-8; what is no scalar is appended as U+FFFD.
    @inlinable @inline(__always)
    package mutating func append(scalar value: UInt32) {
        switch value {
        case 0..<0x80:
            append(UInt8(truncatingIfNeeded: value))
        case 0x80..<0x800:
            append(UInt8(truncatingIfNeeded: 0xC0 | value >> 6))
            append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        case 0xD800..<0xE000, 0x110000...:
            append(scalar: 0xFFFD)
        case 0x800..<0x10000:
            append(UInt8(truncatingIfNeeded: 0xE0 | value >> 12))
            append(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        default:
            append(UInt8(truncatingIfNeeded: 0xF0 | value >> 18))
            append(UInt8(truncatingIfNeeded: 0x80 | value >> 12 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        }
    }

    /// Whether `other` stands at `index`.
    @inlinable @inline(__always)
    package func matches(_ other: [UInt8], at index: Int) -> Bool {
        guard index + other.count <= count else { return false }
        for offset in other.indices where self[index + offset] != other[offset] { return false }
        return true
    }

    /// Whether every byte is ASCII, over `range`.
    @inlinable @inline(__always)
    package func isASCII(in range: Range<Int>) -> Bool {
        var all: UInt8 = 0
        for index in range { all |= self[index] }
        return all < 0x80
    }
}
