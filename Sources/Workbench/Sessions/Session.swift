import Formats
import Kernels
import LuaBridge
import Memory
import Reports
import Stdlib
import Tensors
import Tokenizers
import Training
import Words

/// One run of a recipe, or one interactive session, and how it ends.
public final class Session {
    private let options: SessionOptions
    private let output = Output()
    private let workingFolder = Machine.workingFolder

    /// How the process ends: the codes of sysexits, timeout and shells.
    enum Exit {
        static let failure: Int32 = 1
        static let misuse: Int32 = 64
        static let timeLimit: Int32 = 124
        static let memoryLimit: Int32 = 125
        static let interrupted: Int32 = 130
        static let terminated: Int32 = 143
    }

    /// Session with what the user set; signals are handled from here on.
    public init(_ options: SessionOptions) {
        self.options = options
        LuaGuards.install()
        LuaInterrupt.install()
        MappedFile.setObserver(MappingGuards())
        if let threads = options.threads ?? ModelCache.environment("LORAWB_THREADS").flatMap({ Int($0) }) {
            Workers.setCount(threads)
        }
        if let limit = options.timeLimit { LuaInterrupt.setTimeLimit(seconds: limit) }
    }

    /// Runs a recipe and gives the exit code.
    ///
    /// - Parameters:
    ///   - recipe: a file, "-" for standard input, or the name of a recipe inside the binary.
    ///   - words: what the user typed for the recipe.
    ///   - help: whether the recipe's help is wanted instead of a run.
    public func run(recipe: String, words: [String], help: Bool) -> Int32 {
        start(recipe, help: help) { try open(recipe: recipe, words: words, help: help) }
    }

    /// Does a recorded run again, in a folder of its own, and gives the exit code.
    ///
    /// - Parameters:
    ///   - words: parameters that are to be others than they were.
    ///   - changed: whether data or a base that was changed since is taken.
    public func rerun(_ rerun: Rerun, words: [String], changed: Bool) -> Int32 {
        start(rerun.recipe, help: false) {
            try checkGrants()
            try rerun.check(options, from: workingFolder)
            let context = makeContext(
                base: rerun.base, stem: RunFolder.stem(of: rerun.recipe), name: rerun.recipe, source: rerun.source,
                words: words, help: false)
            context.permissions.allow(.read, rerun.base)
            provideData(context)
            (context.rerun, context.recorded) = (rerun, try RecordedRun(in: rerun.path))
            context.rerun?.takesChanged = changed
            context.rerun?.hasOverrides = !words.isEmpty
            output.print(
                "again: \(Permissions.shown(rerun.path)), whose recipe lay in \(Permissions.shown(rerun.base))")
            for line in rerun.differences() { output.print(line) }
            return (try checked(context), "@\(Permissions.shown(rerun.path))/\(RunRecord.recipeFile)")
        }
    }

    private func start(_ recipe: String, help: Bool, _ open: () throws -> (RecipeContext, String)) -> Int32 {
        let context: RecipeContext
        let chunkName: String
        do {
            (context, chunkName) = try open()
        } catch is LuaInterrupted {
            output.complain("interrupted")
            return Exit.interrupted
        } catch {
            output.complain("lorawb: \(error)")
            return error is RecipeHeaderError ? Exit.failure : Exit.misuse
        }
        return finish(context) { host in
            try LuaInterrupt.handlingTermination {
                try host.run(LuaString(bytes: context.source), name: chunkName)
            }
            for job in context.jobs where job.isOpen && job.state == .running {
                output.complain("the recipe ended before its job had (\(job.place)); job:wait() trains it to the end")
            }
            guard !context.declaredParameters else { return }
            if help { output.print("\(recipe) declares no parameters") }
            // Nothing typed is ignored; that nobody took it is known only now where the source mentions `args`.
            try refuseWords(of: context)
        }
    }

    /// Runs what is piped in, or talks with the user on a terminal; gives the exit code.
    public func interact() -> Int32 {
        guard Repl.isTerminal else { return run(recipe: "-", words: [], help: false) }
        do { try checkGrants() } catch {
            output.complain("lorawb: \(error)")
            return Exit.misuse
        }
        let context = makeContext(base: workingFolder, stem: "repl", name: "repl", source: [], words: [], help: false)
        context.isInteractive = true
        return finish(context) { host in try Repl(host: host, output: output, context: context).run() }
    }

