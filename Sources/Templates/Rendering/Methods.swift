/// The methods of Python's `str`, `list`, `tuple`, `dict`, `int` and `float` that change nothing.
enum Methods {
    private static let text: Set<String> = [
        "capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format", "format_map",
        "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric",
        "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip", "maketrans", "partition",
        "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip",
        "split", "splitlines", "startswith", "strip", "swapcase", "title", "translate", "upper", "zfill",
    ]
    private static let list: Set<String> = ["copy", "count", "index"]
    private static let tuple: Set<String> = ["count", "index"]
    private static let dict: Set<String> = ["copy", "fromkeys", "get", "items", "keys", "values"]
    private static let integer: Set<String> = ["bit_length", "conjugate", "is_integer"]
    private static let float: Set<String> = ["conjugate", "is_integer"]
    private static let markup: Set<String> = ["escape", "striptags", "unescape"]

    /// Whether a value has the method.
    static func has(_ name: String, _ value: Value) -> Bool {
        switch value {
        case .text(let text): Methods.text.contains(name) || (text.isMarkup && markup.contains(name))
        case .list: list.contains(name)
        case .tuple: tuple.contains(name)
        case .dict: dict.contains(name)
        // int.is_integer came with Python 3.12.
        case .integer, .bool: integer.contains(name) && name != "is_integer"
        case .float: float.contains(name)
        default: false
        }
    }

    static func call(
        _ name: String, _ receiver: Value, _ arguments: Arguments, _ rendering: Rendering
    ) throws -> Value {
        switch receiver {
        case .text(let text): return try TextMethods(text, name, arguments, rendering).call()
        case .list(let list), .tuple(let list):
            if name == "copy" { return .list(list.items) }
            return try search(name, list.items, receiver.typeName, arguments, rendering)
        case .dict(let dict): return try call(name, dict, arguments, rendering)
        case .integer, .bool:
            let integer = receiver.integer ?? 0
            return .integer(name == "bit_length" ? Int.bitWidth - integer.magnitude.leadingZeroBitCount : integer)
        case .float(let number): return name == "is_integer" ? .bool(number.rounded() == number) : receiver
        default: throw TemplateError.type("'\(receiver.typeName)' object has no method '\(name)'")
        }
    }

    private static func search(
        _ name: String, _ items: [Value], _ type: String, _ arguments: Arguments, _ rendering: Rendering
    ) throws -> Value {
        guard let wanted = arguments.positional.first else {
            throw TemplateError.type(
                name == "count"
                    ? "\(type).count() takes exactly one argument (0 given)"
                    : "index expected at least 1 argument, got 0")
        }
        if name == "count" { return .integer(try items.count { try rendering.isEqual($0, wanted) }) }
        let bounds = arguments.positional.dropFirst().map { $0.integer }
        let start = bounds.first.flatMap { $0 } ?? 0
        let stop = bounds.dropFirst().first.flatMap { $0 } ?? items.count
        let places = Rendering.places(items.count, start, stop, 1)
        for place in places where try rendering.isEqual(items[place], wanted) { return .integer(place) }
        throw TemplateError.value(
            type == "list" ? "\(try rendering.represented(wanted)) is not in list" : "tuple.index(x): x not in tuple")
    }

    private static func call(
        _ name: String, _ dict: Dict, _ arguments: Arguments, _ rendering: Rendering
    ) throws -> Value {
        if name == "get" || name == "fromkeys" {
            guard arguments.named.isEmpty else {
                throw TemplateError.type("dict.\(name)() takes no keyword arguments")
            }
            guard let key = arguments.positional.first else {
                throw TemplateError.type("\(name) expected at least 1 argument, got 0")
            }
            guard arguments.positional.count < 3 else {
                throw TemplateError.type("\(name) expected at most 2 arguments, got \(arguments.positional.count)")
            }
            let other = arguments.positional.dropFirst().first ?? .none
            if name == "get" { return try dict.value(of: key) ?? other }
            return .dict(try Dict(try rendering.list(of: key).map { ($0, other) }))
        }
        guard arguments.positional.isEmpty, arguments.named.isEmpty else {
            throw TemplateError.type("dict.\(name)() takes no arguments (\(arguments.positional.count) given)")
        }
        switch DictView.Part(rawValue: name) {
        case let part?: return .object(DictView(dict, part))
        case nil: return .dict(dict)
        }
    }
}

