import Adapters
import Formats
import Kernels
import LuaBridge
import Memory
import Models
import Options
import Reports
import Tensors
import Tokenizers
import Training
import Words

/// A trainer as an object that recipes hold.
final class TrainerBox {
    let trainer: Trainer
    /// The model, or a module of the recipe's own.
    let model: ModuleBox
    private let context: RecipeContext
    private let openOutput: () throws -> Folder
    let tokenizer: TokenizerBox?
    /// What is told of the training's steps.
    let reporter: SessionReporter?
    private var hasResumed = false
    private var hasBegun = false
    private var entry: RunJournal.Entry?
    private var hasPlanned = false
    private let outputDir: String?
    private let number: Int

    /// `outputDir` is where checkpoints go that is not the run's folder, `number` the trainer's among those of the run.
    init(
        _ trainer: Trainer, model: ModuleBox, tokenizer: TokenizerBox?, context: RecipeContext, outputDir: String?,
        number: Int, reporter: SessionReporter? = nil, openOutput: @escaping () throws -> Folder
    ) {
        (self.outputDir, self.number) = (outputDir, number)
        (self.trainer, self.model, self.context, self.openOutput) = (trainer, model, context, openOutput)
        self.reporter = reporter
        self.tokenizer = tokenizer
        entry = context.journal.add(self)
    }

    deinit { entry?.close(trainer) }

    /// Rows as the model takes them, where they hold text.
    func prepared(_ rows: DatasetBox) throws -> Dataset {
        let packing = trainer.arguments.evalPacking ?? trainer.arguments.packing
        return try TrainerBox.prepared(
            rows.dataset, "dataset", packing: packing, for: model, tokenizer, trainer.arguments, context)
    }

    /// The same for a trainer that is being made; `split` is what errors call the rows.
    static func prepared(
        _ rows: Dataset, _ split: String, packing: Bool, for box: ModuleBox, _ tokenizer: TokenizerBox?,
        _ arguments: TrainingArguments, _ context: RecipeContext
    ) throws -> Dataset {
        guard let model = (box as? ModelBox)?.model else { return rows }
        let rows = try TextRows.prepared(rows, for: model, tokenizer, arguments, split: split)
        return try SupervisedData(arguments, packing: packing, split: split, context)
            .prepared(rows, for: model, tokenizer?.tokenizer)
    }

    /// Gives the text of a row: a column of text, else its ids decoded by the trainer's tokenizer, or the one that the recipe loaded.
    static func text(of tokenizer: TokenizerBox?, _ context: RecipeContext) -> (Dataset, Int) -> String? {
        { dataset, row in
            for name in dataset.columnNames {
                if let text = dataset.value(name, row: row)?.string { return text }
            }
            guard let column = dataset.column("input_ids"),
                let ids = column.integers(row: dataset.place(ofRow: row)),
                let tokenizer = (tokenizer ?? context.lastTokenizer)?.tokenizer
            else { return nil }
            return try? tokenizer.decode(ids.prefix(512).map(Int.init), skipSpecialTokens: true)
        }
    }

    /// Goes on from the run's newest checkpoint where the user asked for that, once.
    func resumeIfAsked(always: Bool = false) throws {
        if !hasBegun, let rerun = context.rerun, let entry {
            try rerun.check(trainer, place: entry.place) { context.output.print($0) }
        }
        hasBegun = true
        guard !hasResumed, always || context.options.resume else { return }
        hasResumed = true
        let folder = try openOutput()
        if let name = try trainer.resume(from: folder, allowsEdited: context.options.edited) {
            context.output.print("resuming from \(folder.path)/\(name)")
        } else {
            context.output.print("\(folder.path) holds no complete checkpoint; starting from the beginning")
        }
    }

    /// What `--resume` takes: the run's folder, or an output_dir that lies elsewhere.
    var runPath: String {
        get throws {
            let output = try openOutput().path
            guard let run = context.runFolder.known, output == run || output.hasPrefix(run + "/") else { return output }
            return run
        }
    }

