import LuaBridge
import Options

/// The options of the call in whose table a cursor is: `f{ `, `f(x, { `, `object:method{ `, and tables within these.
struct OptionScope {
    /// The options that the table may have.
    let options: [Option]
    /// Names that it has already.
    let given: Set<String>

    /// The scope before token `end`; nil outside of such a table, and where its options are not known.
    init?(_ code: CodeContext, endingAt end: Int) {
        guard let brace = code.openBracket(before: end), code.text(brace) == "{",
            let options = OptionScope.options(code, ofTableAt: brace), !options.isEmpty
        else { return nil }
        self.options = options
        var given: Set<String> = []
        var depth = 0
        for place in brace + 1..<max(brace + 1, end) {
            switch code.text(place) {
            case "(", "{", "[": depth += 1
            case ")", "}", "]": depth -= 1
            case "=" where depth == 0: given.insert(code.text(place - 1))
            default: break
            }
        }
        self.given = given
    }

    func option(named name: String) -> Option? { options.first { $0.name == name } }

    private static func options(_ code: CodeContext, ofTableAt brace: Int, depth: Int = 0) -> [Option]? {
        guard depth < 20 else { return nil }
        switch code.text(brace - 1) {
        case "=":
            // A table within one: args = { ... }.
            guard let outer = code.openBracket(before: brace), code.text(outer) == "{",
                let options = options(code, ofTableAt: outer, depth: depth + 1),
                let option = options.first(where: { $0.name == code.text(brace - 2) })
            else { return nil }
            return option.type.table?.options
        case "(", ",":
            guard let open = code.openBracket(before: brace), code.text(open) == "(" else { return nil }
            return options(code, ofCallAt: open, argument: arguments(code, from: open, to: brace))
        default: return options(code, ofCallAt: brace, argument: 0)
        }
    }

    private static func arguments(_ code: CodeContext, from open: Int, to end: Int) -> Int {
        var (depth, commas) = (0, 0)
        for place in open + 1..<max(open + 1, end) {
            switch code.text(place) {
            case "(", "{", "[": depth += 1
            case ")", "}", "]": depth -= 1
            case "," where depth == 0: commas += 1
            default: break
            }
        }
        return commas
    }

    private static func options(_ code: CodeContext, ofCallAt bracket: Int, argument: Int) -> [Option]? {
        guard let function = code.target(endingAt: bracket) else { return nil }
        var path = code.path(of: function)
        // An object that is called itself, such as a model.
        if path == nil, case .value(let value) = function, case .object(let type)? = value.look()?.kind {
            path = "\(type) __call"
        }
        guard let path, let item = code.host.documentation.first(where: { $0.path == path }) else { return nil }
        let parameters = item.signature.parameters
        return parameters.indices.contains(argument) ? parameters[argument].options?.options : nil
    }

    // MARK: What an option may hold

    /// The texts of which an option of this type is one.
    static func choices(_ type: OptionType) -> [String] {
        switch type {
        case .oneOf(let choices): choices
        case .either(let types): types.flatMap(choices)
        default: []
        }
    }

    /// Words that may stand for the value without quotes.
    static func words(_ type: OptionType) -> [String] {
        switch type {
        case .boolean: ["true", "false"]
        case .either(let types): types.flatMap(words)
        default: []
        }
    }
}
