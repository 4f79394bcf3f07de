/// Filters of texts.
extension Filters {
    static let texts: [String: Filter] = [
        "capitalize": Filter("do_capitalize", "s") { .text(try $0.text(of: $1.value(0)).capitalized) },
        "lower": Filter("do_lower", "s") { .text(try $0.text(of: $1.value(0)).lowercased) },
        "upper": Filter("do_upper", "s") { .text(try $0.text(of: $1.value(0)).uppercased) },
        "string": Filter("soft_str", "object") { .text(try $0.text(of: $1.value(0))) },
        "title": Filter("do_title", "s") { .text(title(try $0.text(of: $1.value(0)))) },
        "trim": Filter("do_trim", "value chars?") { rendering, values in
            let chars = values.value(1)
            guard chars.isNone || chars.text != nil else { throw TemplateError.type("strip arg must be None or str") }
            let text = try rendering.text(of: values.value(0))
            try rendering.expect(characters: text.count)
            try rendering.spend((chars.text?.count ?? 0) * text.count >> 5)
            return .text(text.stripped(chars.text))
        },
        "replace": Filter("do_replace", "s old new count?", hidden: 1) { rendering, values in
            let texts = try (0..<3).map { try rendering.text(of: values.value($0)) }
            let count = values.value(3).isNone ? -1 : try values.integer(3, or: -1)
            let text = try rendering.replacing(
                texts[1], with: texts[2], in: texts[0], limit: count < 0 ? nil : count)
            return .text(Text(text.scalars))
        },
        "center": Filter("do_center", "value width?") { rendering, values in
            let (text, width) = (try rendering.text(of: values.value(0)), try values.integer(1, or: 80))
            try rendering.expect(characters: max(width, text.count))
            return .text(text.padded(to: width, with: " ") { $0 / 2 + ($0 & width & 1) })
        },
        "indent": Filter("do_indent", "s width? first? blank?", indent),
        "truncate": Filter("do_truncate", "s length? killwords? end? leeway?", hidden: 1, truncate),
        "wordcount": Filter("do_wordcount", "s") { rendering, values in
            let text = try rendering.text(of: values.value(0))
            var (count, wasWord) = (0, false)
            for scalar in text.scalars {
                let isWord = scalar.isAlphanumeric || scalar == "_"
                if isWord, !wasWord { count += 1 }
                wasWord = isWord
            }
            return .integer(count)
        },
        "wordwrap": Filter("do_wordwrap", "s width? break_long_words? wrapstring? break_on_hyphens?", hidden: 1) {
            rendering, values in
            guard let text = values.value(0).text else { throw noText(values.value(0), "splitlines") }
            let end = values.value(3).text ?? "\n"
            let wrapped = try TextWrapper(
                width: values.integer(1, or: 79), breaksWords: values[2]?.isTrue ?? true,
                breaksHyphens: values[4]?.isTrue ?? true)
            let lines = try text.lines().map { try rendering.joining(wrapped.lines($0), with: end) }
            return .text(try rendering.joining(lines, with: end))
        },
        "format": Filter(
            "do_format",
            any: { rendering, arguments in
                let format = try rendering.text(of: arguments.positional.first ?? .none)
                let rest = Array(arguments.positional.dropFirst())
                guard !arguments.named.isEmpty else {
                    return .text(try rendering.formatted(format, with: .tuple(rest)))
                }
                guard rest.isEmpty else {
                    throw TemplateError(
                        "FilterArgumentError", "can't handle positional and keyword arguments at the same time")
                }
                let names = try Dict(arguments.named.map { (.string($0.name), $0.value) })
                return .text(try rendering.formatted(format, with: .dict(names)))
            }),
        "tojson": Filter(
            "_cached_compile_jinja_template.<locals>.tojson", "x ensure_ascii? indent? separators? sort_keys?", json),
        "pprint": Filter("do_pprint", "value") { rendering, values in
            .text(Text(try PrettyPrinter(rendering).text(of: values.value(0))))
        },
    ]

    static func noText(_ value: Value, _ method: String) -> TemplateError {
        if case .undefined(let undefined) = value { return undefined.error }
        return TemplateError("AttributeError", "'\(value.typeName)' object has no attribute '\(method)'")
    }

