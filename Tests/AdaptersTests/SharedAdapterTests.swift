import Adapters
import Formats
import Models
import TestSupport
import Testing

private let shared = Golden.packageRoot + "/../shared/adapters"
private let isThere = (try? Folder(path: shared)) != nil

/// (adapter, message): real adapters of kinds that are not supported yet.
private let refused = [
    ("roberta-base-agnews-lora", "peft_type 'ADALORA' is not supported yet; there is 'LORA'")
]

@Test(
    "real adapters of other kinds are refused by name", .enabled(if: isThere, "shared/adapters is not there"),
    arguments: refused)
func realAdapters(name: String, message: String) throws {
    let adapters = AdapterSet(model: try tinyModel(type: "roberta"))
    let error = try #require(throws: AdapterError.self) { try adapters.load(Folder(path: "\(shared)/\(name)")) }
    #expect(error.description.hasSuffix(message), "\(error)")
    #expect(error.description.contains("\(name)/adapter_config.json: "))
}

@Test(
    "a real adapter of GPT-2 is loaded whole and saved as it was, fan_in_fan_out and all",
    .enabled(if: isThere, "shared/adapters is not there"))
func realGPT2() throws {
    // The tables are small: an adapter says nothing of them.
    let text = "{\"model_type\": \"gpt2\", \"vocab_size\": 10, \"n_positions\": 8}"
    var config = try ModelConfig(JSON(parsing: text, source: "gpt2"), source: "gpt2")
    config.numLabels = 6
    let options = LoadOptions(taskType: .sequenceClassification, weights: .random)
    let adapters = AdapterSet(model: try makeModel(config, options).model)
    let folder = try Folder(path: "\(shared)/gpt2-seqcls-lora")
    try adapters.load(folder)
    let file = try SafetensorsFile(folder, "adapter_model.safetensors")
    let tensors = try adapters.tensors(of: "default")
    #expect(tensors.map(\.key).sorted() == file.entries.keys.sorted() && tensors.count == 25)
    for (key, weight) in tensors { #expect(try weight.floats() == file.floats(key), "\(key)") }
    #expect(adapters.adapters[0].config.fanInFanOut)
}

@Test("every folder of shared adapters is spoken for", .enabled(if: isThere, "shared/adapters is not there"))
func allRealAdapters() throws {
    // A new one must be listed above, or be loaded onto a base of its shape and saved back equal.
    #expect(try Folder(path: shared).list() == ["gpt2-seqcls-lora"] + refused.map(\.0))
}

@Test("a rank from a file never makes memory that its tensors do not fill")
func hugeRank() throws {
    let scratch = try Scratch()
    let adapters = AdapterSet(model: try tinyModel())
    try adapters.add(config(["query"]))
    try adapters.save("default", to: scratch.folder)
    let text = try scratch.folder.readText("adapter_config.json").replacing("\"r\": 4", with: "\"r\": 16384")
    try scratch.folder.write("adapter_config.json", text: text)
    let again = AdapterSet(model: try tinyModel())
    let error = try #require(throws: AdapterError.self) { try again.load(scratch.folder) }
    #expect(error.description.hasSuffix("lora_A.weight' has shape [4, 16], this model needs [16384, 16]"))
}

@Test("combination types that PEFT has and we have not are refused by name")
func combinationNames() throws {
    #expect(try AdapterSet.Combination.named("cat") == .cat)
    let error = try #require(throws: AdapterError.self) { try AdapterSet.Combination.named("ties_svd") }
    #expect(error.description == "combination_type 'ties_svd' is not supported yet; there are 'cat', 'svd', 'linear'")
    let unknown = try #require(throws: AdapterError.self) { try AdapterSet.Combination.named("lineer") }
    #expect(unknown.description == "unknown combination_type 'lineer'; did you mean 'linear'?")
}

@Test("merging adds s·B·A to the untouched base, and a merged adapter stays as it is")
func mergedOnce() throws {
    let model = try tinyModel()
    let adapters = AdapterSet(model: model)
    try adapters.add(config(["query"]) { $0.taskType = .featureExtraction })
    let weight = try #require(
        model.namedParameters().first { $0.name.hasSuffix("layer.0.attention.self.query.weight") }
    ).weight
    let base = try weight.floats()
    let (a, b) = (
        try adapters.tensors(of: "default")[0].weight.floats(), try adapters.tensors(of: "default")[1].weight.floats()
    )
    try adapters.merge()
    let merged = try weight.floats()
    for row in 0..<16 {
        for column in 0..<16 {
            let update = (0..<4).reduce(0.0) { $0 + Double(b[row * 4 + $1]) * Double(a[$1 * 16 + column]) }
            let expected = Double(base[row * 16 + column]) + 2 * update
            // Four products and a sum in float32.
            #expect(abs(Double(merged[row * 16 + column]) - expected) < 1e-6)
        }
    }
    // The merged forward reads one matrix and no seat.
    #expect(model.trainableParameters().isEmpty)
    #expect(throws: AdapterError.self) { try adapters.merge() }
    #expect(throws: AdapterError.self) { try adapters.add(config(["key"]), name: "more") }
    #expect(throws: AdapterError.self) { try adapters.setActive(["default"]) }
    #expect(throws: AdapterError.self) { try adapters.delete("default") }
}