/// One call of a method of a text.
private struct TextMethods {
    private let text: Text
    private let name: String
    private let arguments: Arguments
    private let rendering: Rendering

    init(_ text: Text, _ name: String, _ arguments: Arguments, _ rendering: Rendering) throws {
        (self.text, self.name, self.arguments, self.rendering) = (text, name, arguments, rendering)
        try rendering.expect(characters: text.count)
    }

    private func check(_ range: ClosedRange<Int>, named: [String] = []) throws {
        if let unknown = arguments.named.first(where: { !named.contains($0.name) }) {
            throw TemplateError.type(
                named.isEmpty
                    ? "str.\(name)() takes no keyword arguments"
                    : "'\(unknown.name)' is an invalid keyword argument for \(name)()")
        }
        let count = arguments.positional.count
        guard !range.contains(count) else { return }
        if range.lowerBound == range.upperBound {
            throw TemplateError.type(
                range.upperBound == 0
                    ? "str.\(name)() takes no arguments (\(count) given)"
                    : "str.\(name)() takes exactly \(range.upperBound == 1 ? "one argument" : "\(range.upperBound) arguments") (\(count) given)"
            )
        }
        let (word, bound) = count < range.lowerBound ? ("least", range.lowerBound) : ("most", range.upperBound)
        if !named.isEmpty || range == 1...3 {
            throw TemplateError.type(
                "\(name)() takes at \(word) \(bound) argument\(bound == 1 ? "" : "s") (\(count) given)")
        }
        throw TemplateError.type("\(name) expected at \(word) \(bound) argument\(bound == 1 ? "" : "s"), got \(count)")
    }

    private func argument(_ place: Int, _ name: String? = nil) -> Value? {
        place < arguments.positional.count ? arguments.positional[place] : name.flatMap { arguments.named($0) }
    }

    private func integer(_ place: Int, _ name: String? = nil) throws -> Int? {
        guard let value = argument(place, name) else { return nil }
        if case .undefined(let undefined) = value { throw undefined.error }
        guard let integer = value.integer else {
            throw TemplateError.type("'\(value.typeName)' object cannot be interpreted as an integer")
        }
        return integer
    }

    private func string(_ place: Int, _ message: (Value) -> String) throws -> Text {
        let value = argument(place) ?? .none
        guard let text = value.text else { throw TemplateError.type(message(value)) }
        return text
    }

    /// An argument that becomes part of the result: a markup escapes it.
    private func joined(_ text: Text) -> Text { self.text.isMarkup ? text.escaped : text }
    private func value(_ text: Text) -> Value { .text(Text(text.scalars, isMarkup: self.text.isMarkup)) }
    private func values(_ texts: [Text]) throws -> Value {
        try rendering.expect(values: texts.count)
        return .list(texts.map(value))
    }

    func call() throws -> Value {
        switch name {
        case "upper", "lower", "title", "capitalize", "swapcase", "casefold":
            try check(0...0)
            return value(cased)
        case "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric",
            "isprintable", "isspace", "istitle", "isupper":
            try check(0...0)
            return .bool(isSuch)
        case "strip", "lstrip", "rstrip": return try strip()
        case "split", "rsplit": return try split()
        case "splitlines":
            try check(0...1, named: ["keepends"])
            return try values(text.lines(keepingEnds: argument(0, "keepends")?.isTrue ?? false))
        case "partition", "rpartition": return try partition()
        case "startswith", "endswith": return try edges()
        case "find", "rfind", "index", "rindex", "count": return try search()
        case "replace": return try replace()
        case "removeprefix":
            try check(1...1)
            let prefix = try string(0) { "removeprefix() argument must be str, not \($0.typeName)" }
            return value(text.stands(prefix, at: 0) ? Text(text.scalars[prefix.count...]) : text)
        case "removesuffix":
            try check(1...1)
            let suffix = try string(0) { "removesuffix() argument must be str, not \($0.typeName)" }
            let has = !suffix.isEmpty && text.stands(suffix, at: text.count - suffix.count)
            return value(has ? Text(text.scalars[..<(text.count - suffix.count)]) : text)
        case "join": return try join()
        case "center", "ljust", "rjust", "zfill": return try pad()
        case "expandtabs":
            try check(0...1, named: ["tabsize"])
            let size = min(try integer(0, "tabsize") ?? 8, 1 << 20)
            try rendering.expect(characters: text.count + text.scalars.count { $0 == "\t" } * max(0, size))
            return value(text.expandingTabs(size))
        case "format", "format_map":
            return .text(try rendering.formatted(text, arguments, isMap: name == "format_map"))
        case "striptags": return .text(text.withoutTags)
        default:
            throw TemplateError.runtime("the method '\(name)' of texts is not supported in chat templates")
        }
    }

