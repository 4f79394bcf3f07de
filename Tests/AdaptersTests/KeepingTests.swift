import Adapters
import Formats
import Kernels
import Models
import Tensors
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What an adapter makes forward keep for backward, counted in bytes, in a process where nothing else makes tensors.
@Suite struct KeepingTests {
    /// Such that the pool rounds nothing up, and hands out no freed block for a smaller one.
    fileprivate static let (tokens, width, rank) = (64, 128, 8)

    /// Bytes that are alive after forward with adapters on these modules of one layer, and dropout of `below` between the layer
    /// norm below and their input.
    fileprivate static func kept(
        _ targets: [String], dropout: Double, below: Double, _ dtype: FrozenMatrix.DType
    ) throws -> Int {
        let text = """
            {"model_type": "bert", "vocab_size": 30, "hidden_size": \(width), "num_hidden_layers": 1, "num_attention_heads": 8,
             "intermediate_size": 512, "max_position_embeddings": 20, "hidden_dropout_prob": \(below),
             "attention_probs_dropout_prob": 0.1}
            """
        let config = try ModelConfig(JSON(parsing: text, source: "tiny"), source: "tiny")
        let options = LoadOptions(taskType: .tokenClassification, dtype: dtype.rawValue, weights: .random)
        let model = try makeModel(config, options).model
        let adapters = AdapterSet(model: model)
        if !targets.isEmpty {
            var config = LoraConfig()
            (config.targetModules, config.r, config.loraDropout) = (.list(targets), rank, dropout)
            try adapters.add(config)
        }
        // The head keeps its input, and a gradient flows through the whole layer, so that attention keeps the same whoever is adapted.
        for (name, weight) in model.namedParameters()
        where name.hasSuffix("position_embeddings.weight") || (targets.isEmpty && name.hasPrefix("classifier")) {
            try weight.setRequiresGrad(true)
        }
        let rows = (0..<4).map { row in (0..<tokens / 4).map { 5 + (row + $0) % 20 } }
        let input = ModelInput(inputIds: rows, labels: .tokens(rows.map { $0.map { $0 % 2 } }))
        // The first call packs the matrices.
        var bytes = 0
        for _ in 0..<2 {
            StoragePool.shared.trim()
            let before = StoragePool.shared.liveBytes
            let output = try model(input, draws: DropoutDraws())
            bytes = StoragePool.shared.liveBytes - before
            try withExtendedLifetime(output) { try output.loss?.backward() }
            for (_, weight) in model.trainableParameters() { weight.tensor?.grad = nil }
        }
        return bytes
    }

    @Test("query, key and value keep their input once, and what each projects it to")
    func queryKeyValue() async {
        let result = await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) {
            do {
                let projected = KeepingTests.tokens * KeepingTests.rank * 4
                for dtype in [FrozenMatrix.DType.float32, .bfloat16] {
                    for (dropout, below) in [(0, 0.1), (0.1, 0.1), (0, 0), (0.1, 0)] {
                        // What a layer norm gave is made again from what it keeps, so that it is not kept at all.
                        let input = below > 0 ? KeepingTests.tokens * KeepingTests.width * 4 : 0
                        let none = try KeepingTests.kept([], dropout: dropout, below: below, dtype)
                        let one = try KeepingTests.kept(["query"], dropout: dropout, below: below, dtype)
                        let all = try KeepingTests.kept(
                            ["query", "key", "value"], dropout: dropout, below: below, dtype)
                        if (one - none, all - none) != (input + projected, input + 3 * projected) {
                            let bytes = "\(one - none) and \(all - none) bytes"
                            print("problem: \(dtype), dropout \(dropout) above \(below): \(bytes)")
                        }
                    }
                }
            } catch { print("problem: \(error)") }
            exit(0)
        }
        // The library's own mark comes last.
        let said = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
        #expect(!said.contains("problem"), "\(said)")
    }
}
