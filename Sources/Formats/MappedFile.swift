import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Is told of files that are mapped and no longer are.
///
/// An object and not a closure: a closure kept in a `Mutex` is wrapped once more at every look.
public protocol MappingObserver: AnyObject, Sendable {
    /// A mapping begins; gives the number by which it ends, nil where it could not be noted.
    func begin(_ bytes: UnsafeRawBufferPointer, path: String) -> UInt?
    /// A mapping is about to end.
    func end(_ number: UInt)
}

/// A file that the system reads into memory where it is looked at.
///
/// A file that shrinks while it is mapped raises SIGBUS; whoever can turn that into a message is told of every mapping by
/// `MappedFile.setObserver`.
public final class MappedFile: @unchecked Sendable {
    private static let observer = Mutex<(any MappingObserver)?>(nil)

    /// Sets who is told of mappings.
    public static func setObserver(_ observer: (any MappingObserver)?) {
        MappedFile.observer.withLock { $0 = observer }
    }

    /// Path to show in messages.
    public let path: String
    /// The bytes; valid while this object lives.
    public let bytes: UnsafeRawBufferPointer
    /// The file, for `read`; -1 where it could not be kept open.
    private let descriptor: Int32
    /// Who was told of this mapping, and by what number it ends.
    private let observed: (observer: any MappingObserver, number: UInt)?

    init(descriptor: Int32, count: Int, path: String) throws {
        self.path = path
        guard count > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            self.descriptor = -1
            observed = nil
            return
        }
        self.descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address = address, address != MAP_FAILED else {
            let failure = Folder.error(path, "map")
            if self.descriptor >= 0 { close(self.descriptor) }
            throw failure
        }
        bytes = UnsafeRawBufferPointer(start: address, count: count)
        let observer = MappedFile.observer.withLock { $0 }
        let number = observer?.begin(bytes, path: path)
        observed = observer.flatMap { observer in number.map { (observer, $0) } }
        guard observer == nil || number != nil else {
            // Unguarded, a file that shrinks would end the process without a word.
            munmap(address, count)
            if self.descriptor >= 0 { close(self.descriptor) }
            throw Folder.error(path, "map", ENOMEM)
        }
    }

    deinit {
        guard let address = bytes.baseAddress else { return }
        if let observed { observed.observer.end(observed.number) }
        munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
        if descriptor >= 0 { close(descriptor) }
    }

    /// Number of bytes.
    public var count: Int { bytes.count }

    /// The bytes as numbers, for parsers of text.
    public var text: UnsafeBufferPointer<UInt8> { bytes.assumingMemoryBound(to: UInt8.self) }

    /// Fills `target` with bytes from `offset` on by reading the file, so that none of the mapping counts as memory in use; false
    /// where that fails, as for a file that has shrunk.
    public func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard descriptor >= 0, offset >= 0, let start = target.baseAddress else { return target.isEmpty }
        var done = 0
        while done < target.count {
            let got = pread(descriptor, start + done, target.count - done, off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return false }
            done += got
        }
        return true
    }

    /// How a mapped file will be looked at.
    public enum Advice: Sendable { case normal, sequential, random, willNeed, dontNeed }

    /// Tells the system how a part will be looked at, so that it reads ahead, or lets go of it; the whole file where nil.
    public func advise(_ advice: Advice, _ range: Range<Int>? = nil) {
        let range = (range ?? 0..<count).clamped(to: 0..<count)
        guard !range.isEmpty, let base = bytes.baseAddress else { return }
        // The system wants the start of a page; the mapping begins at one.
        let start = range.lowerBound / Int(getpagesize()) * Int(getpagesize())
        let code =
            switch advice {
            case .normal: POSIX_MADV_NORMAL
            case .sequential: POSIX_MADV_SEQUENTIAL
            case .random: POSIX_MADV_RANDOM
            case .willNeed: POSIX_MADV_WILLNEED
            case .dontNeed: POSIX_MADV_DONTNEED
            }
        // Advice only: what the system makes of it changes no byte.
        _ = posix_madvise(UnsafeMutableRawPointer(mutating: base + start), range.upperBound - start, code)
    }
}
