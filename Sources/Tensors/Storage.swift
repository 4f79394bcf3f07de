import Kernels
import Memory

/// Bytes of tensors; given back to a pool when the last tensor over them goes.
public final class Storage: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
    let byteCount: Int
    private let block: Arena.Block
    private let arena: Arena
    /// How these values can be made again; nil where nobody knows, and from the next write on.
    ///
    /// Whoever saves it holds it: a result that is kept for itself does not keep what it was made from.
    weak var origin: (any Rebuildable)?

    init(byteCount: Int) throws {
        arena = ShapePass.current?.tensors ?? StoragePool.shared.arena
        guard let block = try arena.take(byteCount: byteCount), let start = block.start else {
            throw TensorError("\(byteCount) bytes are more than the system has left")
        }
        (pointer, self.block) = (start, block)
        self.byteCount = byteCount
    }

    deinit { arena.give(block) }
}

/// The memory of tensors, kept for reuse, so that a training step asks the system for none after the first ones.
///
/// Where the system must be asked, unused regions go back to it until what is held is at most half more than what was alive at once
/// since `resetPeak`, and a few regions.
public final class StoragePool: Sendable {
    /// The pool that tensors use.
    public static let shared = StoragePool()

    fileprivate let arena = Arena()

    private init() { MemoryBudget.whenShort { [arena] in arena.trim() } }

    /// Counts of the arena; those of a pass over shapes within one.
    public var counts: Arena.Counts { (ShapePass.current?.tensors ?? arena).counts }
    /// Bytes in tensors that are alive, rounded up to lines of the cache.
    public var liveBytes: Int { counts.live }
    /// The most bytes that were alive at once since `resetPeak`.
    public var peakBytes: Int { counts.peak }
    /// Bytes kept for reuse.
    public var pooledBytes: Int {
        let counts = counts
        return counts.held - counts.live
    }
    /// Regions of memory asked from the system so far.
    public var systemAllocations: Int { arena.counts.regions }

    /// Begins to measure the peak anew.
    public func resetPeak() { (ShapePass.current?.tensors ?? arena).resetPeak() }

    /// Gives regions in which nothing is alive back to the system.
    public func trim() { arena.trim() }
}
