import COpenBLAS

/// Which BLAS library products go through.
public enum BLAS {
    /// Name, version and kernel: "OpenBLAS 0.3.21 (SkylakeX)".
    public static var description: String {
        let configuration = openblas_get_config().map { String(cString: $0) } ?? "OpenBLAS"
        let core = openblas_get_corename().map { String(cString: $0) } ?? "unknown"
        let name = configuration.split(separator: " ").prefix(2).joined(separator: " ")
        return "\(name) (\(core))"
    }
}
