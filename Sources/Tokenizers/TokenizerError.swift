/// What is wrong with a tokenizer's files, or with what was asked of it.
public struct TokenizerError: Error, Equatable, CustomStringConvertible {
    /// What was wrong, where, and what to do.
    public let description: String

    init(_ description: String) { self.description = description }

    static func unsupportedPattern(_ pattern: String, what: String, at index: Int) -> TokenizerError {
        TokenizerError("the pattern '\(pattern)' has \(what) at \(index + 1), which is not supported")
    }

    static func tooManySteps(_ pattern: String) -> TokenizerError {
        TokenizerError("the pattern '\(pattern)' takes too many steps on this text")
    }
}
