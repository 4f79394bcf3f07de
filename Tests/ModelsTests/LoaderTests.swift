import Formats
import Foundation
import Kernels
import Models
import Tensors
import TestSupport
import Testing

func base(_ name: String) throws -> Folder { try Folder(path: "\(Golden.root)/models/\(name)") }

/// Text of the error that `body` throws; a note where it throws none.
func messageOf(_ body: () throws -> Any) -> String {
    do { return "no error, but \(try body())" } catch { return String(describing: error) }
}

let someInput = ModelInput(inputIds: [[2, 5, 7, 9, 11], [3, 4], [8, 8, 8]])

@Test("heads that a checkpoint lacks are initialised and listed, what a task does not use is listed too")
func missingAndUnused() throws {
    let bare = try loadModel(base("bert-bare"), LoadOptions(taskType: .sequenceClassification, numLabels: 3))
    #expect(bare.initialised == ["classifier.weight", "classifier.bias"])
    #expect(bare.unused.isEmpty)
    #expect(bare.notes == ["initialised, not in the checkpoint: classifier.weight, classifier.bias"])
    #expect(try bare.model(someInput).logits?.shape == [3, 3])
    let pretraining = try loadModel(base("bert-pretraining"), LoadOptions(taskType: .tokenClassification))
    #expect(pretraining.initialised == ["classifier.weight", "classifier.bias"])
    #expect(pretraining.unused.contains { $0.hasPrefix("cls.") })
    #expect(pretraining.unused.contains { $0.hasPrefix("bert.pooler.") })
    #expect(!pretraining.unused.contains { $0.hasSuffix("position_ids") })
    let whole = try loadModel(base("bert-classifier"), LoadOptions(taskType: .sequenceClassification))
    #expect(whole.initialised.isEmpty && whole.unused.isEmpty)
    let roberta = try loadModel(base("roberta-mlm"))
    #expect(roberta.initialised == ["pooler.dense.weight", "pooler.dense.bias"])
}

@Test("the same seed initialises the same head, another seed another")
func seeds() throws {
    let head = { (seed: UInt64) in
        let options = LoadOptions(taskType: .sequenceClassification, seed: seed)
        let model = try loadModel(base("bert-bare"), options).model
        return try #require(model.namedParameters().first { $0.name == "classifier.weight" }).weight.floats()
    }
    #expect(try head(1) == head(1))
    #expect(try head(1) != head(2))
    // N(0, initializer_range²) with 64 draws: the deviation lies within 40 % of it (more than 4 of its own deviations).
    let values = try head(1)
    let deviation = (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
    #expect(abs(deviation / 0.2 - 1) < 0.4)
}

@Test("names and order of the weights are those of the reference's named_parameters")
func parameterNames() throws {
    let roberta = try loadModel(base("roberta-mlm"), LoadOptions(taskType: .sequenceClassification, weights: .none))
        .model
    let names = roberta.namedParameters().map(\.name)
    #expect(
        names.prefix(7) == [
            "roberta.embeddings.word_embeddings.weight", "roberta.embeddings.token_type_embeddings.weight",
            "roberta.embeddings.LayerNorm.weight", "roberta.embeddings.LayerNorm.bias",
            "roberta.embeddings.position_embeddings.weight", "roberta.encoder.layer.0.attention.self.query.weight",
            "roberta.encoder.layer.0.attention.self.query.bias",
        ])
    #expect(
        names.suffix(4) == [
            "classifier.dense.weight", "classifier.dense.bias", "classifier.out_proj.weight",
            "classifier.out_proj.bias",
        ])
    let distil = try loadModel(base("distilbert-mlm"), LoadOptions(taskType: .sequenceClassification, weights: .none))
        .model
    #expect(
        distil.namedParameters().map(\.name).suffix(6) == [
            "distilbert.transformer.layer.1.output_layer_norm.weight",
            "distilbert.transformer.layer.1.output_layer_norm.bias", "pre_classifier.weight", "pre_classifier.bias",
            "classifier.weight", "classifier.bias",
        ])
    let kinds = distil.namedModules().prefix(8).map { "\($0.name): \($0.module.kind)" }
    #expect(
        kinds == [
            ": DistilBertForSequenceClassification", "distilbert: DistilBertModel", "distilbert.embeddings: Embeddings",
            "distilbert.embeddings.word_embeddings: Embedding", "distilbert.embeddings.position_embeddings: Embedding",
            "distilbert.embeddings.LayerNorm: LayerNorm", "distilbert.embeddings.dropout: Dropout",
            "distilbert.transformer: Transformer",
        ])
}

