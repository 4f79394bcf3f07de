/// How tokens are generated, by the names and with the defaults of transformers' GenerationConfig (5.23), but for `maxNewTokens`.
public struct GenerationOptions: Sendable {
    /// When beam search ends although beams could go on.
    public enum EarlyStopping: Sendable, Equatable {
        /// When the best running beam, at its present length, is worse than all that are finished.
        case no
        /// When as many beams are finished as there are.
        case yes
        /// When no running beam can become better than those that are finished.
        case never
    }

    /// Most tokens that are made of a prompt; fewer where the model's positions end.
    public var maxNewTokens = 256
    /// Fewest: none of the end ids is taken before.
    public var minNewTokens = 0
    /// Whether tokens are drawn by their probabilities; else the most probable one is taken.
    public var doSample = false
    /// What logits are divided by; nil for 1.
    public var temperature: Double?
    /// How many of the most probable tokens are drawn from, 0 for all; nil for 50.
    public var topK: Int?
    /// The most probable tokens that together reach this probability are drawn from; nil for all.
    public var topP: Double?
    /// Tokens are drawn whose probability is at least this share of the greatest one; nil for all.
    public var minP: Double?
    /// The tokens nearest to the expected information that together reach this probability are drawn from; nil for all
    /// (Meister and others 2022, arXiv:2202.00666).
    public var typicalP: Double?
    /// What logits of tokens that came before are divided by, or multiplied with where they are below 0 (Keskar and others 2019,
    /// arXiv:1909.05858).
    public var repetitionPenalty = 1.0
    /// No run of so many tokens comes twice; 0 allows all.
    public var noRepeatNgramSize = 0
    /// Sequences that are followed at once; above 1 it is beam search.
    public var numBeams = 1
    /// Exponent of the length by which the score of a beam is divided.
    public var lengthPenalty = 1.0
    /// When beam search ends.
    public var earlyStopping = EarlyStopping.no
    /// How many answers are made of each prompt.
    public var numReturnSequences = 1
    /// Texts at which an answer ends; they are not part of it.
    public var stop: [String] = []
    /// Ids at which an answer ends.
    public var endIds: [Int] = []
    /// Seed of what is drawn.
    public var seed: UInt64 = 42
    /// Whether keys and values of what came before are kept; without, every step computes the whole sequences: the same tokens, slowly.
    public var usesCache = true

    /// Greedy generation of up to 256 tokens.
    public init() {}

    /// `topK` where tokens are drawn and nothing is said, as in transformers.
    static let standardTopK = 50

    /// Most beams, or answers, of one prompt.
    public static let mostSequences = 1024

    /// Throws where options are out of range, contradict one another or have no effect.
    public func check() throws {
        func range(_ name: String, _ isRight: Bool, _ expected: String, _ value: Any) throws {
            guard isRight else { throw InferenceError("option '\(name)' expected \(expected), got \(value)") }
        }
        try range("max_new_tokens", maxNewTokens >= 1, "an integer of at least 1", maxNewTokens)
        try range("min_new_tokens", minNewTokens >= 0, "an integer of at least 0", minNewTokens)
        try range("no_repeat_ngram_size", noRepeatNgramSize >= 0, "an integer of at least 0", noRepeatNgramSize)
        for (name, value) in [("num_beams", numBeams), ("num_return_sequences", numReturnSequences)] {
            try range(
                name, (1...GenerationOptions.mostSequences).contains(value),
                "an integer from 1 to \(GenerationOptions.mostSequences)", value)
        }
        try range("length_penalty", (-100...100).contains(lengthPenalty), "a number from -100 to 100", lengthPenalty)
        for (name, value) in [("temperature", temperature), ("repetition_penalty", repetitionPenalty)] {
            // Beyond, a quotient of float32 may be 0 or infinite.
            if let value { try range(name, (1e-6...1e6).contains(value), "a number from 1e-06 to 1000000.0", value) }
        }
        if let typicalP { try range("typical_p", typicalP > 0, "a number above 0", typicalP) }
        for (name, value) in [("top_p", topP), ("min_p", minP), ("typical_p", typicalP)] {
            if let value { try range(name, (0...1).contains(value), "a number from 0 to 1", value) }
        }
        if let topK { try range("top_k", topK >= 0, "an integer of at least 0", topK) }
        guard minNewTokens <= maxNewTokens else {
            throw InferenceError("min_new_tokens \(minNewTokens) is more than max_new_tokens, \(maxNewTokens)")
        }
        let drawing: [(name: String, isGiven: Bool)] = [
            ("temperature", temperature != nil), ("top_k", topK != nil), ("top_p", topP != nil), ("min_p", minP != nil),
            ("typical_p", typicalP != nil),
        ]
        if !doSample, let first = drawing.first(where: \.isGiven) {
            throw InferenceError("option '\(first.name)' has no effect without do_sample = true")
        }
        if doSample, numBeams > 1 {
            throw InferenceError("num_beams \(numBeams) with do_sample = true is not supported; leave one of them out")
        }
        if numBeams > 1 {
            guard numReturnSequences <= numBeams else {
                throw InferenceError(
                    "num_return_sequences \(numReturnSequences) is more than num_beams, \(numBeams)")
            }
        } else if numReturnSequences > 1, !doSample {
            throw InferenceError(
                "num_return_sequences \(numReturnSequences) would give the same answer each time; set do_sample = true or num_beams"
            )
        }
        if stop.contains("") { throw InferenceError("option 'stop' holds an empty text") }
    }
}
