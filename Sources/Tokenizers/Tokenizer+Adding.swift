extension Tokenizer {
    /// Adds tokens behind the vocabulary, as `add_tokens` of transformers does.
    ///
    /// A token that the model's vocabulary has keeps its id and is from now on found before the model sees the text.
    ///
    /// - Returns: How many were not among the added tokens before, with the same flags.
    /// - Throws: `TokenizerError` where a token is too long, or the normalizer makes too much of one.
    @discardableResult
    public mutating func addTokens(_ tokens: [AddedToken]) throws -> Int { try add(tokens) }

    /// Adds special tokens, and gives those that have a name it, as `add_special_tokens` of transformers does.
    ///
    /// - Parameters:
    ///   - extra: Tokens without a name: `extra_special_tokens`, which older versions call `additional_special_tokens`.
    ///   - named: Tokens by their names, such as `pad_token`.
    /// - Returns: How many were not among the added tokens before, with the same flags.
    /// - Throws: `TokenizerError` where a token is too long, or the normalizer makes too much of one.
    @discardableResult
    public mutating func addSpecialTokens(
        _ extra: [AddedToken] = [], named: [SpecialToken: AddedToken] = [:]
    ) throws -> Int {
        let inOrder = SpecialToken.allCases.compactMap { named[$0] }
        let count = try add((inOrder + extra).map { $0.asSpecial })
        for (name, token) in named { settings.specialTokens[name] = token.content }
        for token in extra where !settings.extraSpecialTokens.contains(token.content) {
            settings.extraSpecialTokens.append(token.content)
        }
        return count
    }

    /// Adds tokens and prepares the search for them.
    mutating func add(_ tokens: [AddedToken]) throws -> Int {
        var changed = added
        let count = try changed.add(tokens, model: model.vocabulary)
        if count > 0 { try changed.freeze(normalizer) }
        added = changed
        return count
    }
}

extension AddedToken {
    /// The same token, special.
    fileprivate var asSpecial: AddedToken {
        var token = self
        token.special = true
        return token
    }
}
