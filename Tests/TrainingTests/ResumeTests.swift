import Formats
import Models
import Testing
import Training

/// Runs that stop anywhere and go on must give the bits of one that ran through.
struct ResumeTests {
    /// One way of training, all of which must resume exactly.
    struct Way: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let arguments: [(String, JSON)]

        static let all: [Way] = [
            Way("dropout, saved every 2 steps", [("save_steps", .integer(2)), ("logging_steps", .integer(3))]),
            Way(
                "accumulation",
                [
                    ("save_steps", .integer(1)), ("gradient_accumulation_steps", .integer(3)),
                    ("logging_steps", .integer(2)),
                ]),
            Way(
                "evaluated and saved every epoch, the best one loaded",
                [
                    ("save_strategy", .string("epoch")), ("eval_strategy", .string("epoch")),
                    ("load_best_model_at_end", .bool(true)), ("logging_strategy", .string("epoch")),
                ]),
            Way(
                "evaluated by steps, stopped early, few checkpoints",
                [
                    ("save_steps", .integer(2)), ("eval_strategy", .string("steps")), ("eval_steps", .integer(2)),
                    ("load_best_model_at_end", .bool(true)), ("metric_for_best_model", .string("accuracy")),
                    ("early_stopping_patience", .integer(2)), ("save_total_limit", .integer(2)),
                    ("logging_steps", .integer(1)),
                ]),
            Way(
                "grouped by length, SGD, cosine, part of an epoch",
                [
                    ("train_sampling_strategy", .string("group_by_length")), ("optim", .string("sgd")),
                    ("optim_args", .string("momentum=0.9")), ("lr_scheduler_type", .string("cosine")),
                    ("num_train_epochs", .number(2.4)), ("save_steps", .integer(3)), ("eval_on_start", .bool(true)),
                    ("dataloader_drop_last", .bool(true)), ("logging_first_step", .bool(true)),
                ]),
            Way(
                "batches by tokens, accumulation, layers run again",
                [
                    ("max_tokens_per_batch", .integer(18)), ("gradient_accumulation_steps", .integer(2)),
                    ("save_steps", .integer(1)), ("logging_steps", .integer(2)),
                    ("gradient_checkpointing", .bool(true)), ("eval_strategy", .string("epoch")),
                ]),
            Way(
                "batches by tokens, grouped by length, part of an epoch",
                [
                    ("max_tokens_per_batch", .integer(11)), ("num_train_epochs", .number(2.6)),
                    ("train_sampling_strategy", .string("group_by_length")), ("save_steps", .integer(3)),
                ]),
            Way(
                "evaluated every epoch, saved when better",
                [
                    ("save_strategy", .string("best")), ("eval_strategy", .string("epoch")),
                    ("metric_for_best_model", .string("loss")), ("include_num_input_tokens_seen", .bool(true)),
                ]),
            Way(
                "dropout frozen, states kept",
                [
                    ("save_steps", .integer(2)), ("freeze_dropout", .bool(true)), ("prefix_cache", .bool(true)),
                    ("eval_strategy", .string("epoch")), ("logging_steps", .integer(1)),
                ]),
        ]

        init(_ name: String, _ arguments: [(String, JSON)]) {
            testDescription = name
            self.arguments =
                [
                    ("per_device_train_batch_size", .integer(4)), ("learning_rate", .number(2e-2)),
                    ("warmup_steps", .number(0.1)), ("weight_decay", .number(0.01)),
                ] + (arguments.contains { $0.0 == "num_train_epochs" } ? [] : [("num_train_epochs", .integer(3))])
                + arguments
        }

