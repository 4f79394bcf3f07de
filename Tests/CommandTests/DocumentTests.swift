import Foundation
import Testing

/// What the documents say is there, is there, and what they show runs.
struct DocumentTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    private static func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(root)/\(name)", encoding: .utf8)
    }

    private static func run(_ place: Place, _ words: String...) throws -> Outcome {
        try Running([Running.program] + words, cwd: place.path).wait()
    }

    @Test(
        "every path that ARCHITECTURE.md and CONTRIBUTING.md name exists",
        arguments: ["ARCHITECTURE.md", "CONTRIBUTING.md"])
    func paths(document: String) throws {
        let code = try Regex("`([^`]+)`")
        var checked = 0
        for match in try Self.text(document).matches(of: code) {
            guard let path = match.output[1].substring.map(String.init) else { continue }
            let isPath = ["Sources/", "Tests/", "scripts/", "stdlib/", "docs/"].contains { path.hasPrefix($0) }
            // A name with a placeholder stands for several.
            guard isPath, !path.contains("<"), !path.contains("*"), !path.contains(" ") else { continue }
            checked += 1
            #expect(FileManager.default.fileExists(atPath: "\(Self.root)/\(path)"), "\(document) names \(path)")
        }
        #expect(checked > 3)
    }

    @Test("the README's recipe runs as it stands")
    func readmeRecipe() throws {
        let readme = try Self.text("README.md")
        let block = try #require(try readme.firstMatch(of: Regex("(?s)```lua\n(.*?)```")))
        let recipe = String(try #require(block.output[1].substring))
        let place = try Place()
        try place.makeModel()
        try place.put("readme.lua", recipe)
        let reviews = try String(contentsOfFile: "\(Self.root)/stdlib/recipes/reviews.tsv", encoding: .utf8)
        try place.put("reviews.tsv", reviews.split(separator: "\n").prefix(41).joined(separator: "\n") + "\n")
        let outcome = try Self.run(place, "run", "readme.lua", "--model", "tiny", "--epochs", "2")
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.out.contains("trainable params: "), "\(outcome)")
        #expect(place.exists("runs/readme-1/adapter/adapter_model.safetensors"))
    }

    @Test("the README's table of commands names the program's")
    func commands() throws {
        let place = try Place()
        let help = try Self.run(place, "help")
        for command in ["run", "profile", "repl", "info", "stubs", "check"] {
            #expect(help.out.contains("\n  \(command)"), "\(command)")
        }
        #expect(help.out.contains("load_dataset") && help.code == 0)
        let wrong = try Self.run(place, "help", "load_datset")
        #expect(wrong.code == 1 && wrong.err.contains("did you mean 'load_dataset'?"))
    }

    @Test("stubs are written, and settings of one's own stay")
    func stubs() throws {
        let place = try Place()
        let first = try Self.run(place, "stubs", "editor")
        #expect(first.code == 0 && place.exists("editor/library/lorawb.lua") && place.exists("editor/.luarc.json"))
        try place.put("editor/.luarc.json", "{}")
        let second = try Self.run(place, "stubs", "editor")
        #expect(second.code == 0 && second.out.contains("stays"))
        #expect(try place.text("editor/.luarc.json") == "{}")
    }
}
