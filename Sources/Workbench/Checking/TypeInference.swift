import LuaBridge
import LuaSyntax
import Memory
import Options

/// The types of a recipe's expressions and local variables, followed through assignments, fields of tables and calls of what is declared.
///
/// A variable has the type that everything given to it has. Types only ever become less certain from pass to pass, so that a few passes
/// in the order of the text settle them; what has not settled then is unknown.
struct TypeInference {
    private let tree: SyntaxTree
    private let known: KnownNames
    private let mentions: Mentions
    /// Names of modules beside the recipe or in the binary that are written in Lua; nil where they are not known.
    private let scriptModules: (String) -> [String]?
    private var types: [CheckedType]
    private var variables: [CheckedType]
    /// What the recipe declares with lorawb.args, by the place of the call: types by name.
    private var arguments: [ExpressionID: [String: CheckedType]] = [:]

    private static let mostPasses = 12
    /// What is longer than anyone writes is not looked through: arguments, entries of tables, writes of a field.
    private static let most = 1000

    init(
        _ tree: SyntaxTree, _ known: KnownNames, _ mentions: Mentions, scriptModules: @escaping (String) -> [String]?
    ) throws {
        (self.tree, self.known, self.mentions, self.scriptModules) = (tree, known, mentions, scriptModules)
        types = Array(repeating: .none, count: tree.expressionCount)
        variables = Array(repeating: .none, count: tree.variables.count)
        var isSettled = false
        for pass in 0..<Self.mostPasses where !isSettled {
            isSettled = true
            try MemoryBudget.check()
            for id in tree.expressionIDs { types[id.place] = type(of: tree[id].kind, id) }
            for place in variables.indices {
                let found = type(of: tree.variables[place])
                guard found != variables[place] else { continue }
                isSettled = false
                variables[place] = pass > 2 ? variables[place].joined(found) : found
                if pass > Self.mostPasses - 4 { variables[place] = .unknown }
            }
        }
    }

    /// The type of an expression.
    subscript(id: ExpressionID) -> CheckedType { types[id.place] }

    /// The type of a local variable.
    func variable(_ place: Int) -> CheckedType { variables[place] }

    /// The first call of lorawb.args.
    var firstDeclaration: ExpressionID? { arguments.keys.min { $0.place < $1.place } }

    /// The declared parameters of a call of lorawb.args.
    func parameters(_ id: ExpressionID) -> [String: CheckedType] { arguments[id] ?? [:] }

    // MARK: Variables

    private func type(of variable: Variable) -> CheckedType {
        var type: CheckedType
        switch variable.origin {
        case .declaration(let value?): type = types[value.place]
        case .declaration(nil): type = .none
        case .result(let call, let place): type = result(of: call, place)
        case .counter: type = .number(nil)
        case .loop(let values, let place): type = loopType(values, place)
        case .parameter: type = parameterType(variable)
        }
        for value in variable.assigned { type = type.joined(value.map { types[$0.place] } ?? .unknown) }
        return type
    }

    private func loopType(_ values: [ExpressionID], _ place: Int) -> CheckedType {
        guard let first = values.first else { return .unknown }
        guard case .iterator(let results) = types[first.place] else {
            return types[first.place] == .none ? .none : .unknown
        }
        return place < results.count
            ? (results[place].alternatives.flatMap { $0.count == 1 ? $0[0] : nil } ?? .unknown) : .unknown
    }

    /// The type of a parameter of a function that is given to the host where the host says what it is called with.
    private func parameterType(_ variable: Variable) -> CheckedType {
        guard let function = mentions.functions[variable.function],
            let place = tree.functions[variable.function].parameters.firstIndex(where: {
                tree.variables[$0].name.range == variable.name.range
            }), case .function(let signature)? = expected(at: function)
        else { return .unknown }
        let parameters = CheckedType.parameters(signature, known)
        return place < parameters.count ? parameters[place] : .unknown
    }

    /// What the host declares for the place that an expression stands at: an argument, or an option.
    private func expected(at id: ExpressionID, depth: Int = 0) -> OptionType? {
        guard depth < 4, let parent = mentions.parents[id.place] else { return nil }
        switch tree[parent].kind {
        case .call(_, let arguments), .methodCall(_, _, let arguments):
            guard arguments.count <= Self.most, let place = arguments.firstIndex(of: id),
                let called = calledItem(parent)
            else { return nil }
            let parameters = called.item.signature.parameters
            let index = place - called.shift
            return parameters.indices.contains(index) ? parameters[index].type.function ?? parameters[index].type : nil
        case .table(let entries):
            guard entries.count <= Self.most, let entry = entries.first(where: { $0.value == id }),
                case .name(let name) = entry.key,
                let table = expected(at: parent, depth: depth + 1)?.table, let option = table.option(name.text)
            else { return nil }
            return option.type.function ?? option.type
        default: return nil
        }
    }

