import Foundation
import Testing

/// Recipes as files: started by their own name, listed, shown, made, locked, and what their header asks.
struct RecipeFileTests {
    private func run(_ place: Place, _ words: String...) throws -> Outcome {
        try Running([Running.program] + words, cwd: place.path).wait()
    }

    /// What coreutils say, as an outside measure of digests.
    private func shell(_ line: String, _ place: Place, env: [String: String] = [:]) throws -> Outcome {
        try Running(["/bin/sh", "-c", line], cwd: place.path, env: env).wait()
    }

    @Test("an executable recipe is a program, whatever it is called")
    func script() throws {
        let place = try Place()
        try place.put(
            "bin/count me",
            "#!/usr/bin/env lorawb\n-- count me: counts.\nlocal args = require('lorawb').args { to = 3 }\nprint(args.to, ...)\n"
        )
        try place.put("bin/bare.lua", "#!/usr/bin/env lorawb\nprint 'bare'\n")
        try place.link("bin/lorawb", to: Running.program)
        #expect(try shell("chmod +x bin/*", place).code == 0)
        let path = ["PATH": "\(place.path)/bin:/usr/bin:/bin"]
        let outcome = try shell("'bin/count me' --to 4 && bare.lua", place, env: path)
        #expect(outcome.code == 0 && outcome.out == "4\nbare\n", "\(outcome)")
        // The same without a shell between: the system starts lorawb by the first line.
        let direct = try Running(["/usr/bin/env", "count me", "--to", "7"], cwd: place.path, env: path).wait()
        #expect(direct.code == 0 && direct.out == "7\n", "\(direct)")
        // A file in the working folder, by its bare name too; a command's name is the command.
        try place.put("probe", "print 'probe'")
        try place.put("info", "print 'no'")
        #expect(try run(place, "probe").out == "probe\n" && run(place, "info").out.hasPrefix("lorawb"))
        let missing = try run(place, "bin/none")
        #expect(missing.code == 64 && missing.line.hasPrefix("lorawb: bin/none: no such recipe file; "), "\(missing)")
    }

