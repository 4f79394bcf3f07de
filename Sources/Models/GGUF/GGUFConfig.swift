import Formats

/// The config.json that a GGUF file's metadata stand for, as transformers' configuration classes name things.
///
/// Keys are those of gguf's constants.py; what they mean is what llama.cpp's convert_hf_to_gguf wrote, or llama.cpp assumes where it wrote
/// nothing.
public enum GGUFConfig {
    /// The configuration of the model in `file`; throws for a family that is not read and for what its metadata lack or cannot say.
    public static func json(of file: GGUFFile) throws -> JSON {
        let architecture = try GGUFArchitecture.of(file)
        let keys = GGUFKeys(file: file, architecture: architecture.name)
        if let experts = try keys.optionalSize("expert_count", from: 0), experts > 0 {
            throw ModelError("\(keys.place("expert_count")) is \(experts): mixtures of experts are not supported")
        }
        var config: JSONObject = [:]
        try architecture.configure(keys, &config)
        let entries = try vocabulary(keys)
        config["vocab_size"] = .integer(entries)
        config["tie_word_embeddings"] = .bool(!GGUFWeights.hasOwnOutput(file))
        for role in ["bos", "eos", "pad"] {
            config["\(role)_token_id"] =
                try token(role == "pad" ? "padding" : role, of: file, entries: entries) ?? .null
        }
        return .object(config)
    }

    /// Entries of the vocabulary: the embedding's rows, which converters cut to the tokens that there are, whatever the metadata say.
    private static func vocabulary(_ keys: GGUFKeys) throws -> Int {
        let embedding = try keys.file.tensor("token_embd.weight")
        guard embedding.shape.count == 2 else {
            throw ModelError(
                "\(keys.file.file.path): tensor 'token_embd.weight' has shape \(embedding.shape), expected a matrix")
        }
        return embedding.shape[0]
    }

    /// The id of a special token; a list where a turn may end with another token than a text does.
    ///
    /// Ids outside of the vocabulary are as good as none: some converters write them for tokens that the model does not have.
    private static func token(_ role: String, of file: GGUFFile, entries: Int) throws -> JSON? {
        var ids: [Int] = []
        for key in role == "eos" ? ["eos", "eot"] : [role] {
            guard let id = try file.integer("tokenizer.ggml.\(key)_token_id"), (0..<entries).contains(id) else {
                continue
            }
            if !ids.contains(id) { ids.append(id) }
        }
        return ids.count > 1 ? .integers(ids) : ids.first.map { .integer($0) }
    }

    // MARK: Families

    static func llama(_ keys: GGUFKeys, _ config: inout JSONObject) throws {
        // Mistral's files are Llama's; what differs is the window.
        let window = try keys.optionalSize("attention.sliding_window", from: 0).flatMap { $0 > 0 ? $0 : nil }
        try decoder(keys, &config, window == nil ? "llama" : "mistral")
        if let window {
            config["sliding_window"] = .integer(window)
        } else {
            config["attention_bias"] = .bool(keys.has("blk.0.attn_q.bias"))
            config["mlp_bias"] = .bool(keys.has("blk.0.ffn_up.bias"))
        }
    }

    static func smollm3(_ keys: GGUFKeys, _ config: inout JSONObject) throws {
        try decoder(keys, &config, "smollm3")
        config["attention_bias"] = .bool(keys.has("blk.0.attn_q.bias"))
        // Every fourth layer is without rotary positions; the file does not say so.
        config["no_rope_layer_interval"] = .integer(4)
    }

    static func qwen2(_ keys: GGUFKeys, _ config: inout JSONObject) throws { try decoder(keys, &config, "qwen2") }

    static func qwen3(_ keys: GGUFKeys, _ config: inout JSONObject) throws {
        try decoder(keys, &config, "qwen3")
        config["attention_bias"] = .bool(keys.has("blk.0.attn_q.bias"))
    }

    static func gemma2(_ keys: GGUFKeys, _ config: inout JSONObject) throws {
        // The first files of the family lack what is the same in all of its models.
        let window = try keys.optionalSize("attention.sliding_window", from: 0) ?? 4096
        try gemma(keys, &config, "gemma2", window: window, largest: 46, pattern: 2)
        for (cap, usual) in [("attn_logit_softcapping", 50.0), ("final_logit_softcapping", 30.0)] {
            config[cap] = .number(try keys.optionalNumber(cap) ?? usual)
        }
    }

    static func gemma3(_ keys: GGUFKeys, _ config: inout JSONObject) throws {
        let window = try keys.optionalSize("attention.sliding_window", from: 0) ?? 0
        try gemma(keys, &config, "gemma3_text", window: window, largest: 62, pattern: 6)
        config["rope_local_base_freq"] = .number(try keys.optionalNumber("rope.freq_base_swa") ?? 10_000)
        config["final_logit_softcapping"] =
            try keys.optionalNumber("final_logit_softcapping").map { .number($0) } ?? .null
    }

    static func phi3(_ keys: GGUFKeys, _ config: inout JSONObject) throws {
        try decoder(keys, &config, "phi3")
        // Files of before the key are of Phi 3's models for short texts, or their windows are beyond their texts.
        let short = try keys.size("context_length") == 4096
        let window = try keys.optionalSize("attention.sliding_window", from: 0) ?? (short ? 2047 : 0)
        config["sliding_window"] = window > 0 ? .integer(window) : .null
    }

