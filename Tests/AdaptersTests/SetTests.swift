import Adapters
import Formats
import Models
import Tensors
import TestSupport
import Testing

/// A model of one layer with random weights.
func tinyModel(_ task: TaskType? = .sequenceClassification, type: String = "bert", seed: UInt64 = 1) throws -> any Model
{
    let text = """
        {"model_type": "\(type)", "vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 24, "max_position_embeddings": 20, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}
        """
    let config = try ModelConfig(JSON(parsing: text, source: "tiny"), source: "tiny")
    return try makeModel(config, LoadOptions(taskType: task, weights: .random, seed: seed)).model
}

let tinyInput = ModelInput(inputIds: [[2, 5, 7, 9], [3, 4]])

/// A configuration with B that is not zero, so that the adapter does something.
func config(_ targets: [String], r: Int = 4, alpha: Double = 8, change: (inout LoraConfig) -> Void = { _ in })
    -> LoraConfig
{
    var config = LoraConfig()
    (config.targetModules, config.r, config.loraAlpha) = (.list(targets), r, alpha)
    config.initLoraWeights = .random
    change(&config)
    return config
}

func logits(_ model: any Model) throws -> [Float] { try #require(try model(tinyInput).logits).floatArray() }

@Test("adapters are switched, disabled and deleted, and the base comes back bit for bit")
func switching() throws {
    let model = try tinyModel()
    let base = try logits(model)
    let adapters = AdapterSet(model: model)
    try adapters.add(config(["query", "value"]) { $0.taskType = .featureExtraction }, name: "first")
    let first = try logits(model)
    #expect(first != base)
    try adapters.add(config(["query", "output.dense"], r: 2) { $0.taskType = .featureExtraction }, name: "second")
    #expect(try logits(model) == first)
    #expect(adapters.active == ["first"])
    try adapters.setActive(["second"])
    let second = try logits(model)
    #expect(second != first && second != base)
    try adapters.setActive(["first", "second"])
    let both = try logits(model)
    #expect(both != first && both != second)
    try adapters.disable()
    #expect(try logits(model) == base)
    #expect(model.trainableParameters().isEmpty)
    try adapters.enable()
    #expect(try logits(model) == both)
    try adapters.delete("second")
    #expect(try logits(model) == first)
    try adapters.delete("first")
    #expect(try logits(model) == base)
    #expect(model.namedModules().allSatisfy { $0.module.seatWeights.isEmpty })
    #expect(throws: AdapterError.self) { try adapters.setActive(["first"]) }
}

@Test("biases and saved modules come back when an adapter is disabled or deleted")
func biasesComeBack() throws {
    let model = try tinyModel()
    let base = try logits(model)
    let adapters = AdapterSet(model: model)
    try adapters.add(config(["query"]) { $0.bias = .all })
    for (name, weight) in model.trainableParameters() where name.hasSuffix("bias") || name.contains("modules_to_save") {
        try weight.tensor?.add(inPlace: Tensor.ones(weight.shape))
    }
    let trained = try logits(model)
    try adapters.disable()
    #expect(try logits(model) == base)
    try adapters.enable()
    #expect(try logits(model) == trained)
    #expect(throws: AdapterError.self) { try adapters.add(config(["key"]), name: "more") }
    try adapters.delete("default")
    #expect(try logits(model) == base)
}

@Test("a combination by 'cat' and by 'svd' is the weighted sum of the updates", arguments: [false, true])
func weighted(rslora: Bool) throws {
    let model = try tinyModel()
    let adapters = AdapterSet(model: model)
    let set = { (config: inout LoraConfig) in
        config.taskType = .featureExtraction
        config.useRslora = rslora
    }
    try adapters.add(config(["query", "value"], r: 4, change: set), name: "a")
    try adapters.add(config(["query", "dense"], r: 2, alpha: 3, change: set), name: "b")
    try adapters.setActive(["a", "b"])
    let both = try logits(model)
    for type in [AdapterSet.Combination.cat, .svd] {
        let name = type.rawValue
        try adapters.addWeighted(
            ["a", "b"], weights: [1, 1], name: name, combination: type, svdRank: type == .svd ? 6 : nil)
        try adapters.setActive([name])
        // Rank 6 holds the sum of ranks 4 and 2 exactly; what is left is rounding to float32.
        #expect(relativeDistance(try logits(model), both) < 1e-4, "\(name)")
    }
    try adapters.addWeighted(["a"], weights: [0], name: "nothing", combination: .cat)
    try adapters.setActive(["nothing"])
    let nothing = try logits(model)
    try adapters.disable()
    #expect(try logits(model) == nothing)
    try adapters.enable()
    #expect(throws: AdapterError.self) {
        try adapters.addWeighted(["a", "b"], weights: [1, 1], name: "x", combination: .linear)
    }
}

@Test("a linear combination follows PEFT's formula")
func linearCombination() throws {
    let model = try tinyModel()
    let adapters = AdapterSet(model: model)
    let bare = { (config: inout LoraConfig) in config.taskType = .featureExtraction }
    try adapters.add(config(["query"], change: bare), name: "a")
    try adapters.add(config(["query"], alpha: 2, change: bare), name: "b")
    try adapters.addWeighted(["a", "b"], weights: [0.5, -2], name: "mix", combination: .linear)
    let (a, b, mix) = (try adapters.tensors(of: "a"), try adapters.tensors(of: "b"), try adapters.tensors(of: "mix"))
    #expect(mix.count == a.count)
    for ((key, mixed), (first, second)) in zip(mix, zip(a, b)) {
        let (x, y) = (try first.weight.floats(), try second.weight.floats())
        // √(|w s|) with s = 8 / 4 and 2 / 4; the sign goes into A.
        let (p, q): (Float, Float) = (1, key.contains("lora_A") ? -1 : 1)
        #expect(relativeDistance(try mixed.floats(), zip(x, y).map { p * $0 + q * $1 }) < 1e-6, "\(key)")
    }
}
