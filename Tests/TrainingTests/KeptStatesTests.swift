import Formats
import Kernels
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

/// Counts the rows that pass through a linear.
final class Counter: LinearSeat {
    /// Rows of each call.
    var calls: [Int] = []
    var rows: Int { calls.reduce(0, +) }
    let isRandom = false
    let state = ""
    let weights: [(name: String, weight: Weight)] = []

    func adapt(_ y: Tensor, input x: Tensor, of linear: Models.Linear, _ pass: Pass) throws -> Tensor {
        calls.append(x.shape[0])
        return y
    }
}

/// Keeps what is said.
final class Listener: ProgressReporter {
    var notes: [String] = []
    var warnings: [String] = []
    func begin(totalSteps: Int, from step: Int) {}
    func update(_ update: ProgressUpdate) {}
    func evaluating(done: Int, of total: Int) {}
    func log(_ row: [JSON.Member]) {}
    func summary(_ summary: EpochSummary) {}
    func note(_ message: String) { notes.append(message) }
    func warn(_ message: String) { warnings.append(message) }
    func end() {}
}

/// Training above states that are kept must be training above states that are computed.
struct KeptStatesTests {
    private static let usual: [(String, JSON)] = [
        ("per_device_train_batch_size", .integer(4)), ("gradient_accumulation_steps", .integer(2)),
        ("num_train_epochs", .integer(3)), ("learning_rate", .number(1e-2)), ("logging_steps", .integer(1)),
        ("eval_strategy", .string("epoch")), ("save_strategy", .string("no")),
    ]

    /// A trainer of the two upper layers of four, its listener, and a counter on the lowest layer.
    func made(
        _ arguments: [(String, JSON)], dropout: Double = 0.2, task: TaskType = .sequenceClassification,
        trainedFrom lowest: Int = 2, objective: (any Objective)? = nil, output: Folder? = nil
    ) throws -> (trainer: Trainer, listener: Listener, counter: Counter) {
        let model = try Tiny.model(dropout: dropout, task: task, layers: 4, trainedFrom: lowest)
        let counter = Counter()
        for (name, module) in model.namedModules() where name == "bert.encoder.layer.0.attention.self.query" {
            (module as? Models.Linear)?.seats.append(counter)
        }
        let tokens = { (data: Dataset) throws -> Dataset in
            guard task == .tokenClassification else { return data }
            return try data.mappedEntries { row in
                guard let ids = row.first(where: { $0.key == "input_ids" })?.value.asIntegers else { return row }
                return [.init("labels", .integers(ids.map { $0 % 2 }))]
            }
        }
        let trainer = try Trainer(
            model: model,
            arguments: Tiny.arguments(
                Self.usual.filter { usual in !arguments.contains { $0.0 == usual.0 } } + arguments),
            trainDataset: tokens(Tiny.dataset(22)),
            evalDataset: tokens(Tiny.dataset(9, seed: 5)), objective: objective,
            output: output.map { folder in { folder } })
        let listener = Listener()
        trainer.reporter = listener
        return (trainer, listener, counter)
    }

    /// Losses of the log, row by row, and norms of gradients.
    func numbers(_ trainer: Trainer) -> [Float] {
        let names = ["loss", "eval_loss", "train_loss", "grad_norm"]
        return trainer.state.logHistory.flatMap { row in
            row.filter { names.contains($0.key) }.compactMap { $0.value.double.map(Float.init) }
        }
    }

    /// Largest difference of two numbers relative to the second; infinite where there is none to compare.
    func difference(_ a: [Float], _ b: [Float]) -> Float {
        guard a.count == b.count, !a.isEmpty else { return .infinity }
        return zip(a, b).map { abs($0 - $1) / abs($1) }.max() ?? .infinity
    }

