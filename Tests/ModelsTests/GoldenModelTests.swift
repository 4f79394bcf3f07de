import Formats
import Models
import Tensors
import TestSupport
import Testing

/// What a golden gives to a model.
func input(of golden: Golden, batch: String = "input", task: TaskType?) throws -> ModelInput {
    let ids = try #require(try golden.rows("input_ids", batch: batch))
    var input = ModelInput(inputIds: ids, tokenTypeIds: try golden.rows("token_type_ids", batch: batch))
    guard let entry = golden.file.entries["\(batch).labels"] else { return input }
    if task == .tokenClassification || task == .causalLM {
        input.labels = .tokens(try #require(try golden.rows("labels", batch: batch)))
    } else if entry.dtype == .i64 {
        input.labels = .classes(try golden.file.integers("\(batch).labels").map { Int($0) })
    } else {
        let values = try golden.floats("\(batch).labels")
        let width = entry.shape.count == 2 ? entry.shape[1] : 1
        input.labels =
            entry.shape.count == 1
            ? .values(values)
            : .vectors((0..<entry.shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) })
    }
    return input
}

/// Options with which a golden's base is loaded.
func options(of golden: Golden) -> LoadOptions {
    LoadOptions(
        taskType: golden.json["task_type"]?.string.flatMap(TaskType.init(rawValue:)),
        numLabels: golden.json["num_labels"]?.int,
        problemType: golden.json["problem_type"]?.string.flatMap(ModelConfig.ProblemType.init(rawValue:)),
        dtype: golden.json["dtype"]?.string)
}

@Test(
    "a model without adapters gives the reference's logits, hidden states, loss and every gradient",
    arguments: ["bert-full"] + Golden.wholeDecoders + Golden.wholeEncoders)
func fullModel(name: String) throws {
    let golden = try Golden(name)
    let options = options(of: golden)
    let model = try loadModel(golden.base, options).model
    for (_, weight) in model.namedParameters() { try weight.setRequiresGrad(true) }
    var input = try input(of: golden, task: options.taskType)
    input.outputHiddenStates = true
    let output = try model(input)
    // float32 sums in another order: DESIGN's bounds, of the largest entry.
    #expect(relativeDistance(try #require(output.logits).floatArray(), try golden.floats("logits")) < 1e-4)
    let loss = try #require(output.loss)
    #expect(relativeDistance(try loss.floatArray(), try golden.floats("loss")) < 1e-5)
    let states = try #require(output.hiddenStates)
    #expect(states.count == model.layerCount + 1)
    #expect(golden.file.entries["hidden_states.\(states.count)"] == nil)
    for (layer, state) in states.enumerated() where golden.file.entries["hidden_states.\(layer)"] != nil {
        #expect(relativeDistance(try state.floatArray(), try golden.floats("hidden_states.\(layer)")) < 1e-4)
    }
    try loss.backward()
    let gradients = golden.names(under: "grad/").filter { !golden.indeterminate.contains($0) }
    #expect(gradients.count > 20)
    let parameters = Dictionary(uniqueKeysWithValues: model.namedParameters().map { ($0.name, $0.weight) })
    for name in gradients {
        let tensor = try #require(parameters[name]?.tensor, "\(name)")
        let gradient = try #require(tensor.grad, "\(name)").floatArray()
        let expected = try golden.floats("grad/" + name)
        #expect(relativeDistance(gradient, expected) < 1e-3, "\(name)")
        #expect(cosine(gradient, expected) > 0.9999, "\(name)")
    }
}
