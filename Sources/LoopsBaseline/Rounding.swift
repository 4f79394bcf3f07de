extension Loops {
    /// y = x rounded to bfloat16, to nearest, ties to even; NaN stays NaN.
    package static func round(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt16>, _ count: Int) {
        for i in 0..<count {
            let bits = x[i].bitPattern
            let rounded = (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16
            let isNaN = bits & 0x7FFF_FFFF > 0x7F80_0000
            y[i] = UInt16(truncatingIfNeeded: isNaN ? (bits >> 16) | 0x40 : rounded)
        }
    }

    /// y = x, widened from bfloat16.
    package static func widen(_ x: UnsafePointer<UInt16>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        for i in 0..<count { y[i] = Float(bitPattern: UInt32(x[i]) << 16) }
    }
}
