import Adapters
import Formats
import Models
import Tensors
import TestSupport
import Testing

/// Asks for gradients of the weights whose name ends so, and moves their numbers as training would.
private func train(_ model: any Model, _ ending: String) throws {
    for (name, weight) in model.namedParameters() where name.hasSuffix(ending) {
        try weight.setRequiresGrad(true)
        let tensor = try #require(weight.tensor)
        let numbers = try tensor.floatArray()
        for (place, number) in numbers.enumerated() { unsafe try tensor.mutableFloats()[place] = number + 0.125 }
    }
}

@Test("weights trained by hand that the file does not hold are named, with what saves them")
func trainedBeside() throws {
    let cases: [(trained: [String], saved: [String]?, notes: [String])] = [
        ([], nil, []),
        (
            ["LayerNorm.weight", "LayerNorm.bias"], nil,
            [
                "the file of 'default' does not hold 10 trained weights: bert.embeddings.LayerNorm.weight, bert.embeddings.LayerNorm.bias, bert.encoder.layer.0.attention.output.LayerNorm.weight and 7 more; add_adapter with modules_to_save = { \"LayerNorm\" } trains them and saves them with it"
            ]
        ),
        (
            ["layer.1.output.LayerNorm.weight"], ["pooler"],
            [
                "the file of 'default' does not hold 1 trained weight: bert.encoder.layer.1.output.LayerNorm.weight; add_adapter with modules_to_save = { \"pooler\", \"1.output.LayerNorm\" } trains them and saves them with it"
            ]
        ),
        (
            ["query.bias"], nil,
            [
                "the file of 'default' does not hold 2 trained weights: bert.encoder.layer.0.attention.self.query.bias, bert.encoder.layer.1.attention.self.query.bias; add_adapter with bias = \"lora_only\" trains and saves the biases of adapted modules"
            ]
        ),
        (
            ["layer.0.attention.self.query.weight"], nil,
            [
                "the file of 'default' does not hold 1 trained weight: bert.encoder.layer.0.attention.self.query.weight; no adapter's file can, since they are adapted; merge_and_unload and save_pretrained write the whole model"
            ]
        ),
        (["word_embeddings.weight"], ["word_embeddings"], []),
    ]
    for (trained, saved, expected) in cases {
        let model = try tinyModel()
        let adapters = AdapterSet(model: model)
        try adapters.add(config(["query"]) { $0.modulesToSave = saved })
        if saved != ["word_embeddings"] { for ending in trained { try train(model, ending) } }
        let scratch = try Scratch()
        #expect(try adapters.save("default", to: scratch.folder) == expected)
        #expect(try adapters.saveAll(to: scratch.folder) == expected)
        // Frozen again they are trained all the same.
        for (_, weight) in model.namedParameters() where weight.requiresGrad { try weight.setRequiresGrad(false) }
        if saved != ["word_embeddings"] { #expect(try adapters.save("default", to: scratch.folder) == expected) }
        // The base is not blamed for it when the adapter is read.
        try AdapterSet(model: tinyModel()).load(scratch.folder)
        // Another base still is.
        #expect(throws: AdapterError.self) { try AdapterSet(model: tinyModel(seed: 2)).load(scratch.folder) }
    }
}

@Test("what modules_to_save names as advised is held, and comes back")
func advice() throws {
    let model = try tinyModel()
    let adapters = AdapterSet(model: model)
    try adapters.add(config(["query"]) { $0.modulesToSave = ["LayerNorm"] })
    for (name, weight) in model.namedParameters() where name.contains("LayerNorm.modules_to_save") {
        let tensor = try #require(weight.tensor)
        for place in 0..<tensor.count { unsafe try tensor.mutableFloats()[place] += 0.25 }
    }
    let trained = try logits(model)
    let scratch = try Scratch()
    #expect(try adapters.save("default", to: scratch.folder).isEmpty)
    let again = try tinyModel()
    try AdapterSet(model: again).load(scratch.folder)
    #expect(try logits(again) == trained)
}

@Test("a named adapter is found beneath, or the folders of others are named")
func namedFolders() throws {
    let scratch = try Scratch()
    let adapters = AdapterSet(model: try tinyModel())
    try adapters.add(config(["query"]), name: "style")
    try adapters.add(config(["value"]), name: "tone")
    try adapters.saveAll(to: scratch.folder)
    let path = scratch.folder.path
    let again = AdapterSet(model: try tinyModel())
    try again.load(scratch.folder, name: "tone")
    try again.load(scratch.folder.subfolder("style"), name: "style")
    #expect(try again.linears(of: "tone").map(\.path).allSatisfy { $0.hasSuffix("value") })
    func said(_ folder: Folder, _ name: String = "default") throws -> String {
        try #require(throws: AdapterError.self) { try again.load(folder, name: name) }.description
    }
    #expect(
        try said(scratch.folder)
            == "\(path): there is no adapter_config.json; there are adapters in folders beneath: 'style', 'tone'; name one of these, such as \(path)/style"
    )
    let model = try Scratch()
    try model.folder.write("config.json", text: "{}")
    #expect(
        try said(model.folder)
            == "\(model.folder.path): there is no adapter_config.json; the folder holds a model, which load_model takes"
    )
    #expect(try said(Scratch().folder).hasSuffix("there is no adapter_config.json; an adapter folder has one"))
}

@Test("a folder with an adapter that is taken for a model's says what it is")
func adapterAsModel() throws {
    let scratch = try Scratch()
    let adapters = AdapterSet(model: try tinyModel(), baseName: "some/base")
    try adapters.add(config(["query"]))
    try adapters.saveAll(to: scratch.folder)
    let path = scratch.folder.path
    #expect(
        try #require(throws: ModelError.self) { try loadModel(scratch.folder) }.description
            == "\(path): there is no config.json; the folder holds an adapter, no model; load its base 'some/base' and then the adapter by load_adapter"
    )
    let above = try Scratch()
    try AdapterSet(model: tinyModel()).add(config(["query"]), name: "style")
    let named = AdapterSet(model: try tinyModel())
    try named.add(config(["query"]), name: "style")
    try named.saveAll(to: above.folder)
    #expect(
        try #require(throws: ModelError.self) { try loadModel(above.folder) }.description.hasSuffix(
            "its folder 'style' holds an adapter, no model; load the base and then the adapter by load_adapter"))
}

@Test("how a head on sequences was trained comes back with its adapter")
func problemTypes() throws {
    let model = try tinyModel()
    let adapters = AdapterSet(model: model)
    try adapters.add(config(["query"]))
    _ = try model(ModelInput(inputIds: [[2, 5], [3]], labels: .vectors([[1, 0], [1, 1]])))
    #expect(model.config.problemType == .multiLabel)
    let scratch = try Scratch()
    try adapters.saveAll(to: scratch.folder)
    let again = try tinyModel()
    #expect(again.config.problemType == nil)
    try AdapterSet(model: again).load(scratch.folder)
    #expect(again.config.problemType == .multiLabel)
}
