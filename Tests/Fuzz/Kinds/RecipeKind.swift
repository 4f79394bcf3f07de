import Formats
import Foundation
import LuaBridge
import Workbench

/// A recipe whose numbers, texts, names and options are changed, run as `lorawb run` does.
struct RecipeKind: Kind {
    static let name = "recipe"
    private let recipes: [String]
    private let model: [String: [UInt8]]

    init(root: Folder) throws {
        model = try Input.files(of: root.subfolder(SmallModel.folder))
        let folder = try root.subfolder("Tests/Fuzz/Recipes")
        recipes = try folder.list().map { try folder.readText($0) }
    }

    func input(_ dice: inout Dice) -> Input {
        var words = Self.words(dice.pick(recipes))
        for _ in 0...dice.below(4) {
            let place = dice.below(words.count)
            switch dice.below(12) {
            case 0: words[place] = ""
            case 1: words[place] += " " + words[place]
            case 2: words[place] = dice.pick(words)
            default: words[place] = Self.changed(words[place], words, &dice)
            }
        }
        var files = ["recipe.lua": Array(words.joined(separator: " ").utf8)]
        for name in ["config.json", "model.safetensors"] { files["tiny/" + name] = model[name] }
        let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##d", "film", "good", "bad", "the"]
        files["tiny/vocab.txt"] = Array(tokens.joined(separator: "\n").utf8)
        files["d.tsv"] = Array("text\tlabel\na good film\t0\nthe bad\t1\na b c\t2\nc\t0\n".utf8)
        return Input(files: files, choice: dice.next())
    }

    /// The words of a program; line ends stay words, so that errors name lines.
    private static func words(_ text: String) -> [String] {
        let expression = /"[^"]*"|'[^']*'|[A-Za-z_][A-Za-z_0-9]*|[0-9][0-9.a-fxe]*|\n|--[^\n]*|==|~=|<=|>=|\.\.\.?|\S/
        return text.matches(of: expression).map { String($0.0) }
    }

    private static let values = [
        "0", "1", "-1", "2", "3", "17", "(2^31)", "(1 << 31)", "(2^53)", "(1 << 53)", "math.maxinteger",
        "math.mininteger", "1e300",
        "-1e300", "(1/0)", "(-1/0)", "(0/0)", "0.5", "1e-320", "1e6", "100000", "true", "false", "nil", "\"\"", "\"a\"",
        "{}", "{1}",
        "{{}}", "{1, {2}}", "{[0] = 1}", "{a = 1}", "{math.maxinteger}", "{-1, 0.5}", "function() end",
        "function(...) return ... end", "(\"x\"):rep(100000)", "\"\\0\"", "\"\\xff\"", "\"a\\nb\"", "model", "data",
        "t", "lorawb", "{1, nil, 3}", "setmetatable({}, {__index = function() error(1) end})",
    ]

    private static func changed(_ word: String, _ words: [String], _ dice: inout Dice) -> String {
        guard let first = word.first else { return word }
        if first.isNumber || first == "\"" || first == "'" || ["true", "false", "nil"].contains(word) {
            return dice.oneIn(8) ? dice.pick(words) : dice.pick(values)
        }
        if first.isLetter {
            let names = words.filter { $0.first?.isLetter ?? false }
            return dice.oneIn(3) ? dice.pick(values) : dice.pick(names)
        }
        return word
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        try Scratch.with { run in
            let options = SessionOptions(
                runFolder: run.path, seed: 1, timeLimit: 0.5, memoryLimit: 400 << 20)
            defer {
                LuaInterrupt.setTimeLimit(seconds: nil)
                LuaInterrupt.clear()
            }
            let code = Session(options).run(recipe: folder.path + "/recipe.lua", words: [], help: dice.oneIn(50))
            if code != 0 { throw FormatError("the recipe ended with \(code)") }
        }
    }
}
