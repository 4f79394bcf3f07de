import Formats

/// How the names and rows of a family's GGUF files become those of its Hugging Face checkpoint.
///
/// The names are those of gguf's tensor_mapping.py, the changes those that llama.cpp's convert_hf_to_gguf makes, undone.
struct GGUFNames: Sendable {
    /// What converting did to a tensor, which reading undoes.
    enum Change: Sendable, Equatable {
        case none
        /// The two halves of each head's rows, which rotary positions turn together, were laid alternately; the metadata under `heads` says
        /// how many heads there are.
        case unpermuteHeads(_ heads: String)
        /// Gemma's norms multiply by 1 + weight; the file has the sum.
        case minusOne
        /// A Conv1D's [in, out] was turned to [out, in].
        case transposed
    }

    /// A module's name on both sides; its weight and its bias follow.
    struct Module: Sendable {
        /// In the GGUF file; `{layer}` stands for the layer's number.
        let file: String
        /// In the checkpoint.
        let name: String
        /// What is undone; of transposed modules the weight alone.
        let change: Change

        init(_ file: String, _ name: String, _ change: Change = .none) {
            (self.file, self.name, self.change) = (file, name, change)
        }
    }

    /// Modules of the whole model, such as the embedding.
    let whole: [Module]
    /// Modules of each layer, both sides without the layer's own prefix.
    let layer: [Module]
    /// Prefix of a layer in the checkpoint: `model.layers.`.
    let layers: String

    /// Prefix of a layer in every family's file.
    private static let blocks = "blk."

    /// Name in the checkpoint of the tensor `name`, and what is to be undone; nil where the family has none of this name.
    func translated(_ name: String) -> (name: String, change: Change)? {
        guard let dot = name.lastIndex(of: ".") else { return nil }
        let suffix = name[dot...]
        guard suffix == ".weight" || suffix == ".bias" else { return nil }
        var (module, prefix, modules) = (name[..<dot], "", whole)
        if module.hasPrefix(GGUFNames.blocks) {
            let rest = module.dropFirst(GGUFNames.blocks.count)
            guard let end = rest.firstIndex(of: "."), let number = UInt(rest[..<end]), "\(number)" == rest[..<end]
            else {
                return nil
            }
            (module, prefix, modules) = (rest[rest.index(after: end)...], "\(layers)\(number).", layer)
        }
        guard let found = modules.first(where: { $0.file == module }) else { return nil }
        let isPlain = found.change == .transposed && suffix == ".bias"
        return ("\(prefix)\(found.name)\(suffix)", isPlain ? .none : found.change)
    }
}

extension GGUFNames {
    private static let llamaWhole = [
        Module("token_embd", "model.embed_tokens"), Module("output_norm", "model.norm"), Module("output", "lm_head"),
    ]

    private static let plainAttention = [
        Module("attn_q", "self_attn.q_proj"), Module("attn_k", "self_attn.k_proj"),
        Module("attn_v", "self_attn.v_proj"),
        Module("attn_output", "self_attn.o_proj"),
    ]

    private static let gated = [
        Module("ffn_gate", "mlp.gate_proj"), Module("ffn_up", "mlp.up_proj"), Module("ffn_down", "mlp.down_proj"),
    ]

    private static let norms = [
        Module("attn_norm", "input_layernorm"), Module("ffn_norm", "post_attention_layernorm"),
    ]

    /// Llama, Mistral and SmolLM3, whose files are made for rotary positions that turn neighbours.
    static let llama = GGUFNames(
        whole: llamaWhole,
        layer: [
            Module("attn_q", "self_attn.q_proj", .unpermuteHeads("attention.head_count")),
            Module("attn_k", "self_attn.k_proj", .unpermuteHeads("attention.head_count_kv")),
        ] + plainAttention.dropFirst(2) + gated + norms, layers: "model.layers.")

    /// Qwen 2 and 3: halves stay as they are; Qwen 3 has norms of queries and keys.
    static let qwen = GGUFNames(
        whole: llamaWhole,
        layer: plainAttention + gated + norms + [
            Module("attn_q_norm", "self_attn.q_norm"), Module("attn_k_norm", "self_attn.k_norm"),
        ], layers: "model.layers.")

    /// Gemma 2 and 3: norms before and after each sublayer, all of them with 1 added.
    static let gemma = GGUFNames(
        whole: [
            Module("token_embd", "model.embed_tokens"), Module("output_norm", "model.norm", .minusOne),
            Module("output", "lm_head"),
        ],
        layer: plainAttention + gated + [
            Module("attn_norm", "input_layernorm", .minusOne),
            Module("post_attention_norm", "post_attention_layernorm", .minusOne),
            Module("ffn_norm", "pre_feedforward_layernorm", .minusOne),
            Module("post_ffw_norm", "post_feedforward_layernorm", .minusOne),
            Module("attn_q_norm", "self_attn.q_norm", .minusOne), Module("attn_k_norm", "self_attn.k_norm", .minusOne),
        ], layers: "model.layers.")

    /// Phi 3: queries, keys and values are one tensor, gate and up are one, on both sides in the same order.
    static let phi3 = GGUFNames(
        whole: llamaWhole,
        layer: [
            Module("attn_qkv", "self_attn.qkv_proj"), Module("attn_output", "self_attn.o_proj"),
            Module("ffn_up", "mlp.gate_up_proj"), Module("ffn_down", "mlp.down_proj"),
        ] + norms, layers: "model.layers.")

    /// GPT-2, whose checkpoint has Conv1D.
    static let gpt2 = GGUFNames(
        whole: [
            Module("token_embd", "transformer.wte"), Module("position_embd", "transformer.wpe"),
            Module("output_norm", "transformer.ln_f"), Module("output", "lm_head"),
        ],
        layer: [
            Module("attn_norm", "ln_1"), Module("attn_qkv", "attn.c_attn", .transposed),
            Module("attn_output", "attn.c_proj", .transposed), Module("ffn_norm", "ln_2"),
            Module("ffn_up", "mlp.c_fc", .transposed), Module("ffn_down", "mlp.c_proj", .transposed),
        ], layers: "transformer.h.")
}
