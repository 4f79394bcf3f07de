import Adapters
import Formats
import Kernels
import Memory
import Models
import Tensors
import TestSupport
import Testing
import Training

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Layers that are run again in backward give the bits of layers that keep what it needs.
struct CheckpointingTests {
    /// What is trained.
    enum Trained: CaseIterable {
        /// Adapters on every layer.
        case adapters
        /// Adapters on the uppermost layer, above states that are kept.
        case upperAdapters
        /// Every weight.
        case all
    }

    /// A small random model whose dropout acts wherever its family has one.
    private static func model(_ base: String, _ task: TaskType, _ trained: Trained, layers: Int? = nil) throws
        -> any Model
    {
        var members =
            try JSON(parsing: Goldens.folder().read("models/\(base)/config.json"), source: "config.json").object ?? [:]
        for name in [
            "hidden_dropout_prob", "attention_probs_dropout_prob", "attention_dropout", "attn_pdrop", "resid_pdrop",
            "embd_pdrop", "dropout", "mlp_dropout", "embedding_dropout",
        ] where members[name] != nil { members[name] = .number(0.15) }
        if let layers { members["num_hidden_layers"] = .integer(Int64(layers)) }
        let config = try ModelConfig(.object(members), source: "config.json")
        let model = try makeModel(config, LoadOptions(taskType: task, weights: .random, seed: 5)).model
        guard trained != .all else {
            for (_, weight) in model.namedParameters() { try weight.setRequiresGrad(true) }
            return model
        }
        var lora = LoraConfig()
        (lora.r, lora.loraDropout, lora.initLoraWeights) = (2, 0.2, .random)
        // ALBERT's last layer is of its second group, which is the number in its path.
        let last = base == "albert-groups" ? 1 : model.layerCount - 1
        if trained == .upperAdapters { lora.layersToTransform = [last] }
        try AdapterSet(model: model).add(lora)
        return model
    }

    /// Rows of one to three sequences of up to eight ids, of which some bear no label.
    private static func dataset(_ count: Int, isLanguage: Bool) throws -> Dataset {
        let key = RandomKey(seed: 8)
        return try Dataset(
            rows: (0..<count).map { row in
                let lengths = (0..<(isLanguage ? 1 + row % 3 : 1)).map { 3 + Int(key.child(row).word($0) % 6) }
                let ids = (0..<lengths.reduce(0, +)).map { 5 + Int32(key.child(row).word(9 + $0) % 24) }
                guard isLanguage else {
                    return [.init("input_ids", .integers(ids)), .init("labels", .integer(row % 2))]
                }
                return [
                    .init("input_ids", .integers(ids)), .init("seq_lengths", .integers(lengths.map { Int32($0) })),
                    .init("labels", .integers(ids.map { $0 % 3 == 0 ? -100 : $0 })),
                ]
            })
    }

    /// The log, the weights, and how many rows passed through the last layer's linears.
    private struct Outcome {
        let log: [[JSON.Member]]
        let weights: [String: [UInt32]]
        let rows: Int
    }

    private static func outcome(
        _ base: String, _ task: TaskType, _ trained: Trained, _ mode: JSON, keepsStates: Bool = true
    ) throws -> Outcome {
        let model = try model(base, task, trained)
        let counter = Counter()
        let last = try #require(model.layers.last)
        for (_, module) in last.namedModules() { (module as? Models.Linear)?.seats.append(counter) }
        let trainer = try Trainer(
            model: model,
            arguments: Tiny.arguments([
                ("max_steps", .integer(10)), ("logging_steps", .integer(1)), ("save_strategy", .string("no")),
                ("learning_rate", .number(1e-2)), ("per_device_train_batch_size", .integer(3)),
                ("gradient_accumulation_steps", .integer(2)), ("gradient_checkpointing", mode),
                ("prefix_cache", .bool(keepsStates && trained == .upperAdapters)),
                ("freeze_dropout", .bool(trained == .upperAdapters)),
            ]), trainDataset: dataset(14, isLanguage: task == .causalLM))
        try trainer.train()
        return Outcome(
            log: Tiny.history(trainer), weights: try Tiny.weights(model).mapValues { $0.map(\.bitPattern) },
            rows: counter.rows)
    }

    @Test(
        "ten steps with dropout, packed rows and accumulation: the same losses, norms and weights to the bit",
        arguments: [
            "bert-classifier", "distilbert-mlm", "gpt2", "llama", "llama-dynamic", "mistral", "qwen3", "gemma2",
            "gemma3",
            "phi3-longrope", "smollm3", "electra", "mpnet", "albert-groups", "modernbert", "deberta-v3", "deberta-v2",
        ], Trained.allCases)
    func sameBits(base: String, trained: Trained) throws {
        let isEncoder = base.contains("bert") || ["electra", "mpnet"].contains(base)
        for task in isEncoder ? [TaskType.sequenceClassification] : [.causalLM, .sequenceClassification] {
            // A row of packed sequences has one label for each token.
            let plain = try CheckpointingTests.outcome(base, task, trained, .bool(false))
            let again = try CheckpointingTests.outcome(base, task, trained, .bool(true))
            #expect(plain.log.count == 11)
            #expect(plain.log == again.log)
            #expect(plain.weights == again.weights)
            // Every layer that a gradient reaches passes twice.
            #expect(again.rows == 2 * plain.rows)
            let memory = try CheckpointingTests.outcome(base, task, trained, .string("auto"))
            #expect(plain.log == memory.log && plain.weights == memory.weights)
            // In the first step alone.
            #expect(memory.rows > plain.rows && memory.rows < again.rows)
        }
    }

