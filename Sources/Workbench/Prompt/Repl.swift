import Kernels
import LuaBridge

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The interactive session: reads lines, evaluates them, prints what they give.
///
/// An expression prints its values, an incomplete chunk goes on in the next line, an error or Ctrl-C ends the line and not
/// the session, `_` is the last value and `_1`, `_2`, … are earlier ones. A line that begins with a colon is a command. While it waits
/// for keys, a job may have its turn.
final class Repl {
    let host: LuaHost
    let output: Output
    let context: RecipeContext
    /// The chunks that worked, for `:save`.
    private(set) var record = SessionRecord()
    /// What the last line gave, for `:full`.
    private(set) var lastValues: [LuaReference?] = []
    /// How long the last line took.
    private(set) var lastTime = Duration.zero
    private var history: History?
    /// The lines before this one, where a chunk is not whole yet.
    private var chunk = ""
    /// What lines gave, by number.
    var earlier = EarlierValues()
    /// The entry that came last, for `:edit`.
    private(set) var lastEntry = ""
    /// What an empty line runs: the last one with the name that its error suggested.
    private var correction: Correction?
    private var lines: any LineReader

    /// Whether a person sits at standard input.
    static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    init(host: LuaHost, output: Output, context: RecipeContext) {
        (self.host, self.output, self.context) = (host, output, context)
        lines = PlainLines(output: output)
    }

    /// Talks until the input ends; runs a recipe first, where there is one, whose local variables are then the session's.
    func run(recipe: (text: String, name: String)? = nil) throws {
        try host.setGlobal("lorawb", .reference(try host.require("lorawb")))
        try host.register(SessionHelp.function(host, output))
        openLines()
        defer { lines.close() }
        if let recipe { try start(recipe.text, recipe.name) }
        output.print(
            "lorawb \(Workbench.version), Lua 5.4. :help shows the commands, "
                + (history == nil ? "" : "Tab completes, ") + "Ctrl-D ends")
        while true {
            switch try typedLine(prompt: chunk.isEmpty ? "> " : ">> ", isEntry: chunk.isEmpty) {
            case .end:
                output.raw("\n")
                return leave()
            case .interrupted:
                try goOn()
                output.raw("^C\n")
                (chunk, correction) = ("", nil)
            case .line(var line):
                if chunk.isEmpty, line.allSatisfy(\.isWhitespace) {
                    guard let corrected = correction else { continue }
                    line = corrected.line
                }
                correction = nil
                let entry = chunk.isEmpty ? line : chunk + "\n" + line
                if chunk.isEmpty, let command = SessionCommand(line) {
                    keep(line)
                    guard try run(command) else { return leave() }
                } else if try take(entry) {
                    keep(entry)
                    lastEntry = entry
                    chunk = ""
                } else {
                    chunk = entry
                }
            }
        }
    }

    /// Runs a recipe as if it were typed; what went wrong is told, and the session has what there was until then.
    private func start(_ text: String, _ name: String) throws {
        do {
            try evaluateTimed(text.hasPrefix("#") ? "--" + text : text, name: name, isFile: true)
        } catch let failure as LuaFailure {
            // What was typed wrongly for the recipe, or was only its help.
            if context.misuse != nil || (context.wantsHelp && context.declaredParameters) { throw failure }
            try show(failure)
        }
    }

    /// Waits for a line, in which time jobs may have their turn.
    ///
    /// - Parameter isEntry: whether it begins an entry: Ctrl-C then asks again, and need not wait for a job's step.
    func typedLine(prompt: String, isEntry: Bool = false) throws -> TypedLine {
        output.showKept()
        for news in context.jobs.compactMap({ $0.news() }) { output.complain(news) }
        context.turn.give()
        defer { context.turn.take() }
        while true {
            let line = lines.read(prompt: prompt)
            guard isEntry, case .interrupted = line, LuaInterrupt.pending != .timeLimit,
                context.jobs.contains(where: \.isOpen)
            else { return line }
            LuaInterrupt.clear()
            correction = nil
            output.raw("^C\n")
        }
    }

    /// Leaves checkpoints of what is not trained to its end.
    private func leave() {
        output.showKept()
        for job in context.jobs {
            if let news = job.news() { output.complain(news) }
            job.leave()
        }
    }

    private func openLines() {
        guard output.isTerminal else { return }
        let completer = Completer(host: host, context: context)
        let (marks, turn) = (output.hasAttributes, context.turn)
        let edited = EditedLines(
            marks: marks,
            complete: { text, cursor in
                // A step may take long: a second Tab asks again.
                turn.borrow(within: 1000) { completer.complete(self.bytesBefore + text.prefix(cursor)) } ?? nil
            },
            hint: { text in
                turn.borrow(within: 0) {
                    completer.hint(self.bytesBefore + text)?.line(width: Output.columns, marks: marks) ?? ""
                } ?? ""
            })
        guard let edited else { return }
        let history = History()
        for entry in history.entries { edited.remember(entry) }
        (lines, self.history) = (edited, history)
    }

    /// The lines of a chunk before the one that is being typed.
    private var bytesBefore: [UInt8] { chunk.isEmpty ? [] : Array((chunk + "\n").utf8) }

