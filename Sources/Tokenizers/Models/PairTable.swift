/// The merges: from a pair of ids to its rank and the id of the whole.
struct PairTable: Sendable {
    private var slots: [Slot]
    private(set) var count = 0

    private struct Slot {
        var key: UInt64
        var rank: Int32
        var id: Int32
    }

    private static let seed = UInt64.random(in: .min ... .max) | 1
    private static let empty = UInt64.max

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = Array(repeating: Slot(key: Self.empty, rank: 0, id: 0), count: size)
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private func slot(_ key: UInt64) -> Int {
        var hash = (key ^ Self.seed) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 32
        hash = hash &* 0xD6E8_FEB8_6659_FD93
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash >> 32) & mask
        while slots[slot].key != key, slots[slot].key != Self.empty { slot = (slot + 1) & mask }
        return slot
    }

    @inline(__always)
    subscript(left: Int32, right: Int32) -> (rank: Int32, id: Int32)? {
        let found = slots[slot(Self.key(left, right))]
        return found.key == Self.empty ? nil : (found.rank, found.id)
    }

    /// Gives a pair its rank and whole; a pair that is given twice keeps the last.
    mutating func insert(_ left: Int32, _ right: Int32, rank: Int32, id: Int32) {
        if (count + 1) * 2 > slots.count { grow() }
        let key = Self.key(left, right)
        let place = slot(key)
        if slots[place].key == Self.empty { count += 1 }
        slots[place] = Slot(key: key, rank: rank, id: id)
    }

    /// The pairs, the lowest rank first.
    var pairs: [(left: Int32, right: Int32)] {
        slots.filter { $0.key != Self.empty }.sorted { $0.rank < $1.rank }.map {
            (
                Int32(bitPattern: UInt32(truncatingIfNeeded: $0.key >> 32)),
                Int32(bitPattern: UInt32(truncatingIfNeeded: $0.key))
            )
        }
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(key: Self.empty, rank: 0, id: 0), count: old.count * 2)
        for item in old where item.key != Self.empty { slots[slot(item.key)] = item }
    }
}
