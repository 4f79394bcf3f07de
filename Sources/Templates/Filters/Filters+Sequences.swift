/// Filters of lists and dictionaries.
extension Filters {
    private static func hint(_ text: String) -> Value { .undefined(Undefined(reason: .hint(text))) }

    static let sequences: [String: Filter] = [
        "length": Filter("len", "obj") { .integer(try $0.length(of: $1.value(0))) },
        "list": Filter("sync_do_list", "value") { .list(try $0.list(of: $1.value(0))) },
        "first": Filter("sync_do_first", "seq", hidden: 1) { rendering, values in
            try rendering.elements(of: values.value(0)).next() ?? hint("No first item, sequence was empty.")
        },
        "last": Filter("do_last", "seq", hidden: 1) { rendering, values in
            try reversed(values.value(0), rendering).values.first ?? hint("No last item, sequence was empty.")
        },
        "reverse": Filter("do_reverse", "value") { rendering, values in
            if case .text(let text) = values.value(0) {
                return .text(Text(text.scalars.reversed(), isMarkup: text.isMarkup))
            }
            guard let (reversed, name) = try? reversed(values.value(0), rendering) else {
                guard let list = try? rendering.list(of: values.value(0)) else {
                    throw TemplateError("FilterArgumentError", "argument must be iterable")
                }
                return .list(list.reversed())
            }
            return .object(Iterator(Elements(reversed), typeName: name, depth: values.depth))
        },
        "join": Filter("sync_do_join", "value d? attribute?", hidden: 1) { rendering, values in
            let path = Path(values[2])
            let separator = try rendering.text(of: values[1] ?? "")
            var texts: [Text] = []
            for value in try rendering.list(of: values.value(0)) {
                texts.append(try rendering.text(of: try path.value(in: value, rendering)))
            }
            return .text(Text(try rendering.joining(texts, with: separator).scalars))
        },
        "items": Filter("do_items", "value") { _, values in
            switch values.value(0) {
            case .undefined: .object(Iterator(Elements([]), depth: 0))
            case .dict(let dict):
                .object(
                    Iterator(Elements(dict.entries.lazy.map { .tuple([$0.key, $0.value]) }), depth: dict.depth + 1))
            default:
                .object(
                    Iterator(
                        Elements { throw TemplateError.type("Can only get item pairs from a mapping.") }, depth: 0))
            }
        },
        "dictsort": Filter("do_dictsort", "value case_sensitive? by? reverse?") { rendering, values in
            let by = values[2]?.text?.string ?? (values[2] == nil ? "key" : "")
            guard by == "key" || by == "value" else {
                throw TemplateError("FilterArgumentError", "You can only sort by either \"key\" or \"value\"")
            }
            guard case .dict(let dict) = values.value(0) else { throw noText(values.value(0), "items") }
            let pairs = dict.entries.map { Value.tuple([$0.key, $0.value]) }
            return .list(
                try sorted(pairs, isReversed: values.flag(3), rendering) { pair in
                    let part = try rendering.item(of: pair, .integer(by == "key" ? 0 : 1))
                    return values.flag(1) ? part : ignoringCase(part)
                })
        },
        "sort": Filter("do_sort", "value reverse? case_sensitive? attribute?", hidden: 1) { rendering, values in
            let attributes =
                values[3]?.text.map { $0.split(",", limit: nil).map { Path(.text($0)) } } ?? [Path(values[3])]
            return .list(
                try sorted(try rendering.list(of: values.value(0)), isReversed: values.flag(1), rendering) { value in
                    .list(
                        try attributes.map { path in
                            let part = try path.value(in: value, rendering)
                            return values.flag(2) ? part : ignoringCase(part)
                        })
                })
        },
        "unique": Filter("sync_do_unique", "value case_sensitive? attribute?", hidden: 1) { rendering, values in
            let (path, isExact) = (Path(values[2]), values.flag(1))
            let elements = try lazily(values.value(0), rendering)
            var seen: Set<Key> = []
            return .object(
                Iterator(
                    Elements {
                        while let value = try elements().next() {
                            try rendering.spend()
                            let part = try path.value(in: value, rendering)
                            if seen.insert(try Key(isExact ? part : ignoringCase(part))).inserted { return value }
                        }
                        return nil
                    }, depth: values.depth))
        },
        "min": Filter("do_min", "value case_sensitive? attribute?", hidden: 1) {
            try extreme($0, $1) { try $0.isOrdered($2, $1) }
        },
        "max": Filter("do_max", "value case_sensitive? attribute?", hidden: 1) {
            try extreme($0, $1) { try $0.isOrdered($1, $2) }
        },
        "batch": Filter("do_batch", "value linecount fill_with?") { rendering, values in
            let elements = try lazily(values.value(0), rendering)
            let size = try values.integer(1, or: 1)
            var isOver = false
            var pending: [Value] = []
            return .object(
                Iterator(
                    Elements {
                        while !isOver {
                            guard let value = try elements().next() else {
                                isOver = true
                                guard !pending.isEmpty else { return nil }
                                let missing = max(0, size) - pending.count
                                guard missing > 0, let fill = values[2], !fill.isNone else { return .list(pending) }
                                try rendering.expect(values: missing)
                                return .list(pending + Array(repeating: fill, count: missing))
                            }
                            try rendering.spend()
                            defer { pending.append(value) }
                            if pending.count == size {
                                defer { pending = [] }
                                return .list(pending)
                            }
                        }
                        return nil
                    }, depth: values.depth))
        },
        "slice": Filter("sync_do_slice", "value slices fill_with?") { rendering, values in
            var parts: Elements?
            return .object(
                Iterator(
                    Elements {
                        let ready = try parts ?? Elements(slices(values, rendering))
                        parts = ready
                        return try ready.next()
                    }, depth: values.depth))
        },
        "groupby": Filter("sync_do_groupby", "value attribute default? case_sensitive?", hidden: 1) {
            rendering, values in
            let path = Path(values.value(1))
            func key(_ value: Value) throws -> Value { try path.value(in: value, or: values[2], rendering) }
            func folded(_ value: Value) throws -> Value { values.flag(3) ? value : ignoringCase(value) }
            let list = try sorted(try rendering.list(of: values.value(0)), isReversed: false, rendering) {
                try folded(key($0))
            }
            var groups: [(key: Value, values: [Value])] = []
            for value in list {
                let found = try key(value)
                if let last = groups.last, try rendering.isEqual(try folded(last.key), try folded(found)) {
                    groups[groups.count - 1].values.append(value)
                } else {
                    groups.append((found, [value]))
                }
            }
            return .list(
                groups.map { .tuple(List([$0.key, .list($0.values)], names: ["grouper", "list"])) })
        },
        "default": Filter("do_default", "value default_value? boolean?") { _, values in
            let value = values.value(0)
            return value.isUndefined || (values.flag(2) && !value.isTrue) ? values[1] ?? "" : value
        },
        "attr": Filter("do_attr", "obj name", hidden: 1) { rendering, values in
            guard let name = values.value(1).text?.string else {
                throw TemplateError.type("attribute name must be string, not '\(values.value(1).typeName)'")
            }
            let value = values.value(0)
            guard case .dict(let dict) = value, dict.value(of: Text(name)) != nil else {
                return try rendering.attribute(name, of: value)
            }
            // An attribute is no member of a dictionary.
            let methods = try rendering.attribute(name, of: .dict(try Dict([])))
            return methods.isUndefined
                ? .undefined(Undefined(reason: .attribute(of: value.described, name)))
                : try rendering.attribute(name, of: value)
        },
    ]

