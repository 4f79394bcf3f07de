import Formats
import Templates
import Testing

/// What a template is given and gives, beyond what the goldens show.
@Suite struct ChatTemplateTests {
    /// An error names the template and the line, in one line.
    @Test func errors() throws {
        let template = try ChatTemplate(
            source: "a\n{% if t %}\n{{ raise_exception('no\nsystem') }}{% endif %}", name: "phi/chat")
        #expect(throws: TemplateError.self) { try template.render(["t": .bool(true)]) }
        do { _ = try template.render(["t": .bool(true)]) } catch {
            #expect("\(error)" == "phi/chat:3: TemplateError: no\\u{a}system")
        }
        let error = Data.error("\n{% macro m() %}\n\n{{ x.y }}{% endmacro %}{{ m() }}")
        #expect(error?.description == "chat template:4: UndefinedError: 'x' is undefined")
        #expect(Data.error("a\n{% endif %}")?.line == 2)
        #expect(Data.error("{% include 'x' %}")?.message.contains("'include'") == true)
        #expect(Data.error("{% extends 'x' %}")?.message.contains("'extends'") == true)
        #expect(Data.error("{% from 'x' import y %}")?.message.contains("'from'") == true)
    }

    /// A template is read once and rendered by many: nothing of one rendering is seen by another.
    @Test func renderings() async throws {
        let template = try ChatTemplate(
            source:
                "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m %}{% endfor %}{{ ns.n }}")
        await withTaskGroup(of: String?.self) { group in
            for count in 1...8 {
                group.addTask {
                    let messages = JSON.array((0..<count).map { .integer($0) })
                    let text = try? template.render(["messages": messages]).text
                    return text == "\(count * (count - 1) / 2)" ? nil : "\(count): \(text ?? "an error")"
                }
            }
            for await failure in group { #expect(failure == nil) }
        }
    }

    /// Equal texts are equal code point by code point: a composed letter is not its parts.
    @Test func codePoints() throws {
        #expect(
            try Data.render("{{ a == b }}{{ a|length }}{{ b|length }}", ["a": "\u{E9}", "b": "e\u{301}"]) == "False12")
        #expect(try Data.render("{{ d['\u{E9}'] is defined }}", ["d": .object(["e\u{301}": .null])]) == "False")
        #expect(try Data.render("{{ a|length }}{{ a[0] }}", ["a": "👩‍💻"]) == "3👩")
    }

    /// Bytes of the text that generation blocks made.
    @Test func generated() throws {
        let template = try ChatTemplate(
            source: "é{% generation %}ü{{ x }}{% endgeneration %}|{% generation %}{% endgeneration %}")
        let rendered = try template.render(["x": "😀"])
        #expect(rendered.text == "éü😀|")
        #expect(rendered.generated == [2..<8, 9..<9])
    }

    /// The time comes from the caller; the days of weeks and years are those of the calendar.
    @Test(arguments: [
        (LocalTime(year: 2024, month: 12, day: 30), "Monday 365 01 2025 52"),
        (LocalTime(year: 2021, month: 1, day: 3), "Sunday 003 53 2020 01"),
        (LocalTime(year: 2000, month: 2, day: 29), "Tuesday 060 09 2000 09"),
        (LocalTime(year: 1969, month: 7, day: 20), "Sunday 201 29 1969 29"),
    ])
    func clock(_ time: LocalTime, _ expected: String) throws {
        var options = ChatTemplate.Options()
        options.now = { time }
        let template = try ChatTemplate(source: "{{ strftime_now('%A %j %V %G %U') }}")
        #expect(try template.render([:], options: options).text == expected)
    }

    @Test func now() throws {
        let year = try Data.render("{{ strftime_now('%Y') }}")
        #expect(year == "2024")
        #expect(try ChatTemplate(source: "{{ strftime_now('%Y') }}").render([:]).text >= "2025")
    }
}
