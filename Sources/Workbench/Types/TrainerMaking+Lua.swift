import Adapters
import Formats
import Kernels
import LuaBridge
import Models
import Options
import Reports
import Tensors
import Training
import Words

/// How a recipe makes a trainer: `lorawb.trainer`.
extension TrainerLua {
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
    static let callbackOptions = OptionTable(
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
    static func callbacks(_ table: LuaTable, _ box: ModuleBox) throws -> [any TrainerCallback] {
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
}
