import Adapters
import Formats
import Foundation
import Models
import Tensors
import TestSupport
import Testing

/// Cases with adapters; those without belong to the models' tests.
let cases = encoders + Golden.answers + Golden.decoders + Golden.tokens + Golden.encoders

private let encoders = [
    "bert-seq-cls", "bert-pair", "bert-regression", "bert-multi-label", "bert-token-cls", "bert-feature-extraction",
    "bert-bias-all", "bert-lora-dropout-eval", "bert-two-adapters", "roberta-token-cls", "roberta-patterns",
    "roberta-bias-lora-only", "roberta-all-linear-rslora", "distilbert-seq-cls", "distilbert-token-cls",
]

/// What a golden gives to a model.
func input(of golden: Golden, batch: String = "input") throws -> ModelInput {
    let ids = try #require(try golden.rows("input_ids", batch: batch))
    var input = ModelInput(inputIds: ids, tokenTypeIds: try golden.rows("token_type_ids", batch: batch))
    input.outputHiddenStates = true
    guard let entry = golden.file.entries["\(batch).labels"] else { return input }
    if golden.json["task_type"]?.string == "QUESTION_ANS" {
        let positions = try golden.file.integers("\(batch).labels").map { Int($0) }
        let (starts, ends) = (stride(from: 0, to: positions.count, by: 2), stride(from: 1, to: positions.count, by: 2))
        input.labels = .answers(starts: starts.map { positions[$0] }, ends: ends.map { positions[$0] })
    } else if ["TOKEN_CLS", "CAUSAL_LM"].contains(golden.json["task_type"]?.string) {
        input.labels = .tokens(try #require(try golden.rows("labels", batch: batch)))
    } else if entry.dtype == .i64 {
        input.labels = .classes(try golden.file.integers("\(batch).labels").map { Int($0) })
    } else {
        let values = try golden.floats("\(batch).labels")
        guard entry.shape.count == 2 else {
            input.labels = .values(values)
            return input
        }
        let width = entry.shape[1]
        input.labels = .vectors((0..<entry.shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) })
    }
    return input
}

/// The base of a golden.
func loadBase(_ golden: Golden) throws -> any Model {
    try loadModel(
        golden.base,
        LoadOptions(
            taskType: golden.json["task_type"]?.string.flatMap(TaskType.init(rawValue:)),
            numLabels: golden.json["num_labels"]?.int,
            problemType: golden.json["problem_type"]?.string.flatMap(ModelConfig.ProblemType.init(rawValue:)),
            dtype: golden.json["dtype"]?.string)
    ).model
}

/// The model of a golden with its adapters loaded.
func loadAdapted(_ golden: Golden, isTrainable: Bool = true) throws -> (any Model, AdapterSet) {
    let model = try loadBase(golden)
    let adapters = AdapterSet(model: model)
    for (name, adapter) in try #require(golden.json["adapters"]?.object) {
        let folder = try golden.folder.subfolder(try #require(adapter["path"]?.string))
        try adapters.load(folder, name: name, isTrainable: isTrainable)
    }
    let active = golden.json["active_adapters"]?.array?.compactMap(\.string) ?? []
    try adapters.setActive(active)
    return (model, adapters)
}

/// Logits of a model, or the hidden states of one without a head.
func result(_ output: ModelOutput) throws -> [Float] {
    try output.logits?.floatArray() ?? #require(output.lastHiddenState).floatArray()
}

