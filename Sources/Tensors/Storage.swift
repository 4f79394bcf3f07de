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
public final class StoragePool: Sendable {
    /// The pool that tensors use.
    public static let shared = StoragePool()

    private struct State {
        var free: [Int: [UInt]] = [:]
        var liveBytes = 0
        var pooledBytes = 0
        var reserve: (@Sendable (_ live: Int, _ more: Int) throws -> Void)?
    }

    private let state = Mutex(State())

    /// Bytes in tensors that are alive.
    public var liveBytes: Int { state.withLock { $0.liveBytes } }
    /// Bytes kept for reuse.
    public var pooledBytes: Int { state.withLock { $0.pooledBytes } }

    /// Sets what is asked before bytes are handed out; it may free tensors, or refuse by throwing.
    public func setReserve(_ reserve: (@Sendable (_ live: Int, _ more: Int) throws -> Void)?) {
        state.withLock { $0.reserve = reserve }
    }

    /// Gives the blocks kept for reuse back to the system.
    public func trim() {
        let blocks = state.withLock { state in
            let blocks = state.free.values.flatMap { $0 }
            state.free = [:]
            state.pooledBytes = 0
            return blocks
        }
        for block in blocks { UnsafeMutableRawPointer(bitPattern: block)?.deallocate() }
    }

    /// Rounds up to a size class: at most an eighth is wasted.
    static func sizeClass(_ byteCount: Int) -> Int {
        let step = max(64, 1 << max(0, Int.bitWidth - 1 - byteCount.leadingZeroBitCount - 3))
        return (byteCount + step - 1) / step * step
    }

    func take(byteCount: Int) throws -> (UnsafeMutableRawPointer, Int) {
        guard byteCount <= 1 << 46 else { throw TensorError("\(byteCount) bytes are more than any machine has") }
        let capacity = StoragePool.sizeClass(byteCount)
        let (reserve, live) = state.withLock { ($0.reserve, $0.liveBytes) }
        try reserve?(live, capacity)
        let block = state.withLock { state in
            state.liveBytes += capacity
            guard let block = state.free[capacity]?.popLast() else { return UInt(0) }
            state.pooledBytes -= capacity
            return block
        }
        if let pointer = UnsafeMutableRawPointer(bitPattern: block) { return (pointer, capacity) }
        return (UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64), capacity)
    }

    func give(_ pointer: UnsafeMutableRawPointer, capacity: Int) {
        state.withLock { state in
            state.liveBytes -= capacity
            state.pooledBytes += capacity
            state.free[capacity, default: []].append(UInt(bitPattern: pointer))
        }
    }
}
