import Kernels
import Memory
import Models
import Tensors
import Words

extension Trainer {
    /// What this training will do and take: nothing is trained and nothing is written.
    ///
    /// Memory comes of steps and an evaluation that are run over shapes (`ShapePass`), time of a few steps that are really run.
    ///
    /// - Parameters:
    ///   - measures: whether steps are run to time them; without values, or without, the speed of the machine's products is asked.
    ///   - limit: bytes that the training should fit into; what would take less is told where it does not.
    public func planned(measures: Bool, limit: Int) throws -> TrainingPlan {
        guard let reader = trainReader else { throw TrainingError("trainer: there is no train_dataset") }
        let weights = model.trainableParameters().map { (name: $0.name, weight: $0.weight) }
        guard !weights.isEmpty else {
            throw TrainingError(
                "trainer: nothing is trainable: add an adapter with add_adapter, or set requires_grad of some parameters"
            )
        }
        let sampler = try sampler(reader, arguments)
        let steps = try StepPlan(sampler, arguments)
        let states = plannedStates(of: .train, steps)
        let shapes = try plannedMemory(PlanChange())
        let looked = shapes.steps
        let shares = Double(steps.totalSteps) / Double(max(1, looked.tokens.count))
        let flops =
            Double(shapes.training.flops) / Double(max(1, shapes.training.flopTokens)) * looked.mean
        let checkpoints = steps.checkpoints(arguments)
        let evaluations = steps.evaluations(arguments).count + (arguments.evalOnStart ? 1 : 0)
        let counts = model.parameterCounts()
        let bytes = checkpointBytes(counts.trainable)
        let time: PlannedTime?
        let fits = shapes.memory.least <= limit
        if measures, fits {
            time = try measured(looked, states?.layer, evaluations, checkpoints.count, bytes)
        } else {
            time = try estimated(shapes.products, flops, steps, evaluations, checkpoints.count, bytes)
        }
        return TrainingPlan(
            parts: Trainer.parts(weights), model: model.kind, trainable: counts.trainable, all: counts.all,
            steps: steps,
            rows: reader.dataset.count, rowsPerBatch: min(arguments.trainRowsPerBatch, reader.dataset.count),
            tokens: reader.tokenCounts.isEmpty ? 0 : Trainer.whole(Double(looked.sum) * shares),
            paddedTokens: reader.tokenCounts.isEmpty ? 0 : Trainer.whole(Double(looked.padded) * shares),
            longestRow: Int(reader.tokenCounts.max() ?? 0), memory: shapes.memory, flopsPerStep: flops, time: time,
            keptStates: plannedStates(steps, reader), checkpoints: checkpoints,
            savesBest: arguments.saveStrategy == .best, checkpointBytes: bytes,
            checkpointLimit: arguments.saveTotalLimit, evaluations: evaluations,
            advice: fits ? [] : try advice(reader, below: shapes.memory.least))
    }

    /// A count that may be larger than any integer.
    private static func whole(_ count: Double) -> Int { Int(exactly: min(max(0, count), 0x1p62).rounded()) ?? 0 }

    /// The states that are the same in every epoch, and why they are not kept where they are not.
    private func plannedStates(_ steps: StepPlan, _ reader: BatchReader) -> PlannedStates? {
        guard let model = model as? any Model, objective.runsInputs, let layer = model.lowestTrainableLayer, layer > 0
        else { return nil }
        if let states = plannedStates(of: .train, steps) {
            return PlannedStates(
                layer: layer, layers: model.layerCount, bytes: states.bytes, isInFile: states.isInFile,
                precision: states.precision, obstacle: nil)
        }
        let obstacle: String
        if arguments.keptStates == .off {
            obstacle = "prefix_cache is off"
        } else if !arguments.freezeDropout, !model.randomParts(below: layer).isEmpty {
            obstacle = "dropout acts below; freeze_dropout = true switches it off there"
        } else if !pays(.train, steps) {
            obstacle = "each row is passed once"
        } else {
            obstacle = "there is no room for them"
        }
        let counts = reader.tokenCounts.map { model.keptRows(length: Int($0), layer: layer) }
        let precision: StatesCache.Precision = arguments.keptStates == .bfloat16 ? .bfloat16 : .float32
        return PlannedStates(
            layer: layer, layers: model.layerCount,
            bytes: StatesCache.byteCount(counts, width: model.config.hiddenSize, precision), isInFile: false,
            precision: precision.rawValue, obstacle: obstacle)
    }

    /// The most memory that this training will have in use, without timing anything.
    public func plannedMemory() throws -> PlannedMemory { try plannedMemory(PlanChange()).memory }

    /// What would take less memory than `least` bytes, each planned.
    public func memoryAdvice(below least: Int) throws -> [PlanAdvice] {
        guard let reader = trainReader else { return [] }
        return try advice(reader, below: least)
    }

