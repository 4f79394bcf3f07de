import CLuaShim
import Options

extension LuaCall {
    /// Holds the arguments to what the function declares: their number, types and ranges.
    ///
    /// What a number says is checked here for every function; what a table or an object holds, the body reads.
    func check(_ parameters: [LuaParameter]) throws {
        for (index, parameter) in parameters.enumerated() {
            let position = index + 1
            guard parameter.name != "..." else {
                if position <= count {
                    for rest in position...count where isNumber(rest) { try checkNumber(parameter, rest) }
                }
                return
            }
            if isNil(position) {
                if !parameter.isOptional { throw typeError(position, parameter.name, parameter.type.plain) }
            } else {
                try check(parameter, position)
            }
        }
        guard count > parameters.count else { return }
        for position in parameters.count + 1...count where !isNil(position) {
            let most = parameters.isEmpty ? "takes no arguments" : "takes at most \(parameters.count)"
            throw LuaFault("\(most), got \(count)")
        }
    }

    /// The range that the function declares for the integers of a list.
    func listRange(_ position: Int) -> ClosedRange<Int>? {
        guard let parameters = declared else { return nil }
        let parameter = position <= parameters.count ? parameters[position - 1] : parameters.last
        return parameter?.type.listRange
    }

    private func check(_ parameter: LuaParameter, _ position: Int) throws {
        switch parameter.type {
        case .integer, .number: try checkNumber(parameter, position)
        case .string, .path, .model, .oneOf:
            guard isString(position) else { throw typeError(position, parameter.name, "string") }
            if case .oneOf(let choices) = parameter.type { _ = try string(position, parameter.name, oneOf: choices) }
        case .boolean: _ = try boolean(position, parameter.name)
        case .function:
            guard isFunction(position) else { throw typeError(position, parameter.name, "function") }
        case .table, .options, .list, .integers, .numbers:
            guard isTable(position) else { throw typeError(position, parameter.name, "table") }
        case .either: if isNumber(position) { try checkNumber(parameter, position) }
        case .object, .strings, .any: break
        }
    }

    private func checkNumber(_ parameter: LuaParameter, _ position: Int) throws {
        let name = parameter.name == "..." ? nil : parameter.name
        switch parameter.type {
        case .integer(let range):
            let value = try integer(position, name)
            guard range.contains(value) else {
                throw argumentError(position, name, "\(range.phrase) expected, got \(value)")
            }
        case .number(let range):
            let value = try number(position, name)
            guard range.contains(value) else {
                throw argumentError(position, name, "\(parameter.type.phrase) expected, got \(value)")
            }
        case .either(let types):
            let value = try value(position)
            let numeric = types.filter(\.isNumeric)
            guard numeric.isEmpty || numeric.contains(where: { $0.accepts(value) }) else {
                throw argumentError(
                    position, name,
                    "\(numeric.map(\.phrase).joined(separator: " or ")) expected, got \(value.shown)")
            }
        default: break
        }
    }
}

extension OptionType {
    /// The range of the integers of a list.
    var listRange: ClosedRange<Int>? {
        switch self {
        case .integers(let range): range
        case .either(let types): types.lazy.compactMap(\.listRange).first
        default: nil
        }
    }

    /// Whether it is of numbers.
    var isNumeric: Bool {
        switch self {
        case .integer, .number: true
        default: false
        }
    }

    /// The type in one word, as Lua's own errors name it.
    var plain: String {
        switch self {
        case .options: "table"
        case .oneOf: "string"
        case .function: "function"
        default: annotation
        }
    }
}
