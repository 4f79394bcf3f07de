import Formats
import Kernels
import Reports

/// What the functions of one session share: permissions, the run's folder, what the user typed, the seed.
///
/// It belongs to the one thread that runs Lua.
public final class RecipeContext {
    /// What the recipe may read and write.
    public let permissions: Permissions
    /// The run's folder.
    public let runFolder: RunFolder
    /// Words that the user typed for the recipe.
    let words: [String]
    /// Folder against which typed paths are made absolute.
    let workingFolder: String
    /// Whether the user asked for the recipe's help instead of a run.
    let wantsHelp: Bool
    /// Name of the recipe in messages and in its help.
    let recipeName: String
    /// Text of the recipe, kept in the run's record.
    let source: [UInt8]
    /// Options of the session.
    let options: SessionOptions
    /// What the recipe's header says.
    let header: RecipeHeader
    /// What is noted of the run.
    let journal = RunJournal()
    /// The run that is done again; nil where none is.
    var rerun: Rerun?
    /// Of a run that is done again the words that were typed for it, then and now.
    var typedAgain: [String] = []
    /// Parameters by name, once the recipe has declared them.
    var parameters: [String: JSON] = [:]
    /// What the run that is continued recorded; nil where none is, or it recorded nothing.
    var recorded: RecordedRun?
    /// Whether `lorawb.args` was called.
    var declaredParameters = false
    /// What the user typed wrongly, where that ended the run.
    var misuse: String?
    /// Whether a person types what is run: an interruption ends the line and not the process.
    var isInteractive = false
    /// Rows of text that were cut to the most tokens of a row.
    var cutRows = 0
    /// Whether a training was planned in place of being begun.
    var isPlanned = false
    /// How a plan ends the process: 0, or the code of what would not fit.
    var planCode: Int32 = 0
    /// Trainers made so far that were given no folder.
    var trainersInRun = 0
    /// What to tell the user when the run was interrupted: how to go on.
    var resumeHint: String?
    /// Trainings that go on between the lines of a session, or are paused there.
    var jobs: [TrainingJob] = []
    /// Whose turn it is, the session's or a job's.
    let turn = Turn()
    /// Where what is printed goes.
    let output: Output
    /// The tokenizer that was loaded last, while somebody has it: whose ids a data set holds that says nothing of its tokenizer.
    weak var lastTokenizer: TokenizerBox?
    /// Loops of the recipe that say how far they are.
    let outerProgress: OuterProgress
    /// Modules that recipes hold.
    let live = LiveModules()
    /// Seed of new weights and of dropout.
    private(set) var seed: UInt64
    private var drawn = 0
    private var said: Set<String> = []

    init(
        permissions: Permissions, runFolder: RunFolder, words: [String], workingFolder: String, wantsHelp: Bool,
        recipeName: String, source: [UInt8], options: SessionOptions, output: Output
    ) {
        (self.permissions, self.runFolder, self.words) = (permissions, runFolder, words)
        (self.workingFolder, self.wantsHelp, self.recipeName) = (workingFolder, wantsHelp, recipeName)
        (self.source, self.options, self.output) = (source, options, output)
        outerProgress = OuterProgress(isTerminal: output.isTerminal, columns: { Output.columns }) { output.raw($0) }
        seed = UInt64(bitPattern: Int64(options.seed ?? 42))
        header = RecipeHeader(source, stem: RunFolder.stem(of: recipeName))
    }

    /// Sets the seed; the same numbers are drawn again from here on.
    func setSeed(_ seed: Int) { (self.seed, drawn) = (UInt64(bitPattern: Int64(seed)), 0) }

    /// A bar for what is in progress; where none is wanted figures, notes and warnings still come.
    func progressBar(isWanted: Bool = true) -> ProgressBar {
        ProgressBar(
            isTerminal: output.isTerminal && isWanted, usesColor: output.usesColor, within: outerProgress,
            columns: { Output.columns }
        ) { [output] in output.raw($0) }
    }

    /// Prints a line that the session has not printed so before.
    func sayOnce(_ line: String) { if said.insert(line).inserted { output.print(line) } }

    /// The line that continues a run of this recipe, as a shell takes it: the recipe, what was typed for it, and the options.
    func lineToGoOn(in folder: String) -> String {
        let shown = folder.hasPrefix(workingFolder + "/") ? String(folder.dropFirst(workingFolder.count + 1)) : folder
        // The recipe's own file may be another by now than the one that is done again.
        let start =
            rerun != nil
            ? ["rerun", shown]
            : isInteractive && source.isEmpty
                ? []
                : [isInteractive ? "repl" : "run", recipeName]
        let words = start + (rerun == nil ? words : []) + ["--resume", shown] + options.typed
        return "to go on: lorawb " + words.map(Self.quoted).joined(separator: " ")
            + (isInteractive ? ", and make the same trainer there" : "")
    }

    /// The words of the command that began this run, without the program's name.
    var command: [String] {
        (rerun.map { ["rerun", $0.path] } ?? ["run", recipeName]) + words + options.typed
    }

    /// A word as a shell takes it; control characters are written out, so that the line stays one.
    private static func quoted(_ word: String) -> String {
        guard !word.utf8.contains(where: { $0 < 32 || $0 == 127 }) else {
            let escaped = word.unicodeScalars.map { scalar in
                guard scalar.value >= 32, scalar.value != 127 else {
                    let digits = String(scalar.value, radix: 8)
                    return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
                }
                return scalar == "'" || scalar == "\\" ? "\\\(scalar)" : String(scalar)
            }
            return "$'\(escaped.joined())'"
        }
        let isPlain = word.allSatisfy { $0.isLetter || $0.isNumber || "-_./=:,@+".contains($0) } && !word.isEmpty
        return isPlain ? word : "'\(word.replacing("'", with: "'\\''"))'"
    }

    /// The key of the next numbers that a recipe draws by `randn` and the like.
    func nextKey() -> RandomKey {
        drawn += 1
        return RandomKey(seed: seed).child("recipe").child(drawn)
    }
}
