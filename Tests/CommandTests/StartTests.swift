import Foundation
import Testing

/// How long the program takes to begin.
@Suite(.serialized) struct StartTests {
    /// An empty recipe takes about 10 ms on the machine that lorawb is built on.
    ///
    /// The bound lets a loaded machine and a build that
    /// is not optimised pass, not one that loads, compiles or asks for what the command does not need: the fastest of
    /// several starts counts.
    @Test(arguments: [["run", "empty.lua"], ["--help"], ["info"]]) func commandsBeginAtOnce(_ words: [String]) throws {
        let place = try Place()
        try place.put("empty.lua", "")
        var fastest = Double.infinity
        for _ in 0..<8 {
            let start = Date()
            let outcome = try Running([Running.program] + words, cwd: place.path).wait()
            fastest = min(fastest, Date().timeIntervalSince(start))
            #expect(outcome.code == 0, "\(outcome)")
        }
        #expect(fastest < 0.2, "\(words.joined(separator: " ")) takes \(Int(fastest * 1000)) ms")
    }

    @Test func thePromptComesAtOnce() throws {
        let place = try Place()
        var fastest = Double.infinity
        for _ in 0..<4 {
            let start = Date()
            let terminal = try Terminal([Running.program], cwd: place.path)
            #expect(terminal.reads(upTo: "> ") != nil)
            fastest = min(fastest, Date().timeIntervalSince(start))
        }
        #expect(fastest < 0.2, "the prompt takes \(Int(fastest * 1000)) ms")
    }
}