    /// Writes what users load: adapters, or the whole model or module, and the tokenizer that the trainer has.
    func save(to folder: Folder) throws {
        if let model = model as? ModelBox { return try model.savePretrained(to: folder, tokenizer: tokenizer) }
        if model.adapters.hasUnmerged {
            for note in try model.adapters.saveAll(to: folder) { context.output.print(note) }
            try tokenizer?.tokenizer.savePretrained(to: folder)
        } else {
            try StateDict.save(model.module, to: folder, StateDict.file)
        }
    }

    /// A job that does this training's steps between the lines of a session; the one there is where it is not over.
    func start() throws -> TrainingJob {
        try trainer.makeReady()
        if let job = context.jobs.first(where: { $0.box === self && $0.isOpen }) {
            try job.resume()
            return job
        }
        let job = TrainingJob(self, context)
        try job.resume()
        context.jobs = context.jobs.filter(\.isOpen) + [job]
        return job
    }

    /// Says in a session what changed; a recipe knows.
    func report(_ line: String) { if context.isInteractive { context.output.print(line) } }

    /// Before the first step: plans in place of training where that was asked for, and ends the recipe there; with a limit on
    /// memory throws where the training would pass it.
    func planIfAsked() throws {
        if let plan = context.options.plan { return try show(plan) }
        guard !hasPlanned, let limit = context.options.memoryLimit, trainer.state.globalStep == 0 else { return }
        // What is wrong with the training is better said by the training itself.
        guard var memory = try? trainer.plannedMemory() else { return }
        if memory.least > limit {
            // Garbage does not count.
            MemoryBudget.tidy()
            memory = try trainer.plannedMemory()
        }
        guard memory.least > limit else {
            hasPlanned = true
            return
        }
        let advice = try trainer.memoryAdvice(below: memory.least)
        throw MemoryRefusal(planned: PlanReport.refusal(memory, advice, limit: limit))
    }

    /// Prints the plan and ends the recipe.
    private func show(_ options: PlanOptions) throws {
        let limit = context.options.memoryLimit ?? Machine.memory / 5 * 4
        MemoryBudget.tidy()
        let plan = try training { try trainer.planned(measures: !options.byShapes, limit: limit) }
        let report = PlanReport(
            plan, recipe: context.recipeName, folder: folderToCome, cut: TruncatedTexts.count + context.cutRows,
            limit: limit, isLimitGiven: context.options.memoryLimit != nil, byShapes: options.byShapes)
        context.output.isAside = false
        if options.asJSON {
            context.output.page(report.json.serialized(indent: 2))
        } else {
            for line in report.lines { context.output.print(line) }
        }
        context.isPlanned = true
        if !report.fits, context.options.memoryLimit != nil {
            context.planCode = Session.Exit.memoryLimit
            context.output.complain(
                MemoryRefusal(planned: PlanReport.refusal(plan.memory, plan.advice, limit: limit)).description)
        }
        throw LuaInterrupted()
    }

    /// Where checkpoints would go, as the user would name it.
    private var folderToCome: String {
        let path = outputDir ?? context.runFolder.expected + (number > 1 ? "/trainer-\(number)" : "")
        let working = context.workingFolder + "/"
        return path.hasPrefix(working) ? String(path.dropFirst(working.count)) : path
    }

    /// Runs a piece of training; an interruption ends the recipe and says how to go on.
    func training<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let stop as TrainingInterrupted {
            guard !Profile.isComplete else { throw LuaInterrupted() }
            if context.isInteractive {
                context.resumeHint = "\(stop)\nto go on: trainer:train()"
                throw LuaInterrupted()
            }
            context.output.complain("\(stop)")
            if stop.checkpoint != nil {
                context.resumeHint = context.lineToGoOn(in: try runPath)
            }
            throw LuaInterrupted()
        }
    }

}

