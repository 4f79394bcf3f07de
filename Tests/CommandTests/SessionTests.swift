import Foundation
import Testing

/// The interactive session, on a terminal.
@Suite(.serialized) struct SessionTests {
    private static func start(_ words: String...) throws -> (Terminal, Place) {
        let place = try Place()
        let terminal = try Terminal([Running.program] + words, cwd: place.path)
        #expect(terminal.reads(upTo: "> ")?.hasPrefix("lorawb ") == true)
        return (terminal, place)
    }

    /// Types a line and gives what is printed until the next prompt.
    private static func answer(_ terminal: Terminal, _ line: String, prompt: String = "\n> ") -> String? {
        terminal.type(line + "\n")
        guard terminal.reads(upTo: line + "\r\n") != nil else { return nil }
        return terminal.reads(upTo: prompt.replacing("\n", with: "\r\n"))?.replacing(prompt, with: "")
    }

    @Test func expressionsPrintAndErrorsStay() throws {
        let (terminal, place) = try Self.start()
        #expect(Self.answer(terminal, "40 + 2") == "42")
        #expect(Self.answer(terminal, "_ / 2") == "21.0")
        #expect(Self.answer(terminal, "1, 'two', nil") == "1\ttwo\tnil")
        #expect(Self.answer(terminal, "= 5") == "5")
        #expect(Self.answer(terminal, "lorawb.tensor({1, 2}):sum():item()") == "3")
        #expect(Self.answer(terminal, "error('no')")?.hasSuffix("no") == true)
        #expect(Self.answer(terminal, "prin(1)")?.contains("did you mean 'print'?") == true)
        let syntax = Self.answer(terminal, "1 +* 2")
        #expect(syntax?.contains("near") == true, "\(syntax ?? "nothing")")
        #expect(Self.answer(terminal, "print('still here')") == "still here")
        // What a recipe prints cannot move the cursor.
        #expect(Self.answer(terminal, "print('\\27[2J')") == "\\u{1b}[2J")
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        withExtendedLifetime(place) {}
    }

    @Test func incompleteChunksContinue() throws {
        let (terminal, place) = try Self.start()
        terminal.type("function double(x)\n")
        #expect(terminal.reads(upTo: "\r\n>> ") != nil)
        terminal.type("return 2 * x\n")
        #expect(terminal.reads(upTo: "\r\n>> ") != nil)
        terminal.type("end\n")
        #expect(terminal.reads(upTo: "\r\n> ") != nil)
        #expect(Self.answer(terminal, "double(21)") == "42")
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        withExtendedLifetime(place) {}
    }

    @Test func controlCEndsTheLineAndTheLoop() throws {
        let (terminal, place) = try Self.start()
        #expect(Self.answer(terminal, "x = 7 print 'set'") == "set")
        terminal.type("for i = 1,")
        #expect(terminal.reads(upTo: "for i = 1,") != nil)
        terminal.type("\u{3}")
        #expect(terminal.reads(upTo: "\n> ") != nil)
        terminal.type("while true do end\n")
        #expect(terminal.reads(upTo: "while true do end\r\n") != nil)
        usleep(200_000)
        terminal.type("\u{3}")
        #expect(terminal.reads(upTo: "interrupted\r\n> ") != nil)
        terminal.type("function f()\n")
        #expect(terminal.reads(upTo: ">> ") != nil)
        terminal.type("\u{3}")
        #expect(terminal.reads(upTo: "\n> ") != nil)
        #expect(Self.answer(terminal, "x") == "7")
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        withExtendedLifetime(place) {}
    }
}
