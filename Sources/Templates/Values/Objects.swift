/// A function of the host: a global, or a method of an object.
final class Function: Object {
    private let name: String
    private let shown: String?
    private let body: (Arguments, Rendering) throws -> Value
    let depth: Int

    /// `shown` is what printing it gives, `depth` that of what it belongs to.
    init(
        _ name: String, shown: String? = nil, depth: Int = 0,
        _ body: @escaping (Arguments, Rendering) throws -> Value
    ) {
        (self.name, self.shown, self.depth, self.body) = (name, shown, depth + 1, body)
    }

    let typeName = "function"
    var isCallable: Bool { true }
    func represented(_ rendering: Rendering) throws -> String { shown ?? "<function \(name)>" }
    func call(_ arguments: Arguments, _ rendering: Rendering) throws -> Value { try body(arguments, rendering) }
}

/// A method of a text, list, dictionary or number, with what it belongs to.
final class Method: Object {
    private let receiver: Value
    private let name: String

    init(_ receiver: Value, _ name: String) { (self.receiver, self.name) = (receiver, name) }

    let typeName = "builtin_function_or_method"
    var depth: Int { receiver.depth + 1 }
    var isCallable: Bool { true }
    func represented(_ rendering: Rendering) throws -> String {
        "<built-in method \(name) of \(receiver.typeName) object>"
    }
    func call(_ arguments: Arguments, _ rendering: Rendering) throws -> Value {
        try Methods.call(name, receiver, arguments, rendering)
    }
}

/// `range`.
final class IntegerRange: Object {
    /// Most elements, as in the sandbox.
    static let maxCount = 100_000
    let start: Int
    let stop: Int
    let step: Int
    private let size: Int
    /// The numbers.
    var values: [Int] { (0..<size).map { start + $0 * step } }

    init(_ start: Int, _ stop: Int, _ step: Int) throws {
        guard step != 0 else { throw TemplateError.value("range() arg 3 must not be zero") }
        let (distance, overflow) =
            step > 0 ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
        let magnitude = Int(clamping: step.magnitude)
        size =
            overflow ? (step > 0) == (stop > start) ? Int.max : 0 : distance <= 0 ? 0 : (distance - 1) / magnitude + 1
        guard size <= Self.maxCount else {
            throw TemplateError.overflow(
                "Range too big. The sandbox blocks ranges larger than MAX_RANGE (\(Self.maxCount)).")
        }
        (self.start, self.stop, self.step) = (start, stop, step)
    }

    func value(at place: Int) -> Value { .integer(start + place * step) }

    func sliced(_ first: Int?, _ last: Int?, _ by: Int) throws -> IntegerRange {
        guard by != 0 else { throw TemplateError.value("slice step cannot be zero") }
        func clamped(_ bound: Int, _ low: Int, _ high: Int) -> Int {
            min(max(bound < 0 ? bound + size : bound, low), high)
        }
        let (a, b) =
            by > 0
            ? (clamped(first ?? 0, 0, size), clamped(last ?? size, 0, size))
            : (first.map { clamped($0, -1, size - 1) } ?? size - 1, last.map { clamped($0, -1, size - 1) } ?? -1)
        func edge(_ place: Int) throws -> Int {
            let (offset, overflow) = place.multipliedReportingOverflow(by: step)
            let (edge, overflows) = start.addingReportingOverflow(offset)
            if overflow || overflows { throw TemplateError.tooLarge }
            return edge
        }
        let (newStep, overflow) = step.multipliedReportingOverflow(by: by)
        if overflow { throw TemplateError.tooLarge }
        return try IntegerRange(edge(a), edge(b), newStep)
    }

    let typeName = "range"
    var count: Int? { size }
    func represented(_ rendering: Rendering) throws -> String {
        "range(\(start), \(stop)\(step == 1 ? "" : ", \(step)"))"
    }
    func element(_ key: Value) throws -> Value? {
        key.integer.flatMap { Rendering.place($0, size) }.map { value(at: $0) }
    }
    func elements() -> Elements? { Elements(values.lazy.map { .integer($0) }) }
    func attribute(_ name: String, _ rendering: Rendering) throws -> Value? {
        switch name {
        case "start": .integer(start)
        case "stop": .integer(stop)
        case "step": .integer(step)
        case "index", "count":
            .object(
                Function(name) { [self] arguments, rendering in
                    let element = arguments.positional.first ?? Value.none
                    var found = 0
                    for (place, value) in values.enumerated() where try rendering.isEqual(.integer(value), element) {
                        if name == "index" { return .integer(place) }
                        found += 1
                    }
                    guard name == "count" else {
                        throw TemplateError.value("\(try rendering.represented(element)) is not in range")
                    }
                    return .integer(found)
                })
        default: nil
        }
    }
}

