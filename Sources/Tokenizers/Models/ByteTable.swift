/// A hash table from byte strings to 32-bit values that is looked up by a range of a larger string.
struct ByteTable: Sendable {
    /// A place among the entries with a part of its hash, so that a look at others' entries is rare; -1 where it is free.
    private struct Slot {
        var tag: UInt32
        var place: Int32
    }

    private struct Entry {
        var start: Int
        var length: Int32
        var value: Int32
    }

    private var slots: [Slot]
    private var entries: [Entry] = []
    /// All keys, one after another.
    private(set) var keys: [UInt8] = []
    private(set) var maxLength = 0

    /// Drawn for each process, so that nobody can write a file whose tokens all collide.
    private static let seed = UInt64.random(in: .min ... .max) | 1

    /// The hash of an empty string; extended byte by byte.
    static var initialHash: UInt64 { seed }

    @inline(__always)
    static func extend(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        let mixed = (hash ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15
        return mixed ^ (mixed >> 29)
    }

    static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
        var hash = seed
        for index in range { hash = extend(hash, bytes[index]) }
        return hash
    }

    var count: Int { entries.count }

    init(capacity: Int = 0) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = Array(repeating: Slot(tag: 0, place: -1), count: size)
        entries.reserveCapacity(capacity)
    }

    /// Gives `key` a value, a new one where it has one, and says where the table has the key.
    @discardableResult
    mutating func insert(_ key: [UInt8], value: Int32) -> Int32 {
        let hash = Self.hash(key, key.indices)
        if let place = find(hash, key, key.indices) {
            entries[place].value = value
            return Int32(truncatingIfNeeded: place)
        }
        if (entries.count + 1) * 2 > slots.count { grow() }
        let place = Int32(truncatingIfNeeded: entries.count)
        entries.append(Entry(start: keys.count, length: Int32(truncatingIfNeeded: key.count), value: value))
        keys.append(contentsOf: key)
        maxLength = max(maxLength, key.count)
        put(place, hash)
        return place
    }

    /// Where in `keys` the key lies that `insert` put at a place.
    func range(_ place: Int32) -> Range<Int> {
        let entry = entries[Int(place)]
        return entry.start..<entry.start + Int(entry.length)
    }

    /// Where in `keys` each key lies, with its value.
    var entryList: [(range: Range<Int>, value: Int32)] {
        entries.map { ($0.start..<$0.start + Int($0.length), $0.value) }
    }

    /// The value of `range` of `bytes`, or nil.
    @inline(__always)
    func value(_ bytes: [UInt8], _ range: Range<Int>) -> Int32? {
        find(Self.hash(bytes, range), bytes, range).map { entries[$0].value }
    }

    /// The value of `range` of `bytes`, whose hash is known, or nil.
    @inline(__always)
    func value(hash: UInt64, _ bytes: [UInt8], _ range: Range<Int>) -> Int32? {
        find(hash, bytes, range).map { entries[$0].value }
    }

    @inline(__always)
    private func find(_ hash: UInt64, _ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        let mask = slots.count - 1
        let tag = Self.tag(hash)
        var slot = Self.slot(hash) & mask
        while slots[slot].place >= 0 {
            if slots[slot].tag == tag {
                let place = Int(slots[slot].place)
                let entry = entries[place]
                if Int(entry.length) == range.count {
                    var offset = 0
                    while offset < range.count, keys[entry.start + offset] == bytes[range.lowerBound + offset] {
                        offset += 1
                    }
                    if offset == range.count { return place }
                }
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    @inline(__always)
    private static func slot(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> 20) }

    @inline(__always)
    private static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash ^ hash >> 32) }

    private mutating func put(_ place: Int32, _ hash: UInt64) {
        let mask = slots.count - 1
        var slot = Self.slot(hash) & mask
        while slots[slot].place >= 0 { slot = (slot + 1) & mask }
        slots[slot] = Slot(tag: Self.tag(hash), place: place)
    }

    private mutating func grow() {
        slots = Array(repeating: Slot(tag: 0, place: -1), count: slots.count * 2)
        for (place, entry) in entries.enumerated() {
            put(Int32(truncatingIfNeeded: place), Self.hash(keys, entry.start..<entry.start + Int(entry.length)))
        }
    }
}