    private typealias Shapes = (
        memory: PlannedMemory, steps: PlannedSteps, training: ShapeTraining, products: [ProductCounter.Product: Int]
    )

    private func plannedMemory(_ change: PlanChange) throws -> Shapes {
        guard let reader = trainReader else { throw TrainingError("trainer: there is no train_dataset") }
        // What an optimizer moves side by side, and what garbage there is, belongs to what is held already.
        let arguments = change.arguments(self.arguments)
        let sampler = try sampler(reader, arguments)
        let plan = try StepPlan(sampler, arguments)
        let lengths = change.maxLength.map { most in reader.tokenCounts.map { min($0, Int32(clamping: most)) } }
        let steps = PlannedSteps(sampler, plan, lengths: lengths ?? reader.tokenCounts)
        let states = plannedStates(of: .train, plan)
        let held = MemoryBudget.held + (ShapePass.current?.growth ?? 0)
        let pass = ShapePass(after: StoragePool.shared.counts)
        (pass.dtype, pass.packing) = (change.dtype, change.packing)
        var training = ShapeTraining(self, arguments, change, pass, keptLayer: states?.layer)
        let told = reporter
        reporter = nil
        defer { reporter = told }
        try pass.run {
            try training.run(steps, plan, sampler, reader, kept: states.map { $0.isInFile ? 0 : $0.bytes } ?? 0)
            guard !plan.evaluations(arguments).isEmpty || arguments.evalOnStart else { return }
            for set in evalSets {
                try training.evaluate(
                    set.reader, keptLayer: plannedStates(of: .evaluation(set.name), plan)?.layer)
            }
        }
        let counts = pass.tensors.counts
        let grown = counts.heldPeak - counts.heldAtStart
        let alive = training.momentBytes + training.keptBytes + max(training.stepBytes, training.evaluationBytes)
        let idle = max(0, grown - alive)
        // What fits into regions that are held already is not counted twice.
        var parts = [
            PlannedMemory.Part(
                key: "held", name: "what is held before: data, parameters, Lua", bytes: held - max(0, alive - grown))
        ]
        func add(_ key: String, _ name: String, _ bytes: Int) {
            if bytes != 0 { parts.append(PlannedMemory.Part(key: key, name: name, bytes: bytes)) }
        }
        let numbers = model.namedParameters().reduce(0) { $0 + $1.weight.imaginedBytes }
        add("numbers", "numbers of the model that are no file's", numbers)
        add("packed", "packed copies of the frozen matrices", pass.matrixGrowth)
        add("moments", "moments of the optimizer", training.momentBytes)
        add("states", "states kept from epoch to epoch", training.keptBytes)
        add("step", "a step: what backward needs, gradients", training.stepBytes)
        add("evaluation", "an evaluation beyond a step", max(0, training.evaluationBytes - training.stepBytes))
        add("scores", "scores of an evaluation", training.scoreBytes)
        add(PlannedMemory.idleKey, "between blocks, for reuse", idle)
        return (
            PlannedMemory(parts: parts, before: MemoryBudget.peak, idle: idle), steps, training, pass.products
        )
    }

    /// Trained tensors by what differs by more than the layer.
    private static func parts(_ weights: [(name: String, weight: Weight)]) -> [TrainingPlan.Part] {
        var (order, counts): ([String], [String: (name: String, shape: [Int], count: Int)]) = ([], [:])
        for (name, weight) in weights {
            let general = name.split(separator: ".").map { Int($0) == nil ? String($0) : "*" }.joined(separator: ".")
            let key = "\(general) \(weight.shape)"
            if counts[key] == nil { order.append(key) }
            counts[key, default: (general, weight.shape, 0)].count += 1
        }
        return order.compactMap { key in
            counts[key].map { TrainingPlan.Part(name: $0.name, shape: $0.shape, count: $0.count) }
        }
    }

    /// Bytes of a checkpoint: all that is trained, what users load, and what the optimizer remembers.
    private func checkpointBytes(_ trainable: Int) -> Int {
        let copies = 1 + (saveModel == nil ? 0 : 1) + (arguments.saveOnlyModel ? 0 : arguments.momentsPerParameter)
        let (bytes, overflow) = trainable.multipliedReportingOverflow(by: 4 * copies)
        return overflow ? .max : bytes
    }

    /// Seconds of writing checkpoints: a disk of 200 MB a second, and as long as a sync takes.
    private func saving(_ count: Int, _ bytes: Int) -> Double {
        arguments.saveStrategy == .no ? 0 : Double(count) * (0.03 + Double(bytes) / 200e6)
    }

