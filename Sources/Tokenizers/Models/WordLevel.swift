import Formats

/// A token for every split that the vocabulary has, the unknown token for every other.
struct WordLevel: Sendable {
    let vocabulary: Vocabulary
    let unknownToken: String
    private let unknown: Int?

    init(vocabulary: Vocabulary, unknownToken: String) {
        (self.vocabulary, self.unknownToken) = (vocabulary, unknownToken)
        unknown = vocabulary.id(Array(unknownToken.utf8))
    }

    /// Appends the token of `range` of `bytes`.
    func tokenize(_ bytes: [UInt8], _ range: Range<Int>, into tokens: inout [ModelToken]) throws {
        guard let id = vocabulary.ids.value(bytes, range).map(Int.init) ?? unknown else {
            throw TokenizerError(
                "a word is in no token, and the unknown token '\(FormatError.shown(unknownToken))' is not in the vocabulary"
            )
        }
        tokens.append(ModelToken(id: id, range: range))
    }
}
