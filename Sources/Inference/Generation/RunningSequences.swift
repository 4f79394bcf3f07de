import Memory
import Models
import Tensors

/// Sequences that grow token by token, with keys and values of what went through the model.
///
/// They have no padding: each is as long as it is, and leaves when it is done.
struct RunningSequences {
    private let model: any Model
    private let cache: KeyValueCache?
    private let kept: PromptCache?
    /// All tokens of each, the prompt's first.
    private(set) var tokens: [[Int]]

    /// - Parameters:
    ///   - room: tokens that each is expected to grow by.
    ///   - usesCache: whether keys and values are kept.
    ///   - kept: what an earlier prompt left, for a single one.
    init(_ model: any Model, _ prompts: [[Int]], room: Int, usesCache: Bool, kept: PromptCache? = nil) {
        (self.model, tokens, self.kept) = (model, prompts, kept)
        let longest = prompts.map(\.count).max() ?? 0
        kept?.keep(for: prompts.first ?? [], border: model.config.cacheBorder)
        cache =
            kept?.cache
            ?? (usesCache ? KeyValueCache(sequences: prompts.count, capacity: longest + min(room, 256)) : nil)
    }

    /// Logits [B, V] of what follows each.
    func logits() throws -> Tensor {
        let input = ModelInput(inputIds: try rest())
        let output = try model.forward(input, Pass(over: input, read: .last, cache: cache))
        guard let logits = output.logits else { throw InferenceError("the model gave no logits") }
        kept?.tokens = tokens[0]
        return logits
    }

    /// Of each, what did not go through the model yet.
    private func rest() throws -> [[Int]] {
        try MemoryBudget.check()
        guard let cache else { return tokens }
        if let border = model.config.cacheBorder {
            // Beyond it queries and keys are rotated by other frequencies: what is kept of a shorter sequence is of no use.
            for (place, sequence) in tokens.enumerated() where sequence.count > border && cache.counts[place] <= border
            {
                cache.forget(place)
            }
        }
        return zip(tokens, cache.counts).map { Array($0[$1...]) }
    }

    /// Puts a token behind each.
    mutating func append(_ ids: [Int]) {
        for (place, id) in ids.enumerated() { tokens[place].append(id) }
    }

    /// The sequences at these places, each as often as it is named.
    mutating func select(_ places: [Int]) throws {
        tokens = places.map { tokens[$0] }
        try cache?.select(places)
    }
}
