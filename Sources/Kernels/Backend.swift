import COpenBLAS

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The library that products with frozen matrices go through; every other product goes through OpenBLAS.
public enum Backend: String, Sendable, CaseIterable {
    /// Plain matrices, packed by the library at every call.
    case openblas
    /// Matrices that are packed once.
    case onednn

    /// What is in use: oneDNN where it was there at the build, opens, and has a kernel for this processor; else OpenBLAS.
    ///
    /// The variable LORAWB_BACKEND=openblas forces the latter.
    public static let current: Backend = {
        if demanded == Backend.openblas.rawValue { return .openblas }
        return OneDNN.unavailable == nil ? .onednn : .openblas
    }()

    private static let demanded = getenv("LORAWB_BACKEND").map { String(cString: $0) }

    /// What is wrong with LORAWB_BACKEND or LORAWB_ISA; nil where nothing is.
    public static var problem: String? {
        if let problem = InstructionLevel.problem { return problem }
        guard let demanded else { return nil }
        guard let backend = Backend(rawValue: demanded) else {
            return "LORAWB_BACKEND is '\(demanded)'; expected openblas or onednn"
        }
        guard backend != current, let reason = OneDNN.unavailable else { return nil }
        return "LORAWB_BACKEND is 'onednn', which cannot be used: \(reason)"
    }

    /// Whether frozen matrices of this type can be multiplied with as they are.
    public static func multiplies(_ type: FrozenMatrix.DType) -> Bool {
        type == .float32 || (current == .onednn && OneDNN.kernel(type) != nil)
    }

    /// Name, version and kernels of what is in use, or why oneDNN is not: "oneDNN 2.6.3 (brg:avx512_core, …)".
    public static var description: String {
        switch current {
        case .onednn:
            let half = OneDNN.kernel(.bfloat16) ?? "no bfloat16"
            return "oneDNN \(OneDNN.version) (\(OneDNN.kernel(.float32) ?? ""), \(half))"
        case .openblas where demanded == Backend.openblas.rawValue: return "OpenBLAS, as LORAWB_BACKEND says"
        case .openblas: return "OpenBLAS; oneDNN is not used: \(OneDNN.unavailable ?? "")"
        }
    }
}
