import COpenBLAS

/// The BLAS library that products go through, opened when one first needs it.
public enum BLAS {
    /// Name, version and kernel, "OpenBLAS 0.3.21 (SkylakeX)", or why it cannot be used; opens it.
    public static var description: String {
        do { try open() } catch { return "none: \(error)" }
        let configuration = blas_configuration().map { String(cString: $0) } ?? "BLAS"
        let name = configuration.split(separator: " ").prefix(2).joined(separator: " ")
        return blas_core().map { "\(name) (\(String(cString: $0)))" } ?? name
    }

    /// Opens the library, with working memory for every thread; cheap where it is open.
    static func open() throws {
        let threads = Workers.count
        guard blas_has_threads(Int32(clamping: threads)) == 0 else { return }
        var message: UnsafePointer<CChar>?
        guard blas_open(Int32(clamping: threads), &message) == 0 else {
            throw KernelError("OpenBLAS cannot be opened: \(message.map { String(cString: $0) } ?? "no reason given")")
        }
    }

    /// Has the next product look whether there is working memory for all threads.
    static func forgetThreads() { blas_expect_threads(Int32(clamping: Workers.count)) }
}