    private func keep(_ entry: String) {
        lines.remember(entry)
        history?.add(entry)
    }

    /// Has an empty line run the one that an error corrects, and says so.
    func offer(_ line: String, _ message: String) {
        guard let corrected = Correction(line, message: message) else { return }
        correction = corrected
        output.print("Enter runs: \(corrected.line)")
    }

    /// Runs what was edited as an entry of its own.
    func takeEdited(_ entry: String) throws {
        guard try take(entry) else { throw LuaFault("what was edited is not whole; :edit goes on with it") }
        keep(entry)
        lastEntry = entry
    }

    // MARK: Evaluating

    /// Evaluates an entry; false where it wants another line.
    ///
    /// Several lines that are no chunk together, such as a paste with expressions among them, are taken one after another, where each is
    /// whole: nothing runs before all are known to be.
    private func take(_ entry: String) throws -> Bool {
        var parts = [entry]
        if let failure = host.check(LuaString(entry)) {
            switch split(entry) {
            case .chunks(let several): parts = several
            case .incomplete: return false
            case .none: if failure.kind == .incomplete { return false }
            }
        }
        do {
            for part in parts { try evaluateTimed(part) }
        } catch let failure as LuaFailure {
            try show(failure)
            offer(entry, failure.message)
        }
        return true
    }

    /// What the lines of an entry make, taken one after another.
    private enum Split {
        case chunks([String])
        /// Chunks, and the beginning of one more.
        case incomplete
        /// No chunks, or only one.
        case none
    }

    private func split(_ entry: String) -> Split {
        var parts: [String] = []
        var part = ""
        for line in entry.split(separator: "\n", omittingEmptySubsequences: false) {
            part += part.isEmpty ? String(line) : "\n" + line
            switch host.check(LuaString(part))?.kind {
            case nil:
                parts.append(part)
                part = ""
            case .incomplete: continue
            default: return .none
            }
        }
        if !part.isEmpty { return parts.isEmpty ? .none : .incomplete }
        return parts.count > 1 ? .chunks(parts) : .none
    }

    /// Evaluates a line, prints its values, and the time where it took long or is asked for.
    func evaluateTimed(_ text: String, name: String = "=stdin", isFile: Bool = false, showsTime: Bool = false) throws {
        let start = ContinuousClock.now
        defer { lastTime = ContinuousClock.now - start }
        let results = try host.evaluate(LuaString(text), name: name, isFile: isFile)
        let time = ContinuousClock.now - start
        if !results.isEmpty { try earlier.add(results[0].value, host) }
        if isFile {
            record.add(file: text)
        } else {
            record.add(text, host, number: results.isEmpty ? nil : earlier.last)
        }
        // Not longer than it may be asked for: what is large must go when its variables go.
        lastValues = results.map(\.value)
        if !results.isEmpty { try printValues(isFull: false) }
        if showsTime || time > .milliseconds(100) { output.print("(\(Repl.shown(time)))") }
    }

    /// Prints what the last line gave, or the last value where it gave none.
    func printValues(isFull: Bool) throws {
        try printValues(lastValues.isEmpty ? [host.globals?.field("_")] : lastValues, isFull: isFull)
    }

    func printValues(_ values: [LuaReference?], isFull: Bool) throws {
        let printer = ValuePrinter(host: host, style: PrintStyle(width: Output.columns, isFull: isFull))
        output.page(printer.text(of: values))
        if LuaInterrupt.isPending {
            if LuaInterrupt.pending != .timeLimit { output.complain("interrupted") }
            try goOn()
        }
    }

    /// Forgets that something was to stop, also where a piece of work noted it and nobody asked.
    ///
    /// Past the time limit nothing can be evaluated: the session ends as any run does.
    func goOn() throws {
        if LuaInterrupt.pending == .timeLimit { _ = try host.evaluate("do end") }
        LuaInterrupt.clear()
        _ = try? Trouble.check()
    }

    /// Tells of a failure; the session goes on, but past the time limit.
    func show(_ failure: LuaFailure) throws {
        let hint = context.resumeHint
        context.resumeHint = nil
        switch failure.kind {
        case .timeLimit: throw failure
        case .interrupted:
            // The terminal has shown ^C.
            output.raw("\n")
            output.complain("interrupted")
            for line in hint?.split(separator: "\n") ?? [] { output.complain(String(line)) }
        default:
            output.complain(failure.message)
            if failure.traceback.count > 1 { for frame in failure.traceback { output.complain("  " + frame) } }
        }
        try goOn()
    }

    /// A time as people say it: 0.35 s, 2 min 5 s.
    static func shown(_ time: Duration) -> String {
        let milliseconds =
            Int(time.components.seconds) * 1000 + Int(time.components.attoseconds / 1_000_000_000_000_000)
        if milliseconds >= 60_000 { return "\(milliseconds / 60_000) min \(milliseconds / 1000 % 60) s" }
        let hundredths = (milliseconds + 5) / 10
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) s"
    }

    /// Forgets what lines gave.
    func forgetValues() throws {
        try earlier.forget(host)
        try host.setGlobal("_", .nil)
        lastValues = []
        host.collectGarbage()
    }

    /// All of standard input.
    static func readAll() -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }
}
