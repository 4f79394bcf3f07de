import Adapters
import Models
import Tensors
import TestSupport
import Testing

private let labelled = ModelInput(
    inputIds: [[2, 5, 7, 9], [3, 4], [6, 11, 13]], labels: .classes([0, 1, 1]))

private func dropping() throws -> (any Model, AdapterSet) {
    let model = try tinyModel()
    let adapters = AdapterSet(model: model)
    try adapters.add(config(["query", "dense"]) { $0.loraDropout = 0.4 })
    return (model, adapters)
}

private func loss(_ model: any Model, step: Int = 0) throws -> Tensor {
    try #require(try model(labelled, draws: DropoutDraws(seed: 11, step: step)).loss)
}

@Test("gradients with dropout on are those of differences, masks being a function of the place")
func gradientsWithDropout() throws {
    let (model, adapters) = try dropping()
    #expect(try loss(model).floatArray() == loss(model).floatArray())
    #expect(try loss(model).floatArray() != loss(model, step: 1).floatArray())
    try loss(model).backward()
    for (key, weight) in try adapters.tensors(of: "default") where key.contains(".layer.0.attention") {
        let tensor = try #require(weight.tensor)
        let gradient = try #require(tensor.grad, "\(key)").floatArray()
        let place = try #require(gradient.indices.max { abs(gradient[$0]) < abs(gradient[$1]) })
        let old = try tensor.floats()[place]
        let step: Float = 0.02
        try tensor.mutableFloats()[place] = old + step
        let above = try loss(model).floatArray()[0]
        try tensor.mutableFloats()[place] = old - step
        let below = try loss(model).floatArray()[0]
        try tensor.mutableFloats()[place] = old
        // Rounding of the loss (1e-7) over the step, and the curvature that it sees.
        #expect(abs((above - below) / (2 * step) - gradient[place]) < 0.03 * abs(gradient[place]) + 2e-5, "\(key)")
    }
}

@Test("row by row, in any cut of the batch, the gradients add up to those of the whole")
func accumulation() throws {
    let (model, adapters) = try dropping()
    let tensors = try adapters.tensors(of: "default")
    try loss(model).backward()
    let whole = try tensors.map { try #require($0.weight.tensor?.grad, "\($0.key)").floatArray() }
    for (_, weight) in tensors { weight.tensor?.grad = nil }
    for row in 0..<3 {
        let input = ModelInput(inputIds: [labelled.inputIds[row]])
        let output = try model(input, draws: DropoutDraws(seed: 11, rows: [row]))
        let label = Labels.classes([[0, 1, 1][row]])
        try model.config.loss(#require(output.logits), label, reduction: .dividedBy(3)).backward()
    }
    for ((key, weight), expected) in zip(tensors, whole) {
        #expect(relativeDistance(try #require(weight.tensor?.grad).floatArray(), expected) < 1e-5, "\(key)")
    }
}

@Test("without training, and at dropout 0, the update is exact")
func noDropoutInEvaluation() throws {
    let (model, adapters) = try dropping()
    let quiet = try logits(model)
    let plain = try tinyModel()
    let others = AdapterSet(model: plain)
    try others.add(config(["query", "dense"]))
    #expect(try logits(plain) == quiet)
    #expect(adapters.adapters[0].config.loraDropout == 0.4)
}

@Test("query, key and value together are what each is alone, mask for mask")
func groupedAsAlone() throws {
    func gradients(alone: Bool) throws -> (loss: Float, gradients: [String: [Float]]) {
        let model = try tinyModel()
        let adapters = AdapterSet(model: model)
        try adapters.add(
            config(["query", "key", "value"]) {
                $0.loraDropout = 0.4
                $0.initLoraWeights = .random
            })
        // A trained matrix leaves its group, so that every linear multiplies and is adapted alone.
        for (name, weight) in model.namedParameters() where alone && name.hasSuffix("query.weight") {
            try weight.setRequiresGrad(true)
        }
        let loss = try loss(model)
        try loss.backward()
        let found = try adapters.tensors(of: "default").map {
            ($0.key, try #require($0.weight.tensor?.grad).floatArray())
        }
        return (try loss.floatArray()[0], Dictionary(uniqueKeysWithValues: found))
    }
    let (together, alone) = (try gradients(alone: false), try gradients(alone: true))
    // The matrices are multiplied by another library there: sums of 32 products in another order.
    #expect(abs(together.loss - alone.loss) < 1e-6)
    for (key, gradient) in together.gradients {
        #expect(relativeDistance(gradient, try #require(alone.gradients[key])) < 1e-4, "\(key)")
    }
}
