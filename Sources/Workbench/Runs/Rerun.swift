import Formats
import Kernels
import LuaBridge
import Reports
import Training
import Words

/// A recorded run that is done again: its recipe, with its parameters and options, and what should be the same then.
public struct Rerun {
    /// The folder of the run, absolute.
    public let path: String
    /// The recipe's text, and what it was called.
    let source: [UInt8]
    let recipe: String
    /// Its folder, at which relative paths start.
    let base: String
    /// Options of lorawb that were typed then, but for grants.
    public let options: [String]
    /// Grants that were typed then: the option and the absolute path.
    private let grants: [(option: String, path: String)]
    private let run: RunSummary
    /// Whether data or a base that was changed since is taken.
    var takesChanged = false
    /// Whether parameters are typed now.
    var hasOverrides = false

    /// The run that the user named; throws where it is none, or an older lorawb recorded it.
    public init(_ name: String) throws {
        let run = try RunPlaces.run(name, from: Machine.workingFolder)
        let environment = run.environment
        guard let base = environment["folder"]?.string, let working = environment["working_folder"]?.string,
            base.hasPrefix("/"), working.hasPrefix("/"), !run.recipe.isEmpty
        else {
            throw FormatError(
                "\(Permissions.shown(run.name)): environment.json does not say where the recipe lay, so an older lorawb made it; run its recipe.lua"
            )
        }
        (self.run, path, self.base, recipe) = (run, run.path, base, run.recipe)
        source = try Folder(path: run.path, access: .read).read(RunRecord.recipeFile)
        var options: [String] = []
        var grants: [(String, String)] = []
        var words = (environment["options"]?.array ?? []).compactMap(\.string)[...]
        while let option = words.popFirst() {
            if option == "--locked" {
                options.append(option)
            } else if let value = words.popFirst() {
                if ["--allow-read", "--allow-write"].contains(option) {
                    grants.append((option, Permissions.absolute(value, from: working)))
                }
                // No other word of a file becomes an option.
                if ["--threads", "--seed", "--time-limit", "--max-memory"].contains(option) {
                    options += [option, value]
                }
            }
        }
        (self.options, self.grants) = (options, grants)
    }

    /// Throws where the recipe lay in a folder that is gone, or was started with a grant that is not given again: a record grants nothing.
    func check(_ now: SessionOptions, from workingFolder: String) throws {
        guard Permissions.isFolder(base) else {
            throw FormatError(
                "\(Permissions.shown(run.name)): the recipe lay in \(Permissions.shown(base)), which is gone; put it back, or run \(Permissions.shown(path))/recipe.lua"
            )
        }
        func missing(_ grant: (option: String, path: String)) -> Bool {
            let given = (grant.option == "--allow-read" ? now.allowRead + now.allowWrite : now.allowWrite)
                .map { Permissions.absolute($0, from: workingFolder) }
            return !given.contains { grant.path == $0 || grant.path.hasPrefix($0 == "/" ? "/" : $0 + "/") }
        }
        let words = grants.filter(missing).flatMap { [$0.option, Permissions.shown($0.path)] }
        guard words.isEmpty else {
            throw FormatError(
                "\(Permissions.shown(run.name)) was started with \(words.joined(separator: " ")); a grant is not taken from a record, so type it again"
            )
        }
    }

    /// What is otherwise than then, a line each, before anything runs.
    func differences() -> [String] {
        let now: [(String, JSON)] = [
            ("lorawb", .string(Workbench.version)), ("processor", .string(Machine.processorName)),
            ("threads", .integer(Workers.count)), ("kernels", .string(Workbench.kernels)),
        ]
        return now.compactMap { key, value in
            guard let before = run.environment[key], !before.isNull, before != value else { return nil }
            return "\(key): \(Self.text(before)) then, \(Self.text(value)) now"
        }
    }

    private static func text(_ value: JSON) -> String { value.string.map { Shown.name($0, atMost: 100) } ?? value.kind }

    /// The lines that say which data or base of a trainer are others than then.
    private func changes(_ setting: JSON, place: Int) -> [String] {
        let trainers = run.trainers
        guard trainers.indices.contains(place) else { return [] }
        let (before, now) = (trainers[place]["fingerprints"]?.object ?? [:], setting["fingerprints"]?.object ?? [:])
        return before.compactMap { key, value in
            guard let other = now[key], other != value else { return nil }
            return "\(key) is another than in \(Permissions.shown(run.name)): \(value.quoted) then, \(other.quoted) now"
        }
    }

    /// Throws where a trainer's data or base are others than then and nothing that was typed now is the reason; else says it.
    func check(_ trainer: Trainer, place: Int, tell: (String) -> Void) throws {
        for change in changes(trainer.setting, place: place) {
            guard takesChanged || hasOverrides else {
                throw LuaFault("\(change); go back to the one before, or take this one with --changed")
            }
            tell(change)
        }
    }

    /// The data that a recipe inside the binary brought, as that run kept it.
    func data(_ name: String) -> [UInt8]? {
        guard let folder = try? Folder(path: path, access: .read), folder.exists(name) else { return nil }
        return try? folder.read(name, limit: 1 << 24)
    }
}