    static func gpt2(_ keys: GGUFKeys, _ config: inout JSONObject) throws {
        config["model_type"] = .string("gpt2")
        config["n_embd"] = .integer(try keys.size("embedding_length"))
        config["n_layer"] = .integer(try layers(keys))
        config["n_head"] = .integer(try keys.size("attention.head_count"))
        config["n_inner"] = try keys.optionalSize("feed_forward_length").map { .integer($0) } ?? .null
        config["n_positions"] = .integer(try keys.size("context_length"))
        config["layer_norm_epsilon"] = .number(try keys.number("attention.layer_norm_epsilon"))
        config["activation_function"] = .string("gelu_new")
    }

    // MARK: What they share

    /// What every family with rotary positions and RMS norms has.
    private static func decoder(_ keys: GGUFKeys, _ config: inout JSONObject, _ modelType: String) throws {
        let heads = try keys.size("attention.head_count")
        let hidden = try keys.size("embedding_length")
        let width = try headWidth(keys, hidden: hidden, heads: heads)
        config["model_type"] = .string(modelType)
        config["hidden_size"] = .integer(hidden)
        config["num_hidden_layers"] = .integer(try layers(keys))
        config["num_attention_heads"] = .integer(heads)
        config["num_key_value_heads"] = .integer(try keys.optionalSize("attention.head_count_kv") ?? heads)
        config["head_dim"] = .integer(width)
        config["intermediate_size"] = .integer(try keys.size("feed_forward_length"))
        config["max_position_embeddings"] = .integer(try keys.size("context_length"))
        config["hidden_act"] = .string("silu")
        config["rms_norm_eps"] = .number(try keys.number("attention.layer_norm_rms_epsilon"))
        config["rope_theta"] = .number(try keys.optionalNumber("rope.freq_base") ?? 10_000)
        if let rotated = try keys.optionalSize("rope.dimension_count"), rotated != width {
            config["partial_rotary_factor"] = .number(Double(rotated) / Double(width))
        }
        try GGUFRope(keys, rotated: keys.optionalSize("rope.dimension_count") ?? width).write(to: &config)
    }

    private static func layers(_ keys: GGUFKeys) throws -> Int {
        let layers = try keys.size("block_count")
        guard layers <= 10_000 else {
            throw ModelError("\(keys.place("block_count")) expected an integer from 1 to 10000, got integer \(layers)")
        }
        return layers
    }

    private static func headWidth(_ keys: GGUFKeys, hidden: Int, heads: Int) throws -> Int {
        let width = try keys.optionalSize("attention.key_length")
        if let width {
            let values = try keys.optionalSize("attention.value_length") ?? width
            guard values == width else {
                throw ModelError(
                    "\(keys.place("attention.value_length")) is \(values) and that of keys \(width); both must be equal"
                )
            }
            return width
        }
        if let rows = keys.file.tensors["blk.0.attn_q.weight"]?.shape.first, rows % heads == 0 { return rows / heads }
        guard hidden % heads == 0 else {
            throw ModelError(
                "\(keys.place("embedding_length")), \(hidden), is no multiple of the number of heads, \(heads)")
        }
        return hidden / heads
    }

    /// Gemma: `largest` layers has the family's largest model, whose queries are scaled by another width than that of its heads; every
    /// `pattern`-th layer sees everything.
    private static func gemma(
        _ keys: GGUFKeys, _ config: inout JSONObject, _ modelType: String, window: Int, largest: Int, pattern: Int
    ) throws {
        try decoder(keys, &config, modelType)
        config.removeValue(forKey: "hidden_act")
        config["hidden_activation"] = .string("gelu_pytorch_tanh")
        let (layers, heads) = (try layers(keys), try keys.size("attention.head_count"))
        if let scale = try keys.optionalNumber("attention.scale") {
            config["query_pre_attn_scalar"] = .number(1 / (scale * scale))
        } else {
            let width = layers == largest ? try keys.size("embedding_length") / heads : config["head_dim"]?.int ?? 0
            config["query_pre_attn_scalar"] = .integer(width)
        }
        config["sliding_window"] = window > 0 ? .integer(window) : .null
        let kinds = try windowed(keys, layers: layers, pattern: pattern).map {
            JSON.string($0 && window > 0 ? "sliding_attention" : "full_attention")
        }
        config["layer_types"] = .array(kinds)
    }

    /// Which layers see a window only: as the file says, by a number or layer by layer, else by the family's pattern.
    private static func windowed(_ keys: GGUFKeys, layers: Int, pattern: Int) throws -> [Bool] {
        let key = "attention.sliding_window_pattern"
        if let array = keys.file.metadata["\(keys.architecture).\(key)"]?.array {
            guard array.count == layers else {
                throw ModelError("\(keys.place(key)) has \(array.count) elements, the model \(layers) layers")
            }
            return array.type == .bool ? try array.booleans() : try array.integers().map { $0 != 0 }
        }
        let period = try keys.optionalSize(key) ?? pattern
        return (1...layers).map { $0 % period != 0 }
    }
}
