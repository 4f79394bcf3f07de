/// How sequences are put together into rows of one length; names as in TRL's packing_strategy (1.16).
///
/// Attention never crosses a sequence: a row says how long each of its sequences is (`seq_lengths`).
public enum PackingStrategy: String, Sendable, CaseIterable {
    /// Best fit, the longest first; what is longer than a row is cut.
    case bfd
    /// The same; what is longer than a row goes on in others.
    case bfdSplit = "bfd_split"
    /// One after the other, cut wherever a row is full.
    case wrapped

    /// The pieces of each row: which sequence, and what of it.
    public func rows(_ lengths: [Int], rowLength: Int) -> [[(sequence: Int, part: Range<Int>)]] {
        guard rowLength > 0 else { return [] }
        switch self {
        case .wrapped: return PackingStrategy.wrapped(lengths, rowLength)
        case .bfd:
            return PackingStrategy.bestFit(
                lengths.indices.map { (sequence: $0, part: 0..<min(lengths[$0], rowLength)) }, rowLength)
        case .bfdSplit:
            return PackingStrategy.bestFit(
                lengths.indices.flatMap { index in
                    stride(from: 0, to: lengths[index], by: rowLength).map {
                        (sequence: index, part: $0..<min(lengths[index], $0 + rowLength))
                    }
                }, rowLength)
        }
    }

    private typealias Piece = (sequence: Int, part: Range<Int>)

    /// Each piece, from long to short, goes where it leaves the least room.
    ///
    /// Of rows with equal room the one that has had it longest is taken, as TRL does; equal lengths keep their order.
    private static func bestFit(_ pieces: [Piece], _ rowLength: Int) -> [[Piece]] {
        let pieces = pieces.filter { !$0.part.isEmpty }.enumerated().sorted {
            ($0.element.part.count, $1.offset) > ($1.element.part.count, $0.offset)
        }
        var rows: [[Piece]] = []
        // Rows by the room that they have left, those that came to it first in front.
        var byRoom: [[Int]] = Array(repeating: [], count: rowLength)
        var smallest = OccupiedRooms(rowLength)
        for (_, piece) in pieces {
            let row: Int
            let room: Int
            if let found = smallest.first(from: piece.part.count) {
                room = found
                row = byRoom[room].removeFirst()
                if byRoom[room].isEmpty { smallest.remove(room) }
            } else {
                (row, room) = (rows.count, rowLength)
                rows.append([])
            }
            rows[row].append(piece)
            let left = room - piece.part.count
            guard left > 0 else { continue }
            if byRoom[left].isEmpty { smallest.insert(left) }
            byRoom[left].append(row)
        }
        return rows
    }

    private static func wrapped(_ lengths: [Int], _ rowLength: Int) -> [[Piece]] {
        var rows: [[Piece]] = []
        var left = 0
        for (sequence, length) in lengths.enumerated() {
            var start = 0
            while start < length {
                if left == 0 {
                    rows.append([])
                    left = rowLength
                }
                let end = min(length, start + left)
                rows[rows.count - 1].append((sequence, start..<end))
                left -= end - start
                start = end
            }
        }
        return rows
    }
}

/// Which of some numbers are taken, and the smallest of them from a number on, in steps of the logarithm of their count.
private struct OccupiedRooms {
    private let size: Int
    private var tree: [Bool]

    init(_ count: Int) {
        var size = 1
        while size < count { size *= 2 }
        self.size = size
        tree = Array(repeating: false, count: 2 * size)
    }

    mutating func insert(_ number: Int) {
        var node = size + number
        while node > 0, !tree[node] {
            tree[node] = true
            node /= 2
        }
    }

    mutating func remove(_ number: Int) {
        var node = size + number
        tree[node] = false
        node /= 2
        while node > 0, !tree[2 * node], !tree[2 * node + 1] {
            tree[node] = false
            node /= 2
        }
    }

    func first(from number: Int) -> Int? {
        guard number < size else { return nil }
        var node = size + number
        if tree[node] { return number }
        // Up to the first ancestor whose right child is beyond the number and taken, then down to the left.
        while node > 1 {
            if node % 2 == 0, tree[node + 1] {
                node += 1
                while node < size { node = tree[2 * node] ? 2 * node : 2 * node + 1 }
                return node - size
            }
            node /= 2
        }
        return nil
    }
}
