import Formats

extension GGUFTokenizerFields {
    /// What the metadata of a file say; throws where they say no tokenizer, or other than their kinds.
    public init(_ file: GGUFFile) throws {
        let place = file.file.path
        guard let model = try file.text("tokenizer.ggml.model") else {
            throw TokenizerError("\(place): the file has no tokenizer ('tokenizer.ggml.model' is missing)")
        }
        func strings(_ key: String) throws -> [String]? {
            try file.array(key)?.strings().map { String(decoding: $0, as: UTF8.self) }
        }
        guard let tokens = try strings("tokenizer.ggml.tokens") else {
            throw TokenizerError("\(place): 'tokenizer.ggml.tokens' is missing")
        }
        let architecture = try file.text("general.architecture")
        var ids: [SpecialToken: Int] = [:]
        for (token, key) in GGUFTokenizerFields.specialTokenKeys { ids[token] = try file.integer(key) }
        self.init(
            model: model, pre: try file.text("tokenizer.ggml.pre"), architecture: architecture, tokens: tokens,
            scores: try file.array("tokenizer.ggml.scores")?.numbers(),
            tokenTypes: try file.array("tokenizer.ggml.token_type")?.integers(),
            merges: try strings("tokenizer.ggml.merges"), specialTokenIds: ids,
            addBos: try file.flag("tokenizer.ggml.add_bos_token"),
            addEos: try file.flag("tokenizer.ggml.add_eos_token"),
            addSpacePrefix: try file.flag("tokenizer.ggml.add_space_prefix"),
            charsmap: try file.array("tokenizer.ggml.precompiled_charsmap")?.integers().map {
                UInt8(truncatingIfNeeded: $0)
            },
            chatTemplate: try file.text("tokenizer.chat_template"),
            modelMaxLength: try architecture.flatMap { try file.integer("\($0).context_length") })
    }
}
