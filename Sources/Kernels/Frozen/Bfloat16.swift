/// bfloat16: the upper half of a float32, rounded to nearest, ties to even.
enum Bfloat16 {
    /// The nearest bfloat16, as float32.
    static func rounded(_ x: Float) -> Float { widened(bits(x)) }

    /// The nearest bfloat16; NaN stays NaN.
    static func bits(_ x: Float) -> UInt16 {
        let bits = x.bitPattern
        if x.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }

    /// The number that these bits are.
    static func widened(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
}
