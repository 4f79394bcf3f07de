import Formats
import Models
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
        // Without checkpoints, a run that is recorded has a log, its recipe and its parameters all the same.
        guard arguments.saveStrategy != .no || session.isResumed || record != nil else { return }
        let folder = try openOutput()
        if !session.isResumed, let other = try Checkpoint.list(in: folder).first {
            guard arguments.saveStrategy == .no else {
                throw TrainingError(
                    "\(folder.path): there is \(other.name) of another run; give another output_dir, or go on with --resume"
                )
            }
            reporter?.note("\(folder.path) has \(other.name) of another run: no log of this one is kept there")
            return
        }
        try lock(folder)
        if session.isResumed {
            try folder.remove(RunRecord.endFile)
        } else {
            try record?.write(to: folder, trainer: setting)
        }
        if let changes = session.changes, !changes.isEmpty { try write(changes, to: folder) }
        try RunRecord.write(log: state.logRows, to: folder)
        session.logFolder = folder
    }

    /// Says and records what is otherwise than in the run that goes on.
    private func write(_ changes: RunChanges, to folder: Folder) throws {
        let line = changes.line
        if !line.isEmpty { reporter?.note(line) }
        let checkpoint = Checkpoint(step: state.globalStep).name
        try record?.write(changes, from: checkpoint, to: folder, trainer: setting)
        try folder.append(RunChanges.file, text: changes.record(checkpoint).serialized() + "\n")
        session.changes = nil
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
        for set in evalSets {
            let split = EvaluationSet.split(set.name)
            record[split] = .string(fingerprint(set.reader, split))
        }
        record["parameters"] = .array(setup.parameters.map { .string("\($0.name) \($0.tensor.shape)") })
        record["progress"] = state.progress.json
        return record
    }

    /// A number that changes with what is read of a dataset, worked out once.
    func fingerprint(_ reader: BatchReader, _ name: String) -> String {
        if let known = session.fingerprints[name] { return known }
        // A module of the caller's own may read any column.
        let names =
            model is any Model
            ? ["input_ids", "token_type_ids", "attention_mask", arguments.lengthColumnName]
                + (arguments.labelNames ?? LabelReader.defaultNames) : reader.dataset.columnNames
        let hash = reader.dataset.contentHash(of: names)
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
            try record?.write(to: folder, trainer: setting)
        }
        let checkpoint = Checkpoint(step: state.globalStep)
        if !checkpoint.isResumable(in: folder) { try write(checkpoint, to: folder) }
        return TrainingInterrupted(checkpoint: checkpoint.name, step: state.globalStep, reason: stop.reason)
    }

    /// Goes on from the newest checkpoint of `folder` that holds a whole state; gives its name, nil where there is none.
    ///
    /// To be called before training. Arguments, datasets, trainable tensors and `identity` must be those that were recorded, but for
    /// what `RunChanges` allows; an error names what differs.
    ///
    /// - Parameter allowsEdited: whether the recipe may be another than the run's, which then keeps both.
    @discardableResult
    public func resume(from folder: Folder, allowsEdited: Bool = false) throws -> String? {
        guard !session.hasBegun else { throw TrainingError("resume: the training has begun already") }
        try lock(folder)
        let newest = try Checkpoint.list(in: folder).last { $0.isResumable(in: folder) }
        let saved = try newest.map { try self.saved($0, in: folder) }
        var changes = try changes(since: saved, in: folder, allowsEdited: allowsEdited)
        if let newest, let saved { try restore(newest, saved, &changes, in: folder) }
        session.isResumed = true
        session.changes = changes
        return newest?.name
    }

    /// What is otherwise than in the run that goes on; throws where it must not be.
    private func changes(
        since saved: (record: JSON, source: String)?, in folder: Folder, allowsEdited: Bool
    ) throws -> RunChanges {
        var parameters: [RunChanges.Change] = []
        var isEdited = false
        if let record, RunRecord.isThere(in: folder) {
            isEdited = try record.isEdited(in: folder, mayBe: allowsEdited)
            parameters = try record.changedParameters(in: folder, isEdited: isEdited)
        }
        return try RunChanges(
            arguments: saved.map { arguments.changes(from: $0.record["arguments"] ?? .null) } ?? [],
            source: saved?.source ?? folder.path, parameters: parameters,
            parameterSource: "\(folder.path)/\(RunRecord.parametersFile)", isEdited: isEdited)
    }

    /// The record of a checkpoint, once it is known to be whole, and what errors call it.
    private func saved(_ checkpoint: Checkpoint, in output: Folder) throws -> (record: JSON, source: String) {
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
        return (record, source)
    }

    private func restore(
        _ checkpoint: Checkpoint, _ saved: (record: JSON, source: String), _ changes: inout RunChanges,
        in output: Folder
    ) throws {
        let folder = try output.subfolder(checkpoint.name)
        let (record, source) = saved
        let isRecorded = self.record != nil && RunRecord.isThere(in: output)
        try identity.check(recorded: record["identity"] ?? .null, source: source, besidesRecord: isRecorded)
        let setup = try prepare()
        try check(record, setup, source: source)
        let stateSource = "\(folder.path)/\(Checkpoint.stateFile)"
        let (step, plan) = (checkpoint.step, setup.plan)
        let stateRecord = try JSON(
            parsing: folder.read(Checkpoint.stateFile), source: stateSource, allowsNonFinite: true)
        if !changes.arguments.isEmpty {
            let before = try RecordReader(stateRecord, source: stateSource).count("max_steps", RecordReader.sums)
            try changes.check(
                before: before, now: plan.totalSteps, maxSteps: arguments.maxSteps, source: source)
        }
        guard step <= plan.totalSteps else {
            throw TrainingError(
                "\(folder.path): the checkpoint is of step \(step), the run has \(plan.totalSteps) steps")
        }
        var restored = state
        try restored.restore(stateRecord, step: step, plan: plan, source: stateSource)
        restored.progress = try RunProgress(
            record["progress"] ?? .null, step: step, plan: plan, parameters: setup.parameters.map(\.name),
            source: source)
        if changes.steps != nil { restored.progress.goOn(plan, after: step) }
        let optimizerSource = "\(folder.path)/\(Checkpoint.optimizerFile)"
        let tensors = try SafetensorsFile(folder, Checkpoint.optimizerFile).tensors()
        // The optimizer first: it checks everything before it takes anything, so that an error leaves the trainer as it was.
        try setup.optimizer.restore(tensors, steps: step, source: optimizerSource)
        try weights.load(from: folder)
        state = restored
        settled = restored
    }

    private func check(_ record: JSON, _ setup: TrainingSetup, source: String) throws {
        var datasets = ["train_dataset": setup.trainReader]
        for set in evalSets { datasets[EvaluationSet.split(set.name)] = set.reader }
        let recorded = (record.object ?? [:]).keys.filter { $0 == "eval_dataset" || $0.hasPrefix("eval_dataset.") }
        for name in ["train_dataset"] + Set(recorded + datasets.keys).subtracting(["train_dataset"]).sorted() {
            let (before, now) = (record[name]?.string ?? "none", datasets[name].map { fingerprint($0, name) } ?? "none")
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
