import Adapters
import Formats
import Models
import Testing
import Training

/// Runs that go on with more steps than they were begun with, or with an edited recipe; and what the log has beside the reference's rows.
struct LongerRunTests {
    private static func arguments(_ changes: [(String, JSON)]) throws -> TrainingArguments {
        let usual: [(String, JSON)] = [
            ("per_device_train_batch_size", .integer(4)), ("learning_rate", .number(2e-2)),
            ("num_train_epochs", .integer(2)), ("save_strategy", .string("epoch")), ("logging_steps", .integer(1)),
        ]
        return try Tiny.arguments(usual.filter { old in !changes.contains { $0.0 == old.0 } } + changes)
    }

    /// A trainer of 14 rows, four steps an epoch, as a recipe with the parameters `parameters`.
    private static func trainer(
        _ folder: Folder, _ changes: [(String, JSON)] = [], recipe: String = "a\nb\n",
        parameters: [(String, JSON)] = [("epochs", .integer(2)), ("note", .string("x"))]
    ) throws -> Trainer {
        let trainer = try Trainer(
            model: Tiny.model(), arguments: arguments(changes), trainDataset: Tiny.dataset(14),
            evalDataset: Tiny.dataset(5, seed: 5), output: { folder })
        trainer.record = RunRecord(
            recipe: recipe, parameters: parameters.map { JSON.Member($0.0, $0.1) }, environment: [])
        return trainer
    }

    private func rates(_ trainer: Trainer) -> [Double] {
        trainer.state.logHistory.compactMap { row in row.first { $0.key == "learning_rate" }?.value.double }
    }

    @Test("learning rates are those of the new total, as transformers' from its second step on")
    func schedule() throws {
        let golden = try JSON(parsing: Goldens.folder().read("trainer_sets.json"), source: "trainer_sets.json")
        let longer = try #require(golden["longer"])
        let entries = try #require(longer["args"]?.object).map { ($0.key, $0.value) }
        let counts = try Goldens.numbers(longer["epochs"])
        try Tiny.folder { folder in
            for count in counts {
                let trainer = try Trainer(
                    model: Tiny.model(), arguments: Tiny.arguments(entries + [("num_train_epochs", .number(count))]),
                    trainDataset: Tiny.dataset(14), output: { folder })
                if count > 1 { #expect(try trainer.resume(from: folder) == "checkpoint-4") }
                try trainer.train()
                guard count > 1 else { continue }
                let logs = try Goldens.elements(longer["logs"])
                let expected = logs.compactMap { $0["learning_rate"]?.double }
                let found = rates(trainer)
                try #require(found.count == 12 && expected.count == 12)
                // Step 5 of transformers has what the first schedule ended with, 0; here it has what the new one says: 8/9 of the rate.
                for (step, (rate, want)) in zip(found, expected).enumerated() where step != 4 {
                    #expect(abs(rate - want) < 1e-12, "step \(step + 1)")
                }
                #expect(expected[4] == 0)
                #expect(abs(found[4] - 1e-2 * 8 / 9) < 1e-12)
                #expect(trainer.state.maxSteps == longer["max_steps"]?.int)
                #expect(
                    trainer.state.logHistory.compactMap { $0.last?.value.int } == logs.compactMap { $0["step"]?.int })
            }
        }
    }

    /// Ways of a longer run: what is changed, in what the recipe's parameters show it, and how many steps come of it.
    private static let ways: [(changes: [(String, JSON)], epochs: Int, steps: Int)] = [
        ([("num_train_epochs", .integer(3))], 3, 12), ([("max_steps", .integer(11))], 11, 11),
        ([("num_train_epochs", .number(2.5))], 2, 10),
    ]