    private func measured(
        _ looked: PlannedSteps, _ keptLayer: Int?, _ evaluations: Int, _ checkpoints: Int, _ bytes: Int
    ) throws -> PlannedTime {
        let (before, hadSetup) = (state, setup != nil)
        let setup = try prepare()
        defer {
            state = before
            if !hadSetup {
                self.setup = nil
                optimizer = nil
            }
        }
        var timer = StepTimer(self, setup, keptLayer: keptLayer)
        try timer.run(looked)
        let step = timer.mean(looked)
        let states = timer.states(of: Int(looked.mean) * setup.plan.stepsPerEpoch)
        let evaluation = evaluations == 0 ? 0 : try evalSets.reduce(0) { try $0 + timer.evaluation($1.reader) }
        return PlannedTime(
            step: step, training: step * Double(setup.plan.totalSteps) + timer.packing + states,
            evaluations: evaluation * Double(evaluations), saving: saving(checkpoints, bytes), measured: timer.steps)
    }

    /// Time by what the products of a step take alone.
    private func estimated(
        _ products: [ProductCounter.Product: Int], _ flops: Double, _ plan: StepPlan, _ evaluations: Int,
        _ checkpoints: Int, _ bytes: Int
    ) throws -> PlannedTime? {
        // Twelve matrices follow one another in a measurement, packed: not those that this machine may not hold.
        let room = MemoryBudget.available / 2 / 8
        let measurable = products.sorted { $0.key.flops * $0.value > $1.key.flops * $1.value }.map(\.key)
            .filter { ProductPeak.matrices * $0.n * $0.k + $0.m * ($0.n + $0.k) <= room }.prefix(3)
        guard !measurable.isEmpty else { return nil }
        var (work, seconds) = (0.0, 0.0)
        for product in measurable {
            try pollOutsideSteps()
            let rate = try ShapePass.off {
                try ProductPeak.measure(m: product.m, n: product.n, k: product.k, form: product.form)
            }
            guard rate > 0 else { continue }
            let share = Double(product.flops) * Double(products[product] ?? 1)
            work += share
            seconds += share / rate
        }
        guard work > 0 else { return nil }
        // What is no product takes about a third of a step besides.
        let step = flops / (work / seconds) * 4 / 3
        let rows = Double(evalSets.reduce(0) { $0 + $1.reader.dataset.count })
        let batch = Double(max(1, min(arguments.trainRowsPerBatch, 1 << 20)) * arguments.gradientAccumulationSteps)
        return PlannedTime(
            step: step, training: step * Double(plan.totalSteps),
            evaluations: step / 2.5 * rows / batch * Double(evaluations), saving: saving(checkpoints, bytes),
            measured: 0)
    }

    private func advice(_ reader: BatchReader, below least: Int) throws -> [PlanAdvice] {
        var changes: [(String, PlanChange)] = []
        let isModel = model is any Model
        if arguments.gradientCheckpointing != .on, isModel {
            changes.append(("gradient_checkpointing = true", PlanChange(checkpointing: .on)))
        }
        let rows = arguments.perDeviceTrainBatchSize
        if rows > 1 {
            let half = PlanChange(division: 2)
            let changed = half.arguments(arguments)
            let tokens = changed.maxTokensPerBatch.map { ", max_tokens_per_batch = \($0)" } ?? ""
            changes.append(
                (
                    "per_device_train_batch_size = \(changed.perDeviceTrainBatchSize), gradient_accumulation_steps = \(changed.gradientAccumulationSteps)\(tokens)",
                    half
                ))
        }
        if let model = model as? any Model, model.dtype == .float32, Backend.multiplies(.bfloat16) {
            changes.append(("load_model: dtype = \"bfloat16\"", PlanChange(dtype: .bfloat16)))
        }
        let isPackedTwice = model.namedParameters().contains { $0.weight.isPackedTwice }
        if isPackedTwice { changes.append(("load_model: packed = \"once\"", PlanChange(packing: .once))) }
        let longest = Int(reader.tokenCounts.max() ?? 0)
        if longest > 32, !(objective is QuestionAnswering), !(objective is TokenClassification) {
            changes.append(("max_length = \(longest / 2)", PlanChange(maxLength: longest / 2)))
        }
        if arguments.gradientCheckpointing != .on, isModel, rows > 1 {
            var most = PlanChange(checkpointing: .on, division: rows)
            let changed = most.arguments(arguments)
            let text =
                "gradient_checkpointing = true, per_device_train_batch_size = 1, gradient_accumulation_steps = \(changed.gradientAccumulationSteps)"
            changes.append((text, most))
            if isPackedTwice {
                most.packing = .once
                changes.append((text + ", packed = \"once\"", most))
            }
        }
        return try changes.map { text, change in
            let memory = try plannedMemory(change).memory
            return PlanAdvice(change: text, total: memory.total, least: memory.least)
        }.filter { $0.least < least }.sorted { $0.least > $1.least }
    }
}
