import Synchronization

/// What one thread needs while it encodes, kept between texts: buffers, and the words that it has seen.
final class Scratch {
    var symbols: [Symbol] = []
    var heap = MergeHeap()
    var places: [Unigram.Place] = []
    var words = WordCache()
    var tokens: [ModelToken] = []
    let journey = Journey()

    /// Gives back the memory that an unusually long text took.
    func shrink() {
        guard max(symbols.capacity, tokens.capacity, places.capacity) > 1 << 16 else { return }
        symbols = []
        places = []
        heap = MergeHeap()
        tokens = []
    }
}

/// Scratches that lie idle; encoding takes one and gives it back, so any number of threads can encode at once.
final class ScratchPool: Sendable {
    private let idle = Mutex<[Box]>([])

    /// A scratch belongs to whoever took it out of the pool, so no two threads ever see the same one.
    private struct Box: @unchecked Sendable {
        let scratch: Scratch
    }

    func with<Result>(_ body: (Scratch) throws -> Result) rethrows -> Result {
        let box = idle.withLock { $0.popLast() } ?? Box(scratch: Scratch())
        defer {
            box.scratch.shrink()
            idle.withLock { $0.append(box) }
        }
        return try body(box.scratch)
    }
}
