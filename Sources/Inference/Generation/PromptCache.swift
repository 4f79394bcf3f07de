import Models

/// Keys and values of a prompt and its answer, kept for the next prompt that begins in the same way: the next turn of a conversation.
///
/// It belongs to one model with its active adapters as they are: after a change of either a new one is needed.
public final class PromptCache {
    /// The tokens that went through the model.
    var tokens: [Int] = []
    let cache = KeyValueCache(sequences: 1, capacity: 256)

    /// Nothing is kept yet.
    public init() {}

    /// Tokens that are kept.
    public var count: Int { tokens.count }

    /// Keeps what `prompt` begins with, but not its last token, of which logits are asked.
    func keep(for prompt: [Int], border: Int?) {
        var same = zip(tokens, prompt.dropLast()).prefix { $0 == $1 }.count
        // Keys of a sequence beyond the border are rotated otherwise than those of one that ends before it.
        if let border, tokens.count > border, prompt.count <= border { same = 0 }
        tokens = Array(tokens.prefix(same))
        cache.keepFirst(same)
    }
}
