import Patterns

/// What is put around the tokens of one text or two: the section "post_processor" of tokenizer.json.
struct PostProcessor: Sendable {
    /// A place in a template.
    enum Piece: Equatable, Sendable {
        /// Text 0 or 1 of the input.
        case sequence(Int, typeId: Int)
        /// Special tokens.
        case special([Int], typeId: Int)
    }

    /// Offsets leave out the whitespace that byte-level tokens begin and end with.
    struct Trim: Equatable, Sendable {
        var addPrefixSpace: Bool
    }

    var trims: [Trim] = []
    /// The order for a single text and for a pair; without one the texts follow one another.
    var single: [Piece]?
    var pair: [Piece]?

    private static let plain: [Piece] = [.sequence(0, typeId: 0), .sequence(1, typeId: 1)]

    /// BERT's: `[CLS] A [SEP] B [SEP]`.
    static func bert(separator: Int, classifier: Int) -> PostProcessor {
        PostProcessor(
            single: [.special([classifier], typeId: 0), .sequence(0, typeId: 0), .special([separator], typeId: 0)],
            pair: [
                .special([classifier], typeId: 0), .sequence(0, typeId: 0), .special([separator], typeId: 0),
                .sequence(1, typeId: 1), .special([separator], typeId: 1),
            ])
    }

    /// RoBERTa's: `<s> A </s> </s> B </s>`, all of type 0.
    static func roberta(separator: Int, classifier: Int, trimOffsets: Bool, addPrefixSpace: Bool) -> PostProcessor {
        PostProcessor(
            trims: trimOffsets ? [Trim(addPrefixSpace: addPrefixSpace)] : [],
            single: [.special([classifier], typeId: 0), .sequence(0, typeId: 0), .special([separator], typeId: 0)],
            pair: [
                .special([classifier], typeId: 0), .sequence(0, typeId: 0), .special([separator], typeId: 0),
                .special([separator], typeId: 0), .sequence(1, typeId: 0), .special([separator], typeId: 0),
            ])
    }

    /// How many special tokens are put.
    func specialCount(isPair: Bool) -> Int {
        pieces(isPair: isPair).reduce(0) { count, piece in
            if case .special(let ids, _) = piece { count + ids.count } else { count }
        }
    }

    private func pieces(isPair: Bool) -> [Piece] {
        isPair ? pair ?? Self.plain : single ?? [.sequence(0, typeId: 0)]
    }

    /// Puts together the ids of what is kept of each text.
    func ids(_ sequences: [[Int]], _ parts: [[Range<Int>]], _ options: EncodingOptions) -> [Int] {
        let pieces = pieces(isPair: sequences.count > 1)
        var ids: [Int] = []
        ids.reserveCapacity(parts.reduce(8) { $0 + $1[0].count })
        for piece in pieces {
            switch piece {
            case .special(let special, _): if options.addSpecialTokens { ids.append(contentsOf: special) }
            case .sequence(let index, _):
                if index < sequences.count { ids.append(contentsOf: sequences[index][parts[index][0]]) }
            }
        }
        return ids
    }

    /// Puts together what is kept of each text.
    func process(_ sequences: [SequenceTokens], _ parts: [[Range<Int>]], _ options: EncodingOptions) -> Encoding {
        // BERT's and templates' types stand in the pieces; without special tokens BERT's are the same.
        let pieces = pieces(isPair: sequences.count > 1)
        func build(_ ranges: [Range<Int>]) -> Encoding {
            var encoding = Encoding()
            encoding.reserve(ranges.reduce(8) { $0 + $1.count })
            for piece in pieces {
                switch piece {
                case .special(let ids, let typeId):
                    guard options.addSpecialTokens else { continue }
                    for id in ids { encoding.append(special: id, typeId: typeId) }
                case .sequence(let index, let typeId):
                    guard index < sequences.count else { continue }
                    let before = encoding.count
                    encoding.append(sequences[index], ranges[index], sequence: index, typeId: typeId)
                    for trim in trims {
                        for (place, token) in ranges[index].enumerated() {
                            encoding.offsets[before + place] = trim.apply(
                                encoding.offsets[before + place], sequences[index], token, isFirst: place == 0)
                        }
                    }
                }
            }
            return encoding
        }
        var encoding = build(parts.map { $0[0] })
        guard options.returnOverflowing else { return encoding }
        let second = parts.count > 1 ? parts[1] : []
        for range in parts[0].dropFirst() {
            if second.isEmpty { encoding.overflowing.append(build([range])) }
            for other in second { encoding.overflowing.append(build([range, other])) }
        }
        for other in second.dropFirst() { encoding.overflowing.append(build([parts[0][0], other])) }
        return encoding
    }
}

extension PostProcessor.Trim {
    /// The offsets of a token without the whitespace at its ends.
    func apply(_ offsets: Range<Int>, _ tokens: SequenceTokens, _ index: Int, isFirst: Bool) -> Range<Int> {
        guard index < tokens.spaces.count else { return offsets }
        var (leading, trailing) = tokens.spaces[index]
        guard leading > 0 || trailing > 0 else { return offsets }
        // A single space before the first word may be the one that the pre-tokenizer put there.
        if addPrefixSpace, leading == 1, isFirst || offsets.lowerBound == 0 { leading = 0 }
        let bytes = tokens.bytes(of: index)
        var (start, end) = (offsets.lowerBound, offsets.upperBound)
        for _ in 0..<leading where start < end && start < bytes.count { start += bytes.scalar(at: start).length }
        start = min(start, end)
        var trimmed = end
        while trailing > 0, trimmed > 0, trimmed <= bytes.count {
            trimmed = bytes.scalarStart(before: trimmed)
            trailing -= 1
        }
        // The reference trims nothing where the text is shorter than what it would trim.
        if trailing == 0 { end = max(trimmed, start) }
        return start..<max(start, end)
    }
}
