import Foundation
import Testing

/// `lorawb chat`, on a terminal and with lines that are piped in.
@Suite(.serialized) struct ChatTests {
    private static func place() throws -> Place {
        let place = try Place()
        try place.makeLanguageModel("lm")
        return place
    }

    private static func run(_ words: [String], stdin: String, _ place: Place) throws -> Outcome {
        try Running([Running.program, "chat"] + words, stdin: stdin, cwd: place.path).wait()
    }

    @Test("lines that are piped in are turns of one conversation")
    func piped() throws {
        let place = try Self.place()
        let words = ["lm", "--max-new-tokens", "6", "--system", "be brief"]
        let once = try Self.run(words, stdin: "hello\n/save a.json\n", place)
        #expect(once.code == 0, "\(once)")
        let saved = try place.text("a.json")
        #expect(saved.contains("\"be brief\"") && saved.contains("\"hello\"") && saved.contains("\"assistant\""))
        let twice = try Self.run(words, stdin: "hello\nand more\n/reset\nhello\n/save b.jsonl\n", place)
        #expect(twice.code == 0, "\(twice)")
        // The first answer does not depend on what comes after, nor on what is kept of another conversation.
        #expect(twice.out.hasPrefix(once.out.components(separatedBy: "2 messages")[0]))
        #expect(try place.text("b.jsonl").split(separator: "\n").count == 1)
        let drawn = ["lm", "--max-new-tokens", "6", "--temperature", "1.5", "--seed", "3"]
        let (first, second) = (
            try Self.run(drawn, stdin: "hello\n", place), try Self.run(drawn, stdin: "hello\n", place)
        )
        #expect(first.out == second.out)
    }

    @Test("what is wrong is said in one line, and the conversation goes on")
    func mistakes() throws {
        let place = try Self.place()
        let outcome = try Self.run(
            ["lm", "--max-new-tokens", "3"],
            stdin: "/rest\n/save\n/adapter none\nhello\n" + String(repeating: "long ", count: 60) + "\n", place)
        #expect(outcome.code == 1)
        let lines = outcome.err.split(separator: "\n")
        #expect(lines.contains { $0.contains("unknown command '/rest'; did you mean /reset?") }, "\(outcome)")
        #expect(lines.contains { $0.contains("/save expects a file") })
        #expect(lines.contains { $0.contains("no adapter folder 'none'") })
        #expect(lines.contains { $0.contains("but the model has positions for 96") })
        for (words, wanted, code) in [
            (["none"], "no model folder 'none'", Int32(1)),
            (["lm", "--top-p", "2"], "--top-p expects a number from 0", 64),
            (["lm", "--adapter", "nowhere"], "no adapter folder 'nowhere'", 1),
        ] {
            let outcome = try Self.run(words, stdin: "", place)
            #expect(outcome.code == code, "\(outcome)")
            #expect(outcome.err.contains(wanted), "\(outcome)")
        }
    }

    @Test("on a terminal answers stream, Ctrl-C clears the line, Ctrl-D ends")
    func terminal() throws {
        let place = try Self.place()
        let terminal = try Terminal([Running.program, "chat", "lm", "--max-new-tokens", "5"], cwd: place.path)
        #expect(terminal.reads(upTo: "> ")?.contains("lm: /help shows the commands") == true)
        terminal.type("/help\n")
        #expect(terminal.reads(upTo: "\r\n> ")?.contains("/adapter DIR|off") == true)
        terminal.type("hello\n")
        #expect(terminal.reads(upTo: "\r\n> ") != nil)
        terminal.type("half a line")
        #expect(terminal.reads(upTo: "half a line") != nil)
        terminal.type("\u{3}")
        #expect(terminal.reads(upTo: "^C") != nil)
        #expect(terminal.reads(upTo: "> ") != nil)
        terminal.type("/save kept.json\n")
        #expect(terminal.reads(upTo: "2 messages in kept.json") != nil)
        // What is typed before the prompt is there may be lost.
        #expect(terminal.reads(upTo: "\r\n> ") != nil)
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        #expect(try place.text("kept.json").contains("half a line") == false)
    }
}
