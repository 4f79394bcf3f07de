import Formats
import Kernels
import Reports
import Training
import Words

/// How a session ended.
struct RunEnd {
    /// In a word, as run.json and `lorawb runs` have it.
    enum State: String {
        case finished, failed
        /// By Ctrl-C or SIGTERM.
        case interrupted
        /// By the time limit or the memory limit.
        case stopped
    }

    let code: Int32
    let state: State
    /// What was wrong, as it was told; nil where nothing was.
    let error: String?

    /// All went well.
    static let finished = RunEnd(code: 0, state: .finished, error: nil)
}

/// What a session notes of its trainers, and writes as run.json where the run is recorded, last of all.
///
/// docs/runs.md has the members of the file.
final class RunJournal {
    /// The format of run.json.
    static let format = 1
    /// Most files that are listed, and how deep they lie.
    private static let listed = (files: 1000, depth: 4)

    /// What is known of one trainer; it outlives the trainer, which may hold a model.
    final class Entry {
        fileprivate weak var trainer: TrainerBox?
        /// Its place among the trainers of the run, from 0.
        let place: Int
        fileprivate var members: [JSON.Member] = []
        /// The folder of its log.
        fileprivate var folder: String?
        /// The last value of everything that it logged, the best of the metric that chose its weights.
        fileprivate var values: [String: Double] = [:]

        fileprivate init(place: Int) { self.place = place }

        /// Takes what came out of the trainer, and has it write its state where it is recorded.
        func close(_ trainer: Trainer) {
            guard case .object(let setting) = trainer.setting else { return }
            let all = setting.map { JSON.Member($0.key, $0.value) } + trainer.outcome
            (members, folder) = (all, trainer.recordFolder?.path)
            for row in trainer.state.logHistory {
                for member in row { if let value = member.value.double { values[member.key] = value } }
            }
            let best = JSON(all)["best"]
            if let name = best?["metric"]?.string, let value = best?["value"]?.double { values[name] = value }
            // The run has ended; what cannot be written any more is no reason to fail.
            try? trainer.saveState()
        }
    }

    /// When the session began, in seconds since 1970.
    let started = Machine.time
    private let start = Machine.seconds
    private var entries: [Entry] = []
    /// What is written of the run beside its end, once there is a trainer.
    private var record: RunRecord?
    /// The run's folder, where this session began the record that it holds.
    private var begun: String?

    /// Notes a trainer.
    func add(_ trainer: TrainerBox) -> Entry {
        let entry = Entry(place: entries.count)
        entry.trainer = trainer
        entries.append(entry)
        return entry
    }

    /// Makes the run's folder and writes its record, for the first trainer of a run that is not continued.
    ///
    /// Where the folder holds another run's checkpoints nothing is written: the training refuses it, or keeps no log there.
    ///
    /// - Parameter isElsewhere: whether the trainer has a folder of its own; the run's is then recorded at the end, if it was used.
    func begin(_ record: RunRecord, in runFolder: RunFolder, isElsewhere: Bool) throws {
        self.record = self.record ?? record
        guard begun == nil, !isElsewhere else { return }
        try write(record, to: try Folder(path: try runFolder.path()))
    }

    private func write(_ record: RunRecord, to folder: Folder, trainer: JSON? = nil) throws {
        guard try !RunRecord.hasCheckpoints(in: folder) else { return }
        try record.write(to: folder, trainer: trainer)
        begun = folder.path
    }

    /// Writes run.json into the folders that this session recorded, and says what became of what the header expects.
    func close(_ end: RunEnd, _ context: RecipeContext) {
        for entry in entries { if let box = entry.trainer { entry.close(box.trainer) } }
        guard !context.isInteractive, !context.source.isEmpty, !context.wantsHelp, context.options.plan == nil else {
            return
        }
        let expectations = end.state == .finished ? context.header.expectations : []
        let values = expectations.map { value(of: $0.metric) }
        for (expectation, value) in zip(expectations, values) { context.output.print(expectation.line(value)) }
        let expects = zip(expectations, values).map { $0.record($1) }
        if begun == nil, !context.options.resume, let record, let run = context.runFolder.taken,
            let folder = try? Folder(path: run)
        {
            let parts = JSON(entries.first?.members ?? [])
            let trainer = ["arguments", "fingerprints"].map { JSON.Member($0, parts[$0] ?? .null) }
            do { try write(record, to: folder, trainer: JSON(trainer)) } catch {
                context.output.complain("lorawb: \(error)")
            }
        }
        for root in roots(context) {
            do {
                let folder = try Folder(path: root)
                try RunReports.write(into: folder, end: record(end, context, expects, in: folder))
                try folder.write(RunRecord.endFile, record(end, context, expects, in: folder), indent: 2)
            } catch {
                context.output.complain("lorawb: \(error)")
            }
        }
    }

