import Foundation
import Testing

/// What a session says of a call as it is typed, and what it knows that a value may be.
@Suite(.serialized) struct SessionHintTests {
    private static func start() throws -> (Terminal, Place) {
        let place = try Place()
        try place.makeModel()
        try place.put("reviews.tsv", "sentence\tlabel\nfine\t1\nbad\t0\nfair\t1\npoor\t0\n")
        let (terminal, _) = try SessionTests.start(place: place)
        for line in [
            "model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS', num_labels = 2 })",
            "model:add_adapter({ target_modules = { 'query' } }, 'first')",
            "model:add_adapter({ target_modules = { 'query' } }, 'second')",
            "data = lorawb.load_dataset('reviews.tsv')", "split = data:train_test_split { test_size = 0.5 }",
        ] {
            #expect(SessionTests.answer(terminal, line) != nil, "\(line)")
        }
        return (terminal, place)
    }

    /// What appears after keys, when it settles.
    private static func shown(_ terminal: Terminal, _ keys: String) -> String {
        terminal.type(keys)
        usleep(400_000)
        terminal.type("\u{15}'e' .. 'nd'\n")
        return terminal.reads(upTo: "\r\nend\r\n> ") ?? ""
    }

    @Test func tabShowsTheSignatureWithThePresentArgument() throws {
        let (terminal, place) = try Self.start()
        for (keys, parts) in [
            (
                "lorawb.load_model(\t",
                ["lorawb.load_model(\u{1b}[0;1mpath\u{1b}[0m, options?) -> lorawb.Model", "path: string"]
            ),
            ("lorawb.load_model('tiny', \t", ["lorawb.load_model(path, \u{1b}[0;1moptions?\u{1b}[0m)"]),
            (
                "lorawb.trainer{ args = { learning_rate = \t",
                ["learning_rate: number of at least 0, default 5e-05. Learning rate after the warm-up."]
            ),
            ("lorawb.trainer{ args = { lr_scheduler_type = \t\t", ["lr_scheduler_type: ", "\"cosine\""]),
            ("data:sort('label', \t", ["lorawb.Dataset:sort(columns, \u{1b}[0;1moptions?\u{1b}[0m) -> lorawb.Dataset"]),
        ] {
            let text = Self.shown(terminal, keys)
            for part in parts { #expect(text.contains(part), "\(keys)\n\(text)") }
        }
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        withExtendedLifetime(place) {}
    }

    @Test func aLineBeneathSaysHowACallIsMadeAndGoes() throws {
        let (terminal, place) = try Self.start()
        terminal.type("lorawb.load_model(")
        let shown = terminal.reads(upTo: "never the network.\u{1b}[0m\u{1b}8", timeout: 5) ?? ""
        // Drawn in one row below the cursor, which is put back.
        #expect(shown.contains("\u{1b}D\u{1b}[A\u{1b}7\u{1b}[B\r\u{1b}[J\u{1b}[2mlorawb.load_model("), "\(shown)")
        terminal.type("'tiny'")
        usleep(300_000)
        terminal.type(")")
        #expect(terminal.reads(upTo: "\u{1b}7\u{1b}[B\r\u{1b}[J\u{1b}8", timeout: 5) != nil)
        _ = Self.shown(terminal, "\u{15}")
        // Typed at once, nothing is drawn.
        terminal.type("#lorawb.pretty({ 1 })\n")
        let fast = terminal.reads(upTo: "\r\n> ") ?? ""
        #expect(fast.contains("\n5\n") && !fast.contains("\u{1b}[2m"), "\(fast)")
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        let (plain, _) = try SessionTests.start(place: place, env: ["LORAWB_HINTS": "0"])
        let none = Self.shown(plain, "lorawb.load_model(")
        #expect(!none.contains("never the network"), "\(none)")
    }

    @Test func valuesAreCompleted() throws {
        let (terminal, place) = try Self.start()
        for (keys, expected) in [
            ("model:add_adapter{ target_modules = { \"que\t", "ry\""),
            ("model:add_adapter{ target_modules = { \"key\", \"val\t", "ue\""),
            ("model:add_adapter{ r = 2, target_modules = \"dens\t", "e\""),
            ("model:add_adapter{ exclude_modules = { 'attention.self.qu\t", "ery'"),
            ("model:add_adapter{ rank_pattern = { que\t", "ry = "),
            ("model:set_adapter(\"fi\t", "rst\""), ("model:delete_adapter 'sec\t", "ond'"),
            ("model:set_adapter{ 'first', 'sec\t", "ond'"),
            ("data:sort(\"sen\t", "tence\""), ("data:remove_columns{ 'label', 'sen\t", "tence'"),
            ("split:select_columns 'sen\t", "tence'"), ("split.train:sort 'lab\t", "el'"),
            ("data:rename_columns{ lab\t", "el = "), ("data:train_test_split{ stratify_by_column = 'lab\t", "el'"),
            ("data:map(function(row) return row.sen\t", "tence"), ("data:filter(function(r) return r['lab\t", "el']"),
            ("lorawb.trainer{ model = model, train_dataset = data, args = { label_names = { 'lab\t", "el'"),
            (
                "lorawb.trainer{ compute_metrics = lorawb.metrics.accuracy, args = { metric_for_best_model = 'acc\t",
                "uracy'"
            ),
            ("lorawb.optim.get_scheduler('cosine_with_r\t", "estarts'"), ("lorawb.load_model('ti\t", "ny/"),
            ("lorawb.find_model('ti\t", "ny/"), ("lorawb.trainer{ model = \t", "model"),
            ("lorawb.concatenate{ da\t", "ta"),
        ] {
            let text = Self.shown(terminal, keys)
            #expect(text.contains(expected), "\(keys) → \(expected)\n\(text)")
        }
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        withExtendedLifetime(place) {}
    }

    @Test func aResizedTerminalKeepsTheLine() throws {
        let (terminal, place) = try SessionTests.start()
        let sum = (1...60).map(String.init).joined(separator: " + ")
        terminal.type(sum)
        #expect(terminal.reads(upTo: "59 + 60") != nil)
        for columns in [40, 23, 120] {
            terminal.resize(columns: columns)
            usleep(100_000)
            terminal.type(" + 0")
            usleep(100_000)
        }
        #expect(SessionTests.result(terminal, "") == "1830")
        // With a line beneath, too.
        terminal.type("lorawb.load_model(")
        #expect(terminal.reads(upTo: "path") != nil)
        terminal.resize(columns: 60)
        usleep(300_000)
        #expect(SessionTests.result(terminal, "\u{15}6 * 7") == "42")
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        withExtendedLifetime(place) {}
    }

    // MARK: Values, corrections, the editor

    @Test func earlierValuesHaveNumbers() throws {
        let (terminal, place) = try SessionTests.start()
        for (line, expected) in [
            ("20 + 1", "21"), ("local x = 5", ""), ("_ * 2", "42"), ("_1 + _2", "63"), ("nil", "nil"),
            (":values", "_1  21\n_2  42\n_3  63"),
            ("{ { { { { { 1 } } } } } }", "{ { { { {...} } } } }\n(cut; :full shows all)"),
            (":full 5", "{ { { { { { 1 } } } } } }"), (":full 2", "42"), (":who", "x  5"),
        ] {
            #expect(SessionTests.answer(terminal, line) == expected, "\(line)")
        }
        // Large tensors go with their variables; of the others the newest are kept.
        #expect(SessionTests.answer(terminal, "lorawb.zeros(3000, 3000)") != nil)
        #expect(SessionTests.answer(terminal, "_6")?.contains("undefined global '_6'") == true)
        for _ in 0..<20 { #expect(SessionTests.answer(terminal, "7") == "7") }
        #expect(SessionTests.answer(terminal, "_1")?.contains("undefined global '_1'") == true)
        #expect(SessionTests.answer(terminal, "_26") == "7")
        #expect(SessionTests.answer(terminal, ":forget") == "")
        #expect(SessionTests.answer(terminal, ":values") == "no values yet")
        #expect(SessionTests.answer(terminal, "_")?.contains("undefined global '_'") == true)
        // Saved, they are what they were.
        #expect(SessionTests.answer(terminal, ":save first.lua") != nil)
        #expect(try place.text("first.lua").contains("show(2, _ * 2)"))
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
    }

    @Test func enterRunsWhatWasMeant() throws {
        let (terminal, place) = try SessionTests.start()
        for (line, offered, answer) in [
            ("prin(6 * 7)", "Enter runs: print(6 * 7)", "42"),
            ("lorawb.load_datast", "Enter runs: lorawb.load_dataset", "function lorawb.load_dataset"),
            (":valus", "Enter runs: :values", "_1"),
        ] {
            #expect(SessionTests.answer(terminal, line)?.contains(offered) == true, "\(line)")
            terminal.type("\n")
            #expect(terminal.reads(upTo: "\r\n> ")?.contains(answer) == true, "\(line)")
        }
        // Once, and only at once.
        #expect(SessionTests.answer(terminal, "prin(6 * 7)") != nil)
        #expect(SessionTests.answer(terminal, "1 + 1") == "2")
        terminal.type("\n")
        #expect(SessionTests.answer(terminal, "'no' .. 'thing'") == "nothing")
        // A name that stands there twice, and one that stands nowhere, are not corrected.
        #expect(SessionTests.answer(terminal, "prin(prin)")?.contains("Enter runs") == false)
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        withExtendedLifetime(place) {}
    }

    @Test func longHelpComesByPages() throws {
        let (terminal, place) = try SessionTests.start()
        terminal.type(":doc\n")
        #expect(terminal.reads(upTo: "more lines: Enter goes on, q ends -- ") != nil)
        terminal.type("\n")
        #expect(terminal.reads(upTo: "more lines: Enter goes on, q ends -- ") != nil)
        terminal.type("q\n")
        #expect(terminal.reads(upTo: "\r\n> ") != nil)
        #expect(SessionTests.answer(terminal, ":doc lorawb.exists")?.contains("lorawb.exists(path)") == true)
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        withExtendedLifetime(place) {}
    }

    @Test func theEditorsTextIsRun() throws {
        let place = try Place()
        try place.put("ed.sh", "echo \"edited = (rawget(_G, 'edited') or 0) + 21 print(edited)\" >> \"$1\"\n")
        let (terminal, _) = try SessionTests.start(place: place, env: ["EDITOR": "sh '\(place.path)/ed.sh'"])
        #expect(SessionTests.answer(terminal, "x = 1") == "")
        #expect(SessionTests.answer(terminal, ":edit")?.hasSuffix("21") == true)
        #expect(SessionTests.answer(terminal, ":edit block.lua")?.hasSuffix("42") == true)
        #expect(try place.text("block.lua") == "edited = (rawget(_G, 'edited') or 0) + 21 print(edited)\n")
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        for (editor, said) in [
            ("no-such-editor", "there is no editor 'no-such-editor'; set EDITOR"),
            ("false", "the editor 'false' ended with 1; nothing is run"),
            ("true", "nothing was changed; nothing is run"),
        ] {
            let (other, _) = try SessionTests.start(place: place, env: ["VISUAL": editor])
            #expect(SessionTests.answer(other, ":edit")?.contains(said) == true, "\(editor)")
            other.type("\u{4}")
            #expect(other.end() == 0)
        }
        try place.put("empty.sh", ": > \"$1\"\n")
        let (empty, _) = try SessionTests.start(place: place, env: ["EDITOR": "sh '\(place.path)/empty.sh'"])
        #expect(SessionTests.answer(empty, "2 + 2") == "4")
        #expect(SessionTests.answer(empty, ":edit")?.contains("the text is empty; nothing is run") == true)
    }

    @Test func aRecipesLocalsAreTheSessions() throws {
        let place = try Place()
        try place.put(
            "r.lua",
            "#!/usr/bin/env lorawb\nlocal lorawb = require \"lorawb\"\nlocal args = lorawb.args { n = { 4, help = \"A number.\" } }\nlocal twice = 2 * args.n\nlocal function f() return twice end\nif args.n == 13 then error \"unlucky\" end\nlocal last = 1\n"
        )
        let terminal = try Terminal([Running.program, "repl", "r.lua", "--n", "21"], cwd: place.path)
        #expect(terminal.reads(upTo: "> ") != nil)
        #expect(SessionTests.answer(terminal, "f(), last") == "42\t1")
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        let failed = try Terminal([Running.program, "repl", "r.lua", "--n", "13"], cwd: place.path)
        #expect(failed.reads(upTo: "> ")?.contains("r.lua:6: unlucky") == true)
        #expect(SessionTests.answer(failed, "twice") == "26")
        failed.type("\u{4}")
        #expect(failed.end() == 0)
        let misuse = try Terminal([Running.program, "repl", "r.lua", "--m", "13"], cwd: place.path)
        #expect(misuse.reads(upTo: "unknown parameter --m") != nil)
        #expect(misuse.end() == 64)
        let piped = try lorawb("repl", "r.lua", cwd: place.path)
        #expect(piped.code == 64 && piped.err.contains("terminal"), "\(piped)")
    }
}
