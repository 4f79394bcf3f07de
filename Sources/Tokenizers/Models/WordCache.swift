/// The tokens of words that were cut before, so that a word of a text is usually one look into a table.
///
/// A cache belongs to one thread at a time and is bounded: when it is full it forgets everything and begins anew, which
/// costs less than keeping account of what was used last.
struct WordCache {
    /// Most words that are kept.
    private static let capacity = 1 << 16
    /// Most tokens that are kept.
    private static let maxPieces = 1 << 18
    /// Longest word in bytes that is kept.
    private static let maxLength = 64

    private struct Entry {
        var hash: UInt64
        var key: Int32
        var length: Int32
        var pieces: Int32
        var count: Int32
    }

    private struct Piece {
        var id: Int32
        var length: Int32
    }

    private var slots: [Int32] = []
    private var entries: [Entry] = []
    private var keys: [UInt8] = []
    private var pieces: [Piece] = []

    /// Appends the tokens of a known word, moved to where it stands; false for an unknown one.
    func append(_ bytes: [UInt8], _ range: Range<Int>, to tokens: inout [ModelToken]) -> Bool {
        guard !entries.isEmpty, range.count <= Self.maxLength else { return false }
        let hash = ByteTable.hash(bytes, range)
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash >> 20) & mask
        while slots[slot] >= 0 {
            let entry = entries[Int(slots[slot])]
            if entry.hash == hash, Int(entry.length) == range.count, isKey(entry, bytes, range.lowerBound) {
                var start = range.lowerBound
                let first = Int(entry.pieces)
                for piece in first..<first + Int(entry.count) {
                    let end = start + Int(pieces[piece].length)
                    tokens.append(ModelToken(id: Int(pieces[piece].id), range: start..<end))
                    start = end
                }
                return true
            }
            slot = (slot + 1) & mask
        }
        return false
    }

    /// Keeps the tokens of a word; they must follow one another from its beginning.
    mutating func insert(_ bytes: [UInt8], _ range: Range<Int>, _ tokens: ArraySlice<ModelToken>) {
        guard range.count <= Self.maxLength, tokens.count <= Self.maxLength else { return }
        if entries.count == Self.capacity || pieces.count > Self.maxPieces { removeAll() }
        if (entries.count + 1) * 2 > slots.count { grow() }
        let hash = ByteTable.hash(bytes, range)
        let entry = Entry(
            hash: hash, key: Int32(truncatingIfNeeded: keys.count), length: Int32(truncatingIfNeeded: range.count),
            pieces: Int32(truncatingIfNeeded: pieces.count), count: Int32(truncatingIfNeeded: tokens.count))
        keys.append(contentsOf: bytes[range])
        for token in tokens {
            pieces.append(
                Piece(
                    id: Int32(truncatingIfNeeded: token.id), length: Int32(truncatingIfNeeded: token.range.count)))
        }
        entries.append(entry)
        place(entries.count - 1)
    }

    @inline(__always)
    private func isKey(_ entry: Entry, _ bytes: [UInt8], _ start: Int) -> Bool {
        let key = Int(entry.key)
        for offset in 0..<Int(entry.length) where keys[key + offset] != bytes[start + offset] { return false }
        return true
    }

    private mutating func place(_ index: Int) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: entries[index].hash >> 20) & mask
        while slots[slot] >= 0 { slot = (slot + 1) & mask }
        slots[slot] = Int32(truncatingIfNeeded: index)
    }

    private mutating func grow() {
        slots = Array(repeating: -1, count: max(1 << 10, slots.count * 2))
        for index in entries.indices { place(index) }
    }

    private mutating func removeAll() {
        for slot in slots.indices { slots[slot] = -1 }
        entries.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        pieces.removeAll(keepingCapacity: true)
    }
}
