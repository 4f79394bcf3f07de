import Adapters
import Formats
import Models
import Tensors
import TestSupport
import Testing
import Training

/// A random model of a family with LoRA on every linear of every layer, B not zero, so that every gradient is there;
/// without layers everything is trained.
private func adapted(_ base: String, dropout: Double, layers: Int = 2) throws -> any Model {
    let file = try Goldens.folder().subfolder("models/\(base)").read("config.json")
    var members = try JSON(parsing: file, source: "config.json").object ?? [:]
    for name in [
        "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "dropout", "attention_dropout",
        "seq_classif_dropout", "embedding_dropout", "mlp_dropout", "pooler_dropout", "cls_dropout",
        "classifier_dropout_prob",
    ] { members[name] = .number(dropout) }
    var config = try ModelConfig(.object(members), source: "config.json")
    (config.initializerRange, config.numHiddenLayers) = (0.2, layers)
    let model = try makeModel(config, LoadOptions(taskType: .sequenceClassification, weights: .random, seed: 4)).model
    guard layers > 0 else {
        for (_, weight) in model.namedParameters() { try weight.setRequiresGrad(true) }
        return model
    }
    let adapters = AdapterSet(model: model)
    var lora = LoraConfig()
    lora.targetModules = .pattern(
        ".*(query|key|value|dense|_lin|lin1|lin2|_proj|layers\\.\\d\\.ffn|ffn_output|\\.[qkvo]|Wqkv|Wi|Wo)")
    (lora.r, lora.loraAlpha, lora.loraDropout, lora.initLoraWeights) = (3, 6, dropout, .random)
    try adapters.add(lora)
    return model
}

/// Logits, loss and every gradient of one pass; the whole last layer is computed where its states are asked for.
private func results(_ model: any Model, isTraining: Bool, whole: Bool) throws -> (
    logits: [Float], loss: [Float], [String: [Float]]
) {
    let input = ModelInput(
        inputIds: [[5, 6, 7, 8, 9], [10], [11, 12, 13]], labels: .classes([0, 1, 1]), outputHiddenStates: whole)
    for (_, weight) in model.trainableParameters() { weight.tensor?.grad = nil }
    let output = try model(input, draws: isTraining ? DropoutDraws(step: 3, rows: [4, 2, 7]) : nil)
    #expect((output.lastHiddenState == nil) == !whole)
    let loss = try #require(output.loss)
    let numbers = (try #require(output.logits).floatArray(), try loss.floatArray())
    try loss.backward()
    var gradients: [String: [Float]] = [:]
    for (name, weight) in model.trainableParameters() { gradients[name] = try weight.tensor?.grad?.floatArray() }
    return (numbers.0, numbers.1, gradients)
}

@Test(
    "a classifier's last layer, computed for the rows that the head reads, gives the numbers of the whole layer",
    arguments: [
        "bert-classifier", "roberta-mlm", "distilbert-mlm", "xlm-roberta", "electra", "mpnet", "albert-groups",
        "modernbert", "deberta-v3", "deberta-v2", "deberta-apart",
    ], [0, 0.3])
func lastLayer(base: String, dropout: Double) throws {
    // ModernBERT has four linears a layer, others six.
    let model = try adapted(base, dropout: dropout, layers: base == "modernbert" ? 4 : 2)
    let (rows, whole) = (
        try results(model, isTraining: dropout > 0, whole: false),
        try results(model, isTraining: dropout > 0, whole: true)
    )
    // The same sums in products of another number of rows.
    #expect(relativeDistance(rows.logits, whole.logits) < 1e-5)
    #expect(relativeDistance(rows.loss, whole.loss) < 1e-5)
    #expect(rows.2.count == model.trainableParameters().count && rows.2.count > 24)
    for (name, gradient) in whole.2 {
        #expect(relativeDistance(try #require(rows.2[name], "\(name)"), gradient) < 2e-5, "\(name)")
        #expect(gradient.contains { $0 != 0 }, "\(name)")
    }
}

@Test("a classifier without layers reads its embeddings")
func noLayers() throws {
    let model = try adapted("roberta-mlm", dropout: 0.3, layers: 0)
    let (rows, whole) = (
        try results(model, isTraining: true, whole: false), try results(model, isTraining: true, whole: true)
    )
    #expect(rows.logits == whole.logits && rows.2 == whole.2 && !rows.2.isEmpty)
}
