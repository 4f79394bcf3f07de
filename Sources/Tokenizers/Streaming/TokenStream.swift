import Memory

/// The text of ids that come one by one, as it becomes certain: what `Tokenizer.decode` would give of all of them.
///
/// `push` gives what no later id can change; bytes of a character that is not whole yet, and whatever a decoder may still take
/// back or join, come later. All pieces together with what `end` gives are the text of `decode`. A stream belongs to one
/// thread at a time.
public struct TokenStream: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecialTokens: Bool
    /// The decoders, in order.
    private var stages: [StreamingDecoder]
    /// What takes spaces before punctuation out of the whole text, where it is asked for.
    private var cleanUp: [StreamingReplace]
    private var count = 0
    /// The end of a broken sequence of bytes that may still become a character.
    private var pending: [UInt8] = []
    private var isEnded = false

    init(_ tokenizer: Tokenizer, skipsSpecialTokens: Bool, cleansUp: Bool) {
        self.tokenizer = tokenizer
        self.skipsSpecialTokens = skipsSpecialTokens
        stages = tokenizer.decoder.map { StreamingDecoder.stages(of: $0) } ?? []
        cleanUp = cleansUp ? CleanUp.transformers.streaming : []
    }

    /// Takes the next id, and gives the text that is certain now; empty where none is.
    ///
    /// An id that no token has is left out, as `decode` does.
    ///
    /// - Throws: `TokenizerError` where the decoder makes too much of the text, or takes too long.
    public mutating func push(_ id: Int) throws -> String {
        let source = tokenizer.source
        return try TokenizerError.placing("\(source): decoder") { try pushed(id) }
    }

    private mutating func pushed(_ id: Int) throws -> String {
        guard !isEnded, let token = tokenizer.decodedToken(id, skipsSpecialTokens: skipsSpecialTokens) else {
            return ""
        }
        try MemoryBudget.reserve(token.count, of: 3)
        var tokens = [token]
        // Without a decoder tokens are joined by spaces.
        if tokenizer.decoder == nil, count > 0 { tokens.insert([0x20], at: 0) }
        count += 1
        return try text(tokens, from: 0)
    }

    /// Ends the stream, and gives the rest of the text.
    ///
    /// - Throws: `TokenizerError` where the decoder makes too much of the text, or takes too long.
    public mutating func end() throws -> String {
        let source = tokenizer.source
        return try TokenizerError.placing("\(source): decoder") { try ended() }
    }

    private mutating func ended() throws -> String {
        if isEnded { return "" }
        isEnded = true
        var text = ""
        for place in stages.indices {
            let rest = try stages[place].end(try journey())
            text += try self.text(rest, from: place + 1)
        }
        var bytes: [UInt8] = []
        for place in cleanUp.indices {
            bytes = cleanUp[place].push(bytes)
            bytes += cleanUp[place].end()
        }
        return text + whole(bytes) + String(decoding: pending, as: UTF8.self)
    }

    /// The text that tokens become from a stage on.
    private mutating func text(_ tokens: [[UInt8]], from first: Int) throws -> String {
        var tokens = tokens
        for place in stages.indices where place >= first && !tokens.isEmpty {
            tokens = try stages[place].push(tokens, try journey())
        }
        var bytes = Array(tokens.joined())
        for place in cleanUp.indices { bytes = cleanUp[place].push(bytes) }
        return whole(bytes)
    }

    /// Bounds for what a decoder makes of a token.
    private func journey() throws -> Journey {
        let journey = Journey()
        try journey.begin(tokenizer.model.vocabulary.maxLength)
        return journey
    }

    /// The text of bytes but for the beginning of a character at their end.
    private mutating func whole(_ bytes: [UInt8]) -> String {
        let all = pending + bytes
        let end = all.count - Self.incomplete(all)
        pending = Array(all[end...])
        return String(decoding: all[..<end], as: UTF8.self)
    }

    /// How many bytes at the end begin a character that is not whole.
    static func incomplete(_ bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let tail = Array(bytes.suffix(length))
            guard tail[0] & 0xC0 != 0x80 else { continue }
            let expected = tail[0] >= 0xF0 ? 4 : tail[0] >= 0xE0 ? 3 : tail[0] >= 0xC2 ? 2 : 1
            guard length < expected, tail[0] <= 0xF4 else { return 0 }
            // What cannot be continued is one broken sequence for each of its parts; one that can is one as a whole.
            let isOne = String(decoding: tail, as: UTF8.self).unicodeScalars.count == 1
            return isOne ? length : 0
        }
        return 0
    }
}

extension Tokenizer {
    /// A stream that gives the text of ids as they come.
    ///
    /// - Parameters:
    ///   - skipSpecialTokens: Whether special tokens are left out.
    ///   - cleanUpTokenizationSpaces: Whether spaces before punctuation are taken away from a WordPiece text; nil for
    ///     what the folder's tokenizer_config.json says.
    public func stream(skipSpecialTokens: Bool = false, cleanUpTokenizationSpaces: Bool? = nil) -> TokenStream {
        TokenStream(
            self, skipsSpecialTokens: skipSpecialTokens,
            cleansUp: cleansUp(cleanUpTokenizationSpaces))
    }
}
