import LuaSyntax

/// What is known of a value without running anything.
indirect enum CheckedType: Equatable {
    /// Nothing yet: where types are still being found.
    case none
    /// Nothing: it may be any value.
    case unknown
    case `nil`
    case boolean(Bool?)
    /// A number, with its value where that is written.
    case integer(Int64)
    case number(Double?)
    case text(String?)
    /// A function of the recipe's, by its place in the tree.
    case script(Int)
    /// A function of the host's, by the path of its documentation.
    case host(String)
    /// A function of Lua's own libraries: `ipairs`, `string.format`.
    case stock(String)
    /// A function that gives one value after the other to a loop.
    case iterator([CheckedType])
    case function
    /// A list of values of one type.
    case list(CheckedType)
    /// A table that the recipe writes, by the place of its constructor.
    case table(ExpressionID)
    case someTable
    /// An object of a registered type; of a type of tables with the names of its fields, none where they are not known.
    case object(String, fields: [String]?)
    case module(String)
    case library(String)
    /// A module in Lua, with its names.
    case luaModule(String, names: [String])
    /// What lorawb.args gives, by the place of the call.
    case arguments(ExpressionID)
    case either([CheckedType])

    /// The type of a value that may be of either, as far as both agree.
    func joined(_ other: CheckedType) -> CheckedType {
        switch (self, other) {
        case (.none, let type), (let type, .none): type
        case let (a, b) where a == b: a
        case (.boolean, .boolean): .boolean(nil)
        case (.integer, .integer), (.integer, .number), (.number, .integer), (.number, .number): .number(nil)
        case (.text, .text): .text(nil)
        case (.object(let a, let first), .object(let b, let second)) where a == b:
            .object(a, fields: first == second ? first : first.map { _ in [] })
        case (.either(let types), .nil) where types.contains(.nil): self
        default: .unknown
        }
    }

    /// What is left where a value is neither nil nor false.
    var truthy: CheckedType {
        guard case .either(let types) = self else {
            if case .boolean = self { return .boolean(true) }
            return self
        }
        let left = types.filter { $0 != .nil && $0 != .boolean(false) }
        return left.count == 1 ? left[0] : .either(left)
    }

    /// Whether it is neither nil nor false, for certain.
    var isTruthy: Bool {
        switch self {
        case .none, .unknown, .nil, .boolean, .either: false
        default: true
        }
    }

    /// All that it may be; nil where that is not known.
    var alternatives: [CheckedType]? {
        switch self {
        case .none, .unknown: nil
        case .either(let types): types.contains(.unknown) ? nil : types.filter { $0 != .nil }
        default: [self]
        }
    }

    /// Whether it is a table in Lua's eyes.
    var isTable: Bool {
        switch self {
        case .list, .table, .someTable, .module, .library, .luaModule, .arguments: true
        case .object(_, let fields): fields != nil
        default: false
        }
    }

    var isFunction: Bool {
        switch self {
        case .script, .host, .stock, .iterator, .function: true
        default: false
        }
    }

    /// How errors tell a value of it.
    var shown: String {
        switch self {
        case .nil: "nil"
        case .boolean(let flag): flag.map { "boolean \($0)" } ?? "boolean"
        case .integer(let value): "\(value)"
        case .number(let value): value.map { "\($0)" } ?? "number"
        case .text(let text): text.map { "string '\($0.prefix(40))'" } ?? "string"
        case .object(let name, _): name
        case .module(let name): name
        case .arguments: "args"
        default: isTable ? "table" : isFunction ? "function" : "value"
        }
    }

    // MARK: Types as they are documented

    /// The types of a list of results: `lorawb.Tensor, lorawb.Tensor?`.
    static func results(_ text: String, _ known: KnownNames, owner: String = "") -> [CheckedType] {
        (text.hasPrefix("fun(") ? [text] : parts(text, at: ",")).map {
            CheckedType(documented: $0, known, owner: owner)
        }
    }

    /// The type in the notation of the Lua language server; `owner` is the type of whatever gives it.
    init(documented text: String, _ known: KnownNames, owner: String = "") {
        if text.hasPrefix("fun(") {
            // What is returned may be parted by commas and bars of its own.
            let end = CheckedType.closing(of: text)
            let results = text[end...].drop { $0 == ")" || $0 == ":" || $0 == " " }
            self = .iterator(results.isEmpty ? [] : CheckedType.results(String(results), known, owner: owner))
            return
        }
        let parts = CheckedType.parts(text, at: "|")
        if parts.count > 1 {
            self = .either(parts.map { CheckedType(documented: $0, known, owner: owner) })
        } else if text.hasSuffix("?") {
            self = .either([CheckedType(documented: String(text.dropLast()), known, owner: owner), .nil])
        } else if text.hasSuffix("[]") {
            self = .list(CheckedType(documented: String(text.dropLast(2)), known, owner: owner))
        } else {
            switch text {
            case "integer", "number": self = .number(nil)
            case "string": self = .text(nil)
            case "boolean": self = .boolean(nil)
            case "nil": self = .nil
            case "self": self = known.object(owner)
            case "table": self = .someTable
            default:
                self = known.isType(text) ? known.object(text) : text.hasPrefix("table<") ? .someTable : .unknown
            }
        }
    }

    /// The types of the parameters of `fun(a: x, b: y): z`.
    static func parameters(_ signature: String, _ known: KnownNames) -> [CheckedType] {
        guard signature.hasPrefix("fun(") else { return [] }
        let inner = signature[..<closing(of: signature)].dropFirst(4)
        return parts(String(inner), at: ",").map { parameter in
            guard let colon = parameter.firstIndex(of: ":") else { return .unknown }
            let type = parameter[parameter.index(after: colon)...].drop { $0 == " " }
            return CheckedType(documented: String(type), known)
        }
    }

    /// The place of the bracket that closes the first one.
    private static func closing(of text: String) -> String.Index {
        var depth = 0
        for place in text.indices {
            if text[place] == "(" { depth += 1 }
            if text[place] == ")" {
                depth -= 1
                if depth == 0 { return place }
            }
        }
        return text.endIndex
    }

    /// What stands between separators outside of brackets.
    private static func parts(_ text: String, at separator: Character) -> [String] {
        var (parts, depth) = ([""], 0)
        for character in text {
            if "(<{[".contains(character) { depth += 1 }
            if ")>}]".contains(character) { depth -= 1 }
            if character == separator, depth == 0 {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        return parts.map { String($0.drop { $0 == " " }) }
    }
}