@Test(
    "a model saved whole loads again to the same bits",
    arguments: ["bert-classifier", "roberta-mlm", "distilbert-mlm", "albert-groups", "modernbert-biased", "deberta-v2"])
func saveWhole(name: String) throws {
    let names = [0: "no", 1: "yes", 2: "maybe"]
    let options = LoadOptions(taskType: .sequenceClassification, id2label: names)
    let model = try loadModel(base(name), options).model
    let scratch = try Scratch()
    try saveModel(model, to: scratch.folder)
    let again = try loadModel(scratch.folder, LoadOptions(taskType: .sequenceClassification))
    #expect(again.initialised.isEmpty && again.unused.isEmpty)
    #expect(again.model.config.id2label == names && again.model.config.numLabels == 3)
    let (a, b) = (try model(someInput), try again.model(someInput))
    #expect(try a.logits?.floatArray() == b.logits?.floatArray())
    let config = try JSON(parsing: scratch.folder.read("config.json"), source: "config.json")
    #expect(config["architectures"]?.array?.first?.string == model.kind)
    #expect(config["label2id"]?["maybe"]?.int == 2)
}

@Test(
    "a sequence's results do not depend on what stands beside it",
    arguments: [
        "bert-bare", "roberta-mlm", "distilbert-mlm", "xlm-roberta", "electra", "mpnet", "albert", "modernbert",
        "deberta-v3", "deberta-v2", "deberta-apart",
    ])
func packing(name: String) throws {
    let model = try loadModel(base(name), LoadOptions(taskType: .tokenClassification)).model
    let together = try #require(try model(someInput).logits).floatArray()
    var alone: [Float] = []
    for row in someInput.inputIds { alone += try #require(try model(ModelInput(inputIds: [row])).logits).floatArray() }
    // The same sums in kernels for other numbers of rows.
    #expect(relativeDistance(together, alone) < 1e-5)
}

@Test("float16 and bfloat16 checkpoints are converted, in one file or in shards")
func otherStorage() throws {
    let source = try SafetensorsFile(base("bert-classifier"), "model.safetensors")
    let expected = try loadModel(base("bert-classifier"), LoadOptions(taskType: .sequenceClassification)).model
    let logits = try #require(try expected(someInput).logits).floatArray()
    let scratch = try Scratch()
    try scratch.folder.write("config.json", base("bert-classifier").read("config.json"))
    var map: [(String, JSON)] = []
    for (part, names) in [
        source.entries.keys.filter { $0.contains("layer.0") }, source.entries.keys.filter { !$0.contains("layer.0") },
    ].enumerated() {
        let file = "model-0000\(part + 1)-of-00002.safetensors"
        let items = try names.map { name in
            let (floats, shape) = (try source.floats(name), source.entries[name]?.shape ?? [])
            return SafetensorsWriter.Item(name: name, dtype: .bf16, shape: shape) { writer in
                try writer.append(
                    floats.flatMap { value in
                        let bits = HalfFloats.bfloat16(value)
                        return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
                    })
            }
        }
        try SafetensorsWriter.write(items, to: scratch.folder, file)
        map += names.map { ($0, .string(file)) }
    }
    let index = JSON.object(["weight_map": .object(.init(map))])
    try scratch.folder.write("model.safetensors.index.json", text: index.serialized())
    let model = try loadModel(scratch.folder, LoadOptions(taskType: .sequenceClassification)).model
    let rounded = try #require(try model(someInput).logits).floatArray()
    // bfloat16 rounds weights to 2^-9; the logits move by a few of that.
    #expect(rounded != logits && relativeDistance(rounded, logits) < 0.05)
    #expect(model.namedParameters().allSatisfy { $0.weight.fileDType == "BF16" })
    try savedAsLoaded(model, source)
}

/// What transformers does: a model in bfloat16 is saved in bfloat16, bit for bit; one that was expanded in float32.
private func savedAsLoaded(_ model: any Model, _ source: SafetensorsFile) throws {
    let isHalf = Backend.multiplies(.bfloat16)
    #expect(model.dtype == (isHalf ? .bfloat16 : .float32))
    let scratch = try Scratch()
    try saveModel(model, to: scratch.folder)
    let config = try JSON(parsing: scratch.folder.read("config.json"), source: "config.json")
    #expect(config["dtype"]?.string == (isHalf ? "bfloat16" : "float32"))
    let saved = try SafetensorsFile(scratch.folder, "model.safetensors")
    #expect(saved.entries.values.allSatisfy { $0.dtype == (isHalf ? .bf16 : .f32) })
    #expect(Set(saved.entries.keys).isSubset(of: source.entries.keys) && saved.entries.count > 30)
    for name in saved.entries.keys {
        let rounded = try source.floats(name).map { HalfFloats.float(bfloat16: HalfFloats.bfloat16($0)) }
        #expect(try saved.floats(name) == rounded, "\(name)")
    }
    // What was trained keeps all its digits, and what is merged is as it is multiplied with.
    let bias = try #require(
        model.namedParameters().first { $0.name.hasSuffix("layer.0.output.LayerNorm.bias") }?.weight)
    try #require(bias.tensor).mutableFloats()[0] = 0.1
    try saveModel(model, to: scratch.folder)
    let changed = try SafetensorsFile(scratch.folder, "model.safetensors")
    #expect(changed.entries[bias.name]?.dtype == .f32)
    #expect(try changed.floats(bias.name)[0] == 0.1)
    let again = try loadModel(scratch.folder, LoadOptions(taskType: .sequenceClassification)).model
    #expect(try again(someInput).logits?.floatArray() == model(someInput).logits?.floatArray())
}