/// What recipes see of training: the type `lorawb.Trainer` and `lorawb.trainer`.
enum TrainerLua {
    private static let options = OptionTable(
        [
            Option(
                "model", .either([.object("lorawb.Model"), .object("lorawb.nn.Module")]),
                "The model, with an adapter or with parameters that require gradients; or a module of lorawb.nn, with a compute_loss.",
                example: "model", required: true),
            Option(
                "train_dataset", .object("lorawb.Dataset"),
                "Rows to train on, with input_ids and labels; for a language model also text: messages, prompt and completion, instruction and output, text.",
                example: "rows"),
            Option(
                "eval_dataset", .either([.object("lorawb.Dataset"), .table]),
                "Rows to evaluate on; or several sets by name, { dev = rows, test = others }, which give eval_dev_loss, eval_test_loss and so on.",
                example: "rows"),
            Option(
                "processing_class", .object("lorawb.Tokenizer"), "The tokenizer, where rows hold text.",
                example: "tokenizer", aliases: ["tokenizer"]),
            Option(
                "args", .options(TrainingArguments.options), "Training arguments, by their names in transformers.",
                example: "{ learning_rate = 1e-3, num_train_epochs = 1 }"),
            Option(
                "compute_metrics",
                .either([
                    .object("lorawb.Metric"), .function("fun(predictions: table): table<string, number>"),
                ]),
                "A metric of lorawb.metrics, or a function that is given { predictions =, label_ids = } and gives numbers by name.",
                example: "lorawb.metrics.accuracy"),
            Option(
                "compute_loss",
                .function("fun(model: lorawb.Model|lorawb.nn.Module, inputs: table): lorawb.Tensor|table, table?"),
                "A function of model and inputs, the columns of a batch, that gives the mean loss over the rows, `loss, outputs`, or { loss =, logits = }; logits are what metrics see. A module of lorawb.nn gets columns of numbers as tensors, [rows, …].",
                example: "function(model, inputs) local out = model(inputs) return out.loss, out end"),
            Option(
                "callbacks", .options(callbackOptions),
                "Functions by event, called with state and control; and lorawb.samples, at places 1, 2, ….",
                example: "{ on_log = function(state, control, row) print(row.loss) end }"),
        ],
        refused: [
            "data_collator": "is not needed: batches are never padded",
            "optimizers": "is not supported: write the loop by hand with lorawb.optim",
            "preprocess_logits_for_metrics": "is not needed: metrics of lorawb.metrics gather batch by batch",
        ])

