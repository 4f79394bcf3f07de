import Formats
import Models
import Tensors
import TestSupport
import Testing

/// What config.json may say of a head. (id2label, num_labels; labels and names that transformers 5.23 makes of them; nil is an error.)
private let labelled: [(String?, String?, Int?, [Int: String]?)] = [
    (#"{"0": 0, "1": 1}"#, nil, 2, [0: "0", 1: "1"]),
    (#"{"0": "a", "1": "b"}"#, nil, 2, [0: "a", 1: "b"]),
    (#"{"0": "a", "1": "b"}"#, "2", 2, [0: "a", 1: "b"]),
    (#"{"0": "a", "1": "b"}"#, "3", 3, [0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"]),
    (#"{"0": "a", "1": "b", "2": "c"}"#, "2", 2, [0: "LABEL_0", 1: "LABEL_1"]),
    ("{}", "3", 3, [0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"]),
    // There 0, of which no head can be made here.
    ("{}", nil, 2, [0: "LABEL_0", 1: "LABEL_1"]),
    ("null", "3", 3, [0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"]),
    (nil, nil, 2, [0: "LABEL_0", 1: "LABEL_1"]),
    (nil, "1", 1, [0: "LABEL_0"]),
    (#"{"0": true, "1": 1.5}"#, nil, 2, [0: "true", 1: "1.5"]),
    (#"{"1": "a", "2": "b"}"#, nil, 2, [1: "a", 2: "b"]),
    (#"{"x": "a"}"#, nil, nil, nil), (#"["a", "b"]"#, nil, nil, nil), (nil, #""3""#, nil, nil),
]

private func folder(_ changes: [(String, JSON)], of name: String = "bert-bare") throws -> Scratch {
    let scratch = try Scratch()
    var members = try #require(JSON(parsing: base(name).read("config.json"), source: "config.json").object)
    for key in ["id2label", "label2id", "num_labels", "problem_type"] { members[key] = nil }
    for (key, value) in changes { members[key] = value }
    try scratch.folder.write("config.json", text: JSON.object(members).serialized())
    try scratch.folder.write("model.safetensors", base(name).read("model.safetensors"))
    return scratch
}

@Test("labels and their names are those of transformers' configuration", arguments: labelled.indices)
func labelsOfConfigurations(index: Int) throws {
    let (names, count, expected, expectedNames) = labelled[index]
    var changes: [(String, JSON)] = []
    if let names { changes.append(("id2label", try JSON(parsing: names, source: "names"))) }
    if let count { changes.append(("num_labels", try JSON(parsing: count, source: "count"))) }
    let scratch = try folder(changes)
    let place = scratch.folder
    for task in [TaskType.sequenceClassification, .tokenClassification] {
        guard let expected else {
            #expect(throws: ModelError.self) { try loadModel(place, LoadOptions(taskType: task)) }
            continue
        }
        let model = try loadModel(place, LoadOptions(taskType: task)).model
        #expect(model.config.numLabels == expected && model.config.id2label == expectedNames)
        if expected > 0 { #expect(try model(someInput).logits?.shape.last == expected) }
    }
    // What a call gives itself, or does not need, is not checked.
    let given = LoadOptions(taskType: .sequenceClassification, id2label: [0: "SAFE", 1: "UNSAFE"])
    let named = try loadModel(place, given).model
    #expect(named.config.id2label == [0: "SAFE", 1: "UNSAFE"])
    let three = try loadModel(place, LoadOptions(taskType: .sequenceClassification, numLabels: 3)).model
    #expect(three.config.numLabels == 3 && three.config.id2label.count == 3)
    #expect(try loadModel(place).model.kind == "BertModel")
}

@Test("what a head needs is checked only where there is one")
func headsOnly() throws {
    let cases: [(String, JSON, [TaskType], String)] = [
        ("problem_type", .string("ranking"), [.sequenceClassification], "'problem_type' expected one of"),
        (
            "classifier_dropout", .number(2), [.sequenceClassification, .tokenClassification],
            "'classifier_dropout' expected a number"
        ),
        (
            "id2label", .object(["x": .integer(1)]), [.sequenceClassification, .tokenClassification],
            "'id2label' expected names"
        ),
        (
            "num_labels", .integer(-1), [.sequenceClassification, .tokenClassification],
            "'num_labels' expected an integer"
        ),
    ]
    for (key, value, tasks, message) in cases {
        let scratch = try folder([(key, value)])
        let place = scratch.folder
        _ = try loadModel(place)
        for task in [TaskType.sequenceClassification, .tokenClassification] {
            let said = messageOf { try loadModel(place, LoadOptions(taskType: task)).model.kind }
            #expect(said.contains(message) == tasks.contains(task), "\(key): \(said)")
        }
    }
    let scratch = try folder([("problem_type", .string("ranking"))])
    let place = scratch.folder
    let options = LoadOptions(taskType: .sequenceClassification, problemType: .regression)
    #expect(try loadModel(place, options).model.config.problemType == .regression)
    // transformers refuses it too.
    let oneLabel = try folder([("problem_type", .string("single_label_classification")), ("num_labels", .integer(1))])
    let one = oneLabel.folder
    #expect(
        messageOf { try loadModel(one, LoadOptions(taskType: .sequenceClassification)) }.contains(
            "needs num_labels of at least 2"))
}

@Test("ignore_mismatched_sizes starts a head of another size anew, and the error without it says so")
func mismatchedSizes() throws {
    let whole = try base("bert-classifier")
    var options = LoadOptions(taskType: .sequenceClassification, numLabels: 5)
    #expect(
        messageOf { try loadModel(whole, options) }.hasSuffix(
            "has shape [3, 32], the model needs [5, 32]; the checkpoint fits num_labels 3, and ignore_mismatched_sizes = true starts a new head"
        ))
    options.ignoreMismatchedSizes = true
    let loaded = try loadModel(whole, options)
    #expect(
        loaded.mismatched == [
            "classifier.weight ([3, 32] there, [5, 32] here)", "classifier.bias ([3] there, [5] here)",
        ])
    #expect(loaded.notes.contains { $0.hasPrefix("initialised, of another size in the checkpoint: classifier.weight") })
    #expect(try loaded.model(someInput).logits?.shape == [3, 5])
    // The encoder is the file's: its states are those of the model that fits.
    let same = try loadModel(whole, LoadOptions(taskType: .sequenceClassification)).model
    var input = someInput
    input.outputHiddenStates = true
    #expect(
        try loaded.model(input).hiddenStates?.last?.floatArray() == same(input).hiddenStates?.last?.floatArray())
    let head = try #require(loaded.model.namedParameters().first { $0.name == "classifier.weight" }?.weight)
    #expect(head.origin == .initialised)
    // Where all fits, nothing is started anew.
    #expect(
        try loadModel(whole, LoadOptions(taskType: .sequenceClassification, ignoreMismatchedSizes: true)).mismatched
            .isEmpty)
    let other = try folder([("max_position_embeddings", .integer(70))])
    let longer = other.folder
    #expect(messageOf { try loadModel(longer) }.hasSuffix("ignore_mismatched_sizes = true starts it anew"))
}

@Test("the first labels decide how the loss is computed, and the configuration says it from then on")
func settledProblemTypes() throws {
    func model(_ labels: Int) throws -> any Model {
        try loadModel(base("bert-bare"), LoadOptions(taskType: .sequenceClassification, numLabels: labels)).model
    }
    let ids = [[2, 5, 7], [3, 4]]
    let cases: [(Int, Labels, ModelConfig.ProblemType)] = [
        (1, .values([0.5, 1]), .regression), (1, .classes([1, 0]), .regression), (3, .classes([2, 0]), .singleLabel),
        (2, .vectors([[1, 0], [1, 1]]), .multiLabel), (1, .vectors([[1], [0.5]]), .regression),
    ]
    for (labels, given, expected) in cases {
        let model = try model(labels)
        #expect(model.config.problemType == nil)
        #expect(throws: (any Error).self) {
            try model(ModelInput(inputIds: ids, labels: .vectors([[1, 2, 3, 4], [1, 2, 3, 4]])))
        }
        #expect(model.config.problemType == nil)
        _ = try model(ModelInput(inputIds: ids, labels: given))
        #expect(model.config.problemType == expected)
        let scratch = try Scratch()
        try saveModel(model, to: scratch.folder)
        let saved = try JSON(parsing: scratch.folder.read("config.json"), source: "saved")
        #expect(saved["problem_type"]?.string == expected.rawValue)
        #expect(
            try loadModel(scratch.folder, LoadOptions(taskType: .sequenceClassification)).model.config.problemType
                == expected)
    }
}

@Test("token types are left aside by models that have no table for them, as in transformers; GPT-2's are refused")
func tokenTypesLeftAside() throws {
    for name in [
        "distilbert", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "phi3", "smollm3", "gpt2",
    ] {
        let text = """
            {"model_type": "\(name)", "vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
             "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 24, "max_position_embeddings": 20, "dim": 16, "n_layers": 1, "n_heads": 2,
             "hidden_dim": 24, "n_embd": 16, "n_layer": 1, "n_head": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
            """
        let config = try ModelConfig(JSON(parsing: text, source: name), source: name)
        let model = try makeModel(config, LoadOptions(taskType: nil, weights: .random)).model
        let ids = [[5, 6, 7, 8]]
        let without = try model(ModelInput(inputIds: ids)).lastHiddenState?.floatArray()
        let typed = ModelInput(inputIds: ids, tokenTypeIds: [[0, 0, 1, 1]])
        if name == "gpt2" {
            #expect(messageOf { try model(typed) } == "token type 1: a gpt2 model knows no token types but 0")
        } else {
            #expect(try model(typed).lastHiddenState?.floatArray() == without, "\(name)")
        }
        #expect(
            messageOf { try model(ModelInput(inputIds: ids, tokenTypeIds: [[0]])) }
                == "1 token types were given for 4 tokens")
    }
}