    // MARK: Expressions

    private mutating func type(of kind: Expression.Kind, _ id: ExpressionID) -> CheckedType {
        switch kind {
        case .nil: return .nil
        case .boolean(let flag): return .boolean(flag)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(let bytes): return .text(String(validating: bytes, as: UTF8.self))
        case .varargs: return .unknown
        case .local(let variable): return variables[variable]
        case .global(let name): return global(name)
        case .field(let base, let name): return member(types[base.place], name.text)
        case .element(let base, let key):
            if case .text(let name?) = types[key.place] { return member(types[base.place], name) }
            if case .list(let type) = types[base.place] { return type }
            return types[base.place] == .none ? .none : .unknown
        case .call, .methodCall:
            noteArguments(id)
            return result(of: id, 0)
        case .function(let place): return .script(place)
        case .table: return .table(id)
        case .binary(let sign, let left, let right): return binary(sign, types[left.place], types[right.place])
        case .unary(let sign, let operand): return unary(sign, types[operand.place])
        case .parenthesis(let inner): return types[inner.place]
        }
    }

    private func global(_ name: String) -> CheckedType {
        guard !mentions.assignedGlobals.contains(name), !tree.namesEnvironment else { return .unknown }
        if known.libraries[name] != nil { return .library(name) }
        return known.values[name] ?? (known.globals.contains(name) ? .stock(name) : .unknown)
    }

    private func binary(_ sign: String, _ left: CheckedType, _ right: CheckedType) -> CheckedType {
        if left == .none || right == .none { return .none }
        switch sign {
        case "==", "~=", "<", ">", "<=", ">=": return .boolean(nil)
        case "and":
            if left.isTruthy { return right }
            return left == .nil ? .nil : .unknown
        case "or":
            if left.isTruthy { return left }
            if left == .nil { return right }
            let first = left.truthy
            return first == .unknown ? .unknown : first.joined(right)
        case "..":
            if case .text(let first) = left, case .text(let second) = right {
                guard let first, let second, first.utf8.count + second.utf8.count <= 4096 else { return .text(nil) }
                return .text(first + second)
            }
            return left.isScalar && right.isScalar ? .text(nil) : .unknown
        default: return arithmetic(sign, left, right)
        }
    }

    private func arithmetic(_ sign: String, _ left: CheckedType, _ right: CheckedType) -> CheckedType {
        if left.isNumber, right.isNumber { return .number(nil) }
        let names = [
            "+": "__add", "-": "__sub", "*": "__mul", "/": "__div", "%": "__mod", "^": "__pow", "//": "__idiv",
        ]
        guard let event = names[sign] else { return .unknown }
        for side in [left, right] {
            if case .object(let type, _) = side, let item = known.item("\(type) \(event)") {
                return CheckedType(documented: item.signature.returns, known, owner: type)
            }
        }
        return .unknown
    }

    private func unary(_ sign: String, _ operand: CheckedType) -> CheckedType {
        switch (sign, operand) {
        case (_, .none): return .none
        case ("not", _): return .boolean(nil)
        case ("-", .integer(let value)): return .integer(0 &- value)
        case ("-", .number(let value)): return .number(value.map { -$0 })
        case ("-", .object(let type, _)):
            return known.item("\(type) __unm").map { CheckedType(documented: $0.signature.returns, known, owner: type) }
                ?? .unknown
        case ("#", .text), ("#", .list), ("#", .table), ("#", .object): return .number(nil)
        default: return .unknown
        }
    }

    // MARK: Fields

    /// The type of a field, or of what a method is.
    func member(_ type: CheckedType, _ name: String) -> CheckedType {
        switch type {
        case .none: return .none
        case .module(let module): return documented("\(module).\(name)", owner: module)
        case .object(let owner, let fields):
            if known.item("\(owner):\(name)") != nil { return .host("\(owner):\(name)") }
            if let fields, fields.contains(name) {
                return (mentions.writes[name] ?? []).reduce(known.object("lorawb.Dataset")) { type, write in
                    type.joined(write.value.map { types[$0.place] } ?? .unknown)
                }
            }
            return documented("\(owner).\(name)", owner: owner)
        case .text: return stockMember("string", name)
        case .library(let library): return stockMember(library, name)
        case .arguments(let id): return mentions.writes[name] == nil ? arguments[id]?[name] ?? .unknown : .unknown
        case .table(let id): return field(of: id, name)
        case .either:
            guard let all = type.alternatives, let first = all.first else { return .unknown }
            return all.dropFirst().reduce(member(first, name)) { $0.joined(member($1, name)) }
        default: return .unknown
        }
    }

