/// Random choices that depend on a seed alone (SplitMix64), so that an input can be made again.
struct Dice {
    private var state: UInt64

    /// Dice for one input: the same for the same seed, kind and number.
    init(seed: UInt64, kind: String, number: Int) {
        state = seed
        for byte in kind.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
        state ^= UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15
        _ = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number from 0 to `bound` - 1; 0 where `bound` is less.
    mutating func below(_ bound: Int) -> Int {
        bound <= 1 ? 0 : Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// Whether one of `odds` cases has come.
    mutating func oneIn(_ odds: Int) -> Bool { below(odds) == 0 }

    /// One of several; there must be some.
    mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }
}