/// What goes through values once: what `map`, `select`, `items` and `reverse` give.
final class Iterator: Object {
    let typeName: String
    let depth: Int
    private let source: Elements

    /// `depth` is that of the values that the elements are made of.
    init(_ source: Elements, typeName: String = "generator", depth: Int) {
        (self.source, self.typeName, self.depth) = (source, typeName, depth + 1)
    }

    func elements() -> Elements? { source }
}

/// The keys, values or items of a dictionary.
final class DictView: Object {
    /// Which of them.
    enum Part: String { case keys, values, items }
    let dict: Dict
    private let part: Part

    init(_ dict: Dict, _ part: Part) { (self.dict, self.part) = (dict, part) }

    var typeName: String { "dict_\(part.rawValue)" }
    var count: Int? { dict.count }
    var depth: Int { dict.depth + 1 }
    var list: [Value] {
        switch part {
        case .keys: dict.entries.map(\.key)
        case .values: dict.entries.map(\.value)
        case .items: dict.entries.map { .tuple([$0.key, $0.value]) }
        }
    }
    func elements() -> Elements? { Elements(list) }
    func represented(_ rendering: Rendering) throws -> String {
        "\(typeName)(\(try rendering.represented(.list(list))))"
    }
}

/// `namespace`: the one thing whose attributes a template may assign.
final class Namespace: Object {
    private var names: [String] = []
    private var values: [String: Value] = [:]

    init(_ members: [(String, Value)]) throws { for (name, value) in members { try set(name, value) } }

    /// Forgets all, so that namespaces that hold one another are freed one by one.
    func clear() { (names, values) = ([], [:]) }

    func set(_ name: String, _ value: Value) throws {
        let value = try value.shallow()
        guard !name.hasPrefix("_") else {
            throw TemplateError(
                "SecurityError",
                "Chat templates cannot store underscore-prefixed attributes on a namespace, but got \(Text(name).represented). Please rename the attribute."
            )
        }
        if values.updateValue(value, forKey: name) == nil { names.append(name) }
    }

    let typeName = "TemplateNamespace"
    let module: String? = "transformers.utils.chat_template_utils"
    func attribute(_ name: String, _ rendering: Rendering) throws -> Value? { values[name] }
    func represented(_ rendering: Rendering) throws -> String {
        let members = names.compactMap { name in values[name].map { (Value.string(name), $0) } }
        return "<Namespace \(try rendering.represented(.dict(try Dict(members))))>"
    }
}

/// `cycler`.
final class Cycler: Object {
    private let items: [Value]
    private var place = 0

    init(_ items: [Value]) throws {
        guard !items.isEmpty else { throw TemplateError("RuntimeError", "at least one item has to be provided") }
        self.items = items
    }

    let typeName = "Cycler"
    var depth: Int { 1 + (items.lazy.map(\.depth).max() ?? 0) }
    let module: String? = "jinja2.utils"
    func attribute(_ name: String, _ rendering: Rendering) throws -> Value? {
        switch name {
        case "current": items[place]
        case "items": .tuple(items)
        case "pos": .integer(place)
        case "next":
            .object(
                Function("next", depth: depth) { [self] _, _ in
                    defer { place = (place + 1) % items.count }
                    return items[place]
                })
        case "reset":
            .object(
                Function("reset", depth: depth) { [self] _, _ in
                    place = 0
                    return .none
                })
        default: nil
        }
    }
}

/// `joiner`.
final class Joiner: Object {
    private let separator: Value
    private var isUsed = false

    init(_ separator: Value) { self.separator = separator }

    let typeName = "Joiner"
    var depth: Int { separator.depth + 1 }
    let module: String? = "jinja2.utils"
    var isCallable: Bool { true }
    func attribute(_ name: String, _ rendering: Rendering) throws -> Value? {
        switch name {
        case "sep": separator
        case "used": .bool(isUsed)
        default: nil
        }
    }
    func call(_ arguments: Arguments, _ rendering: Rendering) throws -> Value {
        defer { isUsed = true }
        return isUsed ? separator : .text(Text())
    }
}