    private var cased: Text {
        switch name {
        case "upper": text.uppercased
        case "lower": text.lowercased
        case "title": text.titlecased
        case "capitalize": text.capitalized
        case "swapcase": text.swappedCase
        default: text.caseFolded
        }
    }

    private var isSuch: Bool {
        let scalars = text.scalars
        func all(_ test: (Unicode.Scalar) -> Bool) -> Bool { !scalars.isEmpty && scalars.allSatisfy(test) }
        switch name {
        case "isalnum": return all(\.isAlphanumeric)
        case "isalpha": return all(\.isLetter)
        case "isascii": return scalars.allSatisfy(\.isASCII)
        case "isdecimal": return all(\.isDecimal)
        case "isdigit": return all(\.isAnyDigit)
        case "isnumeric": return all(\.isNumeric)
        case "isprintable": return scalars.allSatisfy(\.isPrintable)
        case "isspace": return all(\.isSpace)
        case "isidentifier":
            return all { $0 == "_" || $0.properties.isXIDContinue }
                && (scalars[0] == "_" || scalars[0].properties.isXIDStart)
        case "islower": return text.isLower
        case "isupper": return text.isUpper
        default: return text.isTitle
        }
    }

    private func strip() throws -> Value {
        try check(0...1)
        let set = argument(0) ?? .none
        guard set.isNone || set.text != nil else {
            throw TemplateError.type("\(name) arg must be None or str")
        }
        try rendering.spend((set.text?.count ?? 0) * text.count >> 5)
        return value(text.stripped(set.text, left: name != "rstrip", right: name != "lstrip"))
    }

    private func split() throws -> Value {
        try check(0...2, named: ["sep", "maxsplit"])
        let separator = argument(0, "sep") ?? .none
        guard separator.isNone || separator.text != nil else {
            throw TemplateError.type("must be str or None, not \(separator.typeName)")
        }
        if separator.text?.isEmpty == true { throw TemplateError.value("empty separator") }
        let most = try integer(1, "maxsplit") ?? -1
        let limit = most < 0 ? nil : most
        return try values(
            name == "split"
                ? text.split(separator.text, limit: limit) : text.splitFromRight(separator.text, limit: limit))
    }

    private func partition() throws -> Value {
        try check(1...1)
        let separator = try string(0) { "must be str, not \($0.typeName)" }
        if separator.isEmpty { throw TemplateError.value("empty separator") }
        let isFirst = name == "partition"
        guard let place = isFirst ? text.firstIndex(of: separator) : text.lastIndex(of: separator) else {
            return .tuple((isFirst ? [text, Text(), Text()] : [Text(), Text(), text]).map(value))
        }
        let parts = [
            Text(text.scalars[..<place]), separator, Text(text.scalars[(place + separator.count)...]),
        ]
        return .tuple(parts.map(value))
    }

    /// The part of the text that the arguments after the first ask for; nil where it begins after it ends.
    private func range() throws -> (start: Int, end: Int)? {
        func bound(_ place: Int, _ other: Int) throws -> Int {
            guard let value = argument(place), !value.isNone else { return other }
            guard let integer = value.integer else {
                throw TemplateError.type("slice indices must be integers or None or have an __index__ method")
            }
            return integer < 0 ? max(0, integer + text.count) : integer
        }
        let (start, end) = (try bound(1, 0), min(try bound(2, text.count), text.count))
        return start <= end ? (start, end) : nil
    }

