/// The filters of jinja2 3.1 (filters.py), with transformers' `tojson`.
enum Filters {
    /// All of them by name.
    static let all: [String: Filter] = {
        var all = texts
        for group in [numbers, sequences, selections, markup] { all.merge(group) { $1 } }
        let aliases = [
            "count": "length", "d": "default", "e": "escape",
        ]
        for (alias, name) in aliases { all[alias] = all[name] }
        return all
    }()

    /// Filters that exist in the reference, and make no sense or no difference here.
    static func refused(_ name: String, _ reason: String) -> Filter {
        Filter(name, any: { _, _ in throw TemplateError.runtime("the filter '\(name)' is not supported: \(reason)") })
    }

    // MARK: what several of them need

    /// `ignore_case`: texts in lower case.
    static func ignoringCase(_ value: Value) -> Value {
        if case .text(let text) = value { return .text(text.lowercased) }
        return value
    }

    /// What `attribute` of a filter finds in a value: names with points between them.
    struct Path {
        private let parts: [Value]

        init(_ attribute: Value?) {
            switch attribute ?? .none {
            case .none: parts = []
            case .text(let text):
                parts = text.split(".", limit: nil).map { part in
                    let isNumber = !part.isEmpty && part.scalars.allSatisfy(\.isDigit)
                    return isNumber ? Int(part.string).map(Value.integer) ?? .text(part) : .text(part)
                }
            case let other: parts = [other]
            }
        }

        func value(in value: Value, or other: Value? = nil, _ rendering: Rendering) throws -> Value {
            var value = value
            for part in parts {
                value = try rendering.item(of: value, part)
                if let other, !other.isNone, value.isUndefined { value = other }
            }
            return value
        }
    }

    /// Sorted by what `key` gives, stable.
    static func sorted(
        _ values: [Value], isReversed: Bool, _ rendering: Rendering, by key: (Value) throws -> Value
    ) throws -> [Value] {
        try rendering.expect(values: values.count)
        let pairs = try values.map { (key: try key($0), value: $0) }
        // The reference keeps the order of equal elements when it sorts from the last to the first, too.
        let sorted =
            isReversed
            ? Array(try pairs.reversed().sorted { try rendering.isOrdered($0.key, $1.key) }.reversed())
            : try pairs.sorted { try rendering.isOrdered($0.key, $1.key) }
        return sorted.map(\.value)
    }
}
