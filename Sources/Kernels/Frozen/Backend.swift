#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What multiplies with frozen matrices; every other product goes through OpenBLAS.
public enum Backend: String, Sendable, CaseIterable {
    /// Plain matrices, packed by the library at every call.
    case openblas
    /// Matrices that oneDNN packs once.
    case onednn
    /// Matrices that are packed once, and multiplied by our own loops.
    case native

    /// What multiplies with matrices of this type; nil where nothing here does.
    ///
    /// For float32 our own loops, from AVX2 on: they are the fastest (see `NativeMatrix`). For bfloat16 oneDNN, where it was there at
    /// the build, opens, and has instructions for it; else, from AVX2 on, our own loops, which widen it (see `HalfMatrix`). The variable LORAWB_BACKEND forces one for everything that it can do.
    public static func of(_ type: FrozenMatrix.DType) -> Backend? {
        switch (demanded.flatMap(Backend.init(rawValue:)), type) {
        case (.openblas, .float32): .openblas
        case (.native, .float32): .native
        case (.onednn, .float32) where OneDNN.unavailable == nil: .onednn
        case (_, .float32): InstructionLevel.current > .baseline ? .native : .openblas
        case (.native, .bfloat16): .native
        case (.onednn, .bfloat16): OneDNN.kernel(.bfloat16) == nil ? nil : .onednn
        case (.openblas, .bfloat16): nil
        case (nil, .bfloat16):
            OneDNN.kernel(.bfloat16) != nil ? .onednn : InstructionLevel.current > .baseline ? .native : nil
        }
    }

    private static let demanded = getenv("LORAWB_BACKEND").map { String(cString: $0) }

    /// What is wrong with LORAWB_BACKEND or LORAWB_ISA; nil where nothing is.
    public static var problem: String? {
        if let problem = InstructionLevel.problem { return problem }
        guard let demanded else { return nil }
        guard let backend = Backend(rawValue: demanded) else {
            return "LORAWB_BACKEND is '\(demanded)'; expected native, onednn or openblas"
        }
        guard backend == .onednn, let reason = OneDNN.unavailable else { return nil }
        return "LORAWB_BACKEND is 'onednn', which cannot be used: \(reason)"
    }

    /// Whether frozen matrices of this type can be multiplied with as they are.
    public static func multiplies(_ type: FrozenMatrix.DType) -> Bool { of(type) != nil }

    /// What a type goes through: "native (v4)", or why nothing does.
    public static func description(of type: FrozenMatrix.DType) -> String {
        switch of(type) {
        case .native: return "native (\(InstructionLevel.current))"
        case .onednn: return "oneDNN \(OneDNN.version) (\(OneDNN.kernel(type) ?? ""))"
        case .openblas: return "OpenBLAS"
        case nil:
            if let demanded, demanded != onednn.rawValue { return "none, as LORAWB_BACKEND=\(demanded) says" }
            let reason = OneDNN.unavailable ?? "version \(OneDNN.version) has no instructions for it on this processor"
            return "none; oneDNN is not used: \(reason)"
        }
    }
}
