import CProcessor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Instructions that our own loops are compiled for.
///
/// Loops that compute much for each element run up to twice as fast with AVX-512 where the processor's units are as wide
/// as its registers (Zen 5); those of norms and softmax stay at v3, their rows are short.
public enum InstructionLevel: Int, Sendable, CaseIterable, Comparable {
    /// What every processor of the architecture has: SSE2 on x86-64.
    case baseline = 1
    /// x86-64-v3: AVX2 and FMA.
    case v3 = 3
    /// x86-64-v4: AVX-512.
    case v4 = 4

    /// The highest level that this processor has.
    public static let highest = InstructionLevel(rawValue: Int(processor_level())) ?? .baseline

    /// The level that the variable LORAWB_ISA names, if any.
    static let demanded: InstructionLevel? = {
        guard let named = getenv("LORAWB_ISA") else { return nil }
        return allCases.first { "\($0)" == String(cString: named) }
    }()

    /// What is wrong with LORAWB_ISA; nil where nothing is.
    static var problem: String? {
        guard let named = getenv("LORAWB_ISA").map({ String(cString: $0) }) else { return nil }
        let names = allCases.map { "\($0)" }.joined(separator: ", ")
        guard let demanded else { return "LORAWB_ISA is '\(named)'; expected one of \(names)" }
        return demanded > highest ? "LORAWB_ISA is '\(named)'; this processor has \(highest)" : nil
    }

    /// The level in use: the highest, or the one that LORAWB_ISA names, where the processor has it.
    public static let current = min(demanded ?? highest, highest)

    /// Orders levels by what they have.
    public static func < (a: InstructionLevel, b: InstructionLevel) -> Bool { a.rawValue < b.rawValue }
}
