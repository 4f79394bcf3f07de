import Foundation
import Testing

/// docs/session.md: what it shows is what happens.
@Suite(.serialized) struct TranscriptTests {
    /// One line typed, and the lines printed after it.
    private struct Step {
        let prompt: String
        let typed: String
        var printed: [String] = []
    }

    private static let path = Transcript.page("session.md")

    private static func steps() throws -> [Step] {
        var steps: [Step] = []
        var isInside = false
        for line in try String(contentsOfFile: path, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        {
            if line.hasPrefix("```") {
                isInside = !isInside && line == "```session"
            } else if isInside {
                if line.hasPrefix(">> ") {
                    steps.append(Step(prompt: ">> ", typed: String(line.dropFirst(3))))
                } else if line.hasPrefix("> ") {
                    steps.append(Step(prompt: "> ", typed: String(line.dropFirst(2))))
                } else if !steps.isEmpty {
                    steps[steps.count - 1].printed.append(String(line))
                }
            }
        }
        return steps
    }

    @Test func theTranscriptIsWhatHappens() throws {
        let place = try Place()
        try place.makeModel()
        let reviews = Self.path.replacing("docs/session.md", with: "stdlib/recipes/reviews.tsv")
        try place.put("reviews.tsv", Data(contentsOf: URL(fileURLWithPath: reviews)))
        let terminal = try Terminal([Running.program], cwd: place.path, env: ["LORAWB_EDIT": "0"], columns: 100)
        let steps = try Self.steps()
        #expect(steps.count > 20)
        #expect(terminal.reads(upTo: "> ") != nil)
        for (place, step) in steps.enumerated() {
            terminal.type(step.typed + "\n")
            #expect(terminal.reads(upTo: step.typed + "\r\n") != nil)
            // What is stopped has shown its first line, and a while more has passed.
            var printed = ""
            if step.printed.contains("^C"), let first = step.printed.first {
                printed = terminal.reads(upTo: first, timeout: 60) ?? ""
                usleep(500_000)
                terminal.type("\u{3}")
            }
            guard place + 1 < steps.count else { break }
            // The last line before a prompt ends; without any the prompt follows at once.
            let next = steps[place + 1].prompt
            repeat {
                guard let more = terminal.reads(upTo: next, timeout: 60) else {
                    Issue.record("no prompt after: \(step.typed)\n\(printed)")
                    return
                }
                printed += more
            } while !(printed == next || printed.hasSuffix("\n" + next))
            let lines = printed.dropLast(next.count).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                .map { String($0).trimmingCharacters(in: .init(charactersIn: "\r")) }
            // Times stand only where something took long, which another machine decides.
            let timed = { (line: String) in line.hasPrefix("(") && line.hasSuffix(" s)") }
            let (found, expected) = (lines.filter { !timed($0) }, step.printed.filter { !timed($0) })
            #expect(
                Transcript.fits(found, expected),
                "\(step.typed)\n--- expected\n\(expected.joined(separator: "\n"))\n--- printed\n\(found.joined(separator: "\n"))"
            )
        }
        #expect(terminal.end() == 0)
    }
}
