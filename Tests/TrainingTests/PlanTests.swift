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

/// What a plan says of a training is what the training does.
struct PlanTests {
    /// A small random model of a family with a case of its own, with adapters, or trained whole.
    private static func model(_ base: String, whole: Bool) throws -> any Model {
        let members =
            try JSON(parsing: Goldens.folder().read("models/\(base)/config.json"), source: "config.json").object ?? [:]
        let config = try ModelConfig(.object(members), source: "config.json")
        func made(_ task: TaskType) throws -> any Model {
            try makeModel(config, LoadOptions(taskType: task, weights: .random, seed: 5)).model
        }
        let model = try (try? made(.causalLM)) ?? made(.sequenceClassification)
        if whole {
            for (_, weight) in model.namedParameters() { try weight.setRequiresGrad(true) }
        } else {
            var lora = LoraConfig()
            (lora.r, lora.loraDropout) = (4, 0.1)
            try AdapterSet(model: model).add(lora)
        }
        return model
    }

    private static func dataset(_ count: Int) throws -> Dataset {
        let key = RandomKey(seed: 8)
        return try Dataset(
            rows: (0..<count).map { row in
                let ids = (0..<4 + Int(key.child(row).word(0) % 9)).map { 5 + Int32(key.child(row).word(1 + $0) % 24) }
                return [.init("input_ids", .integers(ids)), .init("labels", .integer(row % 2))]
            })
    }

    private static func languageRows(_ count: Int) throws -> Dataset {
        try dataset(count).removingColumns(["labels"])
    }