    private func edges() throws -> Value {
        try check(1...3)
        var parts: [Text] = []
        switch argument(0) ?? .none {
        case .text(let part): parts = [part]
        case .tuple(let list):
            for item in list.items {
                guard let part = item.text else {
                    throw TemplateError.type("tuple for \(name) must only contain str, not \(item.typeName)")
                }
                parts.append(part)
            }
        case let value:
            throw TemplateError.type("\(name) first arg must be str or a tuple of str, not \(value.typeName)")
        }
        guard let (start, end) = try range() else { return .bool(false) }
        return .bool(
            parts.contains { part in
                guard part.count <= end - start else { return false }
                return text.stands(part, at: name == "startswith" ? start : end - part.count)
            })
    }

    private func search() throws -> Value {
        try check(1...3)
        let part = try string(0) { "must be str, not \($0.typeName)" }
        guard let (start, end) = try range() else {
            if name.hasSuffix("index") { throw TemplateError.value("substring not found") }
            return .integer(name == "count" ? 0 : -1)
        }
        if name == "count" { return .integer(text.count(of: part, from: start, to: end)) }
        let place =
            name.hasPrefix("r")
            ? text.lastIndex(of: part, from: start, to: end) : text.firstIndex(of: part, from: start, to: end)
        if place == nil, name.hasSuffix("index") { throw TemplateError.value("substring not found") }
        return .integer(place ?? -1)
    }

    private func replace() throws -> Value {
        try check(2...3)
        let old = try string(0) { "replace() argument 1 must be str, not \($0.typeName)" }
        let new = try string(1) { "replace() argument 2 must be str, not \($0.typeName)" }
        let most = try integer(2) ?? -1
        return value(
            try rendering.replacing(old, with: joined(new), in: text, limit: most < 0 ? nil : most))
    }

    private func join() throws -> Value {
        try check(1...1)
        let given = argument(0) ?? .none
        guard (try? rendering.elements(of: given)) != nil else {
            throw TemplateError.type("can only join an iterable")
        }
        let items = try rendering.list(of: given)
        var texts: [Text] = []
        for (place, item) in items.enumerated() {
            guard let text = item.text else {
                throw TemplateError.type("sequence item \(place): expected str instance, \(item.typeName) found")
            }
            texts.append(joined(text))
        }
        return value(try rendering.joining(texts, with: text))
    }

    private func pad() throws -> Value {
        try check(name == "zfill" ? 1...1 : 1...2)
        let width = max(0, try integer(0) ?? 0)
        var fill: Unicode.Scalar = " "
        if let value = argument(1) {
            guard let text = value.text else {
                throw TemplateError.type("The fill character must be a unicode character, not \(value.typeName)")
            }
            guard text.count == 1 else {
                throw TemplateError.type("The fill character must be exactly one character long")
            }
            fill = text.scalars[0]
        }
        try rendering.expect(characters: max(width, text.count))
        switch name {
        case "ljust": return value(text.padded(to: width, with: fill) { _ in 0 })
        case "rjust": return value(text.padded(to: width, with: fill) { $0 })
        case "center": return value(text.padded(to: width, with: fill) { $0 / 2 + ($0 & width & 1) })
        default:
            let sign = text.scalars.first.map { $0 == "-" || $0 == "+" } == true ? 1 : 0
            let zeros = Array(repeating: Unicode.Scalar("0"), count: max(0, width - text.count))
            return value(Text(text.scalars[..<sign] + zeros + text.scalars[sign...]))
        }
    }
}

extension Rendering {
    /// `old` replaced with `new`, after what it makes was asked for.
    func replacing(_ old: Text, with new: Text, in text: Text, limit: Int?) throws -> Text {
        let places = min(text.count(of: old, from: 0, to: text.count), limit ?? Int.max)
        let (growth, overflow) = places.multipliedReportingOverflow(by: max(0, new.count - old.count))
        try expect(characters: overflow ? Int.max : text.count + growth)
        return text.replacing(old, with: new, limit: limit)
    }

    /// Texts with a separator between them.
    func joining(_ texts: [Text], with separator: Text) throws -> Text {
        var count = 0
        for text in texts {
            count += text.count + separator.count
            guard count <= options.maxLength + separator.count else { break }
        }
        try expect(characters: max(0, count - separator.count))
        return Text(Array(texts.map(\.scalars).joined(separator: separator.scalars)), isMarkup: separator.isMarkup)
    }
}
