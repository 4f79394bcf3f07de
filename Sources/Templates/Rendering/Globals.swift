/// What a template may call without being given it.
enum Globals {
    /// The global of a name.
    static func value(_ name: String) -> Value? {
        switch name {
        case "range": .object(Function(name, shown: "<function safe_range>", range))
        case "dict": .object(Function(name) { .dict(try Dict(try members($0, $1))) })
        case "namespace":
            .object(
                Function(name) { arguments, rendering in
                    let members = try members(arguments, rendering)
                    let namespace = try Namespace(members.map { (try rendering.text(of: $0.0).string, $0.1) })
                    try rendering.keep(namespace)
                    return .object(namespace)
                })
        case "cycler":
            .object(
                Function(name, shown: "<class 'jinja2.utils.Cycler'>") { arguments, _ in
                    .object(try Cycler(arguments.positional))
                })
        case "joiner":
            .object(
                Function(name, shown: "<class 'jinja2.utils.Joiner'>") { arguments, _ in
                    .object(Joiner(arguments.positional.first ?? arguments.named("sep") ?? .text(", ")))
                })
        case "raise_exception":
            .object(
                Function(name) { arguments, rendering in
                    let message = try required(arguments, "message", in: name)
                    throw TemplateError("TemplateError", try rendering.text(of: message).string)
                })
        case "strftime_now":
            .object(
                Function(name) { arguments, rendering in
                    let format = try required(arguments, "format", in: name)
                    guard let text = format.text else {
                        throw TemplateError.type("strftime() argument 1 must be str, not \(format.typeName)")
                    }
                    try rendering.expect(characters: text.count * 16)
                    return .text(rendering.options.now().formatted(text))
                })
        case "lipsum":
            .object(
                Function(name) { _, _ in
                    throw TemplateError.runtime("'lipsum' makes random text, which a chat template cannot have")
                })
        default: nil
        }
    }

    private static func required(_ arguments: Arguments, _ parameter: String, in function: String) throws -> Value {
        guard let value = arguments.positional.first ?? arguments.named(parameter) else {
            throw TemplateError.type(
                "_cached_compile_jinja_template.<locals>.\(function)() missing 1 required positional argument: '\(parameter)'"
            )
        }
        guard arguments.positional.count + arguments.named.count == 1 else {
            throw TemplateError.type(
                "_cached_compile_jinja_template.<locals>.\(function)() takes 1 positional argument but \(arguments.positional.count) were given"
            )
        }
        return value
    }

    private static func range(_ arguments: Arguments, _ rendering: Rendering) throws -> Value {
        guard arguments.named.isEmpty else {
            throw TemplateError.type("safe_range() got an unexpected keyword argument '\(arguments.named[0].name)'")
        }
        let bounds = try arguments.positional.map { value in
            if case .undefined(let undefined) = value { throw undefined.error }
            guard let integer = value.integer else {
                throw TemplateError.type("'\(value.typeName)' object cannot be interpreted as an integer")
            }
            return integer
        }
        switch bounds.count {
        case 1: return .object(try IntegerRange(0, bounds[0], 1))
        case 2: return .object(try IntegerRange(bounds[0], bounds[1], 1))
        case 3: return .object(try IntegerRange(bounds[0], bounds[1], bounds[2]))
        case 0: throw TemplateError.type("range expected at least 1 argument, got 0")
        default: throw TemplateError.type("range expected at most 3 arguments, got \(bounds.count)")
        }
    }

    /// What `dict(...)` is made of: a dictionary or pairs, then names.
    static func members(_ arguments: Arguments, _ rendering: Rendering) throws -> [(Value, Value)] {
        guard arguments.positional.count < 2 else {
            throw TemplateError.type("dict expected at most 1 argument, got \(arguments.positional.count)")
        }
        var members: [(Value, Value)] = []
        switch arguments.positional.first {
        case nil: break
        case .dict(let dict)?: members = dict.entries.map { ($0.key, $0.value) }
        case let value?:
            for (index, item) in try rendering.list(of: value).enumerated() {
                guard rendering.count(of: item) != nil else {
                    throw TemplateError.type(
                        "cannot convert dictionary update sequence element #\(index) to a sequence")
                }
                let pair = try rendering.list(of: item)
                guard pair.count == 2 else {
                    throw TemplateError.value(
                        "dictionary update sequence element #\(index) has length \(pair.count); 2 is required")
                }
                members.append((pair[0], pair[1]))
            }
        }
        return members + arguments.named.map { (.string($0.name), $0.value) }
    }
}
