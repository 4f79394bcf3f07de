/// A token of the model: its id and the bytes of the split that it covers.
struct ModelToken: Equatable, Sendable {
    var id: Int
    var range: Range<Int>
}

/// What cuts a split into tokens: the section "model" of tokenizer.json.
enum Model: Sendable {
    case wordPiece(WordPiece)
    case bpe(BPE)
    // Boxed, so that the enumeration stays as small as the two that every word of most texts goes through.
    indirect case unigram(Unigram)
    indirect case wordLevel(WordLevel)

    var vocabulary: Vocabulary {
        switch self {
        case .wordPiece(let model): model.vocabulary
        case .bpe(let model): model.vocabulary
        case .unigram(let model): model.vocabulary
        case .wordLevel(let model): model.vocabulary
        }
    }

    /// Appends the tokens of `range` of `bytes`.
    @inline(__always)
    func tokenize(_ bytes: [UInt8], _ range: Range<Int>, scratch: Scratch, into tokens: inout [ModelToken]) throws {
        switch self {
        case .wordPiece(let model): try model.tokenize(bytes, range, scratch: scratch, into: &tokens)
        case .bpe(let model): try model.tokenize(bytes, range, scratch: scratch, into: &tokens)
        case .unigram(let model): try model.tokenize(bytes, range, scratch: scratch, into: &tokens)
        case .wordLevel(let model): try model.tokenize(bytes, range, into: &tokens)
        }
    }
}
