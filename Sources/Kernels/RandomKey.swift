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
        RandomKey(bits: RandomKey.mix(bits ^ RandomKey.mix(UInt64(bitPattern: Int64(index)) &+ 0x9E37_79B9_7F4A_7C15)))
    }

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

    /// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