@Test("bfloat16 that cannot be is said, from a file and for random weights")
func expansionIsSaid() throws {
    for weights in [LoadOptions.Weights.file, .random] {
        let options = LoadOptions(taskType: nil, dtype: "bfloat16", packing: .none, weights: weights)
        let note = "packed = false keeps the frozen weights in float32; bfloat16 needs them packed"
        #expect(try loadModel(base("bert-bare"), options).expanded == note)
    }
}

/// (changes of bert-classifier's config.json, message).
private let configs: [([(String, JSON)], String)] = [
    (
        [("model_type", .string("t5"))],
        "model_type 't5' is not supported; there are 'bert', 'roberta', 'distilbert'"
    ),
    ([("model_type", .integer(3))], "'model_type' expected a string, got integer 3"),
    ([("hidden_size", .string("32"))], "'hidden_size' expected an integer from 1 to 16777216, got string '32'"),
    ([("hidden_size", .integer(-1))], "'hidden_size' expected an integer from 1 to 16777216, got integer -1"),
    ([("hidden_size", .number(1e300))], "'hidden_size' expected an integer from 1 to 16777216, got number 1e+300"),
    ([("num_attention_heads", .integer(5))], "hidden size 32 is no multiple of the number of attention heads, 5"),
    ([("hidden_act", .string("geglu"))], "got 'geglu'; did you mean 'gelu'?"),
    ([("hidden_dropout_prob", .number(2))], "'hidden_dropout_prob' expected a number from 0 to 1, got number 2.0"),
    ([("pad_token_id", .integer(5000))], "'pad_token_id' expected an integer from 0 to 119, got integer 5000"),
    ([("is_decoder", .bool(true))], "option 'is_decoder' = true is not supported: only encoders are"),
    (
        [("position_embedding_type", .string("relative_key"))],
        "option 'position_embedding_type' = 'relative_key' is not supported: only 'absolute' is"
    ),
    ([("quantization_config", .object([:]))], "option 'quantization_config' is not supported"),
    ([("id2label", .object(["x": .string("a")]))], "'id2label' expected names by integer ids, got 'x': string 'a'"),
    (
        [("problem_type", .string("ranking"))],
        "'problem_type' expected one of 'regression', 'single_label_classification'"
    ),
    (
        [("vocab_size", .integer(121))],
        "tensor 'bert.embeddings.word_embeddings.weight' has shape [120, 32], the model needs [121, 32]"
    ),
    (
        [("num_hidden_layers", .integer(3))],
        "the checkpoint lacks 16 weights of a BertForSequenceClassification: bert.encoder.layer.2.attention.self.query.weight"
    ),
]

