import Patterns

/// Connectionist temporal classification: of equal tokens that follow one another the first stays, padding goes, a word's
/// delimiter becomes a space.
struct CTC: Sendable {
    let padToken: Literal
    let wordDelimiter: Literal
    /// Whether spaces before punctuation go and delimiters become spaces; the library does both or neither.
    let cleanup: Bool

    /// What becomes of a token; nothing of one that is all padding.
    func decode(_ token: [UInt8]) -> [UInt8]? {
        var result = padToken.replaced(in: token, by: [])
        if cleanup { result = wordDelimiter.replaced(in: CleanUp.library.apply(result), by: [0x20]) }
        return result.isEmpty ? nil : result
    }

    /// What becomes of tokens.
    func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
        tokens.indices.filter { $0 == 0 || tokens[$0] != tokens[$0 - 1] }.compactMap { decode(tokens[$0]) }
    }
}
