import Foundation
import Testing

/// docs/day.md: what it shows is what happens.
struct DayTests {
    /// One command, and the lines that it prints; what stands before `^C` is printed before the key is pressed.
    private struct Step {
        let command: String
        var printed: [String] = []
    }

    @Test("every line of a day's work is what happens")
    func day() throws {
        let page = try String(contentsOfFile: Transcript.page("day.md"), encoding: .utf8)
        let place = try Place()
        try place.makeModel(dropout: 0.1)
        try place.makeData("data/train.tsv", rows: 32)
        try place.makeData("data/dev.tsv", rows: 16)
        var steps: [Step] = []
        var (kind, recipe): (String?, [String]) = (nil, [])
        for line in page.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.hasPrefix("```") {
                kind = kind == nil ? String(line.dropFirst(3)) : nil
            } else if kind == "lua" {
                recipe.append(line)
            } else if kind == "shell", line.hasPrefix("$ ") {
                steps.append(Step(command: String(line.dropFirst(2))))
            } else if kind == "shell", !steps.isEmpty {
                steps[steps.count - 1].printed.append(line)
            }
        }
        try place.put("mood.lua", recipe.joined(separator: "\n") + "\n")
        #expect(steps.count >= 10)
        let folder = (Running.program as NSString).deletingLastPathComponent
        for step in steps {
            // Standard error stands where it is written, as on a terminal.
            let running = try Running(
                ["/bin/sh", "-c", "exec 2>&1; \(step.command.hasPrefix("lorawb") ? "exec " : "")\(step.command)"],
                cwd: place.path,
                env: ["PATH": folder + ":/usr/bin:/bin", "NO_COLOR": "1"], timeout: 120)
            if let key = step.printed.firstIndex(of: "^C"), key > 0 {
                #expect(running.waits(for: step.printed[key - 1].components(separatedBy: "…")[0]), "\(step.command)")
                running.signal(SIGINT)
            }
            let outcome = running.wait()
            let found = outcome.out.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
            let expected = step.printed.filter { $0 != "^C" }
            #expect(
                Transcript.fits(found, expected),
                "\(step.command)\n--- expected\n\(expected.joined(separator: "\n"))\n--- printed\n\(found.joined(separator: "\n"))"
            )
        }
        let report = try Page(place.text("both.html"))
        #expect(report.metrics.count == 2)
    }
}
