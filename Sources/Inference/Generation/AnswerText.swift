import Tokenizers

/// The text of an answer as its tokens come: without special tokens, the end id and stop strings.
struct AnswerText {
    private var stream: TokenStream
    private var stops: StopStrings
    /// What is certain so far.
    private(set) var text = ""

    init(_ tokenizer: Tokenizer, stop: [String]) {
        stream = tokenizer.stream(skipSpecialTokens: true)
        stops = StopStrings(stop)
    }

    /// Whether a stop string was found.
    var isStopped: Bool { stops.isFound }

    /// Takes a token; gives what is certain now and was not before.
    mutating func push(_ id: Int) throws -> String { keep(stops.push(try stream.push(id))) }

    /// Gives what was held back.
    mutating func end() throws -> String {
        let rest = stops.push(try stream.end())
        return keep(rest + stops.end())
    }

    private mutating func keep(_ piece: String) -> String {
        text += piece
        return piece
    }
}
