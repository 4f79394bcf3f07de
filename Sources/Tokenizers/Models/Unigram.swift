import Formats

/// The tokens of a split whose scores have the largest sum (Kudo 2018, "Subword Regularization"; the library's
/// models/unigram): a best path through all tokens that stand in it.
///
/// A scalar that no token of its own begins at costs 10 below the lowest score, and is unknown; unknown ones that follow one
/// another are one token, or their bytes' tokens with byte fallback.
struct Unigram: Sendable {
    let vocabulary: Vocabulary
    /// The score of every id.
    let scores: [Double]
    /// The id of the unknown token.
    let unknown: Int?
    private let trie: ByteTrie
    private let unknownScore: Double
    /// The tokens `<0x00>` to `<0xFF>`, with byte fallback; nil where one of them is missing.
    private let byteTokens: [Int?]?

    /// How far below the lowest score an unknown scalar lies.
    private static let penalty = 10.0

    /// The best path that ends at a place: where its last token begins, and which it is.
    struct Place: Sendable {
        var score = 0.0
        var start: Int32 = -1
        var id: Int32 = 0
    }

    /// - Throws: `TokenizerError` where there are too many tokens, `MemoryRefusal` where the memory is not there.
    init(tokens: [[UInt8]], scores: [Double], unknown: Int?, byteFallback: Bool) throws {
        var vocabulary = Vocabulary(capacity: tokens.count)
        var trie = ByteTrie()
        for (id, token) in tokens.enumerated() {
            vocabulary.insert(listed: token, id: id)
            try trie.insert(token, value: Int32(truncatingIfNeeded: id))
        }
        (self.vocabulary, self.scores, self.unknown, self.trie) = (vocabulary, scores, unknown, trie)
        unknownScore = (scores.min() ?? 0) - Self.penalty
        byteTokens = byteFallback ? ByteFallback.names.map { vocabulary.id($0) } : nil
    }

    /// Appends the tokens of `range` of `bytes`.
    func tokenize(_ bytes: [UInt8], _ range: Range<Int>, scratch: Scratch, into tokens: inout [ModelToken]) throws {
        if range.isEmpty || scratch.words.append(bytes, range, to: &tokens) { return }
        let before = tokens.count
        try findBest(bytes, range, &scratch.places, scratch.journey)
        let isSequential = try appendPath(bytes, range, scratch, into: &tokens)
        if isSequential { scratch.words.insert(bytes, range, tokens[before...]) }
    }

    /// Finds the best path to every place of the range.
    private func findBest(_ bytes: [UInt8], _ range: Range<Int>, _ places: inout [Place], _ journey: Journey) throws {
        places.removeAll(keepingCapacity: true)
        places.append(contentsOf: repeatElement(Place(), count: range.count + 1))
        var start = range.lowerBound
        while start < range.upperBound {
            let from = start - range.lowerBound
            let sum = places[from].score
            let single = bytes.scalar(at: start).length
            var hasSingle = false
            var node: Int32 = 0
            var index = start
            while index < range.upperBound, let next = trie.next(node, bytes[index]) {
                node = next
                index += 1
                let id = trie.value(node)
                guard id >= 0 else { continue }
                if index - start == single { hasSingle = true }
                Self.improve(&places[index - range.lowerBound], sum + scores[Int(id)], from, id)
            }
            if index > start + 16 { try journey.spend(index - start) }
            if !hasSingle {
                let end = from + min(single, range.upperBound - start)
                if places[end].start < 0 || sum + unknownScore > places[end].score {
                    guard let unknown else {
                        throw TokenizerError("a character is in no token, and the file has no unk_id")
                    }
                    Self.improve(&places[end], sum + unknownScore, from, Int32(truncatingIfNeeded: unknown))
                }
            }
            start += single
        }
    }

    @inline(__always)
    private static func improve(_ place: inout Place, _ score: Double, _ start: Int, _ id: Int32) {
        guard place.start < 0 || score > place.score else { return }
        place = Place(score: score, start: Int32(truncatingIfNeeded: start), id: id)
    }

    /// Appends the path that ends where the range does.
    ///
    /// - Returns: Whether each token begins where the one before ends; the bytes of an unknown scalar share its range.
    private func appendPath(
        _ bytes: [UInt8], _ range: Range<Int>, _ scratch: Scratch, into tokens: inout [ModelToken]
    ) throws -> Bool {
        let before = tokens.count
        var end = range.count
        var isSequential = true
        while end > 0 {
            let place = scratch.places[end]
            guard place.start >= 0 else {
                throw TokenizerError("a character is in no token, and the file has no unk_id")
            }
            var start = Int(place.start)
            guard let unknown, Int(place.id) == unknown else {
                tokens.append(ModelToken(id: Int(place.id), range: range.lowerBound + start..<range.lowerBound + end))
                end = start
                continue
            }
            while start > 0, Int(scratch.places[start].id) == unknown, scratch.places[start].start >= 0 {
                start = Int(scratch.places[start].start)
            }
            let whole = range.lowerBound + start..<range.lowerBound + end
            if let id = vocabulary.ids.value(bytes, whole) {
                tokens.append(ModelToken(id: Int(id), range: whole))
            } else if let byteIds = ids(ofBytes: bytes[whole]) {
                // Backwards, like all of the path.
                for id in byteIds.reversed() { tokens.append(ModelToken(id: id, range: whole)) }
                isSequential = false
            } else {
                tokens.append(ModelToken(id: unknown, range: whole))
            }
            try scratch.journey.check(tokens.count)
            end = start
        }
        tokens[before...].reverse()
        return isSequential
    }

    private func ids(ofBytes bytes: ArraySlice<UInt8>) -> [Int]? {
        guard let byteTokens else { return nil }
        let ids = bytes.compactMap { byteTokens[Int($0)] }
        return ids.count == bytes.count ? ids : nil
    }
}
