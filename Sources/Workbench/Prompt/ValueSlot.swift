import LuaBridge
import Options

/// A call whose arguments a cursor is among.
struct CallSite {
    /// What is called.
    let item: LuaDocumentation
    /// The token that opens its arguments; of `f"text"` and `f{...}` the argument itself.
    let bracket: Int
    /// Which argument, from 0.
    let argument: Int

    var parameter: LuaParameter? {
        let parameters = item.signature.parameters
        if parameters.indices.contains(argument) { return parameters[argument] }
        return parameters.last.flatMap { $0.name == "..." ? $0 : nil }
    }
}

/// A place where a value stands whose type is declared: an argument of a call, an option, an entry of either's list.
struct ValueSlot {
    /// The argument's or option's name.
    let name: String
    /// What it may hold.
    let type: OptionType
    /// What its texts name.
    let values: OptionValues?
    /// Type, range and default.
    let facts: String
    /// What it means.
    let doc: String

    init(_ parameter: LuaParameter) {
        (name, type, values) = (parameter.name, parameter.type, parameter.values)
        (facts, doc) = (parameter.facts, parameter.doc)
    }

    init(_ option: Option) {
        (name, type, values) = (option.name, option.type, option.values)
        (facts, doc) = (option.facts, option.doc)
    }

    /// Whether it is a model, by folder or name.
    var isModel: Bool {
        if case .model = type { return true }
        return false
    }

    /// The texts that it, or an entry of its list, may be.
    var choices: [String] { ValueSlot.choices(type) }

    private static func choices(_ type: OptionType) -> [String] {
        switch type {
        case .oneOf(let choices): choices
        case .either(let types): types.flatMap(choices)
        case .list(let type): choices(type)
        default: []
        }
    }

    /// Words that may stand for the value without quotes.
    var words: [String] { ValueSlot.words(type) }

    private static func words(_ type: OptionType) -> [String] {
        switch type {
        case .boolean: ["true", "false"]
        case .either(let types): types.flatMap(words)
        default: []
        }
    }

    /// Types of the objects that it may be.
    var objectTypes: [String] { ValueSlot.objectTypes(type) }

    private static func objectTypes(_ type: OptionType) -> [String] {
        switch type {
        case .object(let name): [name]
        case .either(let types): types.flatMap(objectTypes)
        default: []
        }
    }

    /// The options of its table.
    var table: OptionTable? { type.table }
}

extension CodeContext {
    /// The call whose argument begins at the token `place`, which may not be there yet.
    func call(ofArgumentAt place: Int) -> CallSite? {
        guard place > 0 else { return nil }
        switch text(place - 1) {
        case "(", ",":
            guard let open = openBracket(before: place), text(open) == "(" else { return nil }
            return callee(at: open).map { CallSite(item: $0, bracket: open, argument: commas(from: open, to: place)) }
        default:
            return callee(at: place).map { CallSite(item: $0, bracket: place, argument: 0) }
        }
    }

    /// The innermost call that is open before token `end`, through tables and brackets within it.
    func call(around end: Int) -> CallSite? {
        var place = end
        for _ in 0..<100 {
            guard let open = openBracket(before: place) else { return nil }
            if text(open) == "(", let item = callee(at: open) {
                return CallSite(item: item, bracket: open, argument: commas(from: open, to: place))
            }
            if text(open) == "{", let call = call(ofArgumentAt: open), call.bracket == open { return call }
            place = open
        }
        return nil
    }

    /// What stands in the documentation of that which is called at a bracket or text.
    private func callee(at bracket: Int) -> LuaDocumentation? {
        guard let function = target(endingAt: bracket) else { return nil }
        var path = path(of: function)
        // An object that is called itself, such as a model.
        if path == nil, case .value(let value) = function, case .object(let type)? = value.look()?.kind {
            path = "\(type) __call"
        }
        return path.flatMap { path in host.documentation.first { $0.path == path } }
    }

    private func commas(from open: Int, to end: Int) -> Int {
        var (depth, commas) = (0, 0)
        for place in open + 1..<max(open + 1, end) {
            switch text(place) {
            case "(", "{", "[": depth += 1
            case ")", "}", "]": depth -= 1
            case "," where depth == 0: commas += 1
            default: break
            }
        }
        return commas
    }

    /// What is declared of the value that begins at the token `place`, which may not be there yet.
    func slot(at place: Int, depth: Int = 0) -> ValueSlot? {
        guard place > 0, depth < 20 else { return nil }
        let open = openBracket(before: place)
        switch text(place - 1) {
        case "=":
            guard let open, text(open) == "{", let table = slot(at: open, depth: depth + 1)?.table else { return nil }
            return table.option(text(place - 2)).map { ValueSlot($0) }
        case "{", ",", ";":
            guard let open, text(open) == "{" else { break }
            // An entry of a list.
            return slot(at: open, depth: depth + 1).flatMap { $0.table == nil ? $0 : nil }
        default: break
        }
        return call(ofArgumentAt: place)?.parameter.map { ValueSlot($0) }
    }

    /// What may be asked for names around token `end`: the objects whose methods are called there, and those given beside.
    func objects(around end: Int) -> [LuaReference] {
        var found: [LuaReference] = []
        var place = end
        for _ in 0..<100 {
            let bracket = openBracket(before: place)
            found += given(from: bracket ?? -1, to: place)
            guard let open = bracket else { break }
            if text(open - 2) == ":", case .value(let value)? = target(endingAt: open - 2) { found.append(value) }
            place = open
        }
        // A method that is called with a text: data:sort"...
        if text(end - 2) == ":", case .value(let value)? = target(endingAt: end - 2) { found.append(value) }
        return found
    }

    /// Values that stand as plain paths between a bracket and a place: arguments, and options of a table.
    private func given(from open: Int, to end: Int) -> [LuaReference] {
        var found: [LuaReference] = []
        var depth = 0
        for place in open + 1..<max(open + 1, end) {
            switch text(place) {
            case "(", "{", "[": depth += 1
            case ")", "}", "]": depth -= 1
            default:
                let before = text(place - 1)
                guard depth == 0, tokens[place].kind == .name, ["=", "(", "{", ",", ";"].contains(before) else {
                    continue
                }
                var last = place
                while text(last + 1) == ".", last + 2 < end { last += 2 }
                if case .value(let value)? = target(endingAt: last + 1) { found.append(value) }
            }
        }
        return found
    }

    /// The fields of a function's first parameter, where the call that takes the function says what they are: `data:map(function(row) row.`.
    func fieldSlot(ofParameter name: String, before end: Int) -> (slot: ValueSlot, place: Int)? {
        for place in stride(from: end - 1, through: 0, by: -1)
        where text(place) == "function" && text(place + 1) == "(" && text(place + 2) == name {
            guard let slot = slot(at: place), slot.values != nil, case .function = slot.type else { return nil }
            return (slot, place)
        }
        return nil
    }
}
