import Formats
import Foundation
import Templates
import Testing

/// Whatever a template is, reading and rendering it take bounded time, stack and memory, and end in an error that says so.
@Suite struct BoundTests {
    /// Nested deeper than any template is: the parser refuses it.
    @Test(arguments: [
        ("{{ " + String(repeating: "(", count: 5000), "nested deeper"),
        ("{{ " + String(repeating: "[", count: 5000), "nested deeper"),
        ("{{ " + String(repeating: "{1:", count: 5000), "nested deeper"),
        ("{{ " + String(repeating: "-", count: 5000) + "1 }}", "nested deeper"),
        ("{{ " + String(repeating: "not ", count: 5000) + "1 }}", "nested deeper"),
        ("{{ " + String(repeating: "1 if 1 else ", count: 5000) + "1 }}", "nested deeper"),
        ("{{ " + String(repeating: "a[", count: 5000), "nested deeper"),
        ("{{ " + String(repeating: "f(", count: 5000), "nested deeper"),
        ("{{ " + String(repeating: "a is b(", count: 5000), "nested deeper"),
        (String(repeating: "{% if 1 %}", count: 5000), "nested deeper"),
        (String(repeating: "{% for a in b %}", count: 5000), "nested deeper"),
        ("{{ 1" + String(repeating: " + 1", count: 5000) + " }}", "in a row"),
        ("{{ 1" + String(repeating: " or 1", count: 5000) + " }}", "in a row"),
        ("{{ a" + String(repeating: ".b", count: 5000) + " }}", "in a row"),
        ("{{ a" + String(repeating: "|e", count: 5000) + " }}", "in a row"),
        ("{{ a" + String(repeating: " if b", count: 5000) + " }}", "in a row"),
    ])
    func depth(_ source: String, _ message: String) throws {
        let error = try #require(Data.error(source))
        #expect(error.kind == "TemplateSyntaxError")
        #expect(error.message.contains(message), "\(error)")
    }

