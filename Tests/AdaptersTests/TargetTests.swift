import Adapters
import Formats
import Models
import TestSupport
import Testing

/// (options as in a recipe, message).
private let wrong: [(String, String)] = [
    ("{\"target_modules\": [\"qery\"]}", "no module matches 'qery' in target_modules; did you mean 'query'?"),
    (
        "{\"target_modules\": [\"query\", \"attn\"]}",
        "no module matches 'attn' in target_modules; this model has query, key, value, dense, classifier"
    ),
    (
        "{\"target_modules\": \"query\"}",
        "no module matches the expression 'query' in target_modules; a string is a pattern for a module's whole path; for all modules called 'query' write { \"query\" }"
    ),
    (
        "{\"target_modules\": \"qurey\"}",
        "no module matches the expression 'qurey' in target_modules; a string is a pattern for a module's whole path; for all modules called 'query' write { \"query\" }"
    ),
    (
        "{\"target_modules\": \".*qurey\"}",
        "no module matches the expression '.*qurey' in target_modules; it must match a whole path, such as 'classifier'"
    ),
    (
        "{\"target_modules\": [\"LayerNorm\"]}",
        "target_modules matches 'bert.embeddings.LayerNorm', which is of kind LayerNorm; only a Linear can be adapted"
    ),
    (
        "{\"target_modules\": [\"word_embeddings\"]}",
        "target_modules matches 'bert.embeddings.word_embeddings', which is of kind Embedding; LoRA on an Embedding is not supported yet"
    ),
    (
        "{\"target_modules\": [\"query\"], \"exclude_modules\": [\"valu\"]}",
        "no module matches 'valu' in exclude_modules; did you mean 'value'?"
    ),
    (
        "{\"target_modules\": [\"query\"], \"exclude_modules\": [\"query\"]}",
        "target_modules matches 2 modules, such as 'bert.encoder.layer.0.attention.self.query', but exclude_modules, modules_to_save and layers_to_transform leave none of them"
    ),
    (
        "{\"target_modules\": [\"query\"], \"layers_to_transform\": [1, 2]}",
        "no targeted module lies in layer 2 of layers_to_transform"
    ),
    (
        "{\"target_modules\": [\"query\"], \"rank_pattern\": {\"valeu\": 3}}",
        "'valeu' in rank_pattern matches none of the adapted modules"
    ),
    (
        "{\"target_modules\": [\"query\"], \"modules_to_save\": [\"poolr\"]}",
        "no module matches 'poolr' in modules_to_save; did you mean 'pooler'?"
    ),
    (
        "{\"target_modules\": []}",
        "target_modules matches no module; this model has query, key, value, dense, classifier"
    ),
    ("{\"target_module\": [\"query\"]}", "add_adapter: unknown option 'target_module'; did you mean 'target_modules'?"),
    ("{\"lora_aplha\": 3}", "add_adapter: unknown option 'lora_aplha'; did you mean 'lora_alpha'?"),
    ("{\"use_dora\": true}", "add_adapter: option 'use_dora' = true is not supported: it comes with a later version"),
    (
        "{\"layer_replication\": [[0, 1]]}",
        "add_adapter: option 'layer_replication' = an array is not supported: it comes with a later version"
    ),
    ("{\"r\": 0}", "add_adapter: option 'r' expected an integer from 1 to 16384, got integer 0"),
    (
        "{\"target_modules\": \".*query\", \"layers_to_transform\": 1}",
        "add_adapter: 'layers_to_transform' cannot be used when 'target_modules' is a string"
    ),
    ("{\"layers_pattern\": \"layer\"}", "add_adapter: 'layers_pattern' needs 'layers_to_transform'"),
    ("{\"target_modules\": \"(\"}", "target_modules: pattern '(', character 1: '(' without its ')'"),
    (
        "{\"target_modules\": \"((((){1000}){1000}){1000}){1000}query\"}",
        "target_modules: pattern '((((){1000}){1000}){1000}){1000}query', character 13: too large: its repetitions stand for more than 20000 steps"
    ),
    (
        "{\"target_modules\": [\"query\"], \"exclude_modules\": \"(?<=a)b\"}",
        "exclude_modules: pattern '(?<=a)b', character 1: lookbehind is not supported"
    ),
    (
        "{\"target_modules\": [\"query\"], \"rank_pattern\": {\"qu(ery\": 4}}",
        "rank_pattern: pattern '(.*\\.)?(qu(ery)$', character 8: '(' without its ')'"
    ),
    (
        "{\"target_modules\": [\"a\\nb\"]}",
        "no module matches 'a\\u{a}b' in target_modules; this model has query, key, value, dense, classifier"
    ),
]

