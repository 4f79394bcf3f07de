/// An error of a host function in words; Lua raises it as `recipe.lua:4: <function>: <message>`.
public struct LuaFault: Error, CustomStringConvertible {
    /// What was wrong, in lower case and without a full stop.
    public let message: String
    /// Whether the function's name is already part of the message.
    let namesFunction: Bool

    /// Makes an error of a message.
    public init(_ message: String) {
        self.message = message
        namesFunction = false
    }

    init(complete message: String) {
        self.message = message
        namesFunction = true
    }

    /// The message.
    public var description: String { message }
}

/// A stop that the user, the time limit or the host asked for; a script cannot catch it.
public struct LuaInterrupted: Error, CustomStringConvertible {
    /// Makes the error that a host function throws when it polled `LuaInterrupt.isPending` and gave up.
    public init() {}

    /// The word for it.
    public var description: String { "interrupted" }
}

extension LuaValue {
    /// How the value is told in an error: a type, and for short scalars the value.
    public var shown: String {
        switch self {
        case .nil: "nil"
        case .boolean(let value): "boolean \(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value):
            value.validText.map { "string '\($0.prefix(40))'" } ?? "bytes that are not UTF-8"
        case .table(let table): table.typeName ?? "table"
        case .function, .callable: "function"
        case .object(let object): LuaHost.typeName(of: object)
        case .reference: "value"
        case .other(let name): name
        }
    }
}