/// Seconds of the processor that this thread has taken.
private func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

@Test("many layers are little work each")
func manyLayers() throws {
    // Adding a layer once walked all those before it: 3,100 took 25 seconds, and 10,000 some 4 minutes.
    let scratch = try Scratch()
    var members = try #require(JSON(parsing: base("bert-bare").read("config.json"), source: "config.json").object)
    members["num_hidden_layers"] = .integer(10_000)
    try scratch.folder.write("config.json", text: JSON.object(members).serialized())
    try scratch.folder.write("model.safetensors", base("bert-bare").read("model.safetensors"))
    // Of this thread alone: other tests run beside it.
    let start = threadSeconds()
    #expect(messageOf { try loadModel(scratch.folder) }.contains("the checkpoint lacks"))
    #expect(threadSeconds() - start < 20)
}

@Test("a wrong config.json is refused with what is wrong in it", arguments: configs)
func wrongConfig(changes: [(String, JSON)], message: String) throws {
    let scratch = try Scratch()
    var members = try #require(
        JSON(parsing: base("bert-classifier").read("config.json"), source: "config.json").object)
    for (key, value) in changes { members[key] = value }
    try scratch.folder.write("config.json", text: JSON.object(members).serialized())
    try scratch.folder.write("model.safetensors", base("bert-classifier").read("model.safetensors"))
    let text = messageOf { try loadModel(scratch.folder, LoadOptions(taskType: .sequenceClassification)) }
    #expect(text.contains(message), "\(text)")
    #expect(text.hasPrefix(scratch.folder.path), "\(text)")
}

@Test("options that do not fit are refused")
func wrongOptions() throws {
    let refused: [(String, LoadOptions, String)] = [
        (
            "bert-bare", LoadOptions(taskType: .causalLM),
            "task_type CAUSAL_LM is not supported for model_type 'bert'; there are SEQ_CLS"
        ),
        ("bert-bare", LoadOptions(taskType: .seq2SeqLM), "task_type SEQ_2_SEQ_LM is not supported"),
        ("bert-bare", LoadOptions(taskType: .questionAnswering, numLabels: 3), "give num_labels = 2, not 3"),
        (
            "bert-bare", LoadOptions(taskType: nil, dtype: "int8"),
            "dtype 'int8' is not supported yet; there are 'float32' and 'bfloat16'"
        ),
        (
            "bert-bare", LoadOptions(taskType: nil, dtype: "float8"),
            "dtype expected 'float32' or 'bfloat16', got 'float8'"
        ),
        (
            "bert-bare", LoadOptions(taskType: .sequenceClassification, numLabels: 0),
            "num_labels expected an integer of at least 1, got 0"
        ),
        (
            "bert-bare", LoadOptions(taskType: .sequenceClassification, id2label: [1: "a"]),
            "id2label needs a name for each id 0, 1, …; it has [1]"
        ),
        (
            "bert-classifier", LoadOptions(taskType: .sequenceClassification, numLabels: 9),
            "the checkpoint fits num_labels 3"
        ),
    ]
    for (name, options, message) in refused {
        let text = messageOf { try loadModel(base(name), options) }
        #expect(text.contains(message), "\(text)")
    }
    let empty = try Scratch()
    #expect(messageOf { try loadModel(empty.folder) }.contains("there is no config.json"))
    try empty.folder.write("config.json", base("bert-bare").read("config.json"))
    #expect(throws: FormatError.self) { try loadModel(empty.folder) }
    // Shapes need no weights.
    #expect(try loadModel(empty.folder, LoadOptions(taskType: nil, weights: .none)).model.parameterCounts().all > 0)
}
