import Formats
import Tensors

extension Trainer {
    /// Throws where the folder holds another run's checkpoints, or a checkpoint will be asked for and there is no folder.
    func checkOutput() throws {
        guard let openOutput else {
            guard arguments.saveStrategy == .no else {
                throw TrainingError(
                    "trainer: save_strategy '\(arguments.saveStrategy.rawValue)' needs a folder; give output_dir, or save_strategy 'no'"
                )
            }
            return
        }
        guard arguments.saveStrategy != .no || session.isResumed else { return }
        let folder = try openOutput()
        try lock(folder)
        if !session.isResumed, let other = try Checkpoint.list(in: folder).first {
            throw TrainingError(
                "\(folder.path): there is \(other.name) of another run; give another output_dir, or go on with --resume"
            )
        }
        if !session.isResumed { try record?.write(to: folder) }
        try RunRecord.write(log: state.logHistory, to: folder)
        session.logFolder = folder
    }

    /// Takes the right to write the output folder, once, and clears away what a killed process has left half written.
    private func lock(_ folder: Folder) throws {
        guard session.lock == nil else { return }
        session.lock = try folder.lock()
        try Checkpoint.clean(folder)
    }

    /// Writes a checkpoint of the present state and removes the oldest beyond save_total_limit; gives its name.
    func saveCheckpoint() throws -> String {
        guard let openOutput else { throw TrainingError("trainer: a checkpoint needs a folder; give output_dir") }
        let folder = try openOutput()
        let checkpoint = Checkpoint(step: state.globalStep)
        try write(checkpoint, to: folder)
        try rotate(in: folder)
        return checkpoint.name
    }

    private func write(_ checkpoint: Checkpoint, to folder: Folder) throws {
        let span = Profile.aside("checkpoints")
        defer { span.end() }
        let setup = try prepare()
        do {
            try GradientChecks.finite(setup.parameters)
        } catch let error as NonFiniteError {
            throw TrainingError("step \(state.globalStep): \(error); nothing was saved")
        }
        if let best = state.bestGlobalStep {
            let name = Checkpoint(step: best).name
            if best == state.globalStep || folder.exists(name) { state.bestModelCheckpoint = name }
        }
        var saved = state
        saved.progress.seconds += session.seconds
        try checkpoint.write(in: folder) { folder in
            try weights.save(to: folder)
            try saveModel?(folder)
            if !arguments.saveOnlyModel {
                let tensors = try setup.optimizer.stateTensors().map(SafetensorsWriter.Item.init)
                try SafetensorsWriter.write(
                    tensors, metadata: ["optimizer": type(of: setup.optimizer).name], to: folder,
                    Checkpoint.optimizerFile)
            }
            try folder.write(
                Checkpoint.stateFile, text: saved.json(arguments).serialized(indent: 2, sortedKeys: true) + "\n")
            if !arguments.saveOnlyModel {
                let record = try CheckpointDigests.sealed(
                    resumeRecord(saved, setup),
                    [TrainableWeights.fileName, Checkpoint.optimizerFile, Checkpoint.stateFile],
                    in: folder)
                try folder.write(Checkpoint.resumeFile, text: record.serialized(indent: 2) + "\n")
            }
        }
    }

    private func resumeRecord(_ state: TrainerState, _ setup: TrainingSetup) -> JSONObject {
        var record: JSONObject = [:]
        record["version"] = .integer(Int64(Checkpoint.version))
        record["identity"] = JSON(identity.parts)
        record["arguments"] = JSON(arguments.entries)
        record["train_dataset"] = .string(fingerprint(setup.trainReader, "train_dataset"))
        if let evalReader { record["eval_dataset"] = .string(fingerprint(evalReader, "eval_dataset")) }
        record["parameters"] = .array(setup.parameters.map { .string("\($0.name) \($0.tensor.shape)") })
        record["progress"] = state.progress.json
        return record
    }

    /// A number that changes with what is read of a dataset, worked out once.
    private func fingerprint(_ reader: BatchReader, _ name: String) -> String {
        if let known = session.fingerprints[name] { return known }
        let names = ["input_ids", "token_type_ids", "attention_mask", arguments.lengthColumnName]
        let hash = reader.dataset.contentHash(of: names + (arguments.labelNames ?? LabelReader.defaultNames))
        let text = "\(reader.dataset.count) rows, \(String(hash, radix: 16))"
        session.fingerprints[name] = text
        return text
    }

    /// Removes the oldest checkpoints beyond save_total_limit.
    ///
    /// The best one stays, as the reference has it: with a limit of 1 there may be two, the best and the last.
    private func rotate(in folder: Folder) throws {
        guard let limit = arguments.saveTotalLimit else { return }
        var checkpoints = try Checkpoint.list(in: folder)
        let best = state.bestModelCheckpoint.flatMap { name in checkpoints.firstIndex { $0.name == name } }
        if let best {
            let kept = checkpoints.remove(at: best)
            checkpoints.insert(kept, at: max(0, checkpoints.count - (best == checkpoints.count ? 0 : 1)))
        }
        let keptLast = best != nil && limit == 1 && checkpoints.last?.name != state.bestModelCheckpoint
        for old in checkpoints.prefix(max(0, checkpoints.count - (keptLast ? 2 : limit))) { try old.remove(in: folder) }
    }

