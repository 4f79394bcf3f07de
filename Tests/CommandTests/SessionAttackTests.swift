import Foundation
import Testing

/// What odd keys, names and values do to a session: it stays, and tells or runs nothing that it should not.
@Suite(.serialized) struct SessionAttackTests {
    @Test("keys, long expressions and deep tables leave the session as it is")
    func keysAndDepth() throws {
        let (terminal, place) = try SessionTests.start()
        // libedit's own commands, one of which ended the process.
        #expect(SessionTests.result(terminal, "\u{1b}x'' == ''") == "true")
        #expect(SessionTests.result(terminal, "\u{1b}X1 + 1") == "2")
        #expect(SessionTests.answer(terminal, "help(('a.'):rep(2e5)..'a')")?.contains("no help") == true)
        for text in [String(repeating: "a.", count: 50_000), String(repeating: "f{a={", count: 30_000)] {
            // What was typed and not yet read is gone at Ctrl-C, as is its echo.
            terminal.type("\u{1b}[200~\(text)zq\u{1b}[201~")
            #expect(terminal.reads(upTo: "zq", timeout: 60) != nil)
            terminal.type("\t")
            usleep(300_000)
            terminal.type("\u{3}")
            #expect(terminal.reads(upTo: "^C", timeout: 30) != nil)
            #expect(terminal.reads(upTo: "\n> ") != nil)
        }
        // A paste within a search is a paste.
        terminal.type("\u{12}\u{1b}[200~print('ran')\nprint('both')\u{1b}[201~")
        usleep(300_000)
        terminal.type("\u{3}")
        let shown = terminal.reads(upTo: "^C") ?? ""
        #expect(!shown.contains("\nran") && !shown.contains("\nboth"), "\(shown)")
        #expect(terminal.reads(upTo: "\n> ") != nil)
        #expect(SessionTests.answer(terminal, "2 + 2") == "4")
        withExtendedLifetime(place) {}
    }

    @Test("the time limit ends a session that is printing, too")
    func timeLimitWhilePrinting() throws {
        let (terminal, place) = try SessionTests.start("repl", "--time-limit", "1")
        let start = Date()
        terminal.type("setmetatable({}, { __tostring = function() while true do end end })\n")
        #expect(terminal.end() == 124)
        #expect(Date().timeIntervalSince(start) < 4)
        withExtendedLifetime(place) {}
    }

    @Test("a held Ctrl-C keeps the session")
    func heldControlC() throws {
        let (terminal, place) = try SessionTests.start()
        #expect(SessionTests.answer(terminal, "a = lorawb.randn(3000, 3000)", timeout: 30) != nil)
        terminal.type("for i = 1, 100 do b = a:matmul(a) end\n")
        usleep(300_000)
        for _ in 0..<5 {
            terminal.type("\u{3}")
            usleep(30_000)
        }
        #expect(terminal.reads(upTo: "interrupted") != nil)
        #expect(terminal.reads(upTo: "\n> ") != nil)
        usleep(500_000)
        terminal.type("2 + 2\n")
        #expect(terminal.reads(upTo: "\r\n4\r\n") != nil)
        withExtendedLifetime(place) {}
    }

    @Test("the history is no file of a model either, whatever its name")
    func historyAsVocabulary() throws {
        let place = try Place()
        try place.makeModel()
        try place.put(".local/state/lorawb/history", "[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\nsecret\n")
        try place.remove("tiny/vocab.txt")
        try FileManager.default.linkItem(
            atPath: place.path + "/.local/state/lorawb/history", toPath: place.path + "/tiny/vocab.txt")
        let outcome = try place.run("print(lorawb.load_tokenizer('tiny'):decode { 5 })", env: ["HOME": place.path])
        #expect(outcome.code == 1 && !outcome.out.contains("secret"), "\(outcome)")
    }

    @Test("names of files are shown and put in as text")
    func namesOfFiles() throws {
        let place = try Place()
        for name in ["qq\"..print('INJ')..\"", "zq\u{1b}]0;evil\u{7}a", "zq\u{1b}[2Jb"] { try place.put(name, "x") }
        let (terminal, _) = try SessionTests.start(place: place)
        #expect(SessionTests.result(terminal, "#\"qq\t") == "20")
        terminal.type("\"zq\t\t")
        let shown = terminal.reads(upTo: "\\27[2Jb") ?? ""
        #expect(!shown.isEmpty && !shown.contains("\u{1b}]0;evil") && !shown.contains("\u{1b}[2Jb"), "\(shown)")
    }

    @Test("what :save writes does what the session did")
    func savedSessionsRun() throws {
        let place = try Place()
        let (terminal, _) = try SessionTests.start(place: place)
        for line in [
            "1 + 1 -- a sum", "2 + 2;", "=6 --c", "return 5", "if true then return 7 end", "::a:: x = 1", "::a:: x = 2",
            "local n <const> = 3 do return end", "do return end", "...", "n + x",
        ] {
            #expect(SessionTests.answer(terminal, line) != nil, "\(line)")
        }
        #expect(SessionTests.answer(terminal, ":save plain.lua")?.contains("lorawb run plain.lua") == true)
        let plainText = try place.text("plain.lua")
        let plain = try lorawb("run", "plain.lua", cwd: place.path)
        #expect(plain.code == 0 && plain.out == "2\n4\n6\n5\n7\n5\n", "\(plain)\n\(plainText)")
        for line in ["function f() return 1, 2 end", "f()", "_ + 1", "return 8, 9", "_"] {
            #expect(SessionTests.answer(terminal, line) != nil, "\(line)")
        }
        #expect(SessionTests.answer(terminal, ":save last.lua")?.contains("lorawb run last.lua") == true)
        let lastText = try place.text("last.lua")
        let last = try lorawb("run", "last.lua", cwd: place.path)
        #expect(last.code == 0 && last.out.hasSuffix("1\t2\n2\n8\t9\n8\n"), "\(last)\n\(lastText)")
    }

    @Test("output that cannot be written is told")
    func fullDisk() throws {
        let place = try Place()
        try place.put("r.lua", "print('x')")
        let outcome = try Running(["/bin/sh", "-c", "\"$0\" run r.lua > /dev/full", Running.program], cwd: place.path)
            .wait()
        #expect(outcome.code == 1 && outcome.line == "lorawb: standard output: No space left on device", "\(outcome)")
    }
}
