import Memory

/// What a model is made of beside its options: tokens with their ids and scores, and merges.
struct VocabularyParts: Sendable {
    /// The tokens in the order of the file, with their ids.
    var tokens: [(token: [UInt8], id: Int)] = []
    /// The score of each token, where the file gives scores.
    var scores: [Double] = []
    /// The merges in the order of the file.
    var merges: [(left: [UInt8], right: [UInt8])] = []
    /// Whether the vocabulary is a list of tokens and scores and not an object.
    var isList = false
    /// Whether there is a list of merges.
    var hasMerges = false

    /// The merges that a vocabulary of SentencePiece implies (transformers' `generate_merges`): each way of putting a token
    /// together from two others, the best token first, of equals the one with the shorter parts.
    ///
    /// - Parameter rank: Says which of two tokens, by their places in `tokens`, comes first.
    mutating func impliedMerges(_ rank: [Double], isReversed: Bool) throws {
        struct Merge {
            var whole: Int, left: Int, right: Int
            var lengths: (Int, Int)
            var cut: Int
        }
        var table = ByteTable(capacity: tokens.count)
        for (place, token) in tokens.enumerated() { table.insert(token.token, value: Int32(truncatingIfNeeded: place)) }
        var found: [Merge] = []
        for (place, (token, _)) in tokens.enumerated() where table.value(token, token.indices) == Int32(place) {
            if place & 0xFF == 0 { try MemoryBudget.check() }
            guard token.count <= Self.maxMergedLength else { continue }
            var local: [Merge] = []
            var length = 0
            let total = token.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
            for index in token.indices.dropFirst() where token[index] & 0xC0 != 0x80 {
                length += 1
                guard let left = table.value(token, 0..<index), let right = table.value(token, index..<token.count)
                else { continue }
                local.append(
                    Merge(
                        whole: place, left: Int(left), right: Int(right), lengths: (length, total - length),
                        cut: index))
            }
            local.sort {
                (tokens[$0.left].id, tokens[$0.right].id) < (tokens[$1.left].id, tokens[$1.right].id)
            }
            found += local
            try MemoryBudget.reserve(local.count, of: MemoryLayout<Merge>.stride + 64)
        }
        // By position where all else is equal, as a stable sort leaves them; reversed, the parts' lengths are too.
        let order = found.indices.sorted { a, b in
            let (first, second) = (found[a], found[b])
            let (x, y) = (rank[first.whole], rank[second.whole])
            if x != y { return isReversed ? x > y : x < y }
            if first.lengths != second.lengths {
                return isReversed ? first.lengths > second.lengths : first.lengths < second.lengths
            }
            return a < b
        }
        merges = order.map { place in
            let merge = found[place]
            let token = tokens[merge.whole].token
            return (Array(token[..<merge.cut]), Array(token[merge.cut...]))
        }
        hasMerges = true
    }

    /// Longest token in bytes that is put together: each of its cuts is looked up.
    private static let maxMergedLength = 1 << 10
}
