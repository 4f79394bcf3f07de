/// A filter or test: a function of the host whose parameters have names.
struct Filter: Sendable {
    /// A parameter; without one that is optional the body gets nil.
    struct Parameter: Sendable {
        let name: String
        let isOptional: Bool
    }

    /// The function's name in Python, for messages.
    let name: String
    private let parameters: [Parameter]
    /// Parameters that Python's function has before these: the environment.
    private let hidden: Int
    private let body: @Sendable (Rendering, [Value?], Arguments) throws -> Value

    /// A filter with parameters, those that are optional with a `?`.
    init(
        _ name: String, _ parameters: String, hidden: Int = 0,
        _ body: @escaping @Sendable (Rendering, [Value?]) throws -> Value
    ) {
        self.name = name
        self.parameters = parameters.split(separator: " ").map {
            Parameter(name: String($0.prefix { $0 != "?" }), isOptional: $0.hasSuffix("?"))
        }
        self.hidden = hidden
        self.body = { rendering, values, _ in try body(rendering, values) }
    }

    /// A filter that takes whatever it is given.
    init(_ name: String, any body: @escaping @Sendable (Rendering, Arguments) throws -> Value) {
        (self.name, parameters, hidden) = (name, [], 0)
        self.body = { rendering, _, arguments in try body(rendering, arguments) }
        isVariadic = true
    }

    private var isVariadic = false

    func call(_ arguments: Arguments, _ rendering: Rendering) throws -> Value {
        try rendering.spend()
        return try body(rendering, isVariadic ? [] : try bind(arguments), arguments)
    }

    private func bind(_ arguments: Arguments) throws -> [Value?] {
        guard arguments.positional.count <= parameters.count else { throw tooMany(arguments.positional.count) }
        var values: [Value?] = arguments.positional.map { $0 }
        values += Array(repeating: nil, count: parameters.count - values.count)
        for (name, value) in arguments.named {
            guard let place = parameters.firstIndex(where: { $0.name == name }) else {
                throw TemplateError.type("\(self.name)() got an unexpected keyword argument '\(name)'")
            }
            guard values[place] == nil else {
                throw TemplateError.type("\(self.name)() got multiple values for argument '\(name)'")
            }
            values[place] = value
        }
        let missing = zip(parameters, values).filter { !$0.isOptional && $1 == nil }.map { "'\($0.0.name)'" }
        guard missing.isEmpty else {
            let names =
                missing.count == 1
                ? missing[0]
                : missing.dropLast().joined(separator: ", ") + (missing.count > 2 ? "," : "")
                    + " and \(missing[missing.count - 1])"
            throw TemplateError.type(
                "\(name)() missing \(missing.count) required positional argument\(missing.count == 1 ? "" : "s"): \(names)"
            )
        }
        return values
    }

    private func tooMany(_ count: Int) -> TemplateError {
        let most = parameters.count + hidden
        let least = parameters.count { !$0.isOptional } + hidden
        let range = least == most ? "\(most)" : "from \(least) to \(most)"
        return TemplateError.type(
            "\(name)() takes \(range) positional argument\(most == 1 ? "" : "s") but \(count + hidden) were given")
    }
}

extension [Value?] {
    /// The value of a parameter that is not optional, or was left out.
    func value(_ place: Int) -> Value { self[place] ?? .none }
    /// The largest depth of the values.
    var depth: Int { lazy.map { $0?.depth ?? 0 }.max() ?? 0 }
    /// Whether an optional parameter is true.
    func flag(_ place: Int) -> Bool { self[place]?.isTrue ?? false }
    /// An optional integer.
    func integer(_ place: Int, or other: Int) throws -> Int {
        guard let value = self[place] else { return other }
        if case .undefined(let undefined) = value { throw undefined.error }
        guard let integer = value.integer else {
            throw TemplateError.type("'\(value.typeName)' object cannot be interpreted as an integer")
        }
        return integer
    }
}
