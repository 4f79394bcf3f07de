import Formats
import Kernels
import Models
import Tensors
import TestSupport
import Testing

private func model(_ task: TaskType?, labels: Int = 2, dropout: Bool = false) throws -> any Model {
    var members = try JSON(parsing: base("bert-bare").read("config.json"), source: "config.json").object ?? [:]
    members["hidden_dropout_prob"] = .number(dropout ? 0.1 : 0)
    members["attention_probs_dropout_prob"] = .number(dropout ? 0.2 : 0)
    var config = try ModelConfig(.object(members), source: "config.json")
    config.numLabels = labels
    return try makeModel(config, LoadOptions(taskType: task, weights: .random, seed: 4)).model
}

@Test("inputs that do not fit the model are refused with both numbers")
func wrongInputs() throws {
    let classifier = try model(.sequenceClassification)
    let tokens = try model(.tokenClassification)
    let bare = try model(nil)
    let long = Array(repeating: 5, count: 65)
    let wrong: [(any Model, ModelInput, String)] = [
        (classifier, ModelInput(inputIds: []), "input_ids holds no sequence"),
        (classifier, ModelInput(inputIds: [[1], []]), "sequence 2 of input_ids is empty"),
        (
            classifier, ModelInput(inputIds: [long]),
            "sequence 1 has 65 tokens, but the model has positions for 64; truncate with max_length = 64"
        ),
        (
            classifier, ModelInput(inputIds: [[1, 120]]),
            "sequence 1 holds the id 120, outside of the vocabulary 0 to 119"
        ),
        (
            classifier, ModelInput(inputIds: [[1, -1]]),
            "sequence 1 holds the id -1, outside of the vocabulary 0 to 119"
        ),
        (classifier, ModelInput(inputIds: [[1, 2]], tokenTypeIds: [[0, 2]]), "token type 2 is outside of 0 to 1"),
        (
            classifier, ModelInput(inputIds: [[1, 2], [3]], tokenTypeIds: [[0], [0, 1]]),
            "token_type_ids and input_ids have different lengths"
        ),
        (
            classifier, ModelInput(inputIds: [[1, 2]], labels: .classes([2])),
            "label 2 of sequence 1 is outside of 0 to 1: the model has num_labels 2"
        ),
        (classifier, ModelInput(inputIds: [[1, 2]], labels: .classes([1, 1])), "2 labels were given for 1 sequences"),
        (
            classifier, ModelInput(inputIds: [[1, 2]], labels: .tokens([[1, 1]])),
            "labels of tokens do not fit a head on sequences"
        ),
        (
            classifier, ModelInput(inputIds: [[1, 2]], labels: .vectors([[1, 0, 1]])),
            "the label of sequence 1 has 3 numbers, the model has num_labels 2"
        ),
        (
            classifier, ModelInput(inputIds: [[1, 2]], labels: .vectors([[1, 3]])),
            "labels of a multi-label classification are numbers in 0...1, got 3.0"
        ),
        (
            classifier, ModelInput(inputIds: [[1, 2]], labels: .values([1])),
            "labels of this kind do not fit multi_label_classification"
        ),
        (tokens, ModelInput(inputIds: [[1, 2]], labels: .tokens([[1]])), "sequence 1 has 2 tokens and 1 labels"),
        (
            tokens, ModelInput(inputIds: [[1, 2]], labels: .classes([1])),
            "a token classification takes a list of labels for each sequence"
        ),
        (bare, ModelInput(inputIds: [[1, 2]], labels: .classes([1])), "a model without a head takes no labels"),
    ]
    for (model, input, message) in wrong {
        let text = messageOf { try model(input) }
        #expect(text.contains(message), "\(text)")
    }
}

@Test("a model with shapes only says so when it is run")
func shapesOnly() throws {
    let shapes = try loadModel(base("bert-bare"), LoadOptions(taskType: .sequenceClassification, weights: .none)).model
    #expect(messageOf { try shapes(someInput) }.contains("has no values: the model was made with weights = \"none\""))
}

