import Adapters
import Formats
import Models
import TestSupport
import Testing

/// Keys of adapter_config.json that only say how the factors were started, and tables that PEFT takes for nothing: (key, value).
///
/// PEFT 0.21.2 was seen to give the same logits with each as without.
private let silent: [(String, String)] = [
    ("init_lora_weights", #""eva""#), ("init_lora_weights", #""orthogonal""#), ("init_lora_weights", #""mica""#),
    ("init_lora_weights", #""MiCA""#), ("init_lora_weights", #""Gaussian""#), ("init_lora_weights", #""lora_ga""#),
    ("init_lora_weights", "false"), ("init_lora_weights", "null"), ("eva_config", #"{"rho": 2.0, "tau": 0.99}"#),
    ("corda_config", #"{"corda_method": "ipm"}"#), ("loftq_config", #"{"loftq_bits": 4}"#), ("loftq_config", "null"),
    ("lora_ga_config", #"{"direction": "ArB2r"}"#), ("layer_replication", "[]"), ("target_parameters", "[]"),
    ("alora_invocation_tokens", "[]"), ("megatron_config", "{}"), ("velora_config", "{}"), ("monteclora_config", "{}"),
    ("lora_bias", "null"), ("use_dora", "null"), ("exclude_modules", "[]"), ("layers_pattern", "[]"),
]

/// The same that PEFT refuses, or with which it changes the base: (key, value, what is said).
private let refused: [(String, String, String)] = [
    ("init_lora_weights", #""pissa""#, "got string 'pissa', which took a part out of the base"),
    ("init_lora_weights", #""pissa_niter_4""#, "got string 'pissa_niter_4', which took a part out of the base"),
    ("init_lora_weights", #""OLoRA""#, "got string 'OLoRA', which took a part out of the base"),
    ("init_lora_weights", #""corda""#, "got string 'corda', which took a part out of the base"),
    ("init_lora_weights", #""loftq""#, "got string 'loftq', which took a part out of the base"),
    ("init_lora_weights", #""nonsense""#, "'init_lora_weights' expected"),
    ("layer_replication", "[[0, 2]]", "'layer_replication' = an array is not supported"),
    ("kasa_config", "{}", "'kasa_config' = an object is not supported"),
    ("arrow_config", "{}", "'arrow_config' = an object is not supported"),
    ("megatron_config", #"{"a": 1}"#, "'megatron_config' = an object is not supported"),
]

/// A copy of a golden's adapter with one key of its configuration changed.
private func copy(of golden: Golden, _ key: String, _ value: String, to scratch: Scratch) throws {
    let source = try golden.folder.subfolder("adapter")
    try scratch.folder.write("adapter_model.safetensors", source.read("adapter_model.safetensors"))
    var members = try #require(JSON(parsing: source.read("adapter_config.json"), source: "adapter").object)
    members[key] = try JSON(parsing: value, source: key)
    try scratch.folder.write("adapter_config.json", text: JSON.object(members).serialized())
}

@Test("keys that concern only the start load, with PEFT's logits", arguments: silent)
func startKeys(key: String, value: String) throws {
    let golden = try Golden("bert-seq-cls")
    let scratch = try Scratch()
    try copy(of: golden, key, value, to: scratch)
    let model = try loadBase(golden)
    let adapters = AdapterSet(model: model)
    let notes = try adapters.load(scratch.folder)
    #expect(notes.contains { $0.contains("lora_ga") } == value.contains("lora_ga\""))
    // float32 sums in another order: DESIGN's bound, of the largest entry.
    #expect(relativeDistance(try result(model(input(of: golden))), try golden.floats("logits")) < 1e-4)
    // Saved again it loads again.
    let again = try Scratch()
    try adapters.saveAll(to: again.folder)
    try AdapterSet(model: loadBase(golden)).load(again.folder)
}

@Test("starts that took a part out of the base are refused by name", arguments: refused)
func startsRefused(key: String, value: String, message: String) throws {
    let golden = try Golden("bert-seq-cls")
    let scratch = try Scratch()
    try copy(of: golden, key, value, to: scratch)
    let model = try loadBase(golden)
    let adapters = AdapterSet(model: model)
    let error = try #require(throws: AdapterError.self) { try adapters.load(scratch.folder) }.description
    #expect(error.contains(message) && error.hasPrefix("\(scratch.folder.path)/adapter_config.json: "), "\(error)")
    #expect(adapters.adapters.isEmpty)
}

@Test("a recipe cannot ask for a start that there is not")
func startsOfRecipes() {
    for (key, value) in [("eva_config", JSON.object(["rho": .integer(2)])), ("init_lora_weights", .string("eva"))] {
        #expect(throws: AdapterError.self) {
            try LoraConfig(.object([key: value]), source: "add_adapter", reading: .recipe)
        }
    }
}
