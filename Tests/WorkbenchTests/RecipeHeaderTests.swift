import Foundation
import Testing
import Words

@testable import Workbench

/// What is read of a recipe before it runs.
struct RecipeHeaderTests {
    private func header(_ text: String, stem: String = "r") -> RecipeHeader {
        RecipeHeader(Array(text.utf8), stem: stem)
    }

    @Test func fields() {
        let digest = String(repeating: "0123456789abcdef", count: 4)
        let header = header(
            """
            #!/usr/bin/env lorawb
            -- r: what it is for.
            -- Reads things: many of them.
            --
            --- Version:  1.2\r
            -- NEEDS: lorawb >= 0.3, < 0.5

            -- license: MIT
            -- input: a b.tsv sha256:\(digest.uppercased())
            -- input: models/x
            -- expects: eval_accuracy >= 0.90
            local x = 1
            -- version: 9
            """)
        #expect(header.title == "what it is for." && header.version == "1.2" && header.licence == "MIT")
        #expect(header.prose == ["r: what it is for.", "Reads things: many of them.", ""])
        #expect(header.needs.map(\.need.text) == ["lorawb >= 0.3, < 0.5"] && header.needs.map(\.line) == [6])
        #expect(
            header.inputs == [
                .init(path: "a b.tsv", digest: digest, line: 9), .init(path: "models/x", digest: nil, line: 10),
            ])
        #expect(header.expectations.map(\.text) == ["eval_accuracy >= 0.9"] && header.problems.isEmpty)
    }

    @Test("what is no header is text; what was meant and is wrong is said with its line")
    func problems() {
        let text = """
            -- input: sentences that are read, and one word: more.
            -- note: nothing. same: too. Reads: x.
            -- inputs: a.tsv
            -- lisence: MIT
            -- exepcts: a > 1
            -- needs: a lot of time
            -- needs: lorawb 0.3
            -- input: b.tsv sha256:12
            -- expects: a table
            """
        let problems = header(text, stem: "input").lines(of: "input.lua")
        #expect(
            problems == [
                "input.lua:3: header: 'inputs' is not read; did you mean 'input'?",
                "input.lua:4: header: 'lisence' is not read; did you mean 'licence'?",
                "input.lua:5: header: 'exepcts' is not read; did you mean 'expects'?",
                "input.lua:7: header: needs: expected a version, as in 'lorawb >= 0.1', got 'lorawb 0.3'",
                "input.lua:8: header: input: expected a file and sha256: with 64 hexadecimal digits, got 'sha256:12'; lorawb lock writes them",
                "input.lua:9: header: expects: expected 'eval_accuracy >= 0.9', got 'a table'",
            ])
        // The recipe's own name in front of its first line is a name, whatever it is.
        #expect(header(text, stem: "input").inputs.map(\.path) == ["b.tsv"])
        #expect(header(text, stem: "x").inputs.count == 2)
    }

    @Test("any bytes and any length are read in no time")
    func anyBytes() {
        #expect(RecipeHeader([], stem: "").title.isEmpty)
        #expect(RecipeHeader([0xEF, 0xBB, 0xBF] + Array("-- version: 1".utf8), stem: "x").version == "1")
        #expect(header("--[[ version: 1\n]]\n-- version: 2").version == nil)
        let long = Array("-- version: ".utf8) + [UInt8](repeating: 120, count: 1 << 22)
        #expect((RecipeHeader(long, stem: "x").version?.utf8.count ?? 0) < 1 << 17)
        let many = [UInt8](repeating: 10, count: 1 << 22)
        #expect(RecipeHeader(many, stem: "x").prose.isEmpty)
        for seed in 0..<200 {
            var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
            let bytes = (0..<200).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let alphabet = Array("-:\n input sha256 needs lorawb>=<0.\u{0}\u{ff}".utf8)
                return alphabet[Int(state >> 33) % alphabet.count]
            }
            _ = RecipeHeader(Array("-- input:".utf8) + bytes, stem: "x").text
        }
    }

    @Test(arguments: [
        (">= 0.3", "0.3.0", true), (">= 0.3", "0.2.9", false), (">=0.10", "0.9", false), ("> 0.3", "0.3.0", false),
        ("> 0.3", "0.3.1", true), ("== 0.3", "0.3.0", true), ("= 0.3", "0.3.1", false), ("< 1", "0.9.9", true),
        ("<= 1.0.0", "1", true), (">= 1.0.0", "1", true), (">= 0.3, < 0.5", "0.4.2", true),
        (">= 0.3, < 0.5", "0.5", false),
    ])
    func versions(_ need: String, _ version: String, _ isMet: Bool) throws {
        #expect(try #require(VersionNeed("lorawb \(need)")).isMet(by: version) == isMet)
    }

    @Test func noVersions() {
        for text in [
            "lorawb", "lorawb >= x", "lorawb >= 1.2.3.4.5", "lorawb >=", "lorawb >= -1", "lorawbx >= 1", "x >= 1",
        ] {
            #expect(VersionNeed(text) == nil, "\(text)")
        }
    }

    @Test func expectations() throws {
        let least = try #require(Expectation("accuracy >= 0.9"))
        #expect(least.isMet(by: 0.9) && !least.isMet(by: 0.89) && !least.isMet(by: .nan))
        #expect(try #require(Expectation("eval_loss<1e-2")).isMet(by: 0.009))
        #expect(try #require(Expectation("x == 3")).isMet(by: 3))
        for text in ["accuracy", ">= 0.9", "a b >= 1", "a >= b", "a >= inf", "a >= nan"] {
            #expect(Expectation(text) == nil, "\(text)")
        }
        #expect(least.line(0.5) == "expects accuracy >= 0.9: missed, it is 0.5000")
        #expect(least.line(nil) == "expects accuracy >= 0.9: not measured, no trainer logged 'accuracy'")
    }

    @Test("times are Foundation's")
    func times() throws {
        let formatter = ISO8601DateFormatter()
        var seconds = 0.0
        while seconds < 253_402_300_800 {
            #expect(Timestamp.text(seconds) == formatter.string(from: Date(timeIntervalSince1970: seconds)))
            // Days of all months and leap years, at odd times.
            seconds += 86_400 * 37 + 12_345
        }
        #expect(Timestamp.text(951_782_400) == "2000-02-29T00:00:00Z" && Timestamp.text(.nan) == "1970-01-01T00:00:00Z")
        #expect(
            [0.123, 59.9, 60, 3599.6, 7500].map(Timestamp.duration) == [
                "0.12 s", "59.9 s", "1m 00s", "1h 00m", "2h 05m",
            ])
    }

    @Test("a difference by lines turns the first text into the second")
    func differences() throws {
        #expect(LineDiff("a\nb\n", "a\nb\n") == nil)
        let diff = try #require(LineDiff("a\nb\nc\nd\ne\nf\n", "a\nb\nC\nd\ne\nf\ng\n"))
        #expect(diff.removed == 1 && diff.added == 2)
        #expect(diff.lines == ["@@ -1 +1 @@", " a", " b", "-c", "+C", " d", " e", " f", "+g", " "])
        // As few lines as the longest common ones leave, by a naive count.
        func common(_ a: [Int], _ b: [Int]) -> Int {
            guard let x = a.first, let y = b.first else { return 0 }
            let (a1, b1) = (Array(a.dropFirst()), Array(b.dropFirst()))
            return x == y ? 1 + common(a1, b1) : max(common(a1, b), common(a, b1))
        }
        for seed in 0..<60 {
            let a = (0..<seed % 7).map { (seed * 7 + $0 * 5) % 3 }
            let b = (0..<seed % 6).map { (seed * 3 + $0 * 4) % 3 }
            guard a != b, !a.isEmpty, !b.isEmpty else { continue }
            let text = { (rows: [Int]) in rows.map(String.init).joined(separator: "\n") }
            let found = try #require(LineDiff(text(a), text(b)))
            #expect(found.removed == a.count - common(a, b) && found.added == b.count - common(a, b), "\(a) \(b)")
        }
        let (one, other) = ((0..<3000).map { "\($0)" }, (0..<3000).map { "x\($0)" })
        let long = try #require(LineDiff(one.joined(separator: "\n"), other.joined(separator: "\n")))
        #expect(long.removed == 3000 && long.lines.count == 61 && long.lines.last == "… 5941 lines more")
    }
}
