import Formats
import Kernels

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
        seed = UInt64(bitPattern: Int64(options.seed ?? 42))
    }

    /// Sets the seed; the same numbers are drawn again from here on.
    func setSeed(_ seed: Int) { (self.seed, drawn) = (UInt64(bitPattern: Int64(seed)), 0) }

    /// Prints a line that the session has not printed so before.
    func sayOnce(_ line: String) { if said.insert(line).inserted { output.print(line) } }

    /// The line that continues a run of this recipe, as a shell takes it: the recipe, what was typed for it, and the options.
    func lineToGoOn(in folder: String) -> String {
        let shown = folder.hasPrefix(workingFolder + "/") ? String(folder.dropFirst(workingFolder.count + 1)) : folder
        let command = isInteractive ? (source.isEmpty ? [] : ["repl", recipeName]) : ["run", recipeName]
        let words = command + words + ["--resume", shown] + options.typed
        return "to go on: lorawb " + words.map(Self.quoted).joined(separator: " ")
            + (isInteractive ? ", and make the same trainer there" : "")
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
