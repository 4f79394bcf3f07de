import Foundation
import Testing

/// The corpus of attacks beside the repository, through the real program.
@Suite(.serialized) struct CorpusTests {
    static let folder =
        Place.goldens.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/shared/reference/attacks"

    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
        .filter { $0.hasSuffix(".lua") }.sorted()

    @Test(.enabled(if: !names.isEmpty, "../shared/reference/attacks is absent"), arguments: names)
    func endsAsExpected(_ name: String) throws {
        let place = try Place()
        let text = try String(contentsOfFile: Self.folder + "/" + name, encoding: .utf8)
        let mark = "-- expect: "
        let expected =
            text.split(separator: "\n").first { $0.hasPrefix(mark) }.map { String($0.dropFirst(mark.count)) } ?? "?"
        try place.put("data/ok.txt", "ok")
        try place.put("out/slot/x", "")
        try place.link("link_to_etc", to: "/etc")
        try place.link("link_out", to: "/tmp")
        // As the corpus has it: `lorawb` is there without a require, and `zeros` in some.
        try place.put("recipe.lua", "local lorawb = require 'lorawb'; local zeros = lorawb.zeros " + text)
        let outcome = try Running(
            [
                Running.program, "run", "recipe.lua", "--max-memory", "256MB", "--time-limit",
                expected.contains("time") ? "1" : "20",
            ], cwd: place.path,
            timeout: 30
        ).wait()
        let got: String
        switch outcome.code {
        case 0: got = "prints " + (outcome.out.split(separator: "\n").last ?? "")
        case 124: got = "stopped time"
        case 125: got = "stopped memory"
        default: got = "exit \(outcome.code)"
        }
        let isExpected = expected.split(separator: " or ").contains { got == $0 || got == "prints " + $0 }
        #expect(isExpected, "expected \(expected), got \(got)\n\(String("\(outcome)".prefix(600)))")
        #expect(!outcome.out.utf8.contains(27) && !outcome.err.utf8.contains(27))
        #expect(!FileManager.default.fileExists(atPath: "/tmp/lorawb_pwn"))
    }
}
