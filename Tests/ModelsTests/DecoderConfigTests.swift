import Formats
import Kernels
import Models
import Tensors
import TestSupport
import Testing

/// Bases of decoders: scripts/goldens/decoders.py.
private let bases = [
    "llama", "llama-linear", "llama-dynamic", "llama-llama3", "llama-yarn", "mistral", "qwen2", "qwen3", "gemma2",
    "gemma3", "gemma3-nested", "phi3", "phi3-longrope", "smollm3", "gpt2",
]

private func members(_ name: String) throws -> JSONObject {
    try #require(JSON(parsing: base(name).read("config.json"), source: "config.json").object)
}

private func rope(_ entries: [String: JSON]) -> JSON {
    var table: JSONObject = [:]
    for (key, value) in entries.sorted(by: { $0.key < $1.key }) { table[key] = value }
    return .object(table)
}

/// (base, changes of its config.json, message).
private let wrong: [(base: String, changes: [(String, JSON)], message: String)] = [
    (
        "llama", [("rope_scaling", rope(["rope_type": .string("abc"), "factor": .number(2)]))],
        "config.json: rope_scaling: rope_type 'abc' is not supported; there are 'default', 'linear', 'dynamic', 'yarn'"
    ),
    (
        "llama-dynamic", [("rope_parameters", rope(["rope_type": .string("dynamic")]))],
        "config.json: rope_parameters: 'factor' is missing"
    ),
    (
        "llama", [("rope_scaling", rope(["type": .string("linear"), "factor": .string("2")]))],
        "config.json: rope_scaling: 'factor' expected a number from 1e-06 to 1000000000.0, got string '2'"
    ),
    (
        "llama", [("rope_scaling", rope(["type": .integer(3)]))],
        "config.json: rope_scaling: 'type' expected a string, got integer 3"
    ),
    (
        "llama",
        [
            (
                "rope_scaling",
                rope([
                    "rope_type": .string("llama3"), "factor": .number(8), "low_freq_factor": .number(4),
                    "high_freq_factor": .number(1), "original_max_position_embeddings": .integer(32),
                ])
            )
        ], "config.json: rope_scaling: 'low_freq_factor' 4.0 is not below 'high_freq_factor' 1.0"
    ),
    ("llama", [("rope_scaling", .string("linear"))], "config.json: option 'rope_scaling' expected a table"),
    ("llama", [("rope_theta", .number(0))], "config.json: option 'rope_theta' expected a number from 1"),
    (
        "llama", [("num_key_value_heads", .integer(3))],
        "config.json: 4 heads cannot share 3 heads of keys and values (num_key_value_heads)"
    ),
    (
        "llama", [("num_attention_heads", .integer(5)), ("head_dim", .null)],
        "config.json: hidden size 24 is no multiple of the number of attention heads, 5"
    ),
    ("llama", [("head_dim", .integer(7))], "config.json: 7 of the 7 numbers of a head would be rotated"),
    ("llama", [("head_dim", .integer(0))], "config.json: option 'head_dim' expected an integer from 1"),
    (
        "llama", [("pretraining_tp", .integer(2))],
        "config.json: option 'pretraining_tp' = integer 2 is not supported: only 1 is"
    ),
    ("llama", [("hidden_act", .string("silo"))], "config.json: option 'hidden_act' expected one of"),
    ("mistral", [("sliding_window", .integer(0))], "config.json: option 'sliding_window' expected an integer from 1"),
    (
        "qwen2", [("layer_types", .array([.string("full_attention"), .string("chunked_attention")]))],
        "config.json: 'layer_types' has 'chunked_attention'; there are 'full_attention' and 'sliding_attention'"
    ),
    (
        "gemma3-nested", [("layer_types", .array([.string("full_attention")]))],
        "config.json: 'layer_types' has 1 entries for 2 layers"
    ),
    ("qwen2", [("layer_types", .string("full_attention"))], "config.json: option 'layer_types' expected a list"),
    (
        "gemma2", [("attn_logit_softcapping", .number(-1))],
        "config.json: option 'attn_logit_softcapping' expected a number from 0.001"
    ),
    (
        "gemma2", [("use_bidirectional_attention", .bool(true))],
        "config.json: option 'use_bidirectional_attention' = true is not supported: only decoders are"
    ),
    (
        "phi3-longrope",
        [
            (
                "rope_scaling",
                rope([
                    "type": .string("longrope"), "short_factor": .array([.number(1)]),
                    "long_factor": .array([.number(1)]),
                ])
            )
        ], "config.json: rope_scaling: 'short_factor' has 1 numbers; 3 are needed, one for each pair of a head"
    ),
    (
        "phi3-longrope",
        [("rope_scaling", rope(["type": .string("longrope"), "short_factor": .array([.string("a")])]))],
        "config.json: rope_scaling: 'short_factor' expected a list of numbers above 0"
    ),
    (
        "phi3", [("rope_parameters", rope(["rope_type": .string("linear"), "factor": .number(2)]))],
        "config.json: rope_type must be 'default' or 'longrope' for model_type 'phi3'"
    ),
    ("smollm3", [("no_rope_layers", .integer(1))], "config.json: option 'no_rope_layers' expected a list of integers"),
    (
        "smollm3", [("no_rope_layers", .array([.integer(1)]))],
        "config.json: 'no_rope_layers' has 1 entries for 3 layers"
    ),
    (
        "gpt2", [("n_head", .integer(5))],
        "config.json: hidden size 24 is no multiple of the number of attention heads, 5"
    ),
    (
        "gpt2", [("add_cross_attention", .bool(true))],
        "config.json: option 'add_cross_attention' = true is not supported: only decoders by themselves are"
    ),
    ("gpt2", [("activation_function", .string("relu2"))], "did you mean 'relu'?"),
]