    private func stockMember(_ library: String, _ name: String) -> CheckedType {
        guard known.libraries[library]?.contains(name) == true, mentions.writes[name] == nil else { return .unknown }
        return known.values["\(library).\(name)"] ?? .stock("\(library).\(name)")
    }

    private func documented(_ path: String, owner: String) -> CheckedType {
        guard let item = known.item(path) else {
            // What is not there gives no value: reading it ends the run.
            let name = String(path.dropFirst(owner.utf8.count + 1))
            return known.hasOpenFields(owner) || mentions.writes[name] != nil ? .unknown : .none
        }
        switch item.kind {
        case .function: return .host(path)
        case .module: return .module(path)
        case .property, .constant: return CheckedType(documented: item.signature.returns, known, owner: owner)
        default: return .unknown
        }
    }

    /// Whether nothing but what is written in the recipe changes a table.
    func isQuiet(_ table: ExpressionID) -> Bool {
        guard let holder = mentions.holders[table] else { return mentions.parents[table.place] != nil }
        return mentions.isQuiet(tree.variables[holder], tree) { call in calledItem(call) != nil || isReader(call) }
    }

    /// Whether fields of a table are written anywhere but in its constructor.
    func isWritten(_ table: ExpressionID) -> Bool {
        guard let holder = mentions.holders[table] else { return true }
        return tree.variables[holder].uses.contains { use in
            mentions.parents[use.place].map(mentions.targets.contains) ?? false
        }
    }

    /// Whether a call is one of Lua's functions that only look at a table.
    private func isReader(_ call: ExpressionID) -> Bool {
        guard case .call(let callee, _) = tree[call].kind, case .stock(let name) = types[callee.place] else {
            return false
        }
        return [
            "ipairs", "pairs", "next", "print", "tostring", "type", "table.concat", "table.unpack", "rawget", "rawlen",
        ].contains(name)
    }

    private func field(of table: ExpressionID, _ name: String) -> CheckedType {
        guard case .table(let entries) = tree[table].kind, entries.count <= Self.most,
            mentions.writes[name]?.count ?? 0 <= Self.most, isQuiet(table)
        else { return .unknown }
        var type = CheckedType.none
        for entry in entries {
            switch entry.key {
            case .name(let key): if key.text == name { type = type.joined(types[entry.value.place]) }
            case .computed(let key):
                guard case .string(let text) = tree[key].kind else { return .unknown }
                if String(decoding: text, as: UTF8.self) == name { type = type.joined(types[entry.value.place]) }
            case .next: break
            }
        }
        for write in mentions.writes[name] ?? [] {
            guard case .local(let variable) = tree[write.base].kind, variable == mentions.holders[table],
                let value = write.value
            else { return .unknown }
            type = type.joined(types[value.place])
        }
        return type == .none ? .unknown : type
    }

    // MARK: Calls

    /// What is called where it is the host's, and how many arguments come before its first parameter.
    func calledItem(_ call: ExpressionID) -> (item: LuaDocumentation, shift: Int)? {
        switch tree[call].kind {
        case .call(let callee, _):
            if case .host(let path) = types[callee.place], let item = known.item(path) {
                return (item, item.kind == .method ? 1 : 0)
            }
            if case .object(let type, _) = types[callee.place], let item = known.item("\(type) __call") {
                return (item, 0)
            }
        case .methodCall(let base, let name, _):
            if case .host(let path) = member(types[base.place], name.text), let item = known.item(path),
                item.kind == .method
            {
                return (item, 0)
            }
        default: break
        }
        return nil
    }

