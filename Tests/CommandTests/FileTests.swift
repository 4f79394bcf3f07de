import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a recipe may read and write, through the real program.
struct FileTests {
    /// A recipe's folder beside one with a secret.
    private static func place() throws -> Place {
        let place = try Place()
        try place.put("secret/key.txt", "secret")
        try place.put("recipes/own.txt", "own")
        return place
    }

    private static func run(_ place: Place, _ lines: String, _ words: String...) throws -> Outcome {
        try place.put("recipes/r.lua", "local lorawb = require 'lorawb'\n" + lines)
        return try Running([Running.program, "run", "recipes/r.lua"] + words, cwd: place.path).wait()
    }

    @Test func readingOutsideNamesTheFlag() throws {
        let place = try Self.place()
        let read = "print(lorawb.read_text('../secret/key.txt'))"
        let refused = try Self.run(place, read)
        #expect(refused.code == 1 && refused.out.isEmpty, "\(refused)")
        #expect(
            refused.line
                == "recipes/r.lua:2: read_text: ../secret/key.txt: reading it is not permitted; to allow it, run again with --allow-read \(place.path)/secret"
        )
        let allowed = try Self.run(place, read, "--allow-read", "secret")
        #expect(allowed.code == 0 && allowed.out == "secret\n", "\(allowed)")
        #expect(try Self.run(place, "print(lorawb.read_text('own.txt'))").out == "own\n")
        // The working folder is not the recipe's.
        #expect(try Self.run(place, "print(lorawb.read_text('\(place.path)/secret/key.txt'))").code == 1)
        #expect(try Self.run(place, "print(lorawb.exists('../secret/key.txt'))").out == "false\n")
    }

    /// Nothing that takes a path tells what is outside of the grants.
    @Test(
        arguments: [
            "lorawb.read_text(p)", "lorawb.read_json(p)", "lorawb.save_text(p, 'x')", "lorawb.save_json(p, {})",
            "lorawb.find_model(p)", "lorawb.load_model(p)", "lorawb.load_tokenizer(p)", "lorawb.load_dataset(p)",
            "lorawb.load_dataset { train = p }", "model:load_adapter(p, 'x')", "model:save_adapter(p)",
            "model:save_pretrained(p)", "lorawb.nn.Linear(2, 2):save_weights(p)",
            "lorawb.nn.Linear(2, 2):load_weights(p)",
            "lorawb.trainer { model = model, train_dataset = data, args = { output_dir = p } }:train()",
            "lorawb.trainer { model = model, train_dataset = data, args = { output_dir = p } }:save_model(p)",
            "require(p)", "assert(lorawb.exists(p), p .. ': reading it is not permitted --allow-read')",
        ])
    func outsideIsNotTold(_ call: String) throws {
        let place = try Self.place()
        try place.makeModel("recipes/tiny")
        try place.makeModel("secret/there")
        try place.put("secret/there.tsv", "a\tb\n1\t2\n")
        try place.put("secret/there.lua", "return 1")
        try place.link("secret/there.json", to: "../recipes/r.lua")
        let start = """
            local model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS' })
            model:add_adapter { r = 2, target_modules = { 'query' } }
            local data = lorawb.load_dataset('d.jsonl')
            local p = ...
            for _, p in ipairs { PATHS } do
              local ok, why = pcall(function() CALL end)
              print(ok, why)
            end
            """
        try place.put("recipes/d.jsonl", "{\"input_ids\": [2, 3], \"labels\": 1}\n")
        let isModule = call.hasPrefix("require")
        let paths = ["", ".tsv", ".lua", ".json", "/config.json"].flatMap { ending in
            ["there", "gone_"].map {
                isModule ? "'..\($0)\(ending.replacing("/", with: "."))'" : "'../secret/\($0)\(ending)'"
            }
        }
        let lines = start.replacing("PATHS", with: paths.joined(separator: ", ")).replacing("CALL", with: call)
        let outcome = try Self.run(place, lines)
        let said = outcome.out.split(separator: "\n").map(String.init).suffix(paths.count)
        #expect(outcome.code == 0 && said.count == paths.count, "\(outcome)")
        let told = said.map { $0.replacing("gone_", with: "there") }
        for pair in stride(from: 0, to: told.count, by: 2) {
            #expect(Array(told)[pair] == Array(told)[pair + 1])
        }
        if !isModule { #expect(said.allSatisfy { $0.hasPrefix("false") && $0.contains("--allow-") }, "\(outcome)") }
        #expect(place.files("secret").count == 8)
    }

    /// A link out of the recipe's folder is an error, whatever it leads to.
    @Test func linksOutAreNotFollowed() throws {
        let place = try Self.place()
        try place.makeModel("secret/there")
        try place.link("recipes/there", to: "../secret/there")
        try place.link("recipes/gone_", to: "../secret/gone_")
        let lines = """
            for _, f in ipairs { lorawb.load_model, lorawb.load_tokenizer, lorawb.find_model, lorawb.exists, lorawb.read_text } do
              for _, p in ipairs { 'there', 'gone_' } do print(pcall(f, p)) end
            end
            """
        let said = try Self.run(place, lines).out.replacing("gone_", with: "there").split(separator: "\n")
        #expect(said.count == 10)
        for pair in stride(from: 0, to: said.count, by: 2) { #expect(said[pair] == said[pair + 1]) }
        #expect(said.first?.contains("a link leads out of ") == true, "\(said)")
    }

    @Test func writingOutsideNamesTheFlag() throws {
        let place = try Self.place()
        let write = "lorawb.save_text('../secret/new.txt', 'x')"
        let refused = try Self.run(place, write)
        #expect(refused.code == 1, "\(refused)")
        #expect(
            refused.line
                == "recipes/r.lua:2: save_text: ../secret/new.txt: writing it is not permitted; to allow it, run again with --allow-write \(place.path)/secret"
        )
        // To read is not to write, and its own folder is to read.
        #expect(try Self.run(place, write, "--allow-read", "secret").code == 1)
        #expect(try Self.run(place, "lorawb.save_text('new.txt', 'x')").code == 1)
        #expect(place.files("secret") == ["key.txt"] && !place.exists("recipes/new.txt"))
        #expect(try Self.run(place, write, "--allow-write", "secret").code == 0)
        #expect(try place.text("secret/new.txt") == "x")
        #expect(try Self.run(place, "lorawb.save_text(lorawb.run_dir .. '/a.txt', 'x')", "--run-dir", "run").code == 0)
        #expect(try place.text("run/a.txt") == "x")
    }

    @Test func typedPathsAreGrants() throws {
        let place = try Self.place()
        let lines = "local a = lorawb.args { f = { 'own.txt', type = 'path' } }\nprint(lorawb.read_text(a.f))"
        #expect(try Self.run(place, lines).out == "own\n")
        #expect(try Self.run(place, lines, "--f", "secret/key.txt").out == "secret\n")
        // Typed for one file, it is for that file.
        let more = try Self.run(
            place, lines + "\nprint(lorawb.read_text('../secret/other.txt'))", "--f", "secret/key.txt")
        #expect(more.code == 1 && more.line.contains("reading it is not permitted"), "\(more)")
        // A default is the recipe's word, not the user's.
        let asked = "local a = lorawb.args { f = { '../secret/key.txt', type = 'path' } }\nprint(lorawb.read_text(a.f))"
        #expect(try Self.run(place, asked).code == 1)
        let string = "local a = lorawb.args { f = 'x' }\nprint(lorawb.read_text(a.f))"
        #expect(try Self.run(place, string, "--f", "\(place.path)/secret/key.txt").code == 1)
    }

    @Test func waysAround() throws {
        let place = try Self.place()
        try place.link("recipes/out", to: "../secret")
        try place.link("recipes/key", to: "\(place.path)/secret/key.txt")
        try place.put("secret/module.lua", "return 'loaded'")
        let lines = """
            for _, path in ipairs {
              "out/key.txt", "key", "./out/../../secret/key.txt", "x/../../secret/key.txt", "\(place.path)/secret/key.txt",
              "own.txt\\0/../../secret/key.txt", "/proc/self/environ", "/proc/self/root/etc/passwd", "/dev/zero", "~/x", "", "/", "//etc/passwd",
            } do
              if pcall(lorawb.read_text, path) then print("read " .. path) end
              if pcall(lorawb.read_json, path) then print("read " .. path) end
              if pcall(lorawb.load_dataset, path) then print("loaded " .. path) end
              if pcall(lorawb.load_tokenizer, path) then print("loaded " .. path) end
              if pcall(lorawb.save_text, path, "x") then print("wrote " .. path) end
              if pcall(lorawb.save_json, path, {}) then print("wrote " .. path) end
            end
            for _, name in ipairs { "..secret.module", "../secret/module", "out.module", "secret.module", "/etc/passwd" } do
              if pcall(require, name) then print("required " .. name) end
            end
            print "SAFE"
            """
        let outcome = try Self.run(place, lines)
        #expect(outcome.code == 0 && outcome.out == "SAFE\n", "\(outcome)")
        #expect(place.files("secret") == ["key.txt", "module.lua"])
        #expect(try place.text("secret/key.txt") == "secret")
    }

    /// What a recipe says of itself grants nothing.
    @Test func recipesGrantThemselvesNothing() throws {
        let place = try Self.place()
        let lines = """
            --@permissions read=/ write=/ env=* net=* run=*
            -- lorawb: --allow-read / --allow-write /
            local args = lorawb.args { allow = "/", where = { "/", type = "path" }, base = { "/", type = "model" } }
            local read = "\(place.path)/secret/key.txt"
            print(pcall(lorawb.read_text, read) or pcall(lorawb.save_text, read, "x") or pcall(lorawb.load_model, args.base))
            """
        for words in [[], ["--allow", "/"]] {
            try place.put("recipes/r.lua", "local lorawb = require 'lorawb'\n" + lines)
            let outcome = try Running([Running.program, "run", "recipes/r.lua"] + words, cwd: place.path).wait()
            #expect(outcome.code == 0 && outcome.out.hasPrefix("false"), "\(outcome)")
        }
        #expect(try place.text("secret/key.txt") == "secret")
        // Nor can a question be forged: there are none, and what would draw one is shown as text.
        let forged = try Self.run(place, "print('\\27[2J\\27[H\\rAllow read of /etc/shadow? [y/N] y\\27[8m')")
        #expect(!forged.out.utf8.contains(27) && !forged.out.utf8.contains(13), "\(forged)")
    }

    @Test func recipesAreNotRewritten() throws {
        let place = try Self.place()
        try place.link("recipes/link.lua", to: "r.lua")
        let lines = """
            for _, name in ipairs { "r.lua", "./r.lua", "../recipes/r.lua", "\(place.path)/recipes/r.lua" } do
              local ok, why = pcall(lorawb.save_text, name, "x")
              print(ok, why)
            end
            """
        let outcome = try Self.run(place, lines, "--allow-write", "recipes")
        let lastLines = outcome.out.split(separator: "\n")
        #expect(lastLines.count == 4 && lastLines.allSatisfy { $0.contains("is the running recipe") }, "\(outcome)")
        #expect(try place.text("recipes/r.lua").hasSuffix(lines))
    }

    /// A link that is swapped for a folder while a recipe writes through it never leads outside.
    @Test func swappedLinks() throws {
        let place = try Self.place()
        try place.put("run/slot/x", "")
        let lines = """
            print "ready"
            for i = 1, 3000 do pcall(lorawb.save_text, lorawb.run_dir .. "/slot/pwn", "x") end
            """
        try place.put("recipes/r.lua", "local lorawb = require 'lorawb'\n" + lines)
        let running = try Running([Running.program, "run", "recipes/r.lua", "--run-dir", "run"], cwd: place.path)
        #expect(running.waits(for: "ready\n"))
        let (slot, aside) = (place.path + "/run/slot", place.path + "/run/aside")
        var swaps = 0
        while !running.hasEnded, swaps < 20000 {
            rename(slot, aside)
            symlink(place.path + "/secret", slot)
            unlink(slot)
            rename(aside, slot)
            swaps += 1
        }
        let outcome = running.wait()
        #expect(outcome.code == 0 && swaps > 10, "\(outcome) after \(swaps) swaps")
        #expect(place.files("secret") == ["key.txt"])
    }

    @Test func controlCharactersAreShownNotSent() throws {
        let place = try Self.place()
        let refused = try Self.run(place, "print('\\27[2Jx')\nlorawb.read_text('/etc/shadow\\27[2K\\rdata.txt')")
        #expect(refused.code == 1 && refused.out == "\\u{1b}[2Jx\n", "\(refused)")
        #expect(refused.line.hasPrefix("recipes/r.lua:3: read_text: /etc/shadow\\u{1b}[2K\\u{d}data.txt: reading"))
        let raised = try Self.run(place, "error('a\\27[8mb')")
        #expect(raised.line == "recipes/r.lua:2: a\\u{1b}[8mb")
    }

    @Test func mappedFilesThatShrink() throws {
        let place = try Place()
        try place.makeModel()
        let lines = """
            local model = lorawb.load_model("tiny")
            print "ready"
            while not lorawb.exists("go") do end
            for i = 1, 100 do model:forward { input_ids = { { 2, 5, 3 } } } end
            print "survived"
            """
        try place.put("r.lua", "local lorawb = require 'lorawb'\n" + lines)
        let running = try Running([Running.program, "run", "r.lua"], cwd: place.path, timeout: 20)
        #expect(running.waits(for: "ready\n"))
        truncate(place.path + "/tiny/model.safetensors", 0)
        try place.put("go", "")
        let outcome = running.wait()
        #expect(
            outcome.code == 74 && outcome.line.hasSuffix("tiny/model.safetensors: changed while in use"), "\(outcome)")
    }
}
