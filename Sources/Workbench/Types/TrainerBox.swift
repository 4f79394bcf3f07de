import Formats
import LuaBridge
import Memory
import Models
import Reports
import Tensors
import Tokenizers
import Training

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