    /// The events, each a function of state and control; `return "stop"` ends the training.
    private static let callbackOptions = OptionTable(
        TrainerEvent.documentation.map { name, argument, doc in
            Option(
                name,
                .function(
                    "fun(state: lorawb.TrainerState, control: lorawb.TrainerControl\(argument.map { ", \($0)" } ?? "")): string?"
                ), doc, example: "function(state, control) end")
        }, positional: .object("lorawb.Samples"))

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "trainer", "Makes a trainer.", parameters: [LuaParameter("options", options)], returns: "lorawb.Trainer",
            example:
                "local trainer = lorawb.trainer {\n  model = model, train_dataset = rows, eval_dataset = rows, compute_metrics = lorawb.metrics.accuracy,\n  args = { learning_rate = 1e-3, num_train_epochs = 1, save_strategy = \"no\" },\n}"
        ) { call in .object(try make(try call.options(1, options), context)) }
    }

    private static func make(_ options: LuaOptions, _ context: RecipeContext) throws -> TrainerBox {
        let box: ModuleBox = try options.object("model")
        if box is LayerBox { try box.checkWhole("lorawb.trainer") }
        let given = try options.nested("args")
        var arguments = try given.map { try TrainingArguments($0) } ?? TrainingArguments()
        if given?.has("seed") != true {
            arguments.seed = Int(truncatingIfNeeded: context.seed)
        }
        // The first trainer of a run has its folder, the ones after it folders within: a run that is resumed makes them in the same order.
        let number = context.trainersInRun + 1
        // A log alone needs no folder of its own: where output_dir may not be written and nothing is saved, it stands in the run's.
        // A run that is done again has one folder, whatever its recipe says of another.
        let outputDir =
            context.rerun != nil
            ? nil
            : arguments.outputDir.flatMap {
                arguments.saveStrategy != .no || context.permissions.mayWrite($0) ? $0 : nil
            }
        let openOutput: () throws -> Folder = {
            let runPath = { try context.runFolder.path() + (number > 1 ? "/trainer-\(number)" : "") }
            let folder = try context.permissions.writingFolder(try outputDir ?? runPath())
            context.permissions.protectRecord(in: folder.path)
            return folder
        }
        let tokenizer: TokenizerBox? = try options.optionalObject("processing_class")
        func prepared(_ rows: Dataset, _ split: String, packing: Bool) throws -> Dataset {
            try TrainerBox.prepared(rows, split, packing: packing, for: box, tokenizer, arguments, context)
        }
        let train: DatasetBox? = try options.optionalObject("train_dataset")
        let trainData = try train.map { try prepared($0.dataset, "train_dataset", packing: arguments.packing) }
        let evalSets = try EvalSetsLua.sets(options["eval_dataset"] ?? .nil).map { name, rows in
            let split = name.map { "eval_dataset.\($0)" } ?? "eval_dataset"
            return (name, try prepared(rows, split, packing: arguments.evalPacking ?? arguments.packing))
        }
        let trainer = try Trainer(
            model: box.module, arguments: arguments, trainDataset: trainData,
            evalDataset: evalSets.first { $0.0 == nil }?.1,
            evalDatasets: evalSets.compactMap { name, rows in name.map { ($0, rows) } },
            objective: options.function("compute_loss").map { function in
                (box as? LayerBox).map { ModuleObjective.make(function, $0) }
                    ?? (box as? ModelBox).map { objective(function, $0) }
            } ?? nil, output: openOutput)
        trainer.computeMetrics = try metrics(options["compute_metrics"] ?? .nil)
        trainer.callbacks = try callbacks(options, box)
        if arguments.reportTo.contains(.tensorboard) {
            trainer.callbacks.append(
                TensorBoard {
                    guard let loggingDir = arguments.loggingDir else { return try openOutput() }
                    return try context.permissions.writingFolder(loggingDir)
                })
        }
        trainer.callbacks.append(RunReportWriter(text: TrainerBox.text(of: tokenizer, context)))
        // As in transformers, disable_tqdm takes the bar away; figures, notes and warnings still come.
        let reporter = SessionReporter(context.progressBar(isWanted: !arguments.disableTqdm), context.output)
        trainer.reporter = reporter
        trainer.shouldStop = {
            guard let stop = pendingStop() else {
                return Profile.isComplete ? Interruption("profiled", savesState: false) : nil
            }
            // Who only gets the prompt back has lost nothing: it is written what was asked for.
            let isPause = context.isInteractive && stop.reason == LuaInterrupt.Reason.interrupt.rawValue
            return Interruption(stop.reason, savesState: !isPause || arguments.saveStrategy != .no)
        }
        trainer.undisturbed = { body in try LuaInterrupt.deferring(body) }
        trainer.saveModel = { folder in
            // What no adapter's file holds stands beside it, among all that is trained.
            if box.adapters.hasUnmerged { try box.adapters.saveAll(to: folder) }
            if box is LayerBox { try StateDict.save(box.module, to: folder, StateDict.file) }
            try tokenizer?.tokenizer.savePretrained(to: folder)
        }
        trainer.keptStatesMemory = min(Machine.memory, context.options.memoryLimit ?? .max) / 4
        trainer.identity = try identity(box, context)
        trainer.record = record(context)
        if arguments.outputDir == nil || context.rerun != nil { context.trainersInRun = number }
        if let named = arguments.outputDir, context.rerun != nil {
            context.sayOnce("output_dir '\(Permissions.shown(named))' is passed over: a rerun has its own folder")
        }
        if let record = trainer.record, !context.options.resume, !context.isInteractive, context.options.plan == nil {
            try context.journal.begin(record, in: context.runFolder, isElsewhere: outputDir != nil)
        }
        return TrainerBox(
            trainer, model: box, tokenizer: tokenizer, context: context, outputDir: outputDir, number: number,
            reporter: reporter,
            openOutput: openOutput)
    }

    /// What a continued run must have in common with the one before: recipe, parameters, base.
    private static func identity(_ box: ModuleBox, _ context: RecipeContext) throws -> RunIdentity {
        var identity = RunIdentity()
        identity.add("recipe", SHA256.hexadecimal(context.source))
        for (name, value) in context.parameters.sorted(by: { $0.key < $1.key }) {
            identity.add("parameter '\(name)'", value.typed)
        }
        if box is ModelBox, context.options.plan?.byShapes != true {
            identity.add("base", SHA256.hexadecimal(Array(try box.adapters.baseFingerprint().utf8)))
        }
        // What no tensor's shape shows.
        for name in box.adapters.names {
            let config = try box.adapters.adapter(name).config.toJSON()
            for key in ["lora_alpha", "lora_dropout", "use_rslora", "alpha_pattern"] {
                identity.add("\(key) of adapter '\(name)'", (config[key] ?? .null).serialized())
            }
        }
        return identity
    }

    /// What is written into the run's folder, beside its checkpoints; nothing in the REPL, which has no recipe.
    private static func record(_ context: RecipeContext) -> RunRecord? {
        guard !context.source.isEmpty else { return nil }
        let parameters = context.parameters.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value) }
        // A seed that the recipe has no parameter for is none of the words of its parameters.
        let seed =
            context.parameters["seed"] != nil
            ? nil : (try? RecipeParameters.withoutSeed(context.words))?.seed ?? context.recorded?.typedSeed
        let again = context.typedAgain + (seed.map { ["--seed=\($0)"] } ?? [])
        let words = context.rerun == nil ? context.words : again
        return RunRecord(
            recipe: String(decoding: context.source, as: UTF8.self), parameters: parameters,
            environment: [
                .init("lorawb", .string(Workbench.version)), .init("recipe", .string(context.recipeName)),
                .init("folder", .string(context.permissions.base)),
                .init("working_folder", .string(context.workingFolder)),
                .init("rerun_of", context.rerun.map { .string($0.path) } ?? .null),
                .init("started", .string(Timestamp.text(context.journal.started))),
                .init("arguments", .array(words.map { .string($0) })),
                .init("options", .array(context.options.typed.map { .string($0) })),
                .init("seed", context.options.seed.map(JSON.integer) ?? .null),
                .init("processor", .string(Machine.processorName)), .init("processors", .integer(Machine.processors)),
                .init("memory_bytes", .integer(Machine.memory)), .init("system", .string(Machine.system)),
                .init("threads", .integer(Workers.count)), .init("kernels", .string(Workbench.kernels)),
                .init("lua", .string("5.4")),
            ])
    }

    private static func callbacks(_ options: LuaOptions, _ box: ModuleBox) throws -> [any TrainerCallback] {
        try options.table("callbacks").map { try callbacks($0, box) } ?? []
    }

    /// The functions and samples of a table of callbacks.
    private static func callbacks(_ table: LuaTable, _ box: ModuleBox) throws -> [any TrainerCallback] {
        let given = try LuaOptions(table, callbackOptions, place: "callbacks: ")
        var functions: [String: LuaFunction] = [:]
        for name in given.given { functions[name] = given.function(name) }
        let samples = try table.values.compactMap { value in
            guard let samples = value.asObject(SamplesBox.self) else { return (any TrainerCallback)?.none }
            guard let box = box as? ModelBox else {
                throw LuaFault("callbacks: lorawb.samples needs a language model, got \(box.module.kind)")
            }
            return try samples.callback(box)
        }
        return (functions.isEmpty ? [] : [LuaCallbacks(functions)]) + samples
    }

    // MARK: Losses and metrics

    private static func objective(_ function: LuaFunction, _ box: ModelBox) -> any Objective {
        FunctionObjective { batch, context in
            box.batch = TrainedBatch(context, rows: batch.count)
            defer { box.batch = nil }
            var inputs: [String: LuaValue] = [
                "input_ids": .list(batch.input.inputIds.map { .integers($0) }), "token_type_ids": .nil,
                "attention_mask": .nil, "labels": .nil,
            ]
            if let types = batch.input.tokenTypeIds { inputs["token_type_ids"] = .list(types.map { .integers($0) }) }
            if case .answers(let starts, let ends)? = batch.labels {
                (inputs["start_positions"], inputs["end_positions"]) = (.integers(starts), .integers(ends))
            } else if let labels = batch.labels {
                inputs["labels"] = value(labels)
            }
            for (name, values) in try others(of: batch) { inputs[name] = values }
            return try result(try stopping { try function.call([.object(box), .fields("inputs", inputs)]) })
        }
    }

    /// Columns that forward does not take, each a list of the rows' values.
    private static func others(of batch: Batch) throws -> [(String, LuaValue)] {
        guard let columns = batch.columns else { return [] }
        return try columns.columnNames.filter {
            !(BatchReader.inputs + BatchReader.answerColumns + ["labels"]).contains($0)
        }.map {
            ($0, try LuaRows.column($0, of: columns, 0..<columns.count))
        }
    }

    /// What compute_loss gave.
    static func result(_ results: [LuaValue]) throws -> FunctionObjective.Result {
        switch results.first ?? .nil {
        case .object(let object as Tensor):
            return FunctionObjective.Result(loss: object, logits: try logits(results.count > 1 ? results[1] : .nil))
        case .table(let table):
            guard let loss = table["loss"].asObject(Tensor.self) else {
                throw LuaFault("compute_loss gave a table without a tensor 'loss'")
            }
            return FunctionObjective.Result(loss: loss, logits: try logits(.table(table)))
        case let other:
            throw LuaFault(
                "compute_loss gave \(other.shown), expected a tensor, `loss, outputs`, or { loss =, logits = }")
        }
    }

    /// The logits of what compute_loss gave beside the loss: outputs as forward gives them, or a tensor; nil where it gave none.
    private static func logits(_ outputs: LuaValue) throws -> Tensor? {
        switch outputs {
        case .nil: return nil
        case .object(let object as Tensor): return object
        case .table(let table):
            let value = table["logits"]
            guard value.isNil || value.asObject(Tensor.self) != nil else {
                throw LuaFault("compute_loss gave outputs whose 'logits' are \(value.shown), expected lorawb.Tensor")
            }
            return value.asObject(Tensor.self)
        default:
            throw LuaFault(
                "compute_loss gave \(outputs.shown) beside the loss, expected the model's outputs with 'logits'")
        }
    }

    private static func value(_ labels: Labels) -> LuaValue {
        switch labels {
        case .classes(let ids): .integers(ids)
        case .values(let values): .numbers(values.map(Double.init))
        case .vectors(let rows): .list(rows.map { .numbers($0.map(Double.init)) })
        case .tokens(let rows): .list(rows.map { .integers($0) })
        case .answers(let starts, let ends): .list(zip(starts, ends).map { .integers([$0, $1]) })
        }
    }

    private static func tensor(_ labels: Labels) throws -> Tensor {
        switch labels {
        case .classes(let ids): try Tensor(ids.map(Int64.init), shape: [ids.count])
        case .tokens(let rows):
            try Tensor(rows.flatMap { $0.map(Int64.init) }, shape: [rows.reduce(0) { $0 + $1.count }])
        case .answers(let starts, let ends):
            try Tensor(zip(starts, ends).flatMap { [Int64($0), Int64($1)] }, shape: [starts.count, 2])
        case .values(let values): try Tensor(values, shape: [values.count])
        case .vectors(let rows): try Tensor(rows.flatMap { $0 }, shape: [rows.count, rows.first?.count ?? 0])
        }
    }

    /// Scores and labels as tensors, for Lua.
    static func fields(_ predictions: Predictions) throws -> [String: LuaValue] {
        let width = max(1, predictions.width)
        var fields: [String: LuaValue] = [
            "predictions": .object(try Tensor(predictions.logits, shape: [predictions.logits.count / width, width])),
            "label_ids": .nil, "cu_seqlens": .nil,
        ]
        if let labels = predictions.labels { fields["label_ids"] = .object(try tensor(labels)) }
        if let boundaries = predictions.boundaries { fields["cu_seqlens"] = .integers(boundaries) }
        return fields
    }

    private static func metrics(_ value: LuaValue) throws -> ComputeMetrics {
        switch value {
        case .nil: return .none
        case .function(let function):
            return .function { predictions in
                let result =
                    try stopping { try function.call([.fields("the predictions", try fields(predictions))]) }.first
                    ?? .nil
                guard case .table(let table) = result else {
                    throw LuaFault("compute_metrics gave \(result.shown), expected a table of numbers by name")
                }
                return try LuaRows.entries(table)
            }
        case .object(let object):
            if let streaming = object as? any StreamingMetrics { return .metrics(try streaming.makeMetrics()) }
        default: break
        }
        throw LuaFault("option 'compute_metrics' expected a function or a metric, got \(value.shown)")
    }

    // MARK: Types

    /// What a training gave, for Lua.
    static func result(_ output: TrainOutput) throws -> LuaReturn {
        .fields(
            "the result",
            [
                "global_step": .integer(output.globalStep), "training_loss": .number(output.trainingLoss),
                "metrics": try LuaRows.table(output.metrics, "the metrics"),
            ])
    }

    private static let dataset = LuaParameter(
        "dataset", .either([.object("lorawb.Dataset"), .table]), default: .words("eval_dataset"),
        "The rows, or several sets of them by name.")
    private static let trainOptions = OptionTable([
        Option(
            "resume_from_checkpoint", .boolean, default: false,
            "Whether to go on from the newest checkpoint of output_dir.")
    ])

    static var type: LuaType<TrainerBox> {
        LuaType(
            "lorawb.Trainer", "Trains a model, one optimizer step at a time.",
            methods: [
                LuaMethod(
                    "train",
                    "Trains to the end, or goes on where it stopped: { global_step =, training_loss =, metrics = }.",
                    parameters: [LuaParameter("options", trainOptions)], returns: "table",
                    example: "local result = trainer:train()\nprint(result.training_loss)"
                ) { box, call in
                    let resume = try call.options(1, trainOptions).boolean("resume_from_checkpoint")
                    try box.planIfAsked()
                    let output = try box.training {
                        try box.resumeIfAsked(always: resume)
                        return try box.trainer.train()
                    }
                    return try result(output)
                },
                LuaMethod(
                    "step", "Does one optimizer step with all that follows it; false when the training is over.",
                    returns: "boolean", example: "while trainer:step() do end"
                ) { box, _ in
                    try box.planIfAsked()
                    return .boolean(
                        try box.training {
                            try box.resumeIfAsked()
                            return try box.trainer.step()
                        })
                },
                LuaMethod(
                    "start",
                    "Trains between the lines of a session: gives a job, which can be asked, paused and waited for. In a recipe, which has no lines, job:wait() does all the work.",
                    returns: "lorawb.Job", example: "local job = trainer:start()\nprint(job:wait().training_loss)"
                ) { box, _ in .object(try box.start()) },
                LuaMethod(
                    "change",
                    "Changes arguments from the next step on. The schedule goes on at its step with the new learning rate; the change is a row of the log.",
                    parameters: [
                        LuaParameter("args", .options(TrainingArguments.changeOptions), "The arguments that change.")
                    ],
                    example: "trainer:change { learning_rate = 1e-4 }"
                ) { box, call in
                    for line in try box.trainer.change(try call.options(1, TrainingArguments.changeOptions)) {
                        box.report(line)
                    }
                    return .nothing
                },
                LuaMethod(
                    "add_callback", "Adds functions that are called at the training's events, behind those there are.",
                    parameters: [
                        LuaParameter("callbacks", .options(callbackOptions), "Functions by event; and lorawb.samples.")
                    ],
                    example: "trainer:add_callback { on_log = function(state, control, row) print(row.loss) end }"
                ) { box, call in
                    box.trainer.callbacks += try callbacks(try call.table(1, "callbacks"), box.model)
                    return .nothing
                },
                LuaMethod(
                    "remove_callback", "Takes away all functions of an event.",
                    parameters: [
                        LuaParameter("event", .oneOf(TrainerEvent.documentation.map(\.name)), "The event.")
                    ], example: "trainer:remove_callback(\"on_log\")"
                ) { box, call in
                    let event = try call.string(1, "event")
                    for callback in box.trainer.callbacks { (callback as? LuaCallbacks)?.remove(event) }
                    return .nothing
                },
                LuaMethod(
                    "evaluate", "Evaluates rows: eval_loss, eval_<metric>, eval_runtime and more.",
                    parameters: [dataset], returns: "table", example: "print(trainer:evaluate().eval_loss)"
                ) { box, call in
                    let sets = try EvalSetsLua.sets(call.isNil(1) ? .nil : try call.value(1)).map { name, rows in
                        (name: name, dataset: try box.prepared(DatasetBox(rows)))
                    }
                    let named = sets.compactMap { set in set.name.map { (name: $0, dataset: set.dataset) } }
                    return .value(
                        try LuaRows.table(
                            try box.training {
                                named.isEmpty
                                    ? try box.trainer.evaluate(sets.first?.dataset)
                                    : try box.trainer.evaluate(named)
                            }, "the evaluation"))
                },
                LuaMethod(
                    "predict",
                    "Scores of rows: { predictions =, label_ids =, cu_seqlens =, metrics =, rows = }. predictions are the logits [rows, labels], of a model for tokens [tokens, labels] with cu_seqlens where each row begins; rows has what they say of each row: { label =, label_id =, score =, scores = } as model:classify gives it, of several labels also labels with all above a half, of a model for tokens a list with { label =, label_id =, score = } for each token. Of a model for question answering predictions are [tokens, 2] and rows is nil.",
                    parameters: [LuaParameter("dataset", .object("lorawb.Dataset"), "The rows.")], returns: "table",
                    example: "print(trainer:predict(rows).predictions:argmax(2))"
                ) { box, call in
                    let rows = try call.object(1, as: DatasetBox.self, "dataset")
                    let (predictions, metrics) = try box.training { try box.trainer.predict(box.prepared(rows)) }
                    var fields = try TrainerLua.fields(predictions)
                    let model = (box.model as? ModelBox)?.model
                    fields["rows"] = model.flatMap { PredictedRows(predictions, $0) }.map { .list($0.values) } ?? .nil
                    fields["metrics"] = try LuaRows.table(metrics, "the metrics")
                    return .fields("the predictions", fields)
                },
                LuaMethod(
                    "save_model",
                    "Writes every adapter, or the whole model where there is none, and the tokenizer that the trainer has; of a module of lorawb.nn its state dict, model.safetensors.",
                    parameters: [LuaParameter("path", .string, "The folder.")], example: "trainer:save_model(\"saved\")"
                ) { box, call in
                    try box.model.context.permissions.saving(try call.string(1, "path")) { try box.save(to: $0) }
                    return .nothing
                },
            ],
            properties: [
                LuaProperty("state", "Where the training stands.", type: "lorawb.TrainerState") {
                    .object(TrainerStateBox($0.trainer))
                },
                LuaProperty("model", "The model or module.", type: "lorawb.Model|lorawb.nn.Module") {
                    .object($0.model)
                },
                LuaProperty("args", "The arguments in use.", type: "table") {
                    try LuaRows.table(
                        $0.trainer.arguments.entries, "args",
                        .frozen(
                            instead:
                                "lorawb.trainer is given args when it makes the trainer, and trainer:change { learning_rate = 1e-4 } changes what may change later"
                        ))
                },
            ],
            metamethods: [
                .text("The step it is at, and what it trains.") { $0.text }
            ])
    }
}