    /// Runs a recipe and then talks with the user, who finds its local variables; gives the exit code.
    ///
    /// Parameters are those of `run`.
    public func interact(recipe: String, words: [String], help: Bool) -> Int32 {
        guard Repl.isTerminal, recipe != "-" else {
            output.complain(
                "lorawb: repl talks with someone on a terminal; lorawb run \(Permissions.shown(recipe)) runs a recipe")
            return Exit.misuse
        }
        let context: RecipeContext
        let chunkName: String
        do { (context, chunkName) = try open(recipe: recipe, words: words, help: help) } catch {
            output.complain("lorawb: \(error)")
            return Exit.misuse
        }
        context.isInteractive = true
        context.permissions.allow(.read, workingFolder)
        let text = String(decoding: context.source, as: UTF8.self)
        return finish(context) { host in
            try Repl(host: host, output: output, context: context).run(recipe: (text, chunkName))
        }
    }

    /// Converses with a model on the terminal, or answers the lines that are piped in; gives the exit code.
    public func chat(_ chat: ChatOptions) -> Int32 {
        do { try checkGrants() } catch {
            output.complain("lorawb: \(error)")
            return Exit.misuse
        }
        let context = makeContext(base: workingFolder, stem: "chat", name: "chat", source: [], words: [], help: false)
        context.isInteractive = true
        var hasFailed = false
        let code = finish(context) { host in
            let session = try ChatSession(host, context, chat)
            try session.run()
            hasFailed = session.hasFailed && !Repl.isTerminal
        }
        return code == 0 && hasFailed ? Exit.failure : code
    }

    // MARK: Opening

    /// What is granted must be there: a mistyped name would be missed only where the recipe comes to it.
    private func checkGrants() throws {
        for (flag, paths) in [("--allow-read", options.allowRead), ("--allow-write", options.allowWrite)] {
            for path in paths where !Permissions.exists(Permissions.absolute(path, from: workingFolder)) {
                let advice = flag == "--allow-write" ? "; make the folder first" : ""
                throw FormatError("\(flag): there is no '\(Permissions.shown(path))'\(advice)")
            }
        }
    }

    private func open(recipe: String, words: [String], help: Bool) throws -> (RecipeContext, String) {
        try checkGrants()
        if options.resume, let folder = options.runFolder,
            !Permissions.isFolder(Permissions.absolute(folder, from: workingFolder))
        {
            throw FormatError("--resume: no run folder '\(Permissions.shown(folder))'")
        }
        if recipe == "-" {
            let context = makeContext(
                base: workingFolder, stem: "stdin", name: "-", source: Repl.readAll(), words: words, help: help)
            return (try checked(context), "=stdin")
        }
        let path = Permissions.absolute(recipe, from: workingFolder)
        let stem = RunFolder.stem(of: path)
        if let bytes = Stdlib.recipe(recipe), !Permissions.isFile(path) {
            let context = makeContext(
                base: workingFolder, stem: stem, name: recipe, source: bytes, words: words, help: help)
            provideData(context)
            return (try checked(context), "@\(Permissions.shown(recipe)).lua")
        }
        guard !Permissions.isFolder(path) else {
            throw FormatError("\(Permissions.shown(recipe)): is a folder, expected a recipe")
        }
        guard Permissions.isFile(path) else {
            throw Recipes.missing(recipe)
        }
        let (folderPath, fileName) = Permissions.parted(path)
        let source = try Folder(path: folderPath, linkRoot: "/").read(fileName)
        let context = makeContext(base: folderPath, stem: stem, name: recipe, source: source, words: words, help: help)
        context.permissions.allow(.read, folderPath)
        context.permissions.protect(path)
        return (try checked(context), "@\(Permissions.shown(recipe))")
    }

    /// Data that a recipe inside the binary brings; of one that is done again, as that run kept it.
    private static func brought(_ name: String, _ context: RecipeContext) -> [UInt8]? {
        guard context.permissions.provided != nil, let inside = Stdlib.data(name) else { return nil }
        return context.rerun.map { $0.data(name) } ?? inside
    }