    /// A list cut into a number of parts, the first of them one longer where they cannot be equal.
    private static func slices(_ values: [Value?], _ rendering: Rendering) throws -> [Value] {
        let list = try rendering.list(of: values.value(0))
        let slices = try values.integer(1, or: 1)
        guard slices != 0 else { throw TemplateError("ZeroDivisionError", "integer division or modulo by zero") }
        try rendering.expect(values: max(0, slices))
        guard slices > 0 else { return [] }
        let (size, extra) = list.count.quotientAndRemainder(dividingBy: slices)
        var start = 0
        return (0..<slices).map { index in
            let end = start + size + (index < extra ? 1 : 0)
            defer { start = end }
            let fill = values.value(2).isNone || index < extra ? [] : [values.value(2)]
            return .list(list[start..<end] + fill)
        }
    }

    /// The elements of a value, asked for at the first use: what is wrong with it is said then, as by a generator.
    static func lazily(_ value: Value, _ rendering: Rendering) throws -> () throws -> Elements {
        var elements: Elements?
        return {
            if let elements { return elements }
            let made = try rendering.elements(of: value)
            elements = made
            return made
        }
    }

    /// The elements from the last to the first, and what Python calls the iterator over them.
    private static func reversed(_ value: Value, _ rendering: Rendering) throws -> (values: [Value], name: String) {
        switch value {
        case .list(let list): return (list.items.reversed(), "list_reverseiterator")
        case .tuple(let list): return (list.items.reversed(), "reversed")
        case .text: return (try rendering.list(of: value).reversed(), "reversed")
        case .dict(let dict): return (dict.keys.reversed(), "dict_reversekeyiterator")
        case .object(let range as IntegerRange): return (range.values.reversed().map { .integer($0) }, "range_iterator")
        case .object(let view as DictView):
            return (view.list.reversed(), "dict_reverse\(view.typeName.dropFirst(5).dropLast())iterator")
        case .undefined(let undefined): throw undefined.error
        default: throw TemplateError.type("'\(value.typeName)' object is not reversible")
        }
    }

    private static func extreme(
        _ rendering: Rendering, _ values: [Value?], _ isBetter: (Rendering, Value, Value) throws -> Bool
    ) throws -> Value {
        let path = Path(values[2])
        func key(_ value: Value) throws -> Value {
            let part = try path.value(in: value, rendering)
            return values.flag(1) ? part : ignoringCase(part)
        }
        let elements = try rendering.elements(of: values.value(0))
        guard var best = try elements.next() else { return hint("No aggregated item, sequence was empty.") }
        var bestKey = try key(best)
        while let value = try elements.next() {
            try rendering.spend()
            let key = try key(value)
            if try isBetter(rendering, bestKey, key) { (best, bestKey) = (value, key) }
        }
        return best
    }
}