    /// Each word's first character in upper case, the others in lower case; words begin after space, `-` and brackets.
    private static func title(_ text: Text) -> Text {
        var result: [Unicode.Scalar] = []
        var word: [Unicode.Scalar] = []
        func flush() {
            if let first = word.first {
                result += Text([first]).uppercased.scalars + Text(word[1...]).lowercased.scalars
            }
            word = []
        }
        for scalar in text.scalars {
            if scalar.isSpace || "-({[<".unicodeScalars.contains(scalar) {
                flush()
                result.append(scalar)
            } else {
                word.append(scalar)
            }
        }
        flush()
        return Text(result, isMarkup: false)
    }

    private static func indent(_ rendering: Rendering, _ values: [Value?]) throws -> Value {
        guard case .text(let given) = values.value(0) else {
            let value = values.value(0)
            if case .undefined(let undefined) = value { throw undefined.error }
            switch value {
            case .list: throw noText(value, "splitlines")
            case .tuple: throw TemplateError.type("can only concatenate tuple (not \"str\") to tuple")
            default:
                throw TemplateError.type("unsupported operand type(s) for +=: '\(value.typeName)' and 'str'")
            }
        }
        let indention: Text
        if let text = values[1]?.text {
            indention = text
        } else {
            let width = try values.integer(1, or: 4)
            try rendering.expect(characters: max(0, width))
            indention = Text(Array(repeating: " ", count: max(0, width)))
        }
        var lines = Text(given.scalars + ["\n"]).lines()
        let (total, overflow) = indention.count.multipliedReportingOverflow(by: lines.count + 1)
        try rendering.expect(characters: overflow ? Int.max : total + given.count)
        let blank = values.flag(3)
        for index in lines.indices.dropFirst() where blank || !lines[index].isEmpty {
            lines[index].scalars = indention.scalars + lines[index].scalars
        }
        var result = Array(lines.map(\.scalars).joined(separator: ["\n"]))
        if values.flag(2) { result = indention.scalars + result }
        return .text(Text(result, isMarkup: given.isMarkup))
    }

    private static func truncate(_ rendering: Rendering, _ values: [Value?]) throws -> Value {
        let (length, end) = (try values.integer(1, or: 255), values[3]?.text ?? "...")
        let leeway = values.value(4).isNone ? 5 : try values.integer(4, or: 5)
        guard length >= end.count else {
            throw TemplateError("AssertionError", "expected length >= \(end.count), got \(length)")
        }
        guard leeway >= 0 else { throw TemplateError("AssertionError", "expected leeway >= 0, got \(leeway)") }
        let value = values.value(0)
        guard case .text(let text) = value else {
            let count = try rendering.length(of: value)
            if count <= length { return value }
            throw noText(value, "rsplit")
        }
        let (most, overflow) = length.addingReportingOverflow(leeway)
        guard !overflow, text.count > most else { return value }
        let cut = Text(text.scalars[..<(length - end.count)])
        if values.flag(2) { return .text(Text(cut.scalars + end.scalars)) }
        let words = cut.splitFromRight(" ", limit: 1)
        return .text(Text((words.first?.scalars ?? []) + end.scalars))
    }

    private static func json(_ rendering: Rendering, _ values: [Value?]) throws -> Value {
        var json = JSONText(rendering)
        json.isASCII = values.flag(1)
        json.sortsKeys = values.flag(4)
        switch values.value(2) {
        case .none: break
        case .text(let text): json.indent = text
        case let value:
            let width = try values.integer(2, or: 0)
            guard value.integer != nil else { break }
            try rendering.expect(characters: max(0, width))
            json.indent = Text(Array(repeating: " ", count: max(0, width)))
        }
        if json.indent != nil { json.comma = "," }
        if let separators = values[3], !separators.isNone {
            let pair = try rendering.list(of: separators)
            guard pair.count == 2 else {
                throw TemplateError.value(
                    pair.count > 2
                        ? "too many values to unpack (expected 2)"
                        : "not enough values to unpack (expected 2, got \(pair.count))")
            }
            (json.comma, json.colon) = (try rendering.text(of: pair[0]), try rendering.text(of: pair[1]))
        }
        return .text(try json.text(of: values.value(0)))
    }
}