    /// Such data lies in the run's folder from its first use on: a run keeps what it was made with.
    private func provideData(_ context: RecipeContext) {
        context.permissions.provided = { [unowned context] name in
            guard let bytes = Self.brought(name, context) else { return nil }
            let path = try context.runFolder.path()
            let folder = try Folder(path: path)
            if !folder.exists(name) { try folder.write(name, bytes) }
            return "\(path)/\(name)"
        }
    }

    private func checked(_ context: RecipeContext) throws -> RecipeContext {
        let shown = Permissions.shown(context.recipeName)
        for line in context.header.lines(of: shown) { output.complain(line) }
        try context.header.checkNeeds(shown)
        if options.locked { try checkInputs(of: context) }
        if options.resume, let folder = context.runFolder.known { context.recorded = try RecordedRun(in: folder) }
        if options.seed == nil, let seed = context.recorded?.seed { context.setSeed(seed) }
        if !context.source.contains("args") { try refuseWords(of: context) }
        return context
    }

    /// Throws where an input is not what the recipe's header says, and has everything else told that the recipe reads.
    private func checkInputs(of context: RecipeContext) throws {
        let recipe = Permissions.shown(context.recipeName)
        let inputs = RecipeInputs(
            recipe: recipe, base: context.permissions.base, brought: { Self.brought($0, context) },
            header: context.header)
        let paths = try LuaInterrupt.handlingTermination { try inputs.check() }
        RecipeInputs.watch(context.permissions, locked: paths, runFolder: context.runFolder, recipe: recipe) {
            [output] in output.complain($0)
        }
    }

    /// Takes the session's seed from what the user typed; throws where more was typed, for a recipe without parameters.
    private func refuseWords(of context: RecipeContext) throws {
        let (rest, seed) = try RecipeParameters.withoutSeed(context.words)
        if let seed = seed ?? context.recorded?.typedSeed { context.setSeed(seed) }
        if let word = rest.first {
            let name = word.drop { $0 == "-" }.prefix { $0 != "=" }
            let near = word.hasPrefix("--") ? nearestName(to: String(name), in: RecipeParameters.hostOptions) : nil
            throw RecipeParameterError(
                "\(context.recipeName) declares no parameters (lorawb.args), got '\(Permissions.shown(word))'"
                    + (near.map { "; did you mean --\($0)?" } ?? ""))
        }
    }

    private func makeContext(
        base: String, stem: String, name: String, source: [UInt8], words: [String], help: Bool
    ) -> RecipeContext {
        let permissions = Permissions(base: base)
        if base == workingFolder { permissions.allow(.read, workingFolder) }
        if let cache = ModelCache.path, Permissions.isFolder(cache) { permissions.allow(.read, cache) }
        for path in History.paths { HiddenFiles.hide(path) }
        for path in options.allowRead { permissions.allow(.read, Permissions.absolute(path, from: workingFolder)) }
        for path in options.allowWrite { permissions.allow(.write, Permissions.absolute(path, from: workingFolder)) }
        let runFolder = RunFolder(
            named: options.runFolder, stem: stem, workingFolder: workingFolder, permissions: permissions)
        return RecipeContext(
            permissions: permissions, runFolder: runFolder, words: words, workingFolder: workingFolder, wantsHelp: help,
            recipeName: name, source: source, options: options, output: output)
    }

    // MARK: Ending

    private func finish(_ context: RecipeContext, _ body: (LuaHost) throws -> Void) -> Int32 {
        guard let profile = options.profile, !context.wantsHelp else { return conclude(context, body) }
        do {
            try ProfileReport.checkTrace(profile, from: workingFolder, runFolder: options.runFolder)
        } catch {
            output.complain("lorawb: \(error)")
            return Exit.misuse
        }
        Profile.begin(skipping: profile.skippedSteps, limit: profile.stopAfter, keepsEvents: profile.trace != nil)
        let code = conclude(context, body)
        let result = Profile.finish()
        // Where the recipe failed first, the reason stands there already.
        guard code == 0 || !result.steps.isEmpty else { return code }
        do {
            try ProfileReport(result, profile).write(to: output, from: workingFolder)
            return code
        } catch {
            output.complain("lorawb: profile: \(error)")
            return code == 0 ? Exit.failure : code
        }
    }

