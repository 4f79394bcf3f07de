import Adapters
import Formats
import Kernels
import Models
import Synchronization
import Tensors
import TestSupport
import Testing
import Training

/// Two passes on two threads share weights only.
@Suite struct TwoPassesTests {
    /// A new model of large enough layers that matrices have several panels; nothing of it is packed yet.
    private func model(_ dtype: FrozenMatrix.DType) throws -> any Model {
        let folder = try Goldens.folder().subfolder("models/bert-classifier")
        var members = try JSON(parsing: folder.read("config.json"), source: "config.json").object ?? [:]
        for name in ["hidden_dropout_prob", "attention_probs_dropout_prob"] { members[name] = .number(0.2) }
        var config = try ModelConfig(.object(members), source: "config.json")
        (config.hiddenSize, config.intermediateSize) = (256, 512)
        let options = LoadOptions(
            taskType: .sequenceClassification, dtype: dtype.rawValue, weights: .random, seed: 4)
        let model = try makeModel(config, options).model
        var lora = LoraConfig()
        lora.targetModules = .pattern(".*(query|value|dense)")
        (lora.r, lora.loraDropout, lora.initLoraWeights) = (3, 0.2, .random)
        try AdapterSet(model: model).add(lora)
        return model
    }

    /// Bits of the loss and of every gradient of two passes, each over some rows of a step.
    private func passes(_ model: any Model, together: Bool) throws -> [[[UInt32]]] {
        let inputs = [[[5, 6, 7, 8, 9], [10]], [[11, 12, 13], [14, 15, 16, 17]]].map {
            ModelInput(inputIds: $0, labels: .classes([0, 1]))
        }
        let leaves = model.trainableParameters().compactMap(\.weight.tensor)
        let found = Mutex<[Int: Result<[[UInt32]], any Error>]>([:])
        nonisolated(unsafe) let (model, trained) = (model, leaves)
        let pass: @Sendable (Int) -> Void = { index in
            let result = Result {
                let rows = index == 0 ? [3, 0] : [2, 1]
                let output = try model(inputs[index], draws: DropoutDraws(step: 3, rows: rows))
                let loss = try #require(output.loss)
                let gradients = try loss.gradients()
                return try [loss.floatArray()] + trained.map { try gradients[$0]?.floatArray() ?? [] }
            }.map { $0.map { $0.map(\.bitPattern) } }
            found.withLock { $0[index] = result }
        }
        if together { Workers.run(pieces: 2, pass) } else { (0..<2).forEach(pass) }
        return try found.withLock { found in try (0..<2).map { try #require(found[$0]).get() } }
    }

    @Test(arguments: [FrozenMatrix.DType.float32, .bfloat16])
    func sameBitsTogetherAndOneAfterTheOther(_ dtype: FrozenMatrix.DType) throws {
        guard Backend.multiplies(dtype) else { return }
        try withThreads(2) {
            let apart = try passes(try model(dtype), together: false)
            #expect(apart[0].count > 10 && apart[0] != apart[1])
            #expect(apart.allSatisfy { $0.allSatisfy { bits in bits.contains { $0 != 0 } } })
            for _ in 0..<3 {
                // A new model: the first products of both passes find nothing packed.
                let model = try model(dtype)
                #expect(try passes(model, together: true) == apart)
                #expect(try passes(model, together: true) == apart)
            }
        }
    }
}