        func trainer(_ output: Folder) throws -> Trainer {
            let isUpper = arguments.contains { $0.0 == "prefix_cache" }
            let trainer = try Trainer(
                model: Tiny.model(trainedFrom: isUpper ? 1 : 0), arguments: Tiny.arguments(arguments),
                trainDataset: Tiny.dataset(22),
                evalDataset: Tiny.dataset(9, seed: 5), output: { output })
            trainer.computeMetrics = .metrics([try Metrics.make("accuracy")])
            return trainer
        }
    }

    /// What must be equal in the end.
    struct Outcome: Equatable {
        let weights: [String: [Float]]
        let optimizer: [String: [Float]]
        let history: [[JSON.Member]]
        let state: [String]
        let loss: Double

        init(_ trainer: Trainer, _ output: TrainOutput) throws {
            weights = try Tiny.weights(trainer.model)
            var tensors: [String: [Float]] = [:]
            for parameter in try trainer.optimizer?.stateTensors() ?? [] {
                tensors[parameter.name] = try parameter.tensor.floatArray()
            }
            optimizer = tensors
            history = Tiny.history(trainer)
            let state = trainer.state
            self.state = [
                "\(state.epoch)", "\(state.globalStep)", "\(state.bestMetric as Any)", "\(state.bestGlobalStep as Any)",
                "\(state.bestModelCheckpoint as Any)", "\(state.numInputTokensSeen)", "\(state.totalFlos)",
            ]
            loss = output.trainingLoss
        }

        /// What differs from another outcome.
        func differences(from other: Outcome) -> [String] {
            var found: [String] = []
            if weights != other.weights { found.append("weights") }
            if optimizer != other.optimizer { found.append("optimizer") }
            for (row, (a, b)) in zip(history, other.history).enumerated() where a != b {
                found.append("row \(row) of the log: \(a), not \(b)")
            }
            if history.count != other.history.count {
                found.append("\(history.count) rows in the log, not \(other.history.count)")
            }
            if state != other.state { found.append("state \(state), not \(other.state)") }
            if loss != other.loss { found.append("train_loss \(loss), not \(other.loss)") }
            return found
        }
    }

    /// Whether every moment is tried; of the other ways only some, since each costs a training.
    private func isThorough(_ way: Way) -> Bool { way.testDescription.hasPrefix("dropout") }

    private func runThrough(_ way: Way) throws -> Outcome {
        var outcome: Outcome?
        try Tiny.folder { folder in
            let trainer = try way.trainer(folder)
            outcome = try Outcome(trainer, trainer.train())
        }
        return try #require(outcome)
    }

    @Test("killed after any step, the newest checkpoint goes on to the same bits", arguments: Way.all)
    func killed(way: Way) throws {
        let through = try runThrough(way)
        let steps = Int(through.state[1]) ?? 0
        #expect(steps > 5)
        for last in 1..<steps where isThorough(way) || last % 3 != 1 {
            try Tiny.folder { folder in
                let first = try way.trainer(folder)
                for _ in 0..<last { try first.step() }
                let second = try way.trainer(folder)
                let name = try second.resume(from: folder)
                let names = try Tiny.checkpoints(folder)
                #expect(name != nil || names.isEmpty)
                let differences = try Outcome(second, second.train()).differences(from: through)
                #expect(differences == [], "killed after step \(last), went on from \(name ?? "the start")")
            }
        }
    }

    @Test("stopped at any moment, the checkpoint then written goes on to the same bits", arguments: Way.all)
    func interrupted(way: Way) throws {
        let through = try runThrough(way)
        var polls = 0
        var stopped = 0
        while true {
            var isOver = false
            try Tiny.folder { folder in
                let first = try way.trainer(folder)
                var left = polls
                first.shouldStop = {
                    left -= 1
                    return left < 0 ? Interruption("interrupted") : nil
                }
                do {
                    try first.train()
                    isOver = true
                } catch let stop as TrainingInterrupted {
                    stopped += 1
                    #expect(stop.checkpoint == "checkpoint-\(stop.step)")
                    let second = try way.trainer(folder)
                    #expect(try second.resume(from: folder) == stop.checkpoint)
                    let differences = try Outcome(second, second.train()).differences(from: through)
                    #expect(differences == [], "stopped at poll \(polls), step \(stop.step)")
                }
            }
            if isOver { break }
            polls += isThorough(way) ? 1 : 5
        }
        #expect(stopped >= 4)
    }

    @Test(
        "what differs from the record is named",
        arguments: [
            (
                "args",
                "the run was made with learning_rate = 0.02, now it is 0.5; give it the same value, or start a new run"
            ),
            ("data", "the run was made with another train_dataset"),
            ("eval", "the run was made with another eval_dataset"),
            ("tensors", "the run trained other tensors: recorded 'classifier.bias [2]'"),
            (
                "recipe",
                "the run was made with another recipe: recorded 'a', now 'b'; start a new run, or go back to that recipe"
            ),
        ])
    func differs(what: String, message: String) throws {
        try Tiny.folder { folder in
            let way = Way.all[0]
            let first = try way.trainer(folder)
            first.identity.add("recipe", "a")
            for _ in 0..<4 { try first.step() }
            let model = try Tiny.model()
            if what == "tensors" {
                for (name, weight) in model.namedParameters() where name == "classifier.bias" {
                    try weight.setRequiresGrad(false)
                }
            }
            let arguments =
                way.arguments.filter { what != "args" || $0.0 != "learning_rate" }
                + (what == "args" ? [("learning_rate", .number(0.5))] : [])
            let second = try Trainer(
                model: model, arguments: Tiny.arguments(arguments),
                trainDataset: Tiny.dataset(22, seed: what == "data" ? 2 : 1),
                evalDataset: Tiny.dataset(9, seed: what == "eval" ? 6 : 5), output: { folder })
            second.identity.add("recipe", what == "recipe" ? "b" : "a")
            let error = #expect(throws: TrainingError.self) { try second.resume(from: folder) }
            let text = "\(error?.description ?? "")"
            #expect(text.hasPrefix("\(folder.path)/checkpoint-4/resume.json: "), "\(text)")
            #expect(text.contains(message), "\(text)")
        }
    }

    @Test("half-written checkpoints are passed over and cleared away")
    func partial() throws {
        try Tiny.folder { folder in
            let way = Way.all[0]
            let through = try runThrough(way)
            let first = try way.trainer(folder)
            for _ in 0..<5 { try first.step() }
            // What a kill leaves in the middle of writing, of removing, and a checkpoint without optimizer state.
            try folder.subfolder(".checkpoint-6.partial", create: true).write("optimizer.safetensors", text: "half")
            try folder.subfolder(".checkpoint-2.removed", create: true).write("resume.json", text: "{")
            try folder.subfolder("checkpoint-9", create: true).write("trainer_state.json", text: "{}")
            try folder.subfolder("checkpoint-x", create: true).write("resume.json", text: "{}")
            let second = try way.trainer(folder)
            #expect(try second.resume(from: folder) == "checkpoint-4")
            #expect(try folder.list().filter { $0.hasPrefix(".") } == [".lorawb.lock"])
            #expect(try Outcome(second, second.train()).differences(from: through) == [])
        }
    }

    @Test(
        "a checkpoint that is not whole JSON, or was cut, is an error that names the file",
        arguments: [
            "resume.json", "trainer_state.json", "optimizer.safetensors", "trainable.safetensors",
        ])
    func damaged(file: String) throws {
        try Tiny.folder { folder in
            let way = Way.all[0]
            let first = try way.trainer(folder)
            for _ in 0..<2 { try first.step() }
            let bytes = try folder.read("checkpoint-2/\(file)")
            try folder.write("checkpoint-2/\(file)", Array(bytes.prefix(bytes.count / 2)))
            let second = try way.trainer(folder)
            let error = #expect(throws: (any Error).self) { try second.resume(from: folder) }
            #expect("\(error.map { "\($0)" } ?? "")".contains("checkpoint-2/\(file)"), "\(error as Any)")
        }
    }

    /// Member `path` of a JSON file set to another value.
    private func change(_ folder: Folder, _ file: String, _ path: [Substring], _ value: JSON) throws {
        func changed(_ json: JSON, _ path: ArraySlice<Substring>) -> JSON {
            guard let key = path.first.map(String.init), var members = json.object else { return value }
            members[key] = changed(members[key] ?? .null, path.dropFirst())
            return .object(members)
        }
        let json = try JSON(parsing: folder.read(file), source: file, allowsNonFinite: true)
        try folder.write(file, text: changed(json, path[...]).serialized())
    }

    /// Makes a record one of version 1, which had no digests: each of its numbers must be within its range all the same.
    private func withoutDigests(_ folder: Folder, _ file: String) throws {
        var record = try #require(JSON(parsing: folder.read(file), source: file, allowsNonFinite: true).object)
        record["version"] = .integer(1)
        record.removeValue(forKey: "files")
        record.removeValue(forKey: "sha256")
        try folder.write(file, text: JSON.object(record).serialized(indent: 2))
    }

    @Test("a checkpoint written before there were digests is gone on from")
    func versionOne() throws {
        try Tiny.folder { folder in
            let way = Way.all[0]
            let through = try runThrough(way)
            let first = try way.trainer(folder)
            for _ in 0..<2 { try first.step() }
            try withoutDigests(folder, "checkpoint-2/resume.json")
            let second = try way.trainer(folder)
            #expect(try second.resume(from: folder) == "checkpoint-2")
            #expect(try Outcome(second, second.train()).differences(from: through) == [])
        }
    }

    @Test(
        "a file that was changed since it was written is an error that names it, whatever it says",
        arguments: ["trainable.safetensors", "optimizer.safetensors", "trainer_state.json", "resume.json"])
    func changed(file: String) throws {
        try Tiny.folder { folder in
            let way = Way.all[0]
            let first = try way.trainer(folder)
            for _ in 0..<4 { try first.step() }
            let start = try weights(first)
            let name = "checkpoint-4/\(file)"
            let before = try folder.read(name)
            // A digit of a number, one bit of a weight.
            var flipped = before
            let place =
                try file.hasSuffix(".json")
                ? #require(before.lastIndex { $0 == UInt8(ascii: "0") }) : before.count - 2
            flipped[place] ^= 1
            let others = try file == "resume.json" ? [] : [folder.read("checkpoint-2/\(file)")]
            for bytes in [flipped] + others {
                try folder.write(name, bytes)
                let error = #expect(throws: TrainingError.self) { try way.trainer(folder).resume(from: folder) }
                let text = error?.description ?? ""
                #expect(text.hasPrefix("\(folder.path)/\(name): was changed since it was written"), "\(text)")
            }
            try folder.write(name, before)
            let second = try way.trainer(folder)
            try second.resume(from: folder)
            #expect(try weights(second) == start)
        }
    }

    private func weights(_ trainer: Trainer) throws -> [String: [Float]] { try Tiny.weights(trainer.model) }

    @Test(
        "a number that no run can have written is an error that names file and member",
        arguments: [
            ("resume.json", "version"), ("resume.json", "progress.epoch_index"),
            ("resume.json", "progress.step_in_epoch"), ("resume.json", "progress.last_logged_step"),
            ("resume.json", "progress.epoch_steps"), ("resume.json", "progress.evaluations_without_improvement"),
            ("resume.json", "progress.watched_steps"), ("trainer_state.json", "global_step"),
            ("trainer_state.json", "best_global_step"), ("trainer_state.json", "num_input_tokens_seen"),
        ])
    func counters(file: String, member: String) throws {
        let numbers: [JSON] = [
            .integer(Int.max), .integer(Int.min), .integer(-1), .integer(1 << 62), .number(1e300), .number(.nan),
            .number(.infinity), .number(0.5), .string("1"), .bool(true), .array([]),
        ]
        try refused(file, member, numbers)
    }

    @Test(
        "so is a sum",
        arguments: [
            ("resume.json", "progress.loss_sum"), ("resume.json", "progress.total_loss"),
            ("resume.json", "progress.epoch_loss"), ("resume.json", "progress.last_grad_norm"),
            ("resume.json", "progress.last_learning_rate"), ("resume.json", "progress.seconds"),
            ("trainer_state.json", "epoch"), ("trainer_state.json", "total_flos"),
        ])
    func sums(file: String, member: String) throws {
        try refused(file, member, [.number(.nan), .number(.infinity), .number(-.infinity), .string("1"), .null])
    }

    @Test(
        "and what does not fit the rest",
        arguments: [
            ("resume.json", "progress.phase", .string("sleep")),
            ("resume.json", "progress.phase", .string("epochBegin")),
            ("resume.json", "progress.epoch_index", .integer(9)),
            ("resume.json", "progress.step_in_epoch", .integer(3)),
            ("resume.json", "progress.unmoved", .array([.string("nothing")])), ("resume.json", "progress", .array([])),
            ("resume.json", "progress.should_epoch_stop", .integer(1)),
            ("trainer_state.json", "global_step", .integer(3)),
            ("trainer_state.json", "best_model_checkpoint", .string("../../elsewhere")),
            ("trainer_state.json", "log_history", .array([.integer(1)])),
        ] as [(String, String, JSON)])
    func misfits(file: String, member: String, value: JSON) throws { try refused(file, member, [value]) }

    private func refused(_ file: String, _ member: String, _ values: [JSON]) throws {
        try Tiny.folder { folder in
            let way = Way.all[0]
            let first = try way.trainer(folder)
            for _ in 0..<2 { try first.step() }
            let name = "checkpoint-2/\(file)"
            try withoutDigests(folder, "checkpoint-2/resume.json")
            let before = try folder.read(name)
            for value in values {
                try folder.write(name, before)
                try change(folder, name, member.split(separator: "."), value)
                let error = #expect(throws: (any Error).self) { try way.trainer(folder).resume(from: folder) }
                let text = error.map { "\($0)" } ?? ""
                let key = member.split(separator: ".").last ?? ""
                let path = "\(folder.path)/\(name): '"
                #expect(text.hasPrefix(path) && text.contains(key), "\(member) = \(value.serialized()): \(text)")
            }
        }
    }

    @Test(
        "and a number that is not finite among the weights or the optimizer's",
        arguments: ["trainable.safetensors", "optimizer.safetensors"], [Float.nan, .infinity])
    func notFinite(file: String, number: Float) throws {
        try Tiny.folder { folder in
            let way = Way.all[0]
            let first = try way.trainer(folder)
            for _ in 0..<2 { try first.step() }
            let name = "checkpoint-2/\(file)"
            try withoutDigests(folder, "checkpoint-2/resume.json")
            let written = try SafetensorsFile(folder.subfolder("checkpoint-2"), file)
            let (tensor, entry) = try #require(Array(written.entries).last { $0.value.dtype == .f32 })
            var bytes = try folder.read(name)
            for index in 0..<4 {
                bytes[entry.range.upperBound - 4 + index] = UInt8(truncatingIfNeeded: number.bitPattern >> (8 * index))
            }
            try folder.write(name, bytes)
            let error = #expect(throws: TrainingError.self) { try way.trainer(folder).resume(from: folder) }
            let text = error?.description ?? ""
            #expect(text.hasPrefix("\(folder.path)/\(name): "), "\(text)")
            #expect(text.hasSuffix("'\(tensor)' has a number that is not finite"), "\(text)")
        }
    }

    @Test("an optimizer's count of steps that no run can have is an error", arguments: [-1, 3, Int64.max, .min])
    func optimizerSteps(step: Int64) throws {
        try Tiny.folder { folder in
            let way = Way.all[0]
            let first = try way.trainer(folder)
            for _ in 0..<2 { try first.step() }
            let name = "checkpoint-2/optimizer.safetensors"
            try withoutDigests(folder, "checkpoint-2/resume.json")
            let file = try SafetensorsFile(folder.subfolder("checkpoint-2"), "optimizer.safetensors")
            let counter = try #require(file.entries.keys.last { $0.hasSuffix(".step") })
            let range = try #require(file.entries[counter]?.range)
            var bytes = try folder.read(name)
            for index in 0..<8 {
                bytes[range.lowerBound + index] = UInt8(truncatingIfNeeded: step >> (8 * Int64(index)))
            }
            try folder.write(name, bytes)
            let error = #expect(throws: TrainingError.self) { try way.trainer(folder).resume(from: folder) }
            #expect(
                error?.description
                    == "\(folder.path)/\(name): AdamW: state '\(counter)' is \(step); expected a count of steps from 0 to 2"
            )
        }
    }

    @Test("a folder with another run's checkpoints is refused")
    func otherRun() throws {
        try Tiny.folder { folder in
            let way = Way.all[0]
            let first = try way.trainer(folder)
            for _ in 0..<2 { try first.step() }
            let second = try way.trainer(folder)
            #expect(
                throws: TrainingError(
                    "\(folder.path): there is checkpoint-2 of another run; give another output_dir, or go on with --resume"
                )
            ) { try second.step() }
        }
    }
}