    /// At the end with a limit of 1, only the best checkpoint stays.
    func removeAllButBest() throws {
        guard arguments.saveTotalLimit == 1, let best = state.bestModelCheckpoint, let openOutput,
            arguments.saveStrategy != .no
        else { return }
        let folder = try openOutput()
        guard folder.exists(best) else { return }
        for other in try Checkpoint.list(in: folder) where other.name != best { try other.remove(in: folder) }
    }

    /// Takes the weights of the best checkpoint.
    func loadBest() throws {
        guard let best = state.bestModelCheckpoint, let openOutput else {
            reporter?.warn("load_best_model_at_end: no checkpoint was written at an evaluation; the last weights stay")
            return
        }
        try weights.load(from: try openOutput().subfolder(best))
    }

    /// Writes a checkpoint of the state to which an interruption went back, and says where.
    func interrupted(_ stop: Interruption) throws -> TrainingInterrupted {
        guard stop.savesState, session.hasBegun, let openOutput, !arguments.saveOnlyModel else {
            return TrainingInterrupted(checkpoint: nil, step: state.globalStep, reason: stop.reason)
        }
        let folder = try openOutput()
        if session.logFolder == nil {
            // Nothing was to be saved, so the folder was not looked at; another run's checkpoints stay what they are.
            guard try Checkpoint.list(in: folder).isEmpty, (try? lock(folder)) != nil else {
                return TrainingInterrupted(checkpoint: nil, step: state.globalStep, reason: stop.reason)
            }
            try record?.write(to: folder)
        }
        let checkpoint = Checkpoint(step: state.globalStep)
        if !checkpoint.isResumable(in: folder) { try write(checkpoint, to: folder) }
        return TrainingInterrupted(checkpoint: checkpoint.name, step: state.globalStep, reason: stop.reason)
    }

    /// Goes on from the newest checkpoint of `folder` that holds a whole state; gives its name, nil where there is none.
    ///
    /// To be called before training. Arguments, datasets, trainable tensors and `identity` must be those that were recorded; an error
    /// names what differs.
    @discardableResult
    public func resume(from folder: Folder) throws -> String? {
        guard !session.hasBegun else { throw TrainingError("resume: the training has begun already") }
        try lock(folder)
        try record?.check(in: folder)
        let newest = try Checkpoint.list(in: folder).last { $0.isResumable(in: folder) }
        if let newest { try restore(newest, in: folder) }
        session.isResumed = true
        return newest?.name
    }

    private func restore(_ checkpoint: Checkpoint, in output: Folder) throws {
        let folder = try output.subfolder(checkpoint.name)
        let source = "\(folder.path)/\(Checkpoint.resumeFile)"
        let record = try JSON(
            parsing: folder.read(Checkpoint.resumeFile), source: source, allowsNonFinite: true)
        let version = try RecordReader(record, source: source).count("version", 0...1 << 20)
        guard (1...Checkpoint.version).contains(version) else {
            throw TrainingError(
                "\(source): version \(version) of the format; this program reads 1 to \(Checkpoint.version)")
        }
        if version > 1 { try CheckpointDigests.check(record, in: folder, source: source) }
        try identity.check(recorded: record["identity"] ?? .null, source: source)
        try arguments.check(recorded: record["arguments"] ?? .null, source: source)
        let setup = try prepare()
        try check(record, setup, source: source)
        let stateSource = "\(folder.path)/\(Checkpoint.stateFile)"
        let (step, plan) = (checkpoint.step, setup.plan)
        guard step <= plan.totalSteps else {
            throw TrainingError(
                "\(folder.path): the checkpoint is of step \(step), the run has \(plan.totalSteps) steps")
        }
        var restored = state
        try restored.restore(
            JSON(parsing: folder.read(Checkpoint.stateFile), source: stateSource, allowsNonFinite: true), step: step,
            plan: plan, source: stateSource)
        restored.progress = try RunProgress(
            record["progress"] ?? .null, step: step, plan: plan, parameters: setup.parameters.map(\.name),
            source: source)
        let optimizerSource = "\(folder.path)/\(Checkpoint.optimizerFile)"
        let tensors = try SafetensorsFile(folder, Checkpoint.optimizerFile).tensors()
        // The optimizer first: it checks everything before it takes anything, so that an error leaves the trainer as it was.
        try setup.optimizer.restore(tensors, steps: step, source: optimizerSource)
        try weights.load(from: folder)
        state = restored
        settled = restored
    }

    private func check(_ record: JSON, _ setup: TrainingSetup, source: String) throws {
        let datasets: [(name: String, reader: BatchReader?)] = [
            ("train_dataset", setup.trainReader), ("eval_dataset", evalReader),
        ]
        for (name, reader) in datasets {
            let (before, now) = (record[name]?.string ?? "none", reader.map { fingerprint($0, name) } ?? "none")
            guard before == now else {
                throw TrainingError("\(source): the run was made with another \(name): recorded \(before), now \(now)")
            }
        }
        let now = setup.parameters.map { "\($0.name) \($0.tensor.shape)" }
        let before = (record["parameters"]?.array ?? []).compactMap(\.string)
        guard now != before else { return }
        let (nowSet, beforeSet) = (Set(now), Set(before))
        let missing = before.first { !nowSet.contains($0) }.map { "recorded '\($0)'" }
        let new = now.first { !beforeSet.contains($0) }.map { "now '\($0)'" }
        throw TrainingError(
            "\(source): the run trained other tensors: \([missing, new].compactMap { $0 }.joined(separator: ", "))\(missing == nil && new == nil ? "their order differs" : "")"
        )
    }
}