    @Test(
        "the place in the data goes on: with a constant rate the bits are those of a run that was as long from the start",
        arguments: 0..<3)
    func sameBits(way: Int) throws {
        let (changes, epochs, steps) = Self.ways[way]
        let constant: [(String, JSON)] = [("lr_scheduler_type", .string("constant"))]
        for before: [(String, JSON)] in [
            [], [("max_steps", .integer(6))],
            [("max_steps", .integer(6)), ("save_strategy", .string("steps")), ("save_steps", .integer(3))],
        ] {
            // What is saved by steps is so in both parts.
            let saving = before.filter { $0.0.hasPrefix("save") }
            let isNowBySteps = changes.contains { $0.0 == "max_steps" }
            let after =
                constant + saving + changes + (isNowBySteps || before.isEmpty ? [] : [("max_steps", .integer(-1))])
            var through: [String: [Float]]?
            try Tiny.folder { folder in
                let trainer = try Self.trainer(folder, after)
                try trainer.train()
                #expect(trainer.state.globalStep == steps)
                through = try Tiny.weights(trainer.model)
            }
            try Tiny.folder { folder in
                let first = try Self.trainer(folder, constant + saving + before.filter { !$0.0.hasPrefix("save") })
                try first.train()
                let second = try Self.trainer(
                    folder, after, parameters: [("epochs", .integer(epochs)), ("note", .string("x"))])
                #expect(try second.resume(from: folder) == "checkpoint-\(before.isEmpty ? 8 : 6)")
                try second.train()
                #expect(second.state.globalStep == steps)
                #expect(try Tiny.weights(second.model) == through, "after \(before), \(changes)")
            }
        }
    }

