#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Takes the bytes of one file that is being written.
public final class FileWriter {
    private let descriptor: Int32
    private let path: String
    /// Bytes written so far.
    public private(set) var count = 0

    init(descriptor: Int32, path: String) { (self.descriptor, self.path) = (descriptor, path) }

    /// Adds bytes at the end; throws where they did not all get there.
    public func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try append($0) } }

    /// Adds bytes at the end; throws where they did not all get there.
    public func append(_ bytes: UnsafeRawBufferPointer) throws {
        var written = 0
        while written < bytes.count {
            let count = writeBytes(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Folder.error(path, "write") }
            written += count
        }
        self.count += written
    }
}

/// The system's write; `FileWriter` and `Folder` have names that hide it.
private func writeBytes(_ file: Int32, _ source: UnsafeRawPointer?, _ count: Int) -> Int { write(file, source, count) }
