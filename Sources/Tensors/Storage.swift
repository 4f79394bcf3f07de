import Synchronization

/// Bytes of tensors; given back to a pool when the last tensor over them goes.
public final class Storage: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
    let byteCount: Int
    private let capacity: Int

    init(byteCount: Int) throws {
        (pointer, capacity) = try StoragePool.shared.take(byteCount: max(byteCount, 1))
        self.byteCount = byteCount
    }

    deinit { StoragePool.shared.give(pointer, capacity: capacity) }
}

/// Freed blocks by size class, so that a training step allocates nothing from the system after the first.
///
/// Batches of changing lengths ask for ever new sizes: a request may take a block of up to twice its size, and where the
/// system must be asked anyway, the blocks unused for longest go back to it until what is held is at most half more
/// than what was ever alive at once.
public final class StoragePool: Sendable {
    /// The pool that tensors use.
    public static let shared = StoragePool()

    private struct Block {
        let address: UInt
        let freed: Int
    }

    private struct State {
        var free: [Int: [Block]] = [:]
        /// Size classes that were ever freed, ascending.
        var classes: [Int] = []
        var liveBytes = 0
        var peakBytes = 0
        var pooledBytes = 0
        var systemAllocations = 0
        var clock = 0
        var reserve: (@Sendable (_ live: Int, _ more: Int) throws -> Void)?
    }

    private let state = Mutex(State())

    /// Bytes in tensors that are alive, with what their size classes round up.
    public var liveBytes: Int { state.withLock { $0.liveBytes } }
    /// The most bytes that were alive at once since `resetPeak`.
    public var peakBytes: Int { state.withLock { $0.peakBytes } }
    /// Bytes kept for reuse.
    public var pooledBytes: Int { state.withLock { $0.pooledBytes } }
    /// Blocks asked from the system so far.
    public var systemAllocations: Int { state.withLock { $0.systemAllocations } }

    /// Begins to measure the peak anew.
    public func resetPeak() { state.withLock { $0.peakBytes = $0.liveBytes } }

    /// Sets what is asked before bytes are handed out; it may free tensors, or refuse by throwing.
    public func setReserve(_ reserve: (@Sendable (_ live: Int, _ more: Int) throws -> Void)?) {
        state.withLock { $0.reserve = reserve }
    }

    /// Gives the blocks kept for reuse back to the system.
    public func trim() { release(state.withLock { StoragePool.evict(&$0, downTo: 0) }) }

    /// Rounds up to a size class: at most an eighth is wasted.
    static func sizeClass(_ byteCount: Int) -> Int {
        let step = max(64, 1 << max(0, Int.bitWidth - 1 - byteCount.leadingZeroBitCount - 3))
        return (byteCount + step - 1) / step * step
    }

    func take(byteCount: Int) throws -> (UnsafeMutableRawPointer, Int) {
        guard byteCount <= 1 << 46 else { throw TensorError("\(byteCount) bytes are more than any machine has") }
        let wanted = StoragePool.sizeClass(byteCount)
        let (reserve, live) = state.withLock { ($0.reserve, $0.liveBytes) }
        try reserve?(live, wanted)
        let (address, capacity, evicted) = state.withLock { state -> (UInt, Int, [UInt]) in
            let found = StoragePool.find(&state, wanted)
            let capacity = found?.capacity ?? wanted
            state.liveBytes += capacity
            state.peakBytes = max(state.peakBytes, state.liveBytes)
            if let found { return (found.address, capacity, []) }
            state.systemAllocations += 1
            let allowed = state.peakBytes + state.peakBytes / 2 - state.liveBytes
            return (0, capacity, StoragePool.evict(&state, downTo: max(allowed, StoragePool.smallest)))
        }
        release(evicted)
        if let pointer = UnsafeMutableRawPointer(bitPattern: address) { return (pointer, capacity) }
        return (UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64), capacity)
    }

    /// Bytes that are kept in any case.
    private static let smallest = 16 << 20

    func give(_ pointer: UnsafeMutableRawPointer, capacity: Int) {
        state.withLock { state in
            state.liveBytes -= capacity
            state.pooledBytes += capacity
            state.clock += 1
            if state.free[capacity] == nil {
                let place = state.classes.firstIndex { $0 > capacity } ?? state.classes.count
                state.classes.insert(capacity, at: place)
            }
            state.free[capacity, default: []].append(Block(address: UInt(bitPattern: pointer), freed: state.clock))
        }
    }

    /// The block freed last of this size class, or of the next larger ones up to twice the size.
    private static func find(_ state: inout State, _ wanted: Int) -> (address: UInt, capacity: Int)? {
        if let block = state.free[wanted]?.popLast() {
            state.pooledBytes -= wanted
            return (block.address, wanted)
        }
        guard let start = state.classes.firstIndex(where: { $0 > wanted }) else { return nil }
        for capacity in state.classes[start...] {
            if capacity > 2 * wanted { break }
            guard let block = state.free[capacity]?.popLast() else { continue }
            state.pooledBytes -= capacity
            return (block.address, capacity)
        }
        return nil
    }

    /// Takes blocks out of the pool, those unused for longest first, until at most `bytes` are left.
    private static func evict(_ state: inout State, downTo bytes: Int) -> [UInt] {
        var result: [UInt] = []
        while state.pooledBytes > bytes {
            let oldest = state.classes.min { a, b in
                (state.free[a]?.first?.freed ?? .max) < (state.free[b]?.first?.freed ?? .max)
            }
            guard let oldest, let block = state.free[oldest]?.first else { break }
            state.free[oldest]?.removeFirst()
            state.pooledBytes -= oldest
            result.append(block.address)
        }
        return result
    }

    private func release(_ blocks: [UInt]) {
        for block in blocks { UnsafeMutableRawPointer(bitPattern: block)?.deallocate() }
    }
}
