import Synchronization

/// What one thread needs while it encodes, kept between texts: buffers, and the words that it has seen.
final class Scratch {
    var symbols: [Symbol] = []
    var heap = MergeHeap()
    var words = WordCache()
    var tokens: [ModelToken] = []

    /// Gives back the memory that an unusually long text took.
    func shrink() {
        guard symbols.capacity > 1 << 16 || tokens.capacity > 1 << 16 else { return }
        symbols = []
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

/// The tokens of words that were cut before: a table of fixed size in which a newer word takes an older one's place.
struct WordCache {
    private static let size = 1 << 14
    private static let maxLength = 64
    private var entries: [Entry] = []

    private struct Entry {
        var hash: UInt64
        var word: [UInt8]
        var tokens: [ModelToken]
    }

    /// Appends the tokens of a known word, moved to where it stands; false for an unknown one.
    func append(_ bytes: [UInt8], _ range: Range<Int>, to tokens: inout [ModelToken]) -> Bool {
        guard !entries.isEmpty, range.count <= Self.maxLength else { return false }
        let hash = ByteTable.hash(bytes, range)
        let place = Int(truncatingIfNeeded: hash >> 20) & (Self.size - 1)
        guard entries[place].hash == hash, entries[place].word.count == range.count,
            bytes.matches(entries[place].word, at: range.lowerBound)
        else { return false }
        for token in entries[place].tokens {
            let start = range.lowerBound + token.range.lowerBound
            tokens.append(ModelToken(id: token.id, range: start..<start + token.range.count))
        }
        return true
    }

    mutating func insert(_ bytes: [UInt8], _ range: Range<Int>, _ tokens: ArraySlice<ModelToken>) {
        guard range.count <= Self.maxLength else { return }
        if entries.isEmpty { entries = Array(repeating: Entry(hash: 0, word: [], tokens: []), count: Self.size) }
        let hash = ByteTable.hash(bytes, range)
        let moved = tokens.map {
            let start = $0.range.lowerBound - range.lowerBound
            return ModelToken(id: $0.id, range: start..<start + $0.range.count)
        }
        entries[Int(truncatingIfNeeded: hash >> 20) & (Self.size - 1)] = Entry(
            hash: hash, word: Array(bytes[range]), tokens: moved)
    }
}