    /// The folders of the run that hold no other: its own, and those of trainers elsewhere.
    private func roots(_ context: RecipeContext) -> [String] {
        func lies(_ path: String, in root: String) -> Bool { path == root || path.hasPrefix(root + "/") }
        let logs = entries.compactMap(\.folder)
        var roots = begun.map { [$0] } ?? []
        if let run = context.runFolder.taken, roots.isEmpty, logs.contains(where: { lies($0, in: run) }) {
            roots = [run]
        }
        for log in logs where !roots.contains(where: { lies(log, in: $0) }) { roots.append(log) }
        return roots
    }

    private func value(of metric: String) -> Double? {
        entries.last { $0.values[metric] != nil || $0.values["eval_" + metric] != nil }.flatMap {
            $0.values[metric] ?? $0.values["eval_" + metric]
        }
    }

    private func record(_ end: RunEnd, _ context: RecipeContext, _ expects: [JSON], in folder: Folder) throws -> JSON {
        let files = try Self.files(of: folder)
        let trainers = entries.map { entry in
            JSON([.init("output_dir", .string(Self.place(of: entry.folder, in: folder.path)))] + entry.members)
        }
        let adapters = files.compactMap { file -> JSON? in
            guard file.name.hasSuffix("/adapter_config.json") || file.name == "adapter_config.json" else { return nil }
            let parent = file.name.dropLast("adapter_config.json".count)
            return .string(parent.isEmpty ? "." : String(parent.dropLast()))
        }
        func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
        return JSON([
            .init("format", .integer(Self.format)), .init("lorawb", .string(Workbench.version)),
            .init("recipe", .string(context.recipeName)), .init("recipe_name", text(context.header.name)),
            .init("recipe_version", text(context.header.version)),
            .init("command", .array(context.command.map(JSON.string))), .init("state", .string(end.state.rawValue)),
            .init("exit_code", .integer(Int(end.code))), .init("error", text(end.error)),
            .init("started", .string(Timestamp.text(started))),
            .init("finished", .string(Timestamp.text(Machine.time))),
            .init("seconds", .number(Figures.rounded(Machine.seconds - start, 3))),
            .init("peak_memory_bytes", .integer(Machine.peakBytes)), .init("threads", .integer(Workers.count)),
            .init("resumed", .bool(context.options.resume)), .init("rerun_of", text(context.rerun?.path)),
            .init("locked", .bool(context.options.locked)), .init("trainers", .array(trainers)),
            .init("expects", .array(expects)), .init("adapters", .array(adapters)),
            .init(
                "files",
                .array(files.map { JSON([.init("path", .string($0.name)), .init("bytes", .integer($0.bytes))]) })),
        ])
    }

    /// A trainer's folder as seen from the run's: "." for the same, a name beneath it, else absolute; empty where there is none.
    private static func place(of path: String?, in root: String) -> String {
        guard let path else { return "" }
        return path == root
            ? "."
            : path.hasPrefix(root + "/")
                ? String(decoding: path.utf8.dropFirst(root.utf8.count + 1), as: UTF8.self) : path
    }

    /// The files of a run with their sizes in bytes, but for run.json and hidden ones, sorted by name.
    private static func files(of folder: Folder) throws -> [(name: String, bytes: Int)] {
        var files: [(name: String, bytes: Int)] = []
        func gather(_ folder: Folder, _ prefix: String, _ depth: Int) throws {
            for name in try folder.list() where !name.hasPrefix(".") && files.count < listed.files {
                if folder.isFolder(name) {
                    if depth < listed.depth { try gather(try folder.subfolder(name), prefix + name + "/", depth + 1) }
                } else if prefix + name != RunRecord.endFile, let bytes = try? folder.size(name) {
                    files.append((prefix + name, bytes))
                }
            }
        }
        try gather(folder, "", 0)
        return files
    }
}
