import Formats
import Patterns
import Synchronization
import Testing

/// Reading, compiling and matching a pattern take bounded time, stack and memory, whatever it is.
@Suite struct BoundTests {
    static let dialects = [Pattern.Dialect.python, .oniguruma]

    private func message(_ pattern: String, _ dialect: Pattern.Dialect) -> String? {
        do {
            _ = try Pattern(pattern, dialect: dialect)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Repetitions of repetitions multiply, of nothing as well.
    @Test(arguments: [
        "((((){1000}){1000}){1000}){1000}query", "((((a{99}){99}){99}){99}){99}", "(?:(?:ab){1000}){1000}",
        "(?:(?:a{9}?){999}){999}", "((?=a){1000}){1000}",
        "(?:ab){,1000}(?:cd){,1000}(?:ef){,1000}(?:gh){,1000}(?:ij){,1000}"
            + "(?:kl){,1000}(?:mn){,1000}", String(repeating: "(?:ab?){500}", count: 40),
    ])
    func sizes(_ pattern: String) {
        for dialect in Self.dialects {
            let message = message(pattern, dialect)
            // Oniguruma's dialect refuses to repeat what can be empty before it looks at sizes.
            #expect(
                message?.contains("stand for more than 20000 steps") == true
                    || (dialect == .oniguruma && message?.contains("repeating what can be empty") == true),
                "\(message ?? "no error")")
        }
    }

    @Test(arguments: ["(", "(?:", "(?=", "a(b|", "((("]) func depth(_ unit: String) {
        for dialect in Self.dialects {
            let pattern = String(repeating: unit, count: 4_000)
            #expect(message(pattern, dialect)?.contains("nested deeper than 100") == true)
            #expect(
                message(String(repeating: unit, count: 100_000), dialect)?.contains("at most 20000 are read") == true)
        }
        // One repetition of another is as deep as a group.
        #expect(message("a" + String(repeating: "?", count: 5_000), .oniguruma)?.contains("deeper than 100") == true)
    }

    @Test(arguments: ["a{2147483648}", "a{9223372036854775808}", "a{1,99999999999999999999}", "a{1001,}"])
    func counts(_ pattern: String) {
        for dialect in Self.dialects {
            #expect(
                message(pattern, dialect)
                    == "pattern '\(pattern)', character 2: repeating more than 1000 times is not supported")
        }
    }

    /// A message quotes the beginning of a pattern on one line.
    @Test func quoting() {
        let message = message("\n\u{1b}[2J" + String(repeating: "x", count: 100) + "(", .python)
        #expect(message?.hasPrefix("pattern '\\u{a}\\u{1b}[2Jxxx") == true && message?.contains("xxx…'") == true)
        #expect(message?.contains("\n") == false)
    }

    /// Where backtracking takes exponential time, what failed at a place is not tried there again.
    @Test(arguments: ["(a|a)*b", "(a|a)*(a|aa)*b", "(?:a|a|aa)*c", "(?:(?:a|b)*a|(?:a|b)*b)*c"])
    func exponential(_ pattern: String) throws {
        let text = String(repeating: "a", count: 2_000)
        let clock = ContinuousClock()
        let start = clock.now
        #expect(try !Pattern(pattern, dialect: .python).matchesAll(of: text))
        #expect(
            try Pattern(pattern, dialect: .oniguruma).matches(
                in: Array(text.utf8), range: 0..<2_000, work: Work(steps: 10_000 + 500 * 2_000)) == [])
        #expect(clock.now - start < .seconds(10))
    }

    /// What noting places changes is the time: the same matches with it as without, of texts that take long enough.
    @Test func notedPlacesChangeNothing() throws {
        let pattern = try Pattern("(?:a|ab|aab)*?(?:bc|(?=c)c|(?>b+)d)", dialect: .oniguruma)
        let unit = "aabababaabbcaabbdxc"
        let long = String(repeating: "ab", count: 4_000) + "x"
        let bytes = Array((unit + long + unit).utf8)
        let work = Work(steps: 1 << 40)
        let all = try pattern.matches(in: bytes, range: bytes.indices, work: work)
        let first = try pattern.matches(in: bytes, range: 0..<unit.utf8.count, work: work)
        let shift = unit.utf8.count + long.utf8.count
        #expect(first.count == 3)
        #expect(all == first + first.map { $0.lowerBound + shift..<$0.upperBound + shift })
    }

    @Test func emptyLoops() throws {
        for pattern in ["(a*)*", "(a*)+b?", "((a*)*|b)*", "(|a)*", "(()*)*"] {
            #expect(try Pattern(pattern, dialect: .python).matchesAll(of: "aaaa") == (pattern != "(()*)*"))
            #expect(message(pattern, .oniguruma)?.contains("repeating what can be empty is not supported") == true)
        }
    }

    /// Thousands of members of a set are one search; they mean what they say.
    @Test func hugeSets() throws {
        let odd = (0..<2_000).map { "\(Character(Unicode.Scalar(0x4E00 + 2 * $0) ?? "x"))" }.joined()
        let pattern = try Pattern("[\(odd)\(String(repeating: "\\d\\D", count: 1_000))]", dialect: .python)
        #expect(try pattern.matchesAll(of: "\u{4E01}"))
        let ranges = try Pattern("[^\(odd)]+", dialect: .oniguruma)
        let bytes = Array("\u{4E01}\u{4E00}a\u{4E03}".utf8)
        #expect(try ranges.matches(in: bytes, range: bytes.indices, work: Work(steps: 1_000)) == [0..<3, 6..<10])
    }

    @Test func steps() throws {
        let bytes = [UInt8](repeating: 0x61, count: 100_000)
        let pattern = try Pattern("(?:a+a+)+b", dialect: .oniguruma)
        let error = #expect(throws: PatternError.self) {
            try pattern.matches(in: bytes, range: bytes.indices, work: Work(steps: 10_000 + 500 * bytes.count))
        }
        #expect(error?.description == "pattern '(?:a+a+)+b': takes too many steps on this text")
    }

    @Test func literals() {
        #expect(Literal("aba").matches(in: Array("ababababa".utf8), range: 0..<9) == [0..<3, 4..<7])
        #expect(Literal("aab").matches(in: Array("aaaabaab".utf8), range: 0..<8) == [2..<5, 5..<8])
        #expect(Literal("aab").matches(in: Array("aaaabaab".utf8), range: 3..<8) == [5..<8])
        #expect(String(decoding: Literal("ab").replaced(in: Array("xabab".utf8), by: [0x7A]), as: UTF8.self) == "xzz")
        let text = [UInt8](repeating: 0x61, count: 1 << 20)
        #expect(Literal(text.dropLast(1 << 19) + [0x62]).matches(in: text, range: text.indices) == [])
    }
}
