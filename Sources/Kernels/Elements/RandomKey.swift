#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Random numbers as a pure function of (seed, stream, step, row, position, feature).
///
/// A key stands for all but the feature; nothing is drawn from a state, so numbers depend neither on threads nor on the
/// order in which they are asked for.
public struct RandomKey: Sendable, Hashable {
    /// The mixed bits.
    public let bits: UInt64

    /// Key of a seed.
    public init(seed: UInt64) { bits = RandomKey.mix(seed &+ 0x9E37_79B9_7F4A_7C15) }

    private init(bits: UInt64) { self.bits = bits }

    /// Key of a part of what this key stands for: a step, a row, a position.
    public func child(_ index: Int) -> RandomKey {
        RandomKey(bits: RandomKey.mix(bits ^ RandomKey.mixed(index)))
    }

    /// What of `child(index)` does not depend on the key: worth keeping where many keys have a child of one index.
    static func mixed(_ index: Int) -> UInt64 { mix(UInt64(bitPattern: Int64(index)) &+ 0x9E37_79B9_7F4A_7C15) }

    /// Key of a named part: a module.
    public func child(_ name: String) -> RandomKey {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return RandomKey(bits: RandomKey.mix(bits ^ hash))
    }

    /// 64 random bits of one feature.
    public func word(_ feature: Int) -> UInt64 { child(feature).bits }

    /// Uniform number in [0, 1) of one feature.
    public func uniform(_ feature: Int) -> Double { Double(word(feature) >> 11) * 0x1p-53 }

    /// Number from N(0, 1) of one feature, by Box and Muller (1958): √(−2 ln u) · cos 2πv.
    public func normal(_ feature: Int) -> Double {
        let first = word(feature)
        let u = (Double(first >> 11) + 0.5) * 0x1p-53
        let v = Double(RandomKey.mix(first ^ 0xD1B5_4A32_D192_ED03) >> 11) * 0x1p-53
        return (-2 * log(u)).squareRoot() * cos(2 * Double.pi * v)
    }

    /// Integer in 0..<bound of one feature, without bias to speak of (bound · 2^-64).
    public func integer(_ feature: Int, below bound: Int) -> Int {
        bound <= 1 ? 0 : Int(word(feature).multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// Fills these places of `target` with numbers from U(low, high), feature i at place i.
    public func fillUniform(_ target: UnsafeMutablePointer<Float>, _ places: Range<Int>, low: Float, high: Float) {
        for i in places { target[i] = Float(Double(low) + (Double(high) - Double(low)) * uniform(i)) }
    }

    /// Fills these places of `target` with numbers from N(0, deviation²), feature i at place i; with a `cutoff` from what of it lies within
    /// so many deviations.
    public func fillNormal(
        _ target: UnsafeMutablePointer<Float>, _ places: Range<Int>, deviation: Float, cutoff: Double? = nil
    ) {
        guard let cutoff else {
            for i in places { target[i] = deviation * Float(normal(i)) }
            return
        }
        for i in places { target[i] = deviation * Float(normal(i, within: cutoff)) }
    }

    /// Number from N(0, 1) of one feature, drawn again, 64 times at most, while it is beyond ±cutoff.
    private func normal(_ feature: Int, within cutoff: Double) -> Double {
        var number = normal(feature)
        let again = child(feature)
        var draws = 0
        while abs(number) > cutoff, draws < 64 {
            number = again.normal(draws)
            draws += 1
        }
        return min(max(number, -cutoff), cutoff)
    }

    /// A permutation of 0..<count (Fisher and Yates, from the end), in integers that hold it.
    @inlinable public func permutation<Index: FixedWidthInteger>(_ count: Int, of type: Index.Type = Int.self)
        -> [Index]
    {
        guard count > 0 else { return [] }
        var order = (0..<count).map { Index(truncatingIfNeeded: $0) }
        for i in stride(from: count - 1, to: 0, by: -1) { order.swapAt(i, integer(i, below: i + 1)) }
        return order
    }

    /// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
