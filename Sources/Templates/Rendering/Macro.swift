/// A macro, or the body of a `call`, with the scope that it was defined in.
final class Macro: Object {
    private let name: String?
    private let parameters: Statement.Parameters
    private let body: Statement.Body
    private let scope: Scope
    private let takesCaller: Bool
    private let takesNamed: Bool
    private let takesMore: Bool

    init(
        _ name: String?, _ parameters: Statement.Parameters, _ body: Statement.Body, _ scope: Scope,
        _ rendering: Rendering
    ) throws {
        (self.name, self.parameters, self.body, self.scope) = (name, parameters, body, scope)
        try rendering.keep(scope)
        let special = rendering.special(body.scope)
        takesCaller = special.contains("caller")
        takesNamed = special.contains("kwargs")
        takesMore = special.contains("varargs")
    }

    let typeName = "Macro"
    let module: String? = "jinja2.runtime"
    var isCallable: Bool { true }
    private var shownName: String { name.map { Text($0).represented } ?? "None" }
    func represented(_ rendering: Rendering) throws -> String {
        "<Macro \(name.map { Text($0).represented } ?? "anonymous")>"
    }

    func attribute(_ name: String, _ rendering: Rendering) throws -> Value? {
        switch name {
        case "name": self.name.map { .string($0) } ?? Value.none
        case "arguments": .tuple(parameters.names.map { .string($0.name) })
        case "catch_kwargs": .bool(takesNamed)
        case "catch_varargs": .bool(takesMore)
        case "caller": .bool(takesCaller)
        case "explicit_caller": .bool(hasCallerArgument)
        default: nil
        }
    }

    private var hasCallerArgument: Bool { parameters.names.contains { $0.name == "caller" } }

    func call(_ arguments: Arguments, _ rendering: Rendering) throws -> Value {
        .text(try run(arguments, rendering))
    }

    /// What the macro writes, given `arguments` (jinja2's Macro.__call__).
    func run(_ arguments: Arguments, _ rendering: Rendering) throws -> Text {
        let inner = try rendering.enter(body.scope, parent: scope)
        for value in arguments.positional { _ = try value.shallow() }
        for member in arguments.named { _ = try member.value.shallow() }
        var named = arguments.named
        func take(_ name: String) -> Value? {
            named.firstIndex { $0.name == name }.map { named.remove(at: $0).value }
        }
        let count = parameters.names.count
        var values: [Value?] = arguments.positional.prefix(count).map { $0 }
        var foundCaller = values.count == count && hasCallerArgument
        for name in parameters.names.dropFirst(values.count) {
            if name.name == "caller" { foundCaller = true }
            values.append(take(name.name))
        }
        if takesCaller, !foundCaller {
            let none = Value.undefined(Undefined(reason: .hint("No caller defined")))
            let caller = take("caller").flatMap { $0.isNone ? nil : $0 } ?? none
            inner.set(special: "caller", caller)
        }
        if takesNamed {
            inner.set(special: "kwargs", .dict(try Dict(named.map { (.string($0.name), $0.value) })))
        } else if let first = named.first {
            if named.contains(where: { $0.name == "caller" }) {
                throw TemplateError.type(
                    "macro \(shownName) was invoked with two values for the special caller argument. This is most likely a bug."
                )
            }
            throw TemplateError.type("macro \(shownName) takes no keyword argument \(Text(first.name).represented)")
        }
        if takesMore {
            inner.set(special: "varargs", .tuple(Array(arguments.positional.dropFirst(count))))
        } else if arguments.positional.count > count {
            throw TemplateError.type("macro \(shownName) takes not more than \(count) argument(s)")
        }
        let firstDefault = count - parameters.defaults.count
        for (index, name) in parameters.names.enumerated() {
            if let value = values[index] {
                inner.set(rendering.reference(name), value)
            } else if index < firstDefault {
                let hint = "parameter \(Text(name.name).represented) was not provided"
                inner.set(rendering.reference(name), .undefined(Undefined(reason: .hint(hint))))
            } else {
                inner.set(
                    rendering.reference(name),
                    try rendering.value(of: parameters.defaults[index - firstDefault], inner))
            }
        }
        return try rendering.capture { _ = try rendering.run(body.statements, inner) }
    }
}
