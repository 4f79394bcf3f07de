/// A symbol of a word while it is merged; of length 0 once it is part of the one before.
struct Symbol: Sendable {
    var id: Int32
    var length: Int32
    var previous: Int32
    var next: Int32
}

/// A pair that could be merged.
struct MergeCandidate: Sendable {
    var rank: Int32
    var place: Int32
    var id: Int32

    @inline(__always)
    var key: Int64 { Int64(rank) << 32 | Int64(place) }
}

/// A binary heap of candidates, the lowest rank and then the leftmost place first.
struct MergeHeap: Sendable {
    private var items: [MergeCandidate] = []

    mutating func removeAll() { items.removeAll(keepingCapacity: true) }

    mutating func push(_ item: MergeCandidate) {
        items.append(item)
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard item.key < items[parent].key else { break }
            items[child] = items[parent]
            child = parent
        }
        items[child] = item
    }

    mutating func popMin() -> MergeCandidate? {
        guard let last = items.popLast() else { return nil }
        guard let top = items.first else { return last }
        var parent = 0
        while true {
            var child = parent * 2 + 1
            guard child < items.count else { break }
            if child + 1 < items.count, items[child + 1].key < items[child].key { child += 1 }
            guard items[child].key < last.key else { break }
            items[parent] = items[child]
            parent = child
        }
        items[parent] = last
        return top
    }
}
