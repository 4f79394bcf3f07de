import Adapters
import Testing

/// (pattern, text, what Python 3.11's re.fullmatch says, what re.match says).
private let matches: [(String, String, Bool, Bool)] = [
    ("abc", "abc", true, true), ("abc", "abcd", false, true), ("ab", "xab", false, false),
    ("a|ab", "ab", true, true), (".*query", "bert.encoder.layer.0.attention.self.query", true, true),
    (".*\\.(query|value)", "x.value", true, true), (".*\\.(query|value)", "value", false, false),
    ("(?:.*\\.)?layer\\.[0-5]\\..*", "encoder.layer.3.output", true, true),
    ("(?:.*\\.)?layer\\.[0-5]\\..*", "encoder.layer.13.output", false, false), ("a{2,3}", "aaaa", false, true),
    ("a{2}", "aa", true, true), ("a{,2}", "a", true, true), ("a{2,}", "aaaaa", true, true),
    ("a{x}", "a{x}", true, true),
    ("a{}", "a{}", true, true), ("a{,}", "a{,}", false, true), ("[^.]+", "abc", true, true),
    ("[^.]+", "a.c", false, true),
    ("[]a]+", "a]", true, true), ("[a\\-z]+", "a-z", true, true), ("[a-]+", "-a", true, true),
    ("\\d+", "12٣", true, true),
    ("\\w+", "é_9", true, true), ("\\W", "é", false, false), ("\\s", "\u{a0}", true, true),
    ("a.c", "a\nc", false, false),
    ("^a$", "a", true, true), ("a$", "a\n", false, true), ("a\\Z", "a\n", false, false), ("\\Aa", "a", true, true),
    ("(?!.*vision).*q_proj", "text.q_proj", true, true), ("(?!.*vision).*q_proj", "vision.q_proj", false, false),
    ("a(?=b)b", "ab", true, true), ("a(?=b)", "ab", false, true), ("\\bfoo\\b", "foo", true, true),
    ("foo\\b.*", "foobar", false, false), ("a*?b", "aab", true, true), ("(a*)*b", "aaaa", false, false),
    ("(a|b)*abb", "ababb", true, true), ("(?P<n>x)y", "xy", true, true), ("", "", true, true), ("()", "", true, true),
    ("x*", "", true, true), ("\\x41\\u00e9", "Aé", true, true), ("\\.", ".", true, true), ("\\-\\/", "-/", true, true),
    ("(a?){3}b", "aab", true, true), ("(|a)+", "aa", true, true), ("[\\d.]+", "1.2", true, true),
    ("[\\w]", "-", false, false), ("[+--]", ",", true, true), ("\\B", "", false, false),
]

@Test("expressions match as Python's re matches them", arguments: matches)
func regexMatches(pattern: String, text: String, whole: Bool, start: Bool) throws {
    let regex = try PythonRegex(pattern)
    #expect(try regex.matchesAll(of: text) == whole)
    #expect(try regex.matchesStart(of: text) == start)
}

@Test(
    "malformed and unsupported expressions are refused",
    arguments: [
        ("a(b", "missing ), unterminated group at position 1"), ("a)b", "unbalanced parenthesis at position 1"),
        ("*a", "nothing to repeat at position 0"), ("a**", "multiple repeat at position 2"),
        ("[abc", "unterminated character set at position 0"), ("[z-a]", "bad character range"),
        ("a{3,2}", "min repeat greater than max repeat at position 1"), ("\\", "bad escape"), ("\\q", "bad escape \\q"),
        ("(?<=a)b", "lookbehind is not supported"), ("(a)\\1", "back-references are not supported"),
        ("(?i)a", "flags and other"), ("a*+", "possessive quantifiers are not supported"),
        ("\\x4", "incomplete escape"),
        ("(?>a)", "atomic groups are not supported"), ("a{1001}", "repeats more than 1000 times"),
        ("((((a{99}){99}){99}){99}){99}", "is too large"), (String(repeating: "(", count: 200), "nested too deeply"),
    ])
func regexErrors(pattern: String, message: String) throws {
    let error = try #require(throws: AdapterError.self) { try PythonRegex(pattern) }
    #expect(error.description.contains(message), "\(error)")
}

@Test("a pattern that makes backtracking explode is answered at once")
func regexIsLinear() throws {
    let regex = try PythonRegex("(a|a)*(a|aa)*b")
    let clock = ContinuousClock()
    let start = clock.now
    #expect(try !regex.matchesAll(of: String(repeating: "a", count: 5_000)))
    #expect(clock.now - start < .seconds(10))
}
