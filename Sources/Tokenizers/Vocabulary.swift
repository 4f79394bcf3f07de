/// Tokens as bytes and their ids, both ways.
struct Vocabulary: Sendable {
    /// The id of every token.
    private(set) var ids = ByteTable()
    /// The token of every id from 0 on; nil where no token has the id.
    private var tokens: [[UInt8]?] = []
    /// Tokens whose id lies too far out for a list.
    private var sparse: [Int: [UInt8]] = [:]

    /// How many tokens there are.
    var count: Int { ids.count }

    init(capacity: Int = 0) {
        ids = ByteTable(capacity: capacity)
        tokens.reserveCapacity(capacity)
    }

    /// Gives `token` an id; a token that is given two keeps the last.
    mutating func insert(_ token: [UInt8], id: Int) {
        ids.insert(token, value: Int32(truncatingIfNeeded: id))
        if id < tokens.count {
            tokens[id] = token
        } else if id < 4 * (ids.count + 1024) {
            while tokens.count < id { tokens.append(nil) }
            tokens.append(token)
        } else {
            sparse[id] = token
        }
    }

    func id(_ token: [UInt8]) -> Int? {
        ids.value(token, token.indices).map(Int.init)
    }

    func token(_ id: Int) -> [UInt8]? {
        if id >= 0, id < tokens.count, let token = tokens[id] { return token }
        return sparse[id]
    }

    /// The longest token in bytes.
    var maxLength: Int { ids.maxLength }
}

/// A hash table from byte strings to 32-bit values that is looked up by a range of a larger string.
struct ByteTable: Sendable {
    private var slots: [Int32]
    private var hashes: [UInt64] = []
    private var keys: [UInt8] = []
    private var ends: [Int] = []
    private var values: [Int32] = []
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

    var count: Int { values.count }

    init(capacity: Int = 0) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = Array(repeating: -1, count: size)
        hashes.reserveCapacity(capacity)
        ends.reserveCapacity(capacity)
        values.reserveCapacity(capacity)
    }

    mutating func insert(_ key: [UInt8], value: Int32) {
        let hash = Self.hash(key, key.indices)
        if let place = find(hash, key, key.indices) {
            values[place] = value
            return
        }
        if (values.count + 1) * 2 > slots.count { grow() }
        keys.append(contentsOf: key)
        ends.append(keys.count)
        hashes.append(hash)
        values.append(value)
        maxLength = max(maxLength, key.count)
        place(Int32(truncatingIfNeeded: values.count - 1), hash)
    }

    /// The value of `range` of `bytes`, or nil.
    @inline(__always)
    func value(_ bytes: [UInt8], _ range: Range<Int>) -> Int32? {
        find(Self.hash(bytes, range), bytes, range).map { values[$0] }
    }

    /// The value of `range` of `bytes`, whose hash is known, or nil.
    @inline(__always)
    func value(hash: UInt64, _ bytes: [UInt8], _ range: Range<Int>) -> Int32? {
        find(hash, bytes, range).map { values[$0] }
    }

    @inline(__always)
    private func find(_ hash: UInt64, _ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash >> 20) & mask
        while slots[slot] >= 0 {
            let place = Int(slots[slot])
            if hashes[place] == hash {
                let start = place == 0 ? 0 : ends[place - 1]
                if ends[place] - start == range.count {
                    var offset = 0
                    while offset < range.count, keys[start + offset] == bytes[range.lowerBound + offset] { offset += 1 }
                    if offset == range.count { return place }
                }
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private mutating func place(_ index: Int32, _ hash: UInt64) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash >> 20) & mask
        while slots[slot] >= 0 { slot = (slot + 1) & mask }
        slots[slot] = index
    }

    private mutating func grow() {
        slots = Array(repeating: -1, count: slots.count * 2)
        for index in hashes.indices { place(Int32(truncatingIfNeeded: index), hashes[index]) }
    }
}