    /// Macros and loops that call themselves, values that hold themselves or thousands of others; on a stack smaller than threads have.
    @Test(arguments: [
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{% for a in [1] %}{% if a %}{% set x %}{{ [[m()]] }}{% endset %}{% endif %}{% endfor %}{% endmacro %}{{ m() }}",
        "{% macro m() %}{% call m() %}{{ m() }}{% endcall %}{{ caller() }}{% endmacro %}{% call m() %}{% endcall %}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
        many("[h.a]"), many("(h.a,)"), many("{1: h.a}"), many("h.a|map('string')"), many("h.a|batch(1)"),
        many("{1: h.a}.items()"), many("[h.a].copy"), many("cycler(h.a).next"), many("joiner([h.a])"),
        "{% set h = namespace(a=1) %}{% for i in range(5000) %}{% for j in [h.a] %}{% set h.a = loop %}{% endfor %}{% endfor %}",
        "{% macro m(a, n) %}{{ m([a], n) }}{% endmacro %}{{ m(1, 2) }}",
    ])
    func recursion(_ source: String) async throws {
        let error = await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: Data.error(source)) }
            thread.stackSize = 4 << 20
            thread.start()
        }
        #expect(error?.kind == "RecursionError", "\(String(describing: error))")
    }

    /// A template that puts what it has into something else, again and again.
    private static func many(_ value: String) -> String {
        "{% set h = namespace(a=[1]) %}{% for i in range(5000) %}{% set h.a = \(value) %}{% endfor %}"
    }

    /// Namespaces and macros that hold the one before are freed one by one.
    @Test(arguments: [
        "{% set h = namespace(a=1) %}{% for i in range(99999) %}{% set h.a = namespace(a=h.a) %}{% endfor %}ok",
        "{% set h = namespace(a=1) %}{% macro f() %}{% set p = h.a %}{% macro m() %}{{ p }}{% endmacro %}{% set h.a = m %}{% endmacro %}{% for i in range(99999) %}{{ f() }}{% endfor %}ok",
        "{% set h = namespace(a=1) %}{% macro f() %}{% set p = h.a %}{% for x in [1] recursive %}{% set h.a = loop %}{% endfor %}{% endmacro %}{% for i in range(99999) %}{{ f() }}{% endfor %}ok",
    ])
    func chains(_ source: String) throws {
        #expect(try Data.render(source) == "ok")
    }

    /// What would take long, or much memory.
    @Test(arguments: [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(a='x') %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
        "{% set ns = namespace(a='x') %}{% for i in range(99) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
        "{% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
        "{% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}",
        "{% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a|tojson }}",
        "{% set ns = namespace(a='x') %}{% for i in range(99) %}{% set ns.a = ns.a|replace('x', 'xx') %}{% endfor %}",
        "{% set ns = namespace(a='x') %}{% for i in range(99) %}{% set ns.a = ns.a|replace('', 'xx') %}{% endfor %}",
        "{% set ns = namespace(a='xx') %}{% for i in range(99) %}{% set ns.a = ns.a.join(ns.a) %}{% endfor %}",
        "{{ 'x' * 9999999999 }}", "{{ [1] * 9999999999 }}", "{{ 'x'.center(9999999999) }}",
        "{{ 'x'|center(9999999999) }}",
        "{{ '%9999999999d' % 1 }}", "{{ '{:9999999999}'.format(1) }}", "{{ 'a\\nb'|indent(9999999999) }}",
        "{{ 'x'.zfill(9999999999) }}", "{{ '\\t'.expandtabs(9999999999) * 99 }}", "{{ [1]|batch(9999999999, 1)|list }}",
        "{{ [1]|slice(9999999999)|list }}", "{{ [1]|tojson(indent=9999999999) }}", "{{ '%.9999999999f' % 1 }}",
        "{% set ns = namespace(a=[[[[[[1]]]]]]) %}{{ (ns.a * 999)|tojson(indent=99999) }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
        "{% set a = 'ab' * 500000 %}{% for i in range(99999) %}{% if ('a' * 30) in a %}{% endif %}{% endfor %}",
        "{% set a = 'ab' * 500000 %}{% for i in range(99999) %}{{ a.count('c') }}{{ a.upper()|length }}{% endfor %}",
        "{% set a = ['a'] * 99999 %}{% for i in range(99999) %}{{ a|sort|length }}{{ a|join|length }}{% endfor %}",
    ])
    func sizes(_ source: String) throws {
        var options = Data.options
        options.maxSteps = 1_000_000
        let error = try #require(Data.error(source, [:], options))
        #expect(["TemplateRuntimeError", "ValueError"].contains(error.kind), "\(error)")
    }

    /// Integers beyond 64 bits, which Python would hold, are refused; nothing traps.
    @Test(arguments: [
        "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ 9223372036854775807 * 2 }}",
        "{{ 10 ** 30 }}",
        "{{ -(-9223372036854775807 - 1) }}", "{{ (-9223372036854775807 - 1)|abs }}",
        "{{ (-9223372036854775807 - 1) // -1 }}",
        "{{ 1e300|int }}", "{{ ('9' * 30) | int }}", "{{ [9223372036854775807, 1]|sum }}",
        "{{ 1e300|round(0, 'ceil') }}",
    ])
    func integers(_ source: String) {
        #expect(Data.error(source)?.kind == "OverflowError")
    }

    /// Numbers at which arithmetic breaks, in each place that takes one.
    @Test func awkwardNumbers() {
        let numbers = [
            "9223372036854775807", "(-9223372036854775807 - 1)", "-1", "0", "1e308", "-1e308", "(1e308 * 10)", "true",
        ]
        let places = [
            "'abc'[#]", "'abc'[#:]", "'abc'[:#]", "'abc'[::#]", "[1,2][#:#:#]", "range(#)|length",
            "range(#, #, #)|length",
            "range(3)[#:#:#]|list", "range(3)[#]", "'a' * #", "[1] * #", "'a'|center(#)", "'a b'|wordwrap(#)",
            "'a'|indent(#)", "'abcdefgh'|truncate(#)",
            "'abcdefgh'|truncate(3, false, '', #)", "1.5|round(#)", "15|round(#)", "1.5|round(#, 'floor')",
            "#|round(#)", "'a'.split('b', #)",
            "'a b'.rsplit(none, #)", "'aa'.replace('a', 'b', #)", "'aa'|replace('a', 'b', #)", "'a'.find('a', #, #)",
            "'a'.count('a', #, #)", "'a'.startswith('a', #)",
            "'a\\t'.expandtabs(#)", "'a'.zfill(#)", "[1]|batch(#)|list", "[1]|slice(#)|list", "'7'|int(0, #)",
            "#|filesizeformat", "# ** #", "# // #", "# % #",
            "# * #", "# - #", "# / #", "# + #", "[#, #]|sum", "#|int", "#|float", "#|abs", "-#", "# == #", "# < #",
            "{#: 1}", "'%d' % #", "'%c' % #", "'%x' % #", "'%.3f' % #", "'%*d' % (#, 1)",
            "'{:d}'.format(#)", "'{:c}'.format(#)", "'{:,.2f}'.format(#)", "#|tojson", "[1]|tojson(indent=#)",
            "[1, 2].index(1, #, #)", "# is divisibleby #", "# is odd", "loop.cycle(#)", "range(5)|first == #",
        ]
        for place in places {
            for number in numbers { _ = Data.error("{{ \(place.replacingOccurrences(of: "#", with: number)) }}") }
        }
    }

    /// A step, and the text, count for something.
    @Test func options() throws {
        var options = Data.options
        options.maxSteps = 100
        #expect(
            Data.error("{% for a in range(200) %}x{% endfor %}", [:], options)?.message.contains("100 steps") == true)
        options = Data.options
        options.maxLength = 10
        #expect(Data.error("{{ 'x' * 9 }}", [:], options) == nil)
        #expect(Data.error("{{ 'x' * 9 }}yy", [:], options)?.message.contains("at most 10") == true)
    }

    /// Bytes of templates changed at random are read and rendered, or refused: nothing else.
    @Test func mutations() throws {
        var dice = Dice(state: 7)
        let json = try Data.goldens()
        let variables = try #require(json["variables"]?.object)
        let sources = try #require(json["cases"]?.array).compactMap { $0["template"]?.string }
        let pieces = [
            "{{", "}}", "{%", "%}", "-%}", "{#", "#}", "(", ")", "[", "]", "|", ".", "'", "\"", "\\", "é", "\n", " ",
            "1", "a", "if", "else", "in", "not", "is", ":", ",", "**", "*", "endfor", "loop",
        ]
        var options = Data.options
        (options.maxSteps, options.maxLength) = (20000, 100_000)
        for _ in 0..<3000 {
            var scalars = Array(sources[dice.below(sources.count)].unicodeScalars)
            for _ in 0...dice.below(4) where !scalars.isEmpty {
                let place = dice.below(scalars.count)
                switch dice.below(4) {
                case 0: scalars.remove(at: place)
                case 1: scalars.insert(contentsOf: pieces[dice.below(pieces.count)].unicodeScalars, at: place)
                case 2: scalars.removeSubrange(place..<min(scalars.count, place + dice.below(12)))
                default:
                    let other = Array(sources[dice.below(sources.count)].unicodeScalars)
                    scalars.insert(contentsOf: other.prefix(dice.below(40)), at: place)
                }
            }
            var source = ""
            source.unicodeScalars.append(contentsOf: scalars)
            _ = Data.error(source, variables, options)
        }
    }
}

/// Numbers at random (splitmix64).
private struct Dice {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(max(1, bound)))
    }
}