@Test("a decoder's wrong config.json is refused in one line that names the file and the key", arguments: wrong.indices)
func wrongDecoderConfig(index: Int) throws {
    let (base, changes, message) = wrong[index]
    var members = try members(base)
    for (key, value) in changes { members[key] = value }
    let text = messageOf { try ModelConfig(.object(members), source: "config.json") }
    #expect(text.contains(message), "\(text)")
    #expect(text.hasPrefix("config.json: ") && !text.contains("\n"), "\(text)")
}

/// What a number, a text or a table of a config.json may become.
private let odd: [JSON] = [
    .null, .bool(true), .bool(false), .integer(-1), .integer(0), .integer(1), .integer(2), .integer(3), .integer(7),
    .integer(64), .integer(1 << 24), .integer(1 << 31), .integer(Int64.max), .integer(Int64.min), .number(0.5),
    .number(-0.5),
    .number(1e-300), .number(1e300), .number(2.5), .string(""), .string("full_attention"), .string("yarn"),
    .string("dynamic"), .string("longrope"), .string("llama3"), .string("linear"), .array([]), .array([.integer(1)]),
    .array([.number(1e300), .number(-1)]), .array([.string("sliding_attention")]), .object([:]),
]

@Test(
    "no value of any key of a decoder's config.json ends the process: a model of shapes, or one line", arguments: bases)
func oddDecoderConfigs(name: String) throws {
    let whole = try members(name)
    let key = RandomKey(seed: 10).child(name)
    // 20 layers at most: the shapes of ten thousand take seconds, and are no other code.
    func values(_ key: String) -> [JSON] {
        ["num_hidden_layers", "n_layer"].contains(key) ? odd.filter { ($0.int ?? 0) != 64 } : odd
    }
    func check(_ members: JSONObject) {
        do {
            let config = try ModelConfig(.object(members), source: "config.json")
            for task in [TaskType.causalLM, .sequenceClassification, .tokenClassification, nil] {
                let options = LoadOptions(taskType: task, weights: .none)
                _ = try makeModel(config, options).model.parameterCounts()
            }
        } catch {
            let text = String(describing: error)
            #expect(!text.isEmpty && !text.contains("\n"), "\(text)")
        }
    }
    // Every key with every value, then several changes at once, those of the tables of rotary frequencies among them.
    for entry in whole {
        for value in values(entry.key) {
            var members = whole
            members[entry.key] = value
            check(members)
        }
    }
    let names = whole.map(\.key)
    let inner = [
        "rope_type", "type", "factor", "rope_theta", "original_max_position_embeddings", "short_factor", "long_factor",
        "low_freq_factor", "high_freq_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate",
        "attention_factor", "partial_rotary_factor", "full_attention",
    ]
    for round in 0..<300 {
        let key = key.child(round)
        func pick<T>(_ list: [T], _ place: Int) -> T { list[Int(key.word(place) % UInt64(list.count))] }
        var members = whole
        var table: JSONObject = members["rope_parameters"]?.object ?? members["rope_scaling"]?.object ?? [:]
        for place in 0..<3 { table[pick(inner, 2 * place)] = pick(odd, 2 * place + 1) }
        members[pick(["rope_scaling", "rope_parameters"], 6)] = .object(table)
        for place in 0..<2 {
            let name = pick(names, 8 + 2 * place)
            members[name] = pick(values(name), 9 + 2 * place)
        }
        check(members)
    }
}

@Test(
    "both spellings of the rotary options are one",
    arguments: ["llama-linear", "llama-dynamic", "llama-llama3", "llama-yarn", "mistral", "phi3-longrope"])
func ropeSpellings(name: String) throws {
    var members = try members(name)
    if var table = members["rope_parameters"]?.object {
        members["rope_theta"] = table["rope_theta"]
        table["type"] = table["rope_type"]
        table.removeValue(forKey: "rope_type")
        table.removeValue(forKey: "rope_theta")
        members["rope_parameters"] = .null
        members["rope_scaling"] = .object(table)
    } else {
        var table = try #require(members["rope_scaling"]?.object)
        table["rope_theta"] = members["rope_theta"]
        members["rope_scaling"] = .null
        members.removeValue(forKey: "rope_theta")
        members["rope_parameters"] = .object(table)
    }
    let scratch = try Scratch()
    try scratch.folder.write("config.json", text: JSON.object(members).serialized())
    for file in try base(name).list() where file.hasPrefix("model") {
        try scratch.folder.write(file, base(name).read(file))
    }
    let input = ModelInput(inputIds: [(0..<14).map { 5 + 5 * $0 }, [8, 9, 10]])
    let logits = try [base(name), scratch.folder].map { folder in
        try #require(loadModel(folder, LoadOptions(taskType: .causalLM)).model(input).logits).floatArray()
    }
    #expect(logits[0] == logits[1])
    #expect(logits[0].allSatisfy { $0.isFinite })
}
