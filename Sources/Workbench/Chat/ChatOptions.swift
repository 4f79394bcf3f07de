import Inference

/// What the user set for a conversation on the command line.
public struct ChatOptions: Sendable {
    /// The model's folder or file, or its name in the Hugging Face cache.
    public var model: String
    /// Folder of an adapter.
    public var adapter: String?
    /// What the model is told before the conversation.
    public var system: String?
    /// Most tokens of an answer.
    public var maxNewTokens = 512
    /// Options by which tokens are drawn; the most probable one is taken where none is given.
    public var temperature: Double?
    /// See `GenerationOptions`.
    public var topK: Int?
    /// See `GenerationOptions`.
    public var topP: Double?
    /// See `GenerationOptions`.
    public var minP: Double?
    /// See `GenerationOptions`.
    public var repetitionPenalty: Double?

    /// A conversation with a model.
    public init(model: String) { self.model = model }

    /// How answers are generated.
    func generation(endIds: [Int], seed: UInt64) -> GenerationOptions {
        var options = GenerationOptions()
        (options.maxNewTokens, options.endIds, options.seed) = (maxNewTokens, endIds, seed)
        (options.temperature, options.topK, options.topP, options.minP) = (temperature, topK, topP, minP)
        options.repetitionPenalty = repetitionPenalty ?? 1
        options.doSample = temperature != nil || topK != nil || topP != nil || minP != nil
        return options
    }
}
