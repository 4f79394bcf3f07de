import Kernels
import Memory

/// Bytes of tensors; given back to a pool when the last tensor over them goes.
public final class Storage: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
    let byteCount: Int
    private let block: Arena.Block
    /// How these values can be made again; nil where nobody knows, and from the next write on.
    ///
    /// Whoever saves it holds it: a result that is kept for itself does not keep what it was made from.
    weak var origin: (any Rebuildable)?

    init(byteCount: Int) throws {
        (pointer, block) = try StoragePool.shared.take(byteCount: byteCount)
        self.byteCount = byteCount
    }

    deinit { StoragePool.shared.give(block) }
}

/// The memory of tensors, kept for reuse, so that a training step asks the system for none after the first ones.
///
/// Where the system must be asked, unused regions go back to it until what is held is at most half more than what was alive at once
/// since `resetPeak`, and a few regions.
public final class StoragePool: Sendable {
    /// The pool that tensors use.
    public static let shared = StoragePool()

    private let arena = Arena()

    private init() { MemoryBudget.whenShort { [arena] in arena.trim() } }

    /// Bytes in tensors that are alive, rounded up to lines of the cache.
    public var liveBytes: Int { arena.counts.live }
    /// The most bytes that were alive at once since `resetPeak`.
    public var peakBytes: Int { arena.counts.peak }
    /// Bytes kept for reuse.
    public var pooledBytes: Int {
        let counts = arena.counts
        return counts.held - counts.live
    }
    /// Regions of memory asked from the system so far.
    public var systemAllocations: Int { arena.counts.regions }

    /// Begins to measure the peak anew.
    public func resetPeak() { arena.resetPeak() }

    /// Gives regions in which nothing is alive back to the system.
    public func trim() { arena.trim() }

    func take(byteCount: Int) throws -> (UnsafeMutableRawPointer, Arena.Block) {
        guard let block = try arena.take(byteCount: byteCount), let start = block.start else {
            throw TensorError("\(byteCount) bytes are more than the system has left")
        }
        return (start, block)
    }

    func give(_ block: Arena.Block) { arena.give(block) }
}