    @Test(
        "losses above kept states are those above computed ones, and lower layers run once for each row",
        arguments: [TaskType.sequenceClassification, .tokenClassification], [2, 4])
    func equal(task: TaskType, lowest: Int) throws {
        let frozen: [(String, JSON)] = [("freeze_dropout", .bool(true))]
        let (plain, _, all) = try made(frozen + [("prefix_cache", .bool(false))], task: task, trainedFrom: lowest)
        let (kept, listener, counter) = try made(frozen, task: task, trainedFrom: lowest)
        try plain.train()
        try kept.train()
        // Issue 3: to 1e-5. Products of other batches may differ in their last bits.
        #expect(difference(numbers(kept), numbers(plain)) < 1e-5)
        let lengths = [try Tiny.dataset(22), try Tiny.dataset(9, seed: 5)].map { data in
            (0..<data.count).reduce(0) { $0 + (data.value("input_ids", row: $1)?.array?.count ?? 0) }
        }
        #expect(all.rows == 3 * (lengths[0] + lengths[1]))
        #expect(counter.rows == lengths[0] + lengths[1])
        let heads = lowest == 4 && task == .sequenceClassification
        let bytes = [heads ? 22 : lengths[0], heads ? 9 : lengths[1]].map { Double($0 * 32 * 4) }
        let size = { (bytes: Double) in bytes < 9995 ? (bytes / 10).rounded() / 100 : (bytes / 1000).rounded() }
        let shown = bytes.map { "\(size($0))".replacing(".0", with: "") + " kB" }
        #expect(
            listener.notes == [
                "freeze_dropout: nothing is dropped below layer \(lowest) of 4",
                "prefix_cache: keeping the states that enter layer \(lowest) of 4, for the 22 rows of train_dataset: \(shown[0]) (float32) in memory",
                "prefix_cache: keeping the states that enter layer \(lowest) of 4, for the 9 rows of eval_dataset: \(shown[1]) (float32) in memory",
            ])
        #expect(listener.warnings == [])
    }

    @Test("dropout is off below the lowest trained layer only where that was asked for")
    func freezing() throws {
        let off: (String, JSON) = ("prefix_cache", .bool(false))
        let (frozen, _, _) = try made([off, ("freeze_dropout", .bool(true))])
        let (free, _, _) = try made([off])
        let (none, _, _) = try made([off], dropout: 0)
        let (still, listener, counter) = try made([("freeze_dropout", .bool(true))], dropout: 0)
        for trainer in [frozen, free, none, still] { try trainer.train() }
        let losses = [frozen, free, none].map { $0.state.logHistory[0].first { $0.key == "loss" }?.value.double }
        #expect(Set(losses).count == 3)
        // Nothing drops: the argument changes nothing, and nothing is said of it.
        #expect(difference(numbers(still), numbers(none)) < 1e-5)
        #expect(listener.notes.count == 2 && counter.rows < 300)
    }

    @Test("where dropout acts below, training rows are not kept, which is said where it was asked for")
    func random() throws {
        let (asked, listener, _) = try made([("prefix_cache", .bool(true))])
        try asked.train()
        #expect(
            listener.warnings == [
                "prefix_cache: the states of train_dataset are not kept, since dropout acts below layer 2 ('bert.embeddings.dropout'); freeze_dropout = true switches it off there"
            ])
        #expect(listener.notes.count == 1 && listener.notes[0].contains("the 9 rows of eval_dataset"))
        let (unasked, silent, counter) = try made([])
        try unasked.train()
        #expect(silent.warnings == [] && silent.notes == listener.notes)
        #expect(numbers(unasked) == numbers(asked))
        #expect(counter.rows > 300)
    }

    @Test("nothing is kept by itself where nothing comes twice")
    func once() throws {
        let (trainer, listener, _) = try made([("num_train_epochs", .integer(1)), ("freeze_dropout", .bool(true))])
        try trainer.train()
        #expect(listener.notes == ["freeze_dropout: nothing is dropped below layer 2 of 4"])
    }

    @Test("where it does not fit by itself, training goes on without, and says so")
    func unfitting() throws {
        let frozen: [(String, JSON)] = [("freeze_dropout", .bool(true))]
        let (plain, _, _) = try made(frozen + [("prefix_cache", .bool(false))])
        let (small, listener, _) = try made(frozen + [("prefix_cache_size", .integer(9000))])
        try plain.train()
        try small.train()
        #expect(numbers(plain) == numbers(small))
        #expect(listener.notes.count == 3 && listener.notes[1].hasPrefix("prefix_cache: no room for the states"))
        #expect(listener.notes[2].contains("for the 9 rows of eval_dataset"))
    }

    @Test("who stops a training need not wait until a batch's states are computed anew")
    func stopped() throws {
        let frozen: [(String, JSON)] = [("freeze_dropout", .bool(true)), ("prefix_cache", .bool(true))]
        let (trainer, _, counter) = try made(frozen + [("eval_strategy", .string("no"))])
        let (plain, _, _) = try made([frozen[0], ("prefix_cache", .bool(false)), ("eval_strategy", .string("no"))])
        // The second epoch asks for rows in another order than that in which they are computed together.
        for _ in 0..<3 { try trainer.step() }
        let bias = try #require(
            trainer.model.namedParameters().first { $0.name == "bert.encoder.layer.0.output.LayerNorm.bias" }?.weight)
        try #require(bias.tensor).mutableFloats()[0] += 1
        var polls = 0
        trainer.shouldStop = {
            polls += 1
            return polls == 3 ? Interruption("enough", savesState: false) : nil
        }
        let rows = counter.rows
        #expect(throws: TrainingInterrupted.self) { try trainer.step() }
        // Once before the first micro-batch, then after each group of 4 rows, of at most 9 tokens each.
        #expect(trainer.state.globalStep == 3 && counter.rows > rows && counter.rows <= rows + 2 * 4 * 9)
        // Whichever row is asked for, it is computed together with the rows of the first time, for the same bits.
        #expect(counter.calls.dropFirst(6).allSatisfy(counter.calls.prefix(6).contains), "\(counter.calls)")
        try #require(bias.tensor).mutableFloats()[0] -= 1
        trainer.shouldStop = nil
        try trainer.train()
        try plain.train()
        #expect(difference(numbers(trainer), numbers(plain)) < 1e-5)
    }

    @Test("in a file the states are the same, and the file has no name")
    func file() throws {
        try Tiny.folder { folder in
            let frozen: [(String, JSON)] = [("freeze_dropout", .bool(true))]
            let (memory, _, _) = try made(frozen)
            let (file, listener, _) = try made(frozen + [("prefix_cache_place", .string("file"))], output: folder)
            try memory.train()
            while try file.step() { #expect(try folder.list() == []) }
            #expect(numbers(file) == numbers(memory))
            #expect(listener.notes.count == 3 && listener.notes[1].hasSuffix("(float32) in a file"))
            // Beyond the bound on memory it is a file by itself.
            let (large, other, _) = try made(frozen, output: folder)
            large.keptStatesMemory = 16_000
            try large.train()
            #expect(other.notes[1].hasSuffix("in a file") && other.notes[2].hasSuffix("in memory"))
            #expect(numbers(large) == numbers(memory))
        }
    }

    @Test("bfloat16 takes half, and says what it changes")
    func rounded() throws {
        let frozen: [(String, JSON)] = [("freeze_dropout", .bool(true))]
        let (exact, listener, _) = try made(frozen)
        let (half, other, _) = try made(frozen + [("prefix_cache", .string("bfloat16"))])
        try exact.train()
        try half.train()
        // Eight bits of mantissa: each state is off by up to 1/256 of itself.
        let distance = difference(numbers(half), numbers(exact))
        #expect(distance > 0 && distance < 0.02, "\(distance)")
        #expect(listener.notes[1].contains("17 kB"))
        #expect(other.notes[1].contains("8.58 kB (bfloat16)"), "\(other.notes)")
        let prefix = "prefix_cache: rounding to bfloat16 changes the logits of the first batch by at most "
        let said = other.notes.filter { $0.hasPrefix(prefix) }
        #expect(said.count == 1)
        let words = try #require(said.first).dropFirst(prefix.count).split(separator: ";")
        let (change, largest) = (Double(words[0]), Double(words[1].dropFirst(" the largest is ".count)))
        #expect(try #require(change) > 0 && #require(change) < 0.02 * #require(largest))
    }

    @Test("states are dropped where what made them changed")
    func changed() throws {
        let (trainer, listener, counter) = try made([("prefix_cache", .bool(true))], dropout: 0)
        let first = try trainer.evaluate()
        let rows = counter.rows
        #expect(try loss(trainer.evaluate()) == loss(first) && counter.rows == rows)
        let weight = try #require(
            trainer.model.namedParameters().first { $0.name == "bert.encoder.layer.1.output.dense.weight" }?.weight)
        guard case .matrix(let matrix) = weight.value else { throw TrainingError("no matrix") }
        // As merging an adapter does.
        let numbers = (0..<matrix.rows).map { Float($0 % 3) / 10 }
        let ones = [Float](repeating: 1, count: matrix.columns)
        weight.standIn = .matrix(
            try numbers.withUnsafeBufferPointer { b in
                try ones.withUnsafeBufferPointer { a in
                    try matrix.adding(scale: 1, b: #require(b.baseAddress), a: #require(a.baseAddress), rank: 1)
                }
            })
        let merged = try trainer.evaluate()
        #expect(try loss(merged) != loss(first) && counter.rows == 2 * rows)
        #expect(
            listener.notes.contains("prefix_cache: what lies below has changed; the states of eval_dataset are dropped")
        )
        // Vectors can be written to.
        let bias = try #require(
            trainer.model.namedParameters().first { $0.name == "bert.encoder.layer.0.output.LayerNorm.bias" }?.weight)
        try #require(bias.tensor).mutableFloats()[0] += 1
        #expect(try loss(trainer.evaluate()) != loss(merged) && counter.rows == 3 * rows)
        weight.standIn = nil
        try #require(bias.tensor).mutableFloats()[0] -= 1
        #expect(abs(try loss(trainer.evaluate()) - loss(first)) < 1e-6 && counter.rows == 4 * rows)
    }

    private func loss(_ metrics: [JSON.Member]) throws -> Double {
        try #require(metrics.first { $0.key == "eval_loss" }?.value.double)
    }

    @Test("a full disk is an error where states were asked for, and training goes on without them where not")
    func fullDisk() async {
        await #expect(processExitsWith: .exitCode(0)) {
            signal(SIGXFSZ, SIG_IGN)
            #if canImport(Glibc)
                let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
            #else
                let resource = RLIMIT_FSIZE
            #endif
            var limit = rlimit()
            if getrlimit(resource, &limit) != 0 { exit(90) }
            limit.rlim_cur = 4096
            if setrlimit(resource, &limit) != 0 { exit(91) }
            let tests = KeptStatesTests()
            try Tiny.folder { folder in
                let file: [(String, JSON)] = [
                    ("freeze_dropout", .bool(true)), ("prefix_cache_place", .string("file")),
                ]
                let asked = try tests.made(file + [("prefix_cache", .bool(true))], output: folder).trainer
                let text = tests.message(asked)
                if !text.contains("cannot reserve 17152 bytes for a scratch file") { exit(1) }
                if !text.contains("the file would be larger than the limit set for files") { exit(2) }
                let (free, listener, _) = try tests.made(file, output: folder)
                try free.train()
                if listener.notes.count(where: { $0.hasPrefix("prefix_cache: no file for the states") }) != 2 {
                    exit(3)
                }
                if try folder.list() != [] { exit(4) }
            }
            exit(0)
        }
    }

    @Test("below the lowest trained layer nothing is saved and no gradient flows")
    func memory() async {
        await #expect(processExitsWith: .exitCode(0)) {
            // Bytes that a forward and backward pass needs at once, with queries trained from a layer on.
            let peak = { (lowest: Int) throws -> Int in
                let model = try Tiny.model(layers: 12, trainedFrom: lowest)
                let input = ModelInput(
                    inputIds: (0..<32).map { row in (0..<40).map { 5 + ($0 * 7 + row) % 30 } },
                    labels: .classes((0..<32).map { $0 % 2 }), outputHiddenStates: false)
                let before = StoragePool.shared.liveBytes
                StoragePool.shared.resetPeak()
                try model(input, draws: DropoutDraws()).loss?.backward()
                let isReached = model.namedParameters().allSatisfy {
                    ($0.weight.tensor?.grad != nil) == $0.weight.requiresGrad
                }
                if !isReached { exit(2) }
                return StoragePool.shared.peakBytes - before
            }
            let (all, top) = (try peak(0), try peak(11))
            // Twelve layers are kept, or one: an eighth leaves room for what is there in any case.
            print("peak of all layers \(all), of the top one \(top)")
            exit(top * 4 < all ? 0 : 1)
        }
    }
}
