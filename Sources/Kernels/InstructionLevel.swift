import CProcessor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Instructions that our own loops are compiled for.
///
/// A level for AVX-512 was measured and left out: it was within 15 % of AVX2 everywhere, slower on short rows.
public enum InstructionLevel: Int, Sendable, CaseIterable, Comparable {
    /// What every processor of the architecture has: SSE2 on x86-64.
    case baseline = 1
    /// x86-64-v3: AVX2 and FMA.
    case v3 = 3

    /// The highest level that this processor has.
    public static let highest: InstructionLevel = processor_level() >= 3 ? .v3 : .baseline

    /// The level that the variable LORAWB_ISA names, if any.
    static let demanded: InstructionLevel? = {
        guard let named = getenv("LORAWB_ISA") else { return nil }
        return allCases.first { "\($0)" == String(cString: named) }
    }()

    /// The level in use: the highest, or the one that LORAWB_ISA names, where the processor has it.
    public static let current = min(demanded ?? highest, highest)

    /// Orders levels by what they have.
    public static func < (a: InstructionLevel, b: InstructionLevel) -> Bool { a.rawValue < b.rawValue }
}