    @Test("it is said in one line and recorded, and the run then goes on as it is")
    func recorded() throws {
        try Tiny.folder { folder in
            try Self.trainer(folder).train()
            let longer: [(String, JSON)] = [("num_train_epochs", .integer(4))]
            let parameters: [(String, JSON)] = [("epochs", .integer(4)), ("note", .string("x"))]
            let second = try Self.trainer(folder, longer, parameters: parameters)
            let notes = Notes()
            second.reporter = notes
            try second.resume(from: folder)
            for _ in 0..<6 { try second.step() }
            #expect(
                notes.lines == [
                    "the training goes on to 16 steps instead of 8 (num_train_epochs 2.0 → 4.0), and the schedule is worked out anew from that total"
                ])
            #expect(
                try folder.readText("changes.jsonl")
                    == "{\"checkpoint\": \"checkpoint-8\", \"arguments\": {\"num_train_epochs\": [2.0, 4.0]}, \"parameters\": {\"epochs\": [2, 4]}, \"max_steps\": [8, 16]}\n"
            )
            #expect(try folder.readText("params.json").contains("\"epochs\": 4"))
            // Killed before it ended, it goes on without a change.
            let third = try Self.trainer(folder, longer, parameters: parameters)
            let quiet = Notes()
            third.reporter = quiet
            #expect(try third.resume(from: folder) == "checkpoint-12")
            try third.train()
            #expect(third.state.globalStep == 16 && quiet.lines.isEmpty, "\(quiet.lines)")
        }
    }

    @Test(
        "everything else is refused by name, with both values",
        arguments: [
            // Fewer.
            (
                [("num_train_epochs", JSON.integer(1))], [("epochs", JSON.integer(1))],
                "num_train_epochs = 2.0, now it is 1.0"
            ),
            ([("max_steps", .integer(5))], [("epochs", .integer(5))], "max_steps = -1, now it is 5"),
            // Another argument, with more epochs or without.
            (
                [("learning_rate", .number(0.5)), ("num_train_epochs", .integer(4))],
                [("epochs", .integer(4))], "learning_rate = 0.02, now it is 0.5"
            ),
            ([("seed", .integer(7))], [], "seed = 42, now it is 7"),
            // A parameter that changes no argument, alone and beside one that does.
            ([], [("note", .string("y"))], "note = 'x', now it is 'y'"),
            (
                [("num_train_epochs", .integer(4))], [("epochs", .integer(4)), ("note", .string("y"))],
                "note = 'x', now it is 'y'"
            ),
            (
                [("num_train_epochs", .integer(4)), ("learning_rate", .number(0.5))], [("note", .string("y"))],
                "note = 'x', now it is 'y'"
            ),
        ] as [([(String, JSON)], [(String, JSON)], String)])
    func refused(changes: [(String, JSON)], parameters: [(String, JSON)], message: String) throws {
        try Tiny.folder { folder in
            try Self.trainer(folder).train()
            let before: [(String, JSON)] = [("epochs", .integer(2)), ("note", .string("x"))]
            let now = before.map { old in parameters.first { $0.0 == old.0 } ?? old }
            let trainer = try Self.trainer(folder, changes, parameters: now)
            let error = #expect(throws: TrainingError.self) { try trainer.resume(from: folder) }
            #expect(
                error?.description.hasSuffix("\(message); give it the same value, or start a new run") == true,
                "\(error?.description ?? "")")
        }
    }

    @Test("an edited recipe is taken where that is asked for, and both are kept")
    func edited() throws {
        try Tiny.folder { folder in
            let first = try Self.trainer(folder)
            for _ in 0..<5 { try first.step() }
            let message =
                "\(folder.path)/recipe.lua: the run was made with another recipe; line 2 differs: go back to that recipe, take this one with --edited, or start a new run"
            #expect(throws: TrainingError(message)) { try Self.trainer(folder, recipe: "a\nc\n").resume(from: folder) }
            // A parameter that the run knows nothing of may come with it; an argument may not.
            let parameters: [(String, JSON)] = [("epochs", .integer(2)), ("new", .integer(1)), ("note", .string("x"))]
            let error = #expect(throws: TrainingError.self) {
                try Self.trainer(folder, [("seed", .integer(1))], recipe: "a\nc\n", parameters: parameters)
                    .resume(from: folder, allowsEdited: true)
            }
            #expect(error?.description.contains("seed = 42, now it is 1") == true)
            let second = try Self.trainer(folder, recipe: "a\nc\n", parameters: parameters)
            let notes = Notes()
            second.reporter = notes
            try second.resume(from: folder, allowsEdited: true)
            try second.train()
            #expect(notes.lines == ["the recipe was edited; the one before is kept beside it"])
            #expect(try folder.readText("recipe.lua") == "a\nc\n")
            #expect(try folder.readText("recipe-1.lua") == "a\nb\n")
            #expect(
                try folder.readText("changes.jsonl") == "{\"checkpoint\": \"checkpoint-4\", \"recipe\": \"edited\"}\n")
            let third = try Self.trainer(folder, recipe: "a\nc\n", parameters: parameters)
            #expect(try third.resume(from: folder) == "checkpoint-8")
        }
    }

    @Test("a run that stopped early, or within an epoch, goes on where it stood")
    func stoppedEarly() throws {
        try Tiny.folder { folder in
            let stopping: [(String, JSON)] = [
                ("eval_strategy", .string("steps")), ("eval_steps", .integer(1)), ("save_strategy", .string("steps")),
                ("save_steps", .integer(1)), ("early_stopping_patience", .integer(1)),
                ("early_stopping_threshold", .number(1e6)), ("num_train_epochs", .integer(3)),
            ]
            let first = try Self.trainer(folder, stopping)
            try first.train()
            #expect(first.state.globalStep == 2)
            let second = try Self.trainer(
                folder, stopping.filter { $0.0 != "num_train_epochs" } + [("num_train_epochs", .integer(5))],
                parameters: [("epochs", .integer(5)), ("note", .string("x"))])
            #expect(try second.resume(from: folder) == "checkpoint-2")
            try second.train()
            // Nothing is better by a million, so one step more ends it again.
            #expect(second.state.globalStep == 3 && second.state.epoch == 0.75)
        }
    }

    @Test("each epoch's training loss stands in the log's file, once, in a run that goes on too")
    func epochLosses() throws {
        func rows(_ folder: Folder) throws -> [JSON] {
            try folder.readText("metrics.jsonl").split(separator: "\n").map {
                try JSON(parsing: String($0), source: "metrics.jsonl")
            }
        }
        // By steps: the mean of the epoch's four.
        try Tiny.folder { folder in
            let first = try Self.trainer(folder, [("num_train_epochs", .integer(3))])
            for _ in 0..<6 { try first.step() }
            let second = try Self.trainer(folder, [("num_train_epochs", .integer(3))])
            try second.resume(from: folder)
            try second.train()
            let log = try rows(folder)
            let losses = log.compactMap { $0["loss"]?.double }
            let epochs = log.compactMap { row in row["epoch_loss"]?.double.map { (row["step"]?.int, $0) } }
            #expect(losses.count == 12 && epochs.map(\.0) == [4, 8, 12])
            for (epoch, (_, loss)) in epochs.enumerated() {
                let mean = losses[4 * epoch..<4 * epoch + 4].reduce(0, +) / 4
                // The same sum in another order.
                #expect(abs(loss - mean) < 1e-12)
            }
            // The state has the rows of the reference alone.
            #expect(second.state.logHistory.allSatisfy { row in !row.contains { $0.key == "epoch_loss" } })
        }
        // Nothing else is logged; nothing is saved, and the record is there all the same.
        try Tiny.folder { folder in
            let trainer = try Self.trainer(
                folder, [("logging_steps", .integer(500)), ("save_strategy", .string("no"))])
            try trainer.train()
            #expect(try rows(folder).compactMap { $0["epoch_loss"]?.double }.count == 2)
            #expect(
                try folder.list().filter { !$0.hasPrefix(".") } == [
                    "environment.json", "metrics.jsonl", "params.json", "recipe.lua",
                ])
        }
        // Logged by epoch: the rows say it.
        try Tiny.folder { folder in
            let trainer = try Self.trainer(folder, [("logging_strategy", .string("epoch"))])
            try trainer.train()
            let log = try rows(folder)
            #expect(log.compactMap { $0["loss"]?.double }.count == 2)
            #expect(log.allSatisfy { $0["epoch_loss"] == nil })
        }
    }

    @Test("without checkpoints, a run keeps no log where another's checkpoints are")
    func othersFolder() throws {
        try Tiny.folder { folder in
            try Self.trainer(folder).train()
            let before = try folder.readText("metrics.jsonl")
            let trainer = try Self.trainer(folder, [("save_strategy", .string("no"))])
            let notes = Notes()
            trainer.reporter = notes
            try trainer.train()
            #expect(try folder.readText("metrics.jsonl") == before)
            #expect(notes.lines == ["\(folder.path) has checkpoint-4 of another run: no log of this one is kept there"])
        }
    }

    @Test("early stopping and the best checkpoint are said, one line each")
    func said() throws {
        func lines(_ changes: [(String, JSON)]) throws -> [String] {
            let notes = Notes()
            try Tiny.folder { folder in
                let trainer = try Self.trainer(folder, [("eval_strategy", .string("epoch"))] + changes)
                trainer.reporter = notes
                try trainer.train()
            }
            return notes.lines
        }
        let stopping: [(String, JSON)] = [
            ("num_train_epochs", .integer(9)), ("load_best_model_at_end", .bool(true)),
            ("early_stopping_patience", .integer(2)), ("early_stopping_threshold", .number(1e6)),
            ("learning_rate", .number(0)),
        ]
        let early = try lines(stopping)
        try #require(early.count == 2, "\(early)")
        let loss = "[0-9]\\.[0-9]{4}"
        #expect(
            early[0].wholeMatch(
                of: try Regex(
                    "early stopping: eval_loss was not better than \(loss) in 2 evaluations; the training ends after step 12 of 36"
                )) != nil, "\(early)")
        #expect(
            early[1].wholeMatch(
                of: try Regex("best eval_loss: \(loss) at step 4; the model has the weights of checkpoint-4")) != nil,
            "\(early)")
        let kept = try lines([("metric_for_best_model", .string("eval_loss")), ("learning_rate", .number(0))])
        #expect(kept.count == 1)
        #expect(
            kept.first?.wholeMatch(
                of: try Regex(
                    "best eval_loss: \(loss) at step 4 \\(checkpoint-4\\); the model has the weights of step 8"))
                != nil, "\(kept)")
        let unsaved = try lines([
            ("metric_for_best_model", .string("eval_loss")), ("learning_rate", .number(0)),
            ("save_strategy", .string("no")),
        ])
        #expect(
            unsaved.first?.wholeMatch(
                of: try Regex("best eval_loss: \(loss) at step 4; the model has the weights of step 8")) != nil,
            "\(unsaved)")
        #expect(try lines([]).isEmpty)
    }
}

/// Writes down the notes and warnings of a training.
final class Notes: ProgressReporter {
    var lines: [String] = []

    func begin(totalSteps: Int, from step: Int) {}
    func update(_ update: ProgressUpdate) {}
    func evaluating(done: Int, of total: Int) {}
    func log(_ row: [JSON.Member]) {}
    func summary(_ summary: EpochSummary) {}
    func note(_ message: String) { lines.append(message) }
    func warn(_ message: String) { lines.append("warning: \(message)") }
    func end() {}
}
