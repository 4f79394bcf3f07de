import Formats
import Models
import Tensors
import Words

/// What a trainer keeps of the states that enter the lowest trained layer.
struct TrainerKeptStates {
    /// Whose rows.
    enum Split: Hashable {
        case train
        /// The set of this name, or the only one.
        case evaluation(String?)

        /// What is said of it.
        var name: String {
            switch self {
            case .train: "train_dataset"
            case .evaluation(let name): EvaluationSet.split(name)
            }
        }
    }

    /// What was decided for a dataset; nothing until it was asked for.
    var keepers: [Split: StatesKeeper?] = [:]
    /// In training, layers below this one and the embeddings draw no random numbers; nil where all draw.
    var quietBelow: Int?
    /// Whether it was said what rounding changes.
    var isCompared = false

    /// Bytes that are kept already, in a file or in memory.
    func byteCount(inFile: Bool) -> Int {
        keepers.values.reduce(0) { $0 + ($1.map { $0.isInFile == inFile ? $0.byteCount : 0 } ?? 0) }
    }
}

extension Trainer {
    /// Decides, when the training begins, what is kept; throws where something was asked for that cannot be.
    func prepareKeptStates() throws {
        guard let model = model as? any Model else {
            guard !arguments.freezeDropout, !arguments.keptStates.isAsked else {
                throw TrainingError(
                    "args: \(arguments.freezeDropout ? "freeze_dropout" : "prefix_cache"): a module of one's own has no layers below which nothing is trained; leave it out"
                )
            }
            return
        }
        let layer = model.lowestTrainableLayer
        if arguments.freezeDropout {
            guard let layer else {
                throw TrainingError(
                    "args: freeze_dropout: the embeddings are trained, so there is nothing below them whose dropout could be switched off"
                )
            }
            keptStates.quietBelow = layer
            if !model.randomParts(below: layer).isEmpty {
                reporter?.note("freeze_dropout: nothing is dropped below layer \(layer) of \(model.layerCount)")
            }
        }
        if arguments.keptStates.isAsked {
            guard objective.runsInputs else {
                throw TrainingError(
                    "args: prefix_cache: compute_loss runs the model by itself, from the ids on; leave prefix_cache or compute_loss out"
                )
            }
            guard let layer, layer > 0 else {
                throw TrainingError(
                    "args: prefix_cache: \(layer == nil ? "the embeddings are" : "layer 0 is") trained, so there is nothing below to keep; adapt upper layers only (layers_to_transform), or leave prefix_cache out"
                )
            }
        }
        _ = try keeper(of: .train)
        for set in evalSets { _ = try keeper(of: .evaluation(set.name)) }
    }

    /// The batch of a dataset's rows, with the states that are kept of them where they are.
    func withKeptStates(_ batch: Batch, of split: TrainerKeptStates.Split) throws -> Batch {
        guard let keeper = try keeper(of: split) else { return batch }
        do {
            return try keeper.complete(batch) { group, exact, kept in
                // A batch may need as many groups as it has rows, so that a stop would wait for long.
                try pollOutsideSteps()
                guard !keptStates.isCompared, arguments.keptStates == .bfloat16 else { return }
                keptStates.isCompared = true
                try tellRounding(group, exact, kept)
            }
        } catch let error as FormatError {
            // A disk that failed: what is kept is a copy of what can be computed.
            keptStates.keepers[split] = .some(nil)
            reporter?.warn("prefix_cache: \(error); the states of \(split.name) are computed anew from here on")
            return batch
        }
    }

    /// Lets go of what is kept of a dataset.
    func dropKeptStates(of split: TrainerKeptStates.Split) {
        guard keptStates.keepers[split].flatMap({ $0 }) != nil else { return }
        keptStates.keepers[split] = .some(nil)
        StoragePool.shared.trim()
    }

