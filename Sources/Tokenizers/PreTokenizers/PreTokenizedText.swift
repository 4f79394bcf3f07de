/// A text cut into splits, each a range of it that becomes tokens of its own.
struct PreTokenizedText: Sendable {
    struct Split: Equatable, Sendable {
        /// The bytes of `text` that the split is.
        var range: Range<Int>
        /// The added token that the split is; nil for text that the model will cut.
        var token: Int?
    }

    var text: NormalizedText
    var splits: [Split]

    /// The whole of `text` as one split.
    init(_ text: NormalizedText) {
        self.text = text
        splits = text.bytes.isEmpty ? [] : [Split(range: text.bytes.indices, token: nil)]
    }

    /// Cuts every split that is no added token further: `cut` appends the parts of a range, of which empty ones are dropped.
    mutating func split(
        _ cut: (_ bytes: [UInt8], _ range: Range<Int>, _ parts: inout [Split]) throws -> Void
    ) rethrows {
        var result: [Split] = []
        result.reserveCapacity(splits.count + text.bytes.count / 4)
        for split in splits {
            if split.token == nil { try cut(text.bytes, split.range, &result) } else { result.append(split) }
        }
        splits = result
    }

    /// Rewrites every split that is no added token; throws where the text becomes too long.
    mutating func rewrite(_ journey: Journey, _ change: (inout NormalizedText) throws -> Void) throws {
        if splits.count == 1, splits[0].token == nil, splits[0].range == text.bytes.indices {
            try change(&text)
            splits[0].range = text.bytes.indices
            try journey.check(text.bytes.count)
            if text.bytes.isEmpty { splits = [] }
            return
        }
        var result = NormalizedText(capacity: text.bytes.count + splits.count)
        var kept: [Split] = []
        kept.reserveCapacity(splits.count)
        for split in splits {
            let start = result.bytes.count
            if split.token != nil {
                result.append(split.range, of: text)
            } else {
                var piece = text.slice(split.range)
                try change(&piece)
                result.append(piece.bytes.indices, of: piece)
            }
            try journey.check(result.bytes.count)
            if result.bytes.count > start {
                kept.append(Split(range: start..<result.bytes.count, token: split.token))
            }
        }
        text = result
        splits = kept
    }
}

extension [PreTokenizedText.Split] {
    /// Appends a part of the text; nothing where it is empty.
    @inline(__always)
    mutating func append(_ range: Range<Int>) {
        if !range.isEmpty { append(PreTokenizedText.Split(range: range, token: nil)) }
    }
}
