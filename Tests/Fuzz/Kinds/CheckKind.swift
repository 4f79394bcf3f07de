import Formats
import Workbench

/// A recipe whose bytes or lines are changed, looked at as `lorawb check` does: nothing of it runs.
struct CheckKind: Kind {
    static let name = "check"
    private let recipes: [[UInt8]]

    init(root: Folder) throws {
        recipes = try ["stdlib/recipes", "stdlib/lorawb", "Tests/Fuzz/Recipes"].flatMap { path in
            let folder = try root.subfolder(path)
            return try folder.list().filter { $0.hasSuffix(".lua") }.map { try folder.read($0) }
        }
    }

    /// What is written many times in a row, so that trees become long or deep.
    private static let repeated = [
        "(", "{", "a.b", ".x", "()", ":m()", " or x", " .. x", "function() ", "[[", "do ", "-", "x={", "a=1,", "\"\\",
    ]

    func input(_ dice: inout Dice) -> Input {
        var bytes = dice.pick(recipes)
        if dice.oneIn(8) {
            let text = String(repeating: dice.pick(Self.repeated), count: dice.pick([10, 100, 250, 20_000]))
            bytes.insert(contentsOf: Array(text.utf8), at: dice.below(bytes.count))
        }
        if dice.oneIn(2) {
            bytes = Bytes.mutated(bytes, named: "recipe.lua", &dice)
        } else {
            // Lines of another recipe: whole statements, mostly, in a place that is none of theirs.
            var lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
            let others = dice.pick(recipes).split(separator: 10)
            for _ in 0...dice.below(6) { lines.insert(dice.pick(others), at: dice.below(lines.count)) }
            bytes = Array(lines.joined(separator: [10]))
        }
        return Input(
            files: ["recipe.lua": bytes, "helper.lua": Bytes.mutated(dice.pick(recipes), &dice)], choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        let check = RecipeCheck(SessionOptions(), json: dice.oneIn(2), strict: dice.oneIn(2))
        let code = check.run([folder.path + "/recipe.lua"])
        if code != 0 { throw FormatError("the check ended with \(code)") }
    }
}
