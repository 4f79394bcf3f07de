/// What the metadata of a GGUF file say of its tokenizer: the keys `tokenizer.ggml.*` and `tokenizer.chat_template`.
public struct GGUFTokenizerFields: Sendable {
    /// `tokenizer.ggml.model`: "gpt2" (byte-level BPE), "llama" (SentencePiece's BPE), "t5" (SentencePiece's Unigram).
    public var model: String
    /// `tokenizer.ggml.pre`: by which expressions a byte-level tokenizer cuts words.
    public var pre: String?
    /// `general.architecture`: Gemma and Phi-3 write spaces in ways of their own.
    public var architecture: String?
    /// `tokenizer.ggml.tokens`: the token of every id.
    public var tokens: [String]
    /// `tokenizer.ggml.scores`: one for each token.
    public var scores: [Double]?
    /// `tokenizer.ggml.token_type`: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    public var tokenTypes: [Int]?
    /// `tokenizer.ggml.merges`: two tokens and a space each.
    public var merges: [String]?
    /// `tokenizer.ggml.bos_token_id` and the others that are named by id.
    public var specialTokenIds: [SpecialToken: Int]
    /// `tokenizer.ggml.add_bos_token`; nil where the file does not say it.
    public var addBos: Bool?
    /// `tokenizer.ggml.add_eos_token`; nil where the file does not say it.
    public var addEos: Bool?
    /// `tokenizer.ggml.add_space_prefix`; nil where the file does not say it.
    public var addSpacePrefix: Bool?
    /// `tokenizer.ggml.precompiled_charsmap`: the block of the normalizer Precompiled.
    public var charsmap: [UInt8]?
    /// `tokenizer.chat_template`.
    public var chatTemplate: String?
    /// `<architecture>.context_length`: the most tokens that the model takes.
    public var modelMaxLength: Int?

    /// The keys of the ids of special tokens.
    public static let specialTokenKeys: [SpecialToken: String] = [
        .bos: "tokenizer.ggml.bos_token_id", .eos: "tokenizer.ggml.eos_token_id",
        .unk: "tokenizer.ggml.unknown_token_id", .pad: "tokenizer.ggml.padding_token_id",
        .sep: "tokenizer.ggml.seperator_token_id", .cls: "tokenizer.ggml.cls_token_id",
        .mask: "tokenizer.ggml.mask_token_id",
    ]

    /// The fields that are given; the others are not in the file.
    public init(
        model: String, pre: String? = nil, architecture: String? = nil, tokens: [String], scores: [Double]? = nil,
        tokenTypes: [Int]? = nil, merges: [String]? = nil, specialTokenIds: [SpecialToken: Int] = [:],
        addBos: Bool? = nil, addEos: Bool? = nil, addSpacePrefix: Bool? = nil, charsmap: [UInt8]? = nil,
        chatTemplate: String? = nil, modelMaxLength: Int? = nil
    ) {
        (self.model, self.pre, self.architecture) = (model, pre, architecture)
        (self.tokens, self.scores, self.tokenTypes, self.merges) = (tokens, scores, tokenTypes, merges)
        self.specialTokenIds = specialTokenIds
        (self.addBos, self.addEos, self.addSpacePrefix) = (addBos, addEos, addSpacePrefix)
        (self.charsmap, self.chatTemplate, self.modelMaxLength) = (charsmap, chatTemplate, modelMaxLength)
    }
}
