/// Filters of what is to be read as HTML.
extension Filters {
    static let markup: [String: Filter] = [
        "safe": Filter("do_mark_safe", "value") { .text(Text(try $0.text(of: $1.value(0)).scalars, isMarkup: true)) },
        "escape": Filter("escape", "s") { .text(try $0.text(of: $1.value(0)).escaped) },
        "forceescape": Filter("do_forceescape", "value") {
            .text(Text(try $0.text(of: $1.value(0)).scalars).escaped)
        },
        "striptags": Filter("do_striptags", "value") { .text(try $0.text(of: $1.value(0)).withoutTags) },
        "urlencode": Filter("do_urlencode", "value") { rendering, values in
            let value = values.value(0)
            if value.text != nil || (try? rendering.elements(of: value)) == nil {
                return .text(try rendering.text(of: value).percentEncoded(keepingSlashes: true))
            }
            var pairs = try rendering.list(of: value)
            if case .dict(let dict) = value { pairs = dict.entries.map { .tuple([$0.key, $0.value]) } }
            let parts = try pairs.map { pair in
                let members = try rendering.list(of: pair)
                guard members.count == 2 else {
                    throw TemplateError.value(
                        members.count > 2
                            ? "too many values to unpack (expected 2)"
                            : "not enough values to unpack (expected 2, got \(members.count))")
                }
                let texts = try members.map { try rendering.text(of: $0).percentEncoded(keepingSlashes: false) }
                return Text(texts[0].scalars + ["="] + texts[1].scalars)
            }
            return .text(try rendering.joining(parts, with: "&"))
        },
        "xmlattr": Filter("do_xmlattr", "d autospace?", hidden: 1) { rendering, values in
            guard case .dict(let dict) = values.value(0) else { throw noText(values.value(0), "items") }
            var parts: [Text] = []
            for (key, value) in dict.entries where !value.isNone && !value.isUndefined {
                guard let name = key.text else {
                    throw TemplateError.type("expected string or bytes-like object, got '\(key.typeName)'")
                }
                if name.scalars.contains(where: {
                    ($0.isASCII && $0.isSpace && $0.value < 28) || "/>= ".unicodeScalars.contains($0)
                }) {
                    throw TemplateError.value("Invalid character in attribute name: \(name.represented)")
                }
                let text = try rendering.text(of: value).escaped
                parts.append(Text(name.escaped.scalars + "=\"".unicodeScalars + text.scalars + ["\""]))
            }
            let text = try rendering.joining(parts, with: " ")
            let hasSpace = !parts.isEmpty && values[1]?.isTrue ?? true
            return .text(Text((hasSpace ? [" "] : []) + text.scalars))
        },
        "urlize": refused("urlize", "it makes links of HTML"),
    ]
}