    @Test("packed rows above kept states train as above computed ones")
    func packedRows() throws {
        let logs = try [true, false].map {
            try CheckpointingTests.outcome("llama", .causalLM, .upperAdapters, .bool(false), keepsStates: $0).log
        }
        let losses = logs.map { $0.compactMap { row in row.first { $0.key == "loss" }?.value.double } }
        #expect(losses[0].count == 10)
        // As in KeptStatesTests: products of other batches may differ in their last bits.
        for (kept, computed) in zip(losses[0], losses[1]) { #expect(abs(kept - computed) < 1e-5 * computed) }
    }

    // MARK: Memory

    private static let input = ModelInput(
        inputIds: (0..<16).map { row in (0..<40).map { 5 + ($0 * 7 + row) % 24 } },
        labels: .tokens((0..<16).map { row in (0..<40).map { 5 + ($0 * 7 + row) % 24 } }))

    /// Loss, gradients, and the most bytes alive at once in a forward and backward pass.
    private static func pass(_ model: any Model, _ checkpointing: Checkpointing?) throws -> (
        bits: [[UInt32]], peak: Int
    ) {
        var input = input
        input.outputLogits = false
        let leaves = model.trainableParameters().compactMap(\.weight.tensor)
        let before = StoragePool.shared.liveBytes
        StoragePool.shared.resetPeak()
        let output = try model.forward(
            input, Pass(over: input, draws: DropoutDraws(seed: 4), checkpointing: checkpointing))
        guard let loss = output.loss else { return ([], 0) }
        let gradients = try loss.gradients()
        let bits = try [loss.floatArray()] + leaves.map { try gradients[$0]?.floatArray() ?? [] }
        return (bits.map { $0.map(\.bitPattern) }, StoragePool.shared.peakBytes - before)
    }

    @Test("a layer that is run again keeps its input alone")
    func peak() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let model = try CheckpointingTests.model("llama", .causalLM, .adapters, layers: 12)
            _ = try CheckpointingTests.pass(model, nil)
            let plain = try CheckpointingTests.pass(model, nil)
            let again = try CheckpointingTests.pass(model, Checkpointing(.on))
            if plain.bits != again.bits { exit(2) }
            print("peak with all layers kept \(plain.peak), with their inputs \(again.peak)")
            // Twelve inputs and what one of the twelve layers keeps; the head's share is the same.
            exit(again.peak * 3 < plain.peak ? 0 : 1)
        }
    }

    @Test("where memory is short, as few layers are run again as make the others fit")
    func asFewAsNeeded() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let model = try CheckpointingTests.model("llama", .causalLM, .adapters, layers: 12)
            _ = try CheckpointingTests.pass(model, nil)
            let plain = try CheckpointingTests.pass(model, nil)
            var (peaks, layers): ([Int], [Int]) = ([], [])
            for share in [0, 40, 60, 80, 200] {
                let free = plain.peak * share / 100
                let start = StoragePool.shared.liveBytes
                let auto = Checkpointing(.auto) { free - (StoragePool.shared.liveBytes - start) }
                let found = try CheckpointingTests.pass(model, auto)
                if found.bits != plain.bits { exit(2) }
                // Inputs and two layers' worth are needed whatever is run again.
                if share > 0, found.peak > free { exit(3) }
                peaks.append(found.peak)
                layers.append(auto.reason?.layers ?? 0)
            }
            print("peaks \(peaks) of \(plain.peak), layers run again \(layers)")
            if layers.first != 12 || layers.last != 0 || peaks.last != plain.peak { exit(4) }
            exit(zip(layers, layers.dropFirst()).allSatisfy { $0 > $1 } ? 0 : 5)
        }
    }

    @Test("a limit that a step would pass turns it on, which is said once")
    func limited() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let ids = (0..<64).map { 5 + Int32($0) % 24 }
            let rows = (0..<64).map { _ in [JSON.Member("input_ids", .integers(ids))] }
            func train(_ mode: JSON) throws -> (log: [[JSON.Member]], notes: [String]) {
                let listener = Listener()
                let trainer = try Trainer(
                    model: CheckpointingTests.model("llama", .causalLM, .adapters, layers: 12),
                    arguments: Tiny.arguments([
                        ("max_steps", .integer(3)), ("logging_steps", .integer(1)), ("save_strategy", .string("no")),
                        ("per_device_train_batch_size", .integer(64)), ("gradient_checkpointing", mode),
                    ]), trainDataset: Dataset(rows: rows))
                trainer.reporter = listener
                try trainer.train()
                StoragePool.shared.trim()
                return (Tiny.history(trainer), listener.notes)
            }
            let limit = 40 << 20
            MemoryBudget.begin(limit: limit, nil)
            do {
                _ = try train(.bool(false))
                exit(2)
            } catch {}
            StoragePool.shared.trim()
            let short = try train(.string("auto"))
            MemoryBudget.end()
            let plain = try train(.bool(false))
            let notes = short.notes.filter { $0.hasPrefix("gradient_checkpointing: ") }
            print(notes)
            if plain.log != short.log { exit(3) }
            exit(notes.count == 1 ? 0 : 4)
        }
    }
}