    /// One of the values that a call gives, from 0.
    private func result(of call: ExpressionID, _ place: Int) -> CheckedType {
        let callee: CheckedType
        var receiver = CheckedType.unknown
        let given: [ExpressionID]
        switch tree[call].kind {
        case .call(let function, let arguments): (callee, given) = (types[function.place], arguments)
        case .methodCall(let base, let name, let arguments):
            receiver = types[base.place]
            (callee, given) = (member(receiver, name.text), arguments)
            // Rows and splits may have any name, and none of them can be called.
            if callee == .unknown, case .object(let owner, _) = receiver, !known.hasOpenMethods(owner),
                mentions.writes[name.text] == nil
            {
                return .none
            }
        default: return .unknown
        }
        switch callee {
        case .none: return .none
        case .stock(let name): return place == 0 ? stock(name, given) : .unknown
        case .host(let path):
            guard let item = known.item(path) else { return .unknown }
            if place == 0, let special = special(path, call, given, receiver) { return special }
            let results = CheckedType.results(item.signature.returns, known, owner: item.owner)
            return place < results.count ? results[place] : .unknown
        case .object(let type, _):
            guard place == 0, let item = known.item("\(type) __call") else { return .unknown }
            return CheckedType.results(item.signature.returns, known, owner: type).first ?? .unknown
        default: return .unknown
        }
    }

    /// What depends on the arguments of a call.
    private func special(
        _ path: String, _ call: ExpressionID, _ given: [ExpressionID], _ receiver: CheckedType
    ) -> CheckedType? {
        let splits = "lorawb.DatasetDict"
        switch path {
        case "lorawb.args": return .arguments(call)
        case "lorawb.load_dataset":
            guard let first = given.first else { return nil }
            if case .text(let name?) = types[first.place], name.split(separator: "/").last?.contains(".") == true {
                return known.object("lorawb.Dataset")
            }
            guard case .table(let entries) = tree[first].kind else { return nil }
            let names = entries.compactMap { if case .name(let name) = $0.key { name.text } else { nil } }
            if names.count == entries.count, !names.isEmpty { return .object(splits, fields: names) }
            return names.isEmpty ? known.object("lorawb.Dataset") : nil
        case "lorawb.Dataset:train_test_split": return .object(splits, fields: ["train", "test"])
        default:
            // What is done to splits gives the same splits.
            guard path.hasPrefix(splits + ":"), case .object(splits, _) = receiver else { return nil }
            return receiver
        }
    }

    private func stock(_ name: String, _ given: [ExpressionID]) -> CheckedType {
        let first = given.first.map { types[$0.place] } ?? .nil
        switch name {
        case "require":
            guard case .text(let module?) = first else { return .unknown }
            if let given = known.module(module) { return given }
            return scriptModules(module).map { .luaModule(module, names: $0) } ?? .unknown
        case "ipairs":
            if case .list(let type) = first { return .iterator([.number(nil), type]) }
            return first == .none ? .none : .iterator([.number(nil)])
        case "tostring", "type", "string.format", "string.rep", "string.sub", "string.upper", "string.lower",
            "string.reverse",
            "table.concat":
            return .text(nil)
        default: return .unknown
        }
    }

    // MARK: Parameters of the recipe

    private mutating func noteArguments(_ call: ExpressionID) {
        guard case .call(let callee, let given) = tree[call].kind, types[callee.place] == .host("lorawb.args") else {
            return
        }
        arguments[call] = [:]
        guard let first = given.first, case .table(let entries) = tree[first].kind else { return }
        var declared: [String: CheckedType] = [:]
        for entry in entries {
            guard case .name(let name) = entry.key else { continue }
            declared[name.text] = parameter(entry.value)
        }
        arguments[call] = declared
    }

    /// The type that a declared parameter has, whatever the user types.
    private func parameter(_ value: ExpressionID) -> CheckedType {
        guard case .table(let entries) = tree[value].kind else { return types[value.place].withoutValue }
        var (type, named) = (CheckedType.text(nil), String?.none)
        for entry in entries {
            switch entry.key {
            case .next: type = types[entry.value.place].withoutValue
            case .name(let name) where name.text == "type":
                guard case .text(let text?) = types[entry.value.place] else { return .unknown }
                named = text
            default: break
            }
        }
        switch named {
        case nil: return type
        case "number", "integer": return .number(nil)
        case "boolean": return .boolean(nil)
        default: return .text(nil)
        }
    }
}

extension CheckedType {
    /// Whether it is a number or a text, which `..` joins.
    var isScalar: Bool {
        if case .text = self { return true }
        return isNumber
    }

    var isNumber: Bool {
        switch self {
        case .integer, .number: true
        default: false
        }
    }

    /// The same type, its value left open.
    var withoutValue: CheckedType {
        switch self {
        case .integer, .number: .number(nil)
        case .text: .text(nil)
        case .boolean: .boolean(nil)
        default: self
        }
    }
}