@Test("RoBERTa's longest sequence leaves out the positions before its first, padding tokens do not count")
func robertaPositions() throws {
    let roberta = try loadModel(base("roberta-mlm"), LoadOptions(taskType: nil)).model
    #expect(roberta.config.maxLength == roberta.config.maxPositionEmbeddings - 2)
    let whole = Array(repeating: 7, count: roberta.config.maxLength)
    #expect(throws: Never.self) { try roberta(ModelInput(inputIds: [whole])) }
    #expect(throws: ModelError.self) { try roberta(ModelInput(inputIds: [whole + [7]])) }
}

@Test("dropout acts in training only, and draws by step, row and position, not by how a batch is cut")
func dropoutDraws() throws {
    let model = try model(.sequenceClassification, dropout: true)
    let clock = StepClock(seed: 5)
    func trained(_ input: ModelInput) throws -> [Float] {
        try #require(try model(input, draws: clock.draws(input.inputIds.count)).logits).floatArray()
    }
    let quiet = try #require(try model(someInput).logits).floatArray()
    #expect(try #require(try model(someInput).logits).floatArray() == quiet)
    let first = try trained(someInput)
    #expect(first != quiet)
    // The rows of the step go on; the next step begins anew.
    let later = try trained(someInput)
    #expect(later != first)
    clock.set(step: 0)
    #expect(try trained(someInput) == first)
    clock.beginNextStep()
    #expect(try trained(someInput) != first)
    // One by one, in the same step: the same masks.
    clock.set(step: 0)
    var alone: [Float] = []
    for row in someInput.inputIds { alone += try trained(ModelInput(inputIds: [row])) }
    #expect(relativeDistance(alone, first) < 1e-5)
    // In another order, with their places.
    let turned = ModelInput(inputIds: someInput.inputIds.reversed())
    let output = try model(turned, draws: DropoutDraws(seed: 5, rows: [2, 1, 0]))
    let back = try #require(output.logits).floatArray()
    #expect(relativeDistance(Array(back[4...5] + back[2...3] + back[0...1]), first) < 1e-5)
}

@Test("keys of a pass are a function of stream, step, row and position alone")
func passKeys() throws {
    let pass = try Pass(lengths: [2, 3], draws: DropoutDraws(seed: 9, step: 3, rows: [7, 4]))
    let keys = pass.keys(stream: "x")
    let expected = [(7, 0), (7, 1), (4, 0), (4, 1), (4, 2)].map { row, position in
        RandomKey(seed: 9).child("x").child(3).child(row).child(position)
    }
    #expect(keys == expected)
    #expect(pass.at([0, 2]).keys(stream: "x") == [expected[0], expected[2]])
    #expect(pass.boundaries == [0, 2, 5] && pass.indices(of: .first) == [0, 2] && pass.indices(of: .last) == [1, 4])
    #expect(pass.at([1, 3, 4]).boundaries == [0, 1, 3] && pass.at([1, 3, 4]).positions == [1, 1, 2])
    #expect(try Pass(lengths: [1, 2]).keys(stream: "x") == nil)
    #expect(throws: ModelError.self) { try Pass(lengths: [2], draws: DropoutDraws(rows: [1, 2])) }
    #expect(throws: ModelError.self) { try Pass(lengths: [Int.max, 2]) }
}

@Test("a weight becomes a parameter when a gradient is asked for, and keeps its numbers")
func thawing() throws {
    let model = try loadModel(base("bert-classifier"), LoadOptions(taskType: .sequenceClassification)).model
    let before = try #require(try model(someInput).logits).floatArray()
    #expect(model.trainableParameters().isEmpty)
    let weight = try #require(model.namedParameters().first { $0.name == "bert.encoder.layer.0.output.dense.weight" })
        .weight
    #expect(weight.tensor == nil)
    try weight.setRequiresGrad(true)
    #expect(model.trainableParameters().map(\.name) == [weight.name])
    let output = try model(ModelInput(inputIds: someInput.inputIds, labels: .classes([0, 1, 2])))
    #expect(relativeDistance(try #require(output.logits).floatArray(), before) < 1e-6)
    try #require(output.loss).backward()
    #expect(try #require(weight.tensor?.grad).floatArray().contains { $0 != 0 })
}