@Test("a recipe's names are held to the model, and the message says what to do", arguments: wrong)
func strictNames(options: String, message: String) throws {
    let adapters = AdapterSet(model: try tinyModel())
    let error = try #require(throws: AdapterError.self) {
        try adapters.add(
            LoraConfig(JSON(parsing: options, source: "options"), source: "add_adapter", reading: .recipe))
    }
    #expect(error.description == message)
    #expect(adapters.adapters.isEmpty && adapters.model.namedModules().allSatisfy { $0.module.seatWeights.isEmpty })
}

@Test("what the checkpoint did not have is trained and saved, and named")
func provenance() throws {
    let store = HalfStore()
    let model = try HalfModel(store)
    let adapters = AdapterSet(model: model)
    var config = LoraConfig()
    config.targetModules = .list(["old"])
    #expect(try adapters.add(config) == ["trained and saved besides, not in the checkpoint: inner.new"])
    #expect(adapters.adapters[0].config.modulesToSave == ["inner.new"])
    #expect(try adapters.tensors(of: "default").map(\.key).contains("base_model.model.inner.new.weight"))
}

@Test(
    "heads that PEFT's rule leaves out and the checkpoint lacks are trained and saved by name",
    arguments: [("deberta-v3", ["pooler.dense"]), ("deberta-v2", []), ("modernbert", []), ("electra-square", [])])
func newHeads(base: String, added: [String]) throws {
    let folder = try Folder(path: "\(Golden.root)/models/\(base)")
    let model = try loadModel(folder, LoadOptions(taskType: .sequenceClassification)).model
    let adapters = AdapterSet(model: model)
    var config = LoraConfig()
    config.taskType = .sequenceClassification
    _ = try adapters.add(config)
    #expect(adapters.adapters[0].config.modulesToSave == ["classifier", "score"] + added)
}

/// Everything called "new" is initialised, the rest as if it came from a file.
private final class HalfStore: WeightStore {
    private let old = RandomStore(seed: 1)

    func weight(
        _ name: String, _ shape: [Int], startingWith initialisation: Initialisation, isTransposed: Bool
    ) throws -> Weight {
        let weight = try old.weight(name, shape, startingWith: initialisation, isTransposed: isTransposed)
        guard name.contains("new") else { return weight }
        return Weight(name: name, shape: shape, value: weight.value, origin: .initialised)
    }
}

private final class HalfModel: Module {
    let kind = "Half"
    var path = ""
    private let inner: Container
    private let old: Models.Linear

    init(_ store: any WeightStore) throws {
        let scope = Scope(store: store)
        old = try Models.Linear(scope.child("old"), inFeatures: 4, outFeatures: 4)
        inner = try Container(children: [
            ("new", try Models.Linear(scope.child("inner").child("new"), inFeatures: 4, outFeatures: 4))
        ])
        place(at: "")
    }

    var children: [(name: String, module: any Module)] { [("old", old), ("inner", inner)] }
}

@Test("a linear of one's own takes an adapter like any model's")
func ownModules() throws {
    let store = RandomStore(seed: 3, isTrainable: true)
    let model = try Container(children: [
        ("0", try Models.Linear(Scope(store: store).child("0"), inFeatures: 3, outFeatures: 5)),
        ("1", try Models.Linear(Scope(store: store).child("1"), inFeatures: 5, outFeatures: 2)),
    ])
    model.place(at: "")
    let adapters = AdapterSet(model: model)
    var config = LoraConfig()
    (config.targetModules, config.r) = (.list(["1"]), 2)
    try adapters.add(config)
    #expect(model.trainableParameters().map(\.name) == ["1.lora_A.default.weight", "1.lora_B.default.weight"])
    #expect(adapters.trainableParametersLine == "trainable params: 14 || all params: 46 || trainable%: 30.4348")
}
