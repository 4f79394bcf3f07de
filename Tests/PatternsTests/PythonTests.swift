import Patterns
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
    ("(^)*a", "a", true, true), ("(a|a)*(a|aa)*b", "aaaab", true, true), ("((a*)*)*", "aaa", true, true),
    ("(?:(?=(a*)*b)a)*b", "aaab", true, true), ("[[a]+", "[a", true, true), ("[a&&b]+", "&", true, true),
    ("(?!(a|b)*$).*c", "abc", true, true),
]

/// Patterns in Python's syntax, as PEFT's options use them.
@Suite struct PythonTests {
    @Test(arguments: matches) func matching(_ pattern: String, _ text: String, _ whole: Bool, _ start: Bool) throws {
        let regex = try Pattern(pattern, dialect: .python)
        #expect(try regex.matchesAll(of: text) == whole)
        #expect(try regex.matchesStart(of: text) == start)
    }

    @Test(arguments: [
        ("a(b", "pattern 'a(b', character 2: '(' without its ')'"), ("a)b", "character 2: unmatched ')'"),
        ("*a", "character 1: '*' with nothing to repeat"), ("a**", "character 3: multiple repeat"),
        ("^*", "character 1: nothing to repeat"), ("[abc", "character 1: '[' without its ']'"),
        ("[z-a]", "character 2: a range whose end is below its start"),
        ("[\\d-z]", "character 2: a class as the end of a range"),
        ("a{3,2}", "character 2: an interval whose end is below its start"), ("\\", "character 1: a '\\' at the end"),
        ("\\q", "character 1: '\\q' is not supported"), ("(?<=a)b", "character 1: lookbehind is not supported"),
        ("(a)\\1", "character 4: a back-reference or octal number ('\\1') is not supported"),
        ("(?P<n>a)(?P=n)", "character 9: a back-reference is not supported"), ("(?P<>a)", "a group without its name"),
        ("(?i)a", "flags and other groups that begin with '(?' are not supported"),
        ("a*+", "character 2: possessive repetition is not supported"),
        ("\\x4", "an escape without its 2 hexadecimal digits"), ("\\u+123", "its 4 hexadecimal digits"),
        ("(?>a)", "an atomic group is not supported"), ("a{1001}", "repeating more than 1000 times"),
    ])
    func refusal(_ pattern: String, _ message: String) throws {
        let error = try #require(throws: PatternError.self) { try Pattern(pattern, dialect: .python) }
        #expect(error.description.hasSuffix(message) || error.description.contains(message), "\(error)")
    }
}