    private func conclude(_ context: RecipeContext, _ body: (LuaHost) throws -> Void) -> Int32 {
        let end = perform(context, body)
        // What the run recorded of itself is whole before another process may take its folder.
        context.journal.close(end, context)
        context.runFolder.close()
        return end.code
    }

    private func perform(_ context: RecipeContext, _ body: (LuaHost) throws -> Void) -> RunEnd {
        do {
            let host = try RecipeEnvironment.make(context)
            defer { MemoryBudget.end() }
            if let plan = options.plan, !context.wantsHelp {
                output.isAside = plan.asJSON
                try planning(plan, context) { try body(host) }
            } else {
                try body(host)
            }
            guard let failure = output.failure else { return .finished }
            return failed("standard output: \(failure)")
        } catch let failure as LuaFailure {
            return end(failure, context)
        } catch let refusal as MemoryRefusal {
            return endForMemory("\(refusal)")
        } catch {
            return failed("\(error)", error is RecipeParameterError ? Exit.misuse : Exit.failure)
        }
    }

    private func failed(_ message: String, _ code: Int32 = Exit.failure) -> RunEnd {
        output.complain("lorawb: \(message)")
        return RunEnd(code: code, state: .failed, error: message)
    }

    /// Runs a recipe that ends where it would train; with models as shapes alone, all of it over shapes.
    private func planning(_ plan: PlanOptions, _ context: RecipeContext, _ body: () throws -> Void) throws {
        if plan.byShapes {
            try ShapePass(after: StoragePool.shared.counts).run(body)
        } else {
            try body()
        }
        let name = context.recipeName == "-" ? "the recipe" : Permissions.shown(context.recipeName)
        throw LuaFault("plan: \(name) never called trainer:train(), so there is nothing to plan")
    }

    private func end(_ failure: LuaFailure, _ context: RecipeContext) -> RunEnd {
        if context.wantsHelp, context.declaredParameters { return .finished }
        if let misuse = context.misuse { return failed(misuse, Exit.misuse) }
        switch failure.kind {
        case .interrupted where Profile.isComplete: return .finished
        case .interrupted where context.isPlanned:
            return RunEnd(code: context.planCode, state: .finished, error: nil)
        case .interrupted:
            let reason = LuaInterrupt.pending == .termination ? LuaInterrupt.Reason.termination : .interrupt
            output.complain(reason.rawValue)
            if let hint = context.resumeHint { output.complain(hint) }
            return RunEnd(
                code: reason == .termination ? Exit.terminated : Exit.interrupted, state: .interrupted,
                error: reason.rawValue)
        case .timeLimit:
            let message = "time limit: stopped after \(options.timeLimit ?? 0) seconds"
            output.complain(message)
            if let hint = context.resumeHint { output.complain(hint) }
            return RunEnd(code: Exit.timeLimit, state: .stopped, error: message)
        case .memoryLimit:
            return endForMemory(failure.message)
        case .error, .syntax, .incomplete:
            output.complain(failure.message)
            // One frame says no more than the message does.
            if failure.traceback.count > 1 { for frame in failure.traceback { output.complain("  " + frame) } }
            return RunEnd(code: Exit.failure, state: .failed, error: failure.message)
        }
    }

    /// Says once that it is the limit that was passed, wherever in the message that stands.
    private func endForMemory(_ message: String) -> RunEnd {
        let message = MemoryRefusal.prefix + message.replacing(MemoryRefusal.prefix, with: "")
        output.complain(message)
        return RunEnd(code: Exit.memoryLimit, state: .stopped, error: message)
    }
}

/// Has the guards against files that shrink know of every mapped file.
private final class MappingGuards: MappingObserver {
    func begin(_ bytes: UnsafeRawBufferPointer, path: String) -> UInt? {
        unsafe LuaGuards.registerMapping(bytes, file: Permissions.shown(path))
    }

    func end(_ number: UInt) { LuaGuards.unregisterMapping(number) }
}

extension [UInt8] {
    /// Whether a word occurs in these bytes.
    fileprivate func contains(_ word: String) -> Bool { String(decoding: self, as: UTF8.self).contains(word) }
}