    @Test func names() throws {
        let place = try Place()
        let list = try run(place, "recipes")
        let lines = list.out.split(separator: "\n")
        let files = try FileManager.default.contentsOfDirectory(atPath: Place.goldens + "/../../stdlib/recipes")
            .filter { $0.hasSuffix(".lua") }.map { String($0.dropLast(4)) }.sorted()
        #expect(list.code == 0 && lines.map { String($0.prefix { $0 != " " }) } == files, "\(list)")
        for line in lines { #expect(line.contains(/^\w+ +[^ -:].{20,}/), "\(line)") }
        let json = try JSONSerialization.jsonObject(with: Data(run(place, "recipes", "--json").out.utf8))
        let entries = try #require(json as? [[String: Any]])
        #expect(entries.map { $0["name"] as? String } == files)
        #expect(entries.first { $0["name"] as? String == "loop" }?["data"] as? [String] == ["reviews.tsv"])
        #expect(entries.allSatisfy { $0["licence"] as? String == "Apache-2.0" && $0["version"] is String })
        for (word, message) in [
            ("sst2", "lorawb: unknown command 'sst2'; did you mean 'lorawb run sst2'?"),
            ("recipies", "lorawb: unknown command 'recipies'; did you mean 'recipes'?"),
        ] {
            let outcome = try run(place, word)
            #expect(outcome.code == 64 && outcome.line == message, "\(outcome)")
        }
        let near = try run(place, "run", "qickstart")
        #expect(near.code == 64 && near.line == "lorawb: qickstart: no such recipe file; did you mean 'quickstart'?")
    }

    @Test func shown() throws {
        let place = try Place()
        let stdlib = Place.goldens + "/../../stdlib/recipes/"
        for name in ["sst2", "quickstart"] {
            let outcome = try run(place, "show", name)
            #expect(
                try outcome.code == 0 && outcome.out == String(contentsOfFile: stdlib + name + ".lua", encoding: .utf8))
            #expect(outcome.err.contains("reads reviews.tsv, inside lorawb too") == (name == "quickstart"))
        }
        #expect(
            try run(place, "show", "reviews.tsv").out == String(contentsOfFile: stdlib + "reviews.tsv", encoding: .utf8)
        )
        let header = try run(place, "show", "quickstart", "--header")
        #expect(header.out.hasPrefix("teaches a small") && header.out.hasSuffix("expects: eval_accuracy >= 0.75\n"))
        // A recipe's own file; nothing of it runs, and no byte of it steers the terminal.
        try place.put("mine.lua", "-- mine: \u{1b}[31mred.\n-- exepcts: a > 1\nerror 'ran'\n")
        let mine = try run(place, "show", "--header", "mine.lua")
        #expect(mine.code == 0 && mine.out == "\\u{1b}[31mred.\n", "\(mine)")
        #expect(mine.line == "lorawb: mine.lua:2: header: 'exepcts' is not read; did you mean 'expects'?")
        for (name, message) in [
            ("sst", "lorawb: sst: no such recipe file; did you mean 'sst2'?"),
            (".", "lorawb: .: is a folder, expected a recipe"),
        ] {
            let outcome = try run(place, "show", name)
            #expect(outcome.code == 64 && outcome.line == message, "\(outcome)")
        }
    }

    @Test("a new recipe runs as it is, and so does a copy with its data")
    func made() throws {
        let place = try Place()
        try place.makeModel()
        let new = try run(place, "new", "first")
        #expect(
            new.code == 0 && new.out == "first.lua: written\nlorawb run first.lua --help   shows its parameters\n",
            "\(new)")
        let trained = try run(place, "first.lua", "--model", "tiny", "--epochs", "1")
        #expect(
            trained.code == 0 && trained.err.isEmpty && place.exists("runs/first-1/adapter/adapter_config.json"),
            "\(trained)")
        let text = try place.text("first.lua")
        let again = try run(place, "new", "first.lua")
        #expect(
            again.code == 64
                && again.line == "lorawb: new: first.lua: is there already; take another name, or remove it")
        #expect(try place.text("first.lua") == text)

        try place.put("sub/keep", "")
        let copy = try run(place, "new", "sub/mine", "--from", "quickstart")
        #expect(copy.code == 0 && copy.out.hasPrefix("sub/mine.lua: written\nsub/reviews.tsv: written\n"), "\(copy)")
        #expect(try place.text("sub/mine.lua").hasPrefix("#!/usr/bin/env lorawb\n-- mine: teaches a small"))
        try place.link("sub/lorawb", to: Running.program)
        let own = try shell(
            "PATH=$PWD/sub:$PATH sub/mine.lua --model tiny --epochs 1 --r 2 --locked --allow-read .", place)
        #expect(own.code == 0 && own.out.contains("expects eval_accuracy >= 0.75: "), "\(own)")
        // Data that is the same already is no harm; other data is kept.
        #expect(try run(place, "new", "sub/other", "--from", "loop").code == 0)
        try place.put("sub/reviews.tsv", "mine\n")
        let kept = try run(place, "new", "sub/third", "--from", "loop")
        #expect(kept.code == 64 && kept.line.hasPrefix("lorawb: new: sub/reviews.tsv: is there already"), "\(kept)")
        #expect(try place.text("sub/reviews.tsv") == "mine\n" && !place.exists("sub/third.lua"))
        for (words, message) in [
            (["none/x"], "new: there is no folder '\(place.path)/none'; make it first"),
            (["x", "--from", "qickstart"], "new: qickstart: no such recipe file; did you mean 'quickstart'?"),
            (["x", "--from", "reviews.tsv"], "new: reviews.tsv: is data, expected a recipe"),
            (["a b"], "new: 'a b': expected a name of letters, digits, '_', '-' and '.' for the recipe"),
        ] {
            let outcome = try Running([Running.program, "new"] + words, cwd: place.path).wait()
            #expect(outcome.code == 64 && outcome.line == "lorawb: \(message)", "\(outcome)")
        }
    }

    @Test("folders and recipes may have letters of more than one byte")
    func lettersOfSeveralBytes() throws {
        let place = try Place()
        try place.makeModel()
        try place.put("größe/überall.lua", "-- überall: here.\n-- input: zahl.txt\nprint(1)\n")
        try place.put("größe/zahl.txt", "7\n")
        #expect(try run(place, "show", "größe/überall.lua").out.hasPrefix("-- überall: here."))
        let locked = try run(place, "lock", "größe/überall.lua")
        #expect(locked.code == 0 && locked.out.hasPrefix("zahl.txt: sha256:"), "\(locked)")
        #expect(try run(place, "run", "--locked", "größe/überall.lua").out == "1\n")
        let new = try run(place, "new", "größe/mine")
        #expect(new.code == 0 && new.out.hasPrefix("größe/mine.lua: written\n"), "\(new)")
        #expect(place.files("größe") == ["mine.lua", "zahl.txt", "überall.lua"].sorted())
        // A run's second trainer lies beneath the run's folder.
        let recipe = try place.text("größe/mine.lua")
        let trainer = try #require(recipe.range(of: "local trainer"))
        try place.put(
            "größe/mine.lua", recipe + recipe[trainer.lowerBound...].replacing("local trainer", with: "trainer"))
        let words = ["run", "größe/mine.lua", "--model", "tiny", "--epochs", "1", "--run-dir", "läufe/ä"]
        let trained = try Running([Running.program] + words, cwd: place.path).wait()
        #expect(trained.code == 0, "\(trained)")
        let end = try JSONSerialization.jsonObject(with: place.data("läufe/ä/run.json")) as? [String: Any]
        let folders = (end?["trainers"] as? [[String: Any]])?.map { $0["output_dir"] as? String }
        #expect(folders == [".", "trainer-2"])
        let report = try run(place, "report", "läufe/ä")
        #expect(report.code == 0 && report.out == "läufe/ä/report.html: report of 2 runs\n", "\(report)")
    }

    @Test func needs() throws {
        let place = try Place()
        try place.put("new.lua", "#!/usr/bin/env lorawb\n-- new: x.\n-- needs: lorawb >= 99.1\nprint 'ran'\n")
        let version = try lorawb("--version").out.dropFirst(7).dropLast()
        for words in [["run", "new.lua"], ["new.lua"], ["run", "new.lua", "--help"]] {
            let refused = try Running([Running.program] + words, cwd: place.path).wait()
            #expect(refused.code == 1 && refused.out.isEmpty, "\(refused)")
            #expect(refused.line == "lorawb: new.lua:3: needs lorawb >= 99.1, and this is lorawb \(version)")
        }
        try place.put("old.lua", "-- needs: lorawb >= 0.1, < \(version).1\n-- needs: patience\nprint 'ran'\n")
        #expect(try run(place, "run", "old.lua").out == "ran\n")
    }

    @Test("--locked runs what the header has digests of, and refuses what changed; lock writes them as sha256sum would")
    func locked() throws {
        let place = try Place()
        try place.makeModel()
        try place.makeData("d/a b.tsv")
        try place.put("d/.hidden", "x")
        try place.link("d/link.tsv", to: "a b.tsv")
        try place.put("d/sub/z", "z")
        try place.put("d/sub.txt", "t")
        let body =
            "local lorawb = require 'lorawb'\nprint(#lorawb.load_dataset('d/a b.tsv'), lorawb.exists('tiny/config.json'))\n"
        try place.put(
            "r.lua",
            "#!/usr/bin/env lorawb\n-- r: reads.\r\n--  Input: d/a b.tsv\r\n-- input: d\n-- input: tiny\n" + body)
        #expect(try shell("chmod 750 r.lua", place).code == 0)
        let open = try run(place, "run", "--locked", "r.lua")
        #expect(
            open.code == 1 && open.out.isEmpty
                && open.line
                    == "lorawb: r.lua:3: input 'd/a b.tsv' has no sha256 that --locked could check; lorawb lock r.lua writes it",
            "\(open)")
        let lock = try run(place, "lock", "r.lua")
        #expect(lock.code == 0 && lock.err.isEmpty, "\(lock)")
        let folder =
            "find -L * -type f -not -path '*/.*' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum | head -c 64"
        let digests = try [
            "sha256sum < 'd/a b.tsv' | head -c 64", "cd d && \(folder)", "cd tiny && \(folder)",
        ].map { try shell($0, place).out }
        #expect(
            try place.text("r.lua")
                == "#!/usr/bin/env lorawb\n-- r: reads.\r\n--  Input: d/a b.tsv sha256:\(digests[0])\r\n-- input: d sha256:\(digests[1])\n-- input: tiny sha256:\(digests[2])\n"
                + body)
        #expect(try shell("stat -c %a r.lua", place).out == "750\n")
        let sound = try run(place, "run", "r.lua", "--locked")
        #expect(sound.code == 0 && sound.out == "32\ttrue\n" && sound.err.isEmpty, "\(sound)")
        let asWas = try run(place, "lock", "r.lua")
        #expect(asWas.out.hasPrefix("d/a b.tsv: as it was, sha256:\(digests[0])\nd: as it was, "))
        // One byte, one name, one file.
        for (change, undo, line) in [
            ("printf x >> 'd/sub.txt'", "printf t > d/sub.txt", 4), ("mv d/sub/z d/sub/y", "mv d/sub/y d/sub/z", 4),
            ("mv tiny/vocab.txt v", "mv v tiny/vocab.txt", 5),
        ] {
            #expect(try shell(change, place).code == 0)
            let refused = try run(place, "run", "r.lua", "--locked")
            #expect(refused.code == 1 && refused.out.isEmpty, "\(refused)")
            #expect(
                refused.line.hasPrefix("lorawb: r.lua:\(line): input '")
                    && refused.line.contains("' was changed: expected sha256 \(digests[line - 3]), got "),
                "\(refused)")
            #expect(try shell(undo, place).code == 0)
        }
        #expect(try run(place, "run", "r.lua", "--locked").code == 0)
        try place.remove("d/a b.tsv")
        let gone = try run(place, "run", "r.lua", "--locked")
        #expect(gone.code == 1 && gone.line == "lorawb: r.lua:3: input: there is no 'd/a b.tsv'", "\(gone)")
        // Without --locked nothing is looked at.
        #expect(try run(place, "run", "r.lua").err.contains("load_dataset"))
    }

    @Test("what a locked run reads beside its inputs is said, and runs; a header grants nothing")
    func beside() throws {
        let place = try Place()
        let other = try Place()
        try other.put("secret", "s")
        try place.put("a.txt", "a")
        try place.put("b.txt", "b")
        let digest = try shell("sha256sum < a.txt | head -c 64", place).out
        let text = """
            -- input: a.txt sha256:\(digest)
            local lorawb = require "lorawb"
            for _ = 1, 3 do print(lorawb.read_text("a.txt"), lorawb.read_text("b.txt")) end
            lorawb.save_text(lorawb.run_dir .. "/c", "c")
            print(lorawb.read_text(lorawb.run_dir .. "/c"))

            """
        try place.put("r.lua", text)
        let outcome = try run(place, "run", "--locked", "r.lua")
        #expect(outcome.code == 0 && outcome.out == "a\tb\na\tb\na\tb\nc\n", "\(outcome)")
        #expect(outcome.line == "--locked: \(place.path)/b.txt is read, and the header of r.lua has no sha256 of it")
        try place.put(
            "g.lua", "-- input: \(other.path)/secret\nprint(require('lorawb').read_text('\(other.path)/secret'))\n")
        #expect(try run(place, "lock", "g.lua").code == 0)
        let refused = try run(place, "run", "--locked", "g.lua")
        #expect(refused.code == 1 && refused.err.contains("reading it is not permitted"), "\(refused)")
        // The digest in the binary's own recipes is that of their data.
        try place.makeModel()
        for name in ["quickstart", "loop"] {
            let built = try run(place, "run", name, "--locked", "--model", "tiny", "--epochs", "1")
            #expect(built.code == 0 && !built.err.contains("reviews.tsv"), "\(built)")
        }
        for (words, message) in [
            (
                ["lock", "sst2"],
                "lock: sst2 is inside lorawb; lorawb new MINE --from sst2 makes a recipe of your own, which can be locked"
            ),
            (["lock", "none.lua"], "lock: none.lua: no such recipe file; inside lorawb are: "),
            (["chat", "x", "--locked"], "--locked goes with a recipe"),
        ] {
            let outcome = try Running([Running.program] + words, cwd: place.path).wait()
            #expect(outcome.code != 0 && outcome.err.contains(message), "\(outcome)")
        }
        try place.put("n.lua", "print(1)\n")
        #expect(
            try run(place, "lock", "n.lua").line.hasPrefix(
                "lorawb: lock: n.lua: its header names no input; add a line such as"))
    }
}
