import Adapters
import Formats
import Foundation
import Models
import Tensors
import TestSupport
import Testing
import Training

private let path = ProcessInfo.processInfo.environment["LORAWB_SMOLLM2"]

/// A real decoder from its GGUF file, beside what transformers and PEFT make of it (scripts/goldens/smollm2.py).
///
/// The file is 98 MB and not part of the project: LORAWB_SMOLLM2 names it.
@Suite(.enabled(if: path != nil, "LORAWB_SMOLLM2 names no GGUF file"))
struct SmolLM2Tests {
    private let golden: JSON

    init() throws {
        golden = try JSON(parsing: Goldens.folder().read("smollm2.json"), source: "smollm2.json")
    }

    private func model() throws -> any Model {
        let url = URL(fileURLWithPath: try #require(path))
        let folder = try Folder(path: url.deletingLastPathComponent().path)
        return try loadModel(folder, gguf: url.lastPathComponent, LoadOptions(taskType: .causalLM)).model
    }

    private func ids(_ json: JSON?) throws -> [Int] { try #require(json?.array).compactMap(\.int) }

    @Test("logits of eight prompts within 1e-4 of the largest, and 40 greedy tokens of each, with a cache")
    func prompts() throws {
        let model = try model()
        for prompt in try #require(golden["prompts"]?.array) {
            let given = try ids(prompt["ids"])
            let cache = KeyValueCache(sequences: 1)
            var (next, made) = (given, [Int]())
            var first: [Float] = []
            try Recording.off {
                while made.count < 40 {
                    let input = ModelInput(inputIds: [next])
                    let output = try model.forward(input, Pass(over: input, read: .last, cache: cache))
                    let logits = try #require(output.logits).floatArray()
                    if first.isEmpty { first = logits }
                    next = [try #require(logits.indices.max { logits[$0] < logits[$1] })]
                    made += next
                }
            }
            let expected = try #require(prompt["logits"]?.array).compactMap(\.double)
            let largest = try #require(prompt["largest"]?.double)
            let distance = expected.enumerated().map { abs(Double(first[$0.offset * 97]) - $0.element) }.max() ?? 1
            #expect(distance / largest < 1e-4)
            #expect(made == (try ids(prompt["greedy"])), "\(prompt["text"]?.string ?? "")")
        }
    }

    @Test("ten steps of LoRA have PEFT's losses to 1e-3, and the count line is PEFT's")
    func training() throws {
        let model = try model()
        let adapters = AdapterSet(model: model)
        var lora = LoraConfig()
        (lora.r, lora.loraAlpha, lora.taskType) = (4, 8, .causalLM)
        lora.targetModules = .list(["q_proj", "v_proj"])
        try adapters.add(lora)
        let counts = model.parameterCounts()
        #expect(
            golden["count"]?.string?.hasPrefix("trainable params: 230,400 ||") == true && counts.trainable == 230_400
                && golden["count"]?.string?.contains("all params: 134,745,408 ||") == true
                && counts.all == 134_745_408)
        for (name, weight) in model.trainableParameters() where name.contains("lora_A") {
            let tensor = try #require(weight.tensor)
            let numbers = try tensor.mutableFloats()
            for place in 0..<tensor.count { numbers[place] = Float(sin(Double(place) * 0.7) * 0.05) }
        }
        let parameters = model.trainableParameters().compactMap { name, weight in
            weight.tensor.map { NamedParameter(name, $0) }
        }
        let optimizer = try AdamW([
            ParameterGroup(parameters, learningRate: 1e-3, weightDecay: 0)
        ])
        let prompts = try #require(golden["prompts"]?.array)
        let rows = try prompts.map { try ids($0["ids"]) + Array(ids($0["greedy"]).prefix(12)) }
        for (step, expected) in try #require(golden["losses"]?.array).compactMap(\.double).enumerated() {
            let batch = [rows[(2 * step) % 8], rows[(2 * step + 1) % 8]]
            var input = ModelInput(inputIds: batch, labels: .tokens(batch))
            input.outputLogits = false
            optimizer.zeroGrad()
            let loss = try #require(try model(input).loss)
            try loss.backward()
            try optimizer.step()
            #expect(abs(Double(try loss.floatArray()[0]) - expected) < 1e-3 * expected, "step \(step + 1)")
        }
    }
}