/// Mean of (hidden − target)² over real tokens: the loss of feature extraction in the goldens.
func featureLoss(_ output: ModelOutput, _ golden: Golden) throws -> Tensor {
    let lengths = try golden.file.integers("input.lengths").map { Int($0) }
    let target = try golden.floats("input.target")
    let hidden = try #require(output.lastHiddenState)
    let (longest, width) = (try #require(lengths.max()), hidden.shape[1])
    let packed = lengths.enumerated().flatMap { row, length in
        target[row * longest * width..<(row * longest + length) * width]
    }
    return try hidden.mseLoss(Tensor(packed, shape: hidden.shape))
}

@Test("logits, hidden states, loss and every gradient are PEFT's", arguments: cases)
func goldenForwardAndBackward(name: String) throws {
    let golden = try Golden(name)
    let (model, adapters) = try loadAdapted(golden)
    let output = try model(input(of: golden))
    let key = output.logits == nil ? "last_hidden_state" : "logits"
    // float32 sums in another order: DESIGN's bounds, of the largest entry.
    #expect(relativeDistance(try result(output), try golden.floats(key)) < 1e-4)
    for (layer, state) in try #require(output.hiddenStates).enumerated()
    where golden.file.entries["hidden_states.\(layer)"] != nil {
        #expect(relativeDistance(try state.floatArray(), try golden.floats("hidden_states.\(layer)")) < 1e-4)
    }
    if golden.file.entries["pooler_output"] != nil {
        let pooled = try #require(output.poolerOutput).floatArray()
        #expect(relativeDistance(pooled, try golden.floats("pooler_output")) < 1e-4)
    }
    var loss = try output.loss ?? featureLoss(output, golden)
    #expect(relativeDistance(try loss.floatArray(), try golden.floats("loss")) < 1e-5)
    if model.taskType == .causalLM {
        // As in training: the last layer and the head of labelled rows alone.
        var input = try input(of: golden)
        (input.outputHiddenStates, input.outputLogits) = (false, false)
        loss = try #require(try model(input).loss)
        #expect(relativeDistance(try loss.floatArray(), try golden.floats("loss")) < 1e-5)
    }
    let gradients = golden.names(under: "grad/").filter { !golden.indeterminate.contains($0) }
    guard golden.json["mode"]?.string == "train" else { return }
    try loss.backward()
    #expect(!gradients.isEmpty)
    var reached = 0
    for adapter in adapters.names {
        for (key, weight) in try adapters.tensors(of: adapter) {
            let name = adapters.names.count > 1 ? "\(adapter)/\(key)" : key
            guard gradients.contains(name) else { continue }
            reached += 1
            let gradient = try #require(weight.tensor?.grad, "\(name)").floatArray()
            let expected = try golden.floats("grad/" + name)
            #expect(relativeDistance(gradient, expected) < 1e-3, "\(name)")
            #expect(cosine(gradient, expected) > 0.9999, "\(name)")
        }
    }
    #expect(reached == gradients.count)
}

@Test("a merged model gives PEFT's merged outputs, and unmerging restores every bit", arguments: cases)
func goldenMerge(name: String) throws {
    let golden = try Golden(name)
    let (model, adapters) = try loadAdapted(golden)
    let input = try input(of: golden)
    let before = try result(try model(input))
    let bits = try model.namedParameters().map { try $0.weight.floats().map(\.bitPattern) }
    try adapters.merge()
    let key = golden.file.entries["merged.logits"] != nil ? "merged.logits" : "merged.last_hidden_state"
    #expect(relativeDistance(try result(try model(input)), try golden.floats(key)) < 1e-4)
    try adapters.unmerge()
    #expect(try model.namedParameters().map { try $0.weight.floats().map(\.bitPattern) } == bits)
    #expect(try result(try model(input)).map(\.bitPattern) == before.map(\.bitPattern))
    try adapters.mergeAndUnload()
    #expect(model.namedModules().allSatisfy { $0.module.seatWeights.isEmpty })
    #expect(relativeDistance(try result(try model(input)), try golden.floats(key)) < 1e-4)
}

@Test(
    "the line of counts and the keys of the file are PEFT's",
    arguments: Golden.decoders + Golden.tokens + Golden.encoders)
func goldenCounts(name: String) throws {
    let golden = try Golden(name)
    let (_, adapters) = try loadAdapted(golden)
    #expect(adapters.trainableParametersLine == golden.json["line"]?.string)
    let keys = try #require(golden.json["file_keys"]?["default"]?.array).compactMap(\.string)
    #expect(try adapters.tensors(of: "default").map(\.key).sorted() == keys)
}

/// The most likely tokens that follow each prompt: by a pass over all that there is, or by single tokens with a cache.
private func greedy(_ model: any Model, _ prompts: [[Int]], count: Int, isCached: Bool) throws -> [[Int]] {
    var (rows, new) = (prompts, prompts)
    let cache = isCached ? KeyValueCache(sequences: prompts.count, capacity: 4) : nil
    for _ in 0..<count {
        let input = ModelInput(inputIds: isCached ? new : rows)
        let output = try Recording.off { try model.forward(input, Pass(over: input, read: .last, cache: cache)) }
        let logits = try #require(output.logits).floatArray()
        let vocabulary = model.config.vocabSize
        for row in rows.indices {
            let last = logits[row * vocabulary..<(row + 1) * vocabulary]
            let best = try #require(last.indices.max { last[$0] < last[$1] }) - last.startIndex
            rows[row].append(best)
            new[row] = [best]
        }
    }
    return zip(rows, prompts).map { Array($0.dropFirst($1.count)) }
}

@Test(
    "forty greedy tokens are the reference's, by whole passes and with a cache",
    arguments: ["llama-causal", "gemma2-causal", "gpt2-causal", "llama-tokens"])
func goldenGreedy(name: String) throws {
    let golden = try Golden(name)
    let (model, _) = try loadAdapted(golden)
    let generation = try #require(golden.json["generation"])
    func lists(_ key: String) throws -> [[Int]] {
        try #require(generation[key]?.array).map { try #require($0.array).compactMap(\.int) }
    }
    let (prompts, expected) = (try lists("prompts"), try lists("greedy"))
    #expect(expected.allSatisfy { $0.count == 40 })
    for isCached in [false, true] {
        #expect(try greedy(model, prompts, count: 40, isCached: isCached) == expected, "cached: \(isCached)")
    }
}
