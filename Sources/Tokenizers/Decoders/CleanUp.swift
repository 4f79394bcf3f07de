import Patterns

/// Takes away spaces that word-wise decoding leaves around punctuation.
struct CleanUp: Sendable {
    private let pairs: [(from: Literal, to: [UInt8])]

    private init(_ pairs: [(String, String)]) {
        self.pairs = pairs.map { (Literal($0.0), Array($0.1.utf8)) }
    }

    /// What the decoder WordPiece does with each token where its `cleanup` is true.
    static let library = CleanUp([
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ])

    /// What `clean_up_tokenization_spaces` does with the whole text.
    static let transformers = CleanUp([
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"),
        (" 've", "'ve"), (" 're", "'re"),
    ])

    /// The same for a text that comes in pieces: each pair's work, in order.
    var streaming: [StreamingReplace] { pairs.map { StreamingReplace($0.from, by: $0.to) } }

    func apply(_ bytes: [UInt8]) -> [UInt8] { pairs.reduce(bytes) { $1.from.replaced(in: $0, by: $1.to) } }
}
