/// Tokens as bytes and their ids, both ways.
struct Vocabulary: Sendable {
    /// The id of every token.
    private(set) var ids = ByteTable()
    /// Where the table has the token of every id from 0 on; -1 where no token has the id.
    private var places: [Int32] = []
    /// The same for tokens whose id lies too far out for a list.
    private var sparse: [Int: Int32] = [:]

    /// How many tokens there are; those of a list are counted as often as they stand in it.
    var count: Int { ids.count + repeated }
    private var repeated = 0

    init(capacity: Int = 0) {
        ids = ByteTable(capacity: capacity)
        places.reserveCapacity(capacity)
    }

    /// Gives `token` an id; a token that is given two keeps the last.
    mutating func insert(_ token: [UInt8], id: Int) {
        let place = ids.insert(token, value: Int32(truncatingIfNeeded: id))
        if id < places.count {
            places[id] = place
        } else if id < 4 * (ids.count + 1024) {
            while places.count < id { places.append(-1) }
            places.append(place)
        } else {
            sparse[id] = place
        }
    }

    /// Gives the token at a place of a list its id; of two that are equal the last is found.
    mutating func insert(listed token: [UInt8], id: Int) {
        let before = ids.count
        insert(token, id: id)
        if ids.count == before { repeated += 1 }
    }

    func id(_ token: [UInt8]) -> Int? {
        ids.value(token, token.indices).map(Int.init)
    }

    func token(_ id: Int) -> [UInt8]? { range(id).map { Array(ids.keys[$0]) } }

    /// Where in `ids.keys` the token of an id lies, or nil.
    @inline(__always)
    func range(_ id: Int) -> Range<Int>? {
        if id >= 0, id < places.count, places[id] >= 0 { return ids.range(places[id]) }
        return sparse[id].map { ids.range($0) }
    }

    /// The tokens with their ids, in the order in which they came.
    var entries: [(token: [UInt8], id: Int)] { ids.entryList.map { (Array(ids.keys[$0]), Int($1)) } }

    /// The longest token in bytes.
    var maxLength: Int { ids.maxLength }
}