    private func keeper(of split: TrainerKeptStates.Split) throws -> StatesKeeper? {
        if let decided = keptStates.keepers[split] {
            guard let keeper = decided, !keeper.holds else { return decided }
            keptStates.keepers[split] = nil
            reporter?.note("prefix_cache: what lies below has changed; the states of \(split.name) are dropped")
        }
        let keeper = try decide(split)
        // Whether an evaluation pays is known only once the training is planned.
        if keeper != nil || setup != nil { keptStates.keepers[split] = .some(keeper) }
        return keeper
    }

    /// Whether the states of a dataset's rows would be kept in a training of so many steps, and what they would take: for plans, which
    /// open no file.
    func plannedStates(
        of split: TrainerKeptStates.Split, _ plan: StepPlan
    ) -> (layer: Int, bytes: Int, isInFile: Bool, precision: String)? {
        guard arguments.keptStates != .off, objective.runsInputs, let model = model as? any Model,
            let reader = split == .train
                ? trainReader : evalSets.first(where: { .evaluation($0.name) == split })?.reader,
            let layer = model.lowestTrainableLayer, layer > 0, arguments.keptStates.isAsked || pays(split, plan),
            split != .train || arguments.freezeDropout || model.randomParts(below: layer).isEmpty
        else { return nil }
        let counts = reader.tokenCounts.map { model.keptRows(length: Int($0), layer: layer) }
        let precision: StatesCache.Precision = arguments.keptStates == .bfloat16 ? .bfloat16 : .float32
        let bytes = StatesCache.byteCount(counts, width: model.config.hiddenSize, precision)
        if let bound = arguments.keptStatesSize, bytes > bound { return nil }
        let bound =
            arguments.keptStatesPlace == .memory ? arguments.keptStatesSize ?? keptStatesMemory : keptStatesMemory
        let fits = arguments.keptStatesPlace != .file && bytes <= bound
        guard fits || arguments.keptStatesPlace != .memory else { return nil }
        return (layer, bytes, !fits, precision.rawValue)
    }

    private func decide(_ split: TrainerKeptStates.Split) throws -> StatesKeeper? {
        guard arguments.keptStates != .off, objective.runsInputs, let model = model as? any Model,
            let reader = split == .train
                ? trainReader : evalSets.first(where: { .evaluation($0.name) == split })?.reader,
            let layer = model.lowestTrainableLayer, layer > 0, arguments.keptStates.isAsked || pays(split)
        else { return nil }
        let random = split == .train && !arguments.freezeDropout ? model.randomParts(below: layer) : []
        if let first = random.first {
            if arguments.keptStates.isAsked {
                reporter?.warn(
                    "prefix_cache: the states of train_dataset are not kept, since dropout acts below layer \(layer) ('\(first)'); freeze_dropout = true switches it off there"
                )
            }
            return nil
        }
        let counts = reader.tokenCounts.map { model.keptRows(length: Int($0), layer: layer) }
        let precision: StatesCache.Precision = arguments.keptStates == .bfloat16 ? .bfloat16 : .float32
        let bytes = StatesCache.byteCount(counts, width: model.config.hiddenSize, precision)
        let what =
            "the states that enter layer \(layer) of \(model.layerCount), for the \(counts.count) rows of \(split.name): \(ByteSize.text(bytes)) (\(precision.rawValue))"
        guard let room = try room(for: bytes, what) else { return nil }
        let isInFile = room is ScratchFile
        reporter?.note("prefix_cache: keeping \(what) in \(isInFile ? "a file" : "memory")")
        return StatesKeeper(
            reader, model,
            cache: StatesCache(
                layer: layer, counts: counts, width: model.config.hiddenSize, precision: precision, room: room),
            byteCount: bytes, isInFile: isInFile,
            order: split == .train ? try prepare().sampler.epoch(0).rows : Array(0..<counts.count),
            groupSize: split == .train ? arguments.perDeviceTrainBatchSize : arguments.perDeviceEvalBatchSize)
    }

    /// Whether rows of a dataset pass through the model more than once.
    private func pays(_ split: TrainerKeptStates.Split) -> Bool { setup.map { pays(split, $0.plan) } ?? false }

