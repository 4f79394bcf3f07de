import Formats
import Templates
import Testing

/// Small templates of every kind give what jinja2 gives in transformers' environment, errors included.
@Suite struct GoldenTests {
    @Test func goldens() throws {
        let json = try Data.goldens()
        let variables = try #require(json["variables"]?.object)
        let cases = try #require(json["cases"]?.array)
        #expect(cases.count >= 369)
        for golden in cases { try check(golden, variables) }
    }

    private func check(_ golden: JSON, _ variables: JSONObject) throws {
        let source = try #require(golden["template"]?.string)
        do {
            let rendered = try ChatTemplate(source: source).render(variables, options: Data.options)
            let expected = try #require(golden["text"]?.string, "\(source): expected an error, got \(rendered.text)")
            #expect(rendered.text.scalarValues == expected.scalarValues, "\(source): got \(rendered.text)")
            let spans = golden["generated"]?.array?.compactMap { $0.array?.compactMap(\.int) } ?? []
            #expect(rendered.generated == spans.map { bytes($0, of: expected) }, "\(source)")
        } catch let error as TemplateError {
            let expected = try #require(golden["error"]?.array, "\(source): \(error)")
            #expect(error.kind == expected[0].string, "\(source): \(error)")
            // Of what reads another template the message says more here.
            let message = try #require(expected[1].string)
            let isSame = message.hasPrefix("no loader") ? error.message.hasPrefix(message) : error.message == message
            #expect(isSame, "\(source): \(error)")
            if let line = expected[2].int, error.kind.hasPrefix("Template") { #expect(error.line == line, "\(source)") }
        }
    }

    /// A range of code points as one of bytes.
    private func bytes(_ span: [Int], of text: String) -> Range<Int> {
        let widths = text.unicodeScalars.map { UTF8.width($0) }
        let count = { (end: Int) in widths.prefix(end).reduce(0, +) }
        return count(span[0])..<count(span[1])
    }
}

/// Real templates of many models, which lie in the folder `shared` beside the repository.
@Suite(.enabled(if: Data.hasShared, "the folder 'shared' is not beside the repository"))
struct SharedTests {
    @Test func renders() throws {
        let json = try Data.renders()
        let templates = try #require(json["templates"]?.object)
        #expect(templates.count == 89)
        var count = 0
        for (name, entry) in templates {
            let template = try ChatTemplate(source: try #require(entry["template"]?.string), name: name)
            for (key, expected) in try #require(entry["cases"]?.object) {
                var variables = entry["special"]?.object ?? [:]
                let parts = key.split(separator: "|").map(String.init)
                variables["messages"] = json["conversations"]?[parts[0]]
                variables["add_generation_prompt"] = .bool(parts[1] == "gen=True")
                do {
                    let text = try template.render(variables, options: Data.options).text
                    #expect(text.scalarValues == expected["text"]?.string?.scalarValues, "\(name) \(key)")
                } catch let error as TemplateError {
                    #expect("\(error.kind): \(error.message)" == expected["error"]?.string, "\(name) \(key)")
                }
                count += 1
            }
        }
        #expect(count == 534)
    }
}