    /// In a process of its own, where nothing else makes tensors.
    @Test("the most bytes of a step, of every family, with adapters and whole")
    func everyFamily() async {
        let result = await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) {
            do {
                for base in try Goldens.folder().subfolder("models").list().sorted() {
                    for whole in [false, true] {
                        let model: any Model
                        do { model = try PlanTests.model(base, whole: whole) } catch { continue }
                        let isLanguage = model.taskType == .causalLM
                        let rows = try isLanguage ? PlanTests.languageRows(32) : PlanTests.dataset(32)
                        let trainer = try Trainer(
                            model: model,
                            arguments: Tiny.arguments([
                                ("per_device_train_batch_size", .integer(4)),
                                ("gradient_accumulation_steps", .integer(2)), ("num_train_epochs", .integer(2)),
                                ("save_strategy", .string("no")),
                            ]), trainDataset: rows)
                        let memory = try trainer.plannedMemory()
                        let planned = memory.parts.first { $0.key == "step" }?.bytes ?? 0
                        // The first step makes the moments and packs.
                        _ = try trainer.step()
                        var most = 0
                        while true {
                            let before = StoragePool.shared.liveBytes
                            StoragePool.shared.resetPeak()
                            guard try trainer.step() else { break }
                            most = max(most, StoragePool.shared.peakBytes - before)
                        }
                        // The same code makes both; only the steps that are looked at are chosen.
                        let far = abs(Double(planned) / Double(most) - 1)
                        print(
                            "\(far > 0.03 ? "problem: " : "")\(base) \(whole ? "whole" : "adapters"): planned \(planned), really \(most)"
                        )
                    }
                }
            } catch { print("problem: \(error)") }
            exit(0)
        }
        let said = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
        #expect(!said.contains("problem"), "\(said)")
        #expect(said.contains("bert-classifier adapters") && said.contains("llama adapters"), "\(said)")
    }

    private func trainer(_ arguments: [(String, JSON)], _ folder: Folder? = nil) throws -> Trainer {
        let output: (() throws -> Folder)? = folder.map { folder in { folder } }
        return try Trainer(
            model: Tiny.model(layers: 4, trainedFrom: 2),
            arguments: Tiny.arguments([("per_device_train_batch_size", .integer(4))] + arguments),
            trainDataset: Tiny.dataset(18), evalDataset: Tiny.dataset(6, seed: 5), output: output)
    }

    @Test(
        "steps, checkpoints and evaluations are those of the run",
        arguments: [
            [
                ("num_train_epochs", JSON.integer(3)), ("save_strategy", .string("epoch")),
                ("eval_strategy", .string("epoch")),
            ],
            [
                ("num_train_epochs", .number(1.5)), ("save_steps", .integer(2)), ("eval_strategy", .string("steps")),
                ("eval_steps", .integer(3)),
            ],
            [
                ("max_steps", .integer(7)), ("save_steps", .number(0.4)), ("eval_on_start", .bool(true)),
                ("gradient_accumulation_steps", .integer(2)),
            ],
            [
                ("num_train_epochs", .integer(2)), ("save_strategy", .string("no")),
                ("dataloader_drop_last", .bool(true)),
            ],
        ])
    func foretold(_ arguments: [(String, JSON)]) throws {
        try Tiny.folder { folder in
            let trainer = try trainer(arguments, folder)
            let plan = try trainer.planned(measures: false, limit: 1 << 40)
            let before = try Tiny.weights(trainer.model)
            #expect(try folder.list().isEmpty)
            try trainer.train()
            #expect(plan.steps.totalSteps == trainer.state.globalStep)
            #expect(try plan.checkpointNames.sorted() == Tiny.checkpoints(folder).sorted())
            let evaluations = trainer.state.logHistory.count { row in row.contains { $0.key == "eval_loss" } }
            #expect(plan.evaluations == evaluations)
            #expect(plan.trainable == before.values.reduce(0) { $0 + $1.count })
            #expect(plan.parts.reduce(0) { $0 + $1.parameters } == plan.trainable)
            #expect(plan.tokens <= plan.paddedTokens && plan.tokens > 0)
        }
    }

    @Test("a training that was planned and measured before goes as one that was not, to the bit")
    func leavesNothingBehind() throws {
        let arguments: [(String, JSON)] = [
            ("num_train_epochs", .integer(2)), ("save_strategy", .string("no")), ("weight_decay", .number(0.1)),
            ("logging_steps", .integer(1)),
        ]
        let plain = try trainer(arguments)
        try plain.train()
        let planned = try trainer(arguments)
        let before = try Tiny.weights(planned.model)
        let plan = try planned.planned(measures: true, limit: 1 << 40)
        #expect((plan.time?.measured ?? 0) >= 3)
        #expect(try Tiny.weights(planned.model) == before)
        try planned.train()
        #expect(try Tiny.weights(planned.model) == Tiny.weights(plain.model))
        #expect(Tiny.history(planned) == Tiny.history(plain))
    }

    @Test("states that are kept are foretold")
    func keptStates() throws {
        let trainer = try Trainer(
            model: Tiny.model(dropout: 0, layers: 4, trainedFrom: 2),
            arguments: Tiny.arguments([
                ("per_device_train_batch_size", .integer(4)), ("num_train_epochs", .integer(2)),
                ("save_strategy", .string("no")),
            ]), trainDataset: Tiny.dataset(18))
        let listener = Listener()
        trainer.reporter = listener
        let plan = try trainer.planned(measures: false, limit: 1 << 40)
        #expect(listener.notes.isEmpty)
        let states = try #require(plan.keptStates)
        #expect(states.layer == 2 && !states.isInFile && states.obstacle == nil)
        try trainer.train()
        #expect(
            listener.notes.contains {
                $0.hasPrefix("prefix_cache: keeping the states that enter layer 2 of 4, for the 18 rows")
            },
            "\(listener.notes)")
    }

    @Test("what would have states kept that are not is said, with what they would take")
    func statesThatAreNotKept() throws {
        func states(_ dropout: Double, _ epochs: Int) throws -> PlannedStates? {
            let trainer = try Trainer(
                model: Tiny.model(dropout: dropout, layers: 4, trainedFrom: 2),
                arguments: Tiny.arguments([("num_train_epochs", .integer(epochs)), ("save_strategy", .string("no"))]),
                trainDataset: Tiny.dataset(18))
            return try trainer.planned(measures: false, limit: 1 << 40).keptStates
        }
        let kept = try states(0, 2)
        #expect(try states(0.1, 2)?.bytes == kept?.bytes && kept?.bytes ?? 0 > 0)
        #expect(try states(0.1, 2)?.obstacle == "dropout acts below; freeze_dropout = true switches it off there")
        #expect(try states(0, 1)?.obstacle == "each row is passed once")
    }

    @Test("shapes alone give what values give")
    func shapesAlone() throws {
        func plan(_ weights: LoadOptions.Weights) throws -> TrainingPlan {
            let json = try JSON(parsing: Goldens.folder().read("models/llama/config.json"), source: "config.json")
            let model = try makeModel(
                ModelConfig(json, source: "config.json"), LoadOptions(taskType: .causalLM, weights: weights)
            ).model
            try AdapterSet(model: model).add(LoraConfig())
            let trainer = try Trainer(
                model: model,
                arguments: Tiny.arguments([
                    ("per_device_train_batch_size", .integer(4)), ("num_train_epochs", .integer(1)),
                    ("save_strategy", .string("no")),
                ]), trainDataset: PlanTests.languageRows(16))
            return try trainer.planned(measures: false, limit: 1 << 40)
        }
        func step(_ plan: TrainingPlan) -> Int { plan.memory.parts.first { $0.key == "step" }?.bytes ?? 0 }
        let (shapes, values) = (try plan(.none), try plan(.random))
        #expect(shapes.parts == values.parts && shapes.trainable == values.trainable)
        #expect(shapes.flopsPerStep == values.flopsPerStep && shapes.flopsPerStep > 0)
        // Weights that nobody made come to be in the pass: their bytes are in no step.
        #expect(abs(Double(step(shapes)) / Double(step(values)) - 1) < 0.2)
    }

    @Test("what does not fit comes with what would take less")
    func advice() throws {
        let rows = (0..<32).map { row in
            [
                JSON.Member("input_ids", .integers((0..<60).map { 5 + Int32(($0 + row) % 24) })),
                JSON.Member("labels", .integer(row % 2)),
            ]
        }
        let trainer = try Trainer(
            model: Tiny.model(layers: 12),
            arguments: Tiny.arguments([
                ("per_device_train_batch_size", .integer(32)), ("num_train_epochs", .integer(1)),
                ("save_strategy", .string("no")),
            ]), trainDataset: Dataset(rows: rows))
        let plan = try trainer.planned(measures: true, limit: 1 << 20)
        #expect(plan.time?.measured ?? 0 == 0, "what does not fit is not run")
        let names = plan.advice.map(\.change)
        #expect(names.contains("gradient_checkpointing = true"), "\(names)")
        #expect(names.contains("per_device_train_batch_size = 16, gradient_accumulation_steps = 2"), "\(names)")
        #expect(plan.advice.allSatisfy { $0.least <= plan.memory.least }, "\(plan.advice) of \(plan.memory.least)")
        #expect(plan.advice.contains { $0.least < plan.memory.least }, "\(plan.advice) of \(plan.memory.least)")
    }
}