    func pays(_ split: TrainerKeptStates.Split, _ plan: StepPlan) -> Bool {
        guard split != .train else { return plan.totalSteps > plan.stepsPerEpoch }
        let start = arguments.evalOnStart ? 1 : 0
        switch arguments.evalStrategy {
        case .epoch: return start + plan.epochs > 1
        case .steps: return start + plan.totalSteps / plan.evalSteps(arguments) > 1
        case .no, .best: return false
        }
    }

    /// Room for so many bytes; nil where they do not fit, an error where they were asked for.
    private func room(for bytes: Int, _ what: String) throws -> (any StatesRoom)? {
        func refuse(_ reason: String, isFull: Bool = true) throws -> (any StatesRoom)? {
            let half = isFull && arguments.keptStates != .bfloat16 ? "; prefix_cache = \"bfloat16\" takes half" : ""
            let message = "prefix_cache: \(isFull ? "no room" : "no file") for \(what): \(reason)\(half)"
            guard !arguments.keptStates.isAsked else { throw TrainingError("args: \(message)") }
            reporter?.note(message)
            return nil
        }
        let (memory, file) = (keptStates.byteCount(inFile: false), keptStates.byteCount(inFile: true))
        if let bound = arguments.keptStatesSize, bytes > bound - memory - file {
            return try refuse(
                "prefix_cache_size allows \(ByteSize.text(bound))"
                    + (memory + file > 0 ? ", of which \(ByteSize.text(memory + file)) are taken" : ""))
        }
        let bound =
            arguments.keptStatesPlace == .memory ? arguments.keptStatesSize ?? keptStatesMemory : keptStatesMemory
        let fits = bytes <= bound - memory
        if arguments.keptStatesPlace != .file, fits { return StatesMemory(byteCount: bytes) }
        // Memory is spoken of where it was the first choice.
        let beyond = "\(ByteSize.text(bound)) of memory may be used"
        let before = arguments.keptStatesPlace == .file ? "" : "\(beyond), and "
        let instead = fits ? "; prefix_cache_place = \"memory\" has room" : ""
        if arguments.keptStatesPlace == .memory { return try refuse("\(beyond); prefix_cache_size allows more") }
        guard let openOutput else {
            return try refuse("\(before)there is no folder for a file; give output_dir\(instead)", isFull: !fits)
        }
        do {
            let folder = try openOutput()
            if let free = folder.freeBytes, bytes > free / 2 {
                return try refuse(
                    "\(before)the disk of \(folder.path) has \(ByteSize.text(free)) left, of which half may be used\(instead)"
                )
            }
            return try folder.scratchFile(byteCount: bytes)
        } catch let error as FormatError { return try refuse("\(before)\(error)\(instead)", isFull: !fits) }
    }

    /// Says what rounding the states changes in the scores of some rows.
    private func tellRounding(_ batch: Batch, _ exact: KeptStates, _ kept: KeptStates) throws {
        guard let model = model as? any Model else { return }
        func scores(_ states: KeptStates) throws -> [Float] {
            var input = batch.input
            (input.labels, input.keptStates) = (nil, states)
            return try Recording.off { try model(input).logits?.floatArray() ?? [] }
        }
        let (before, after) = (try scores(exact), try scores(kept))
        let difference = zip(before, after).map { abs($0 - $1) }.max() ?? 0
        let largest = before.map(abs).max() ?? 0
        reporter?.note(
            "prefix_cache: rounding to bfloat16 changes the logits of the first batch by at most \(Self.short(difference)); the largest is \(Self.short(largest))"
        )
    }

    /// A number with at least three digits.
    private static func short(_ value: Float) -> String {
        guard value > 0, value.isFinite else { return "\(value)" }
        var scale = 1.0
        while Double(value) * scale < 100 { scale *= 10 }
        return "\((Double(value) * scale).rounded() / scale)"
    }
}
