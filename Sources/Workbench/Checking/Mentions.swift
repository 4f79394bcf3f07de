import LuaSyntax

/// How a recipe uses what it names: what stands where, what is written, what is tried under pcall or only under a condition.
struct Mentions {
    /// A field that is given a value.
    struct Write {
        /// What it is a field of.
        let base: ExpressionID
        /// The value; nil for one of several of a call.
        let value: ExpressionID?
    }

    /// The expression that each one is a part of.
    private(set) var parents: [ExpressionID?]
    /// The expression of each function.
    private(set) var functions: [Int: ExpressionID] = [:]
    /// The variable that each value is declared with.
    private(set) var holders: [ExpressionID: Int] = [:]
    /// Fields and elements that are assigned to.
    private(set) var targets: Set<ExpressionID> = []
    /// Writes of fields by name.
    private(set) var writes: [String: [Write]] = [:]
    /// Bytes of what runs under a condition.
    private var conditional: [Range<Int>] = []
    private var conditionalParts = ByteRanges([])
    /// Bytes of functions whose errors are caught.
    private var caught: [Range<Int>] = []
    private var caughtParts = ByteRanges([])
    /// Names of fields that are read without being called: whether they are there may be asked.
    private(set) var asked: Set<String> = []
    /// Globals that are given a value.
    private(set) var assignedGlobals: Set<String> = []
    /// Functions of the recipe by the name of the global or field that they are given to.
    private var named: [String: [Int]] = [:]
    /// Statements that are never reached.
    private(set) var unreachable: [Range<Int>] = []
    /// Places in the list of global names by name.
    private(set) var globals: [String: [Int]] = [:]

    init(_ tree: SyntaxTree) {
        parents = Array(repeating: nil, count: tree.expressionCount)
        for id in tree.expressionIDs {
            for part in Mentions.parts(of: tree[id].kind) { parents[part.place] = id }
            if case .function(let place) = tree[id].kind { functions[place] = id }
            if case .binary(let sign, _, let right) = tree[id].kind, sign == "and" || sign == "or" {
                conditional.append(tree[right].range)
            }
        }
        for (place, variable) in tree.variables.enumerated() {
            if case .declaration(let value?) = variable.origin { holders[value] = place }
        }
        for (place, use) in tree.globals.enumerated() { globals[use.name.text, default: []].append(place) }
        for function in tree.functions { walk(function.body, tree) }
        assignedGlobals = Set(tree.globals.filter(\.isAssigned).map(\.name.text))
        for id in tree.expressionIDs {
            noteCaught(id, tree)
            if case .field(_, let name) = tree[id].kind, !isCalled(id, tree) { asked.insert(name.text) }
        }
        (conditionalParts, caughtParts) = (ByteRanges(conditional), ByteRanges(caught))
    }

    /// Whether a value is called.
    func isCalled(_ id: ExpressionID, _ tree: SyntaxTree) -> Bool {
        guard let parent = parents[id.place], case .call(let callee, _) = tree[parent].kind else { return false }
        return callee == id
    }

    /// The expressions that an expression is made of.
    static func parts(of kind: Expression.Kind) -> [ExpressionID] {
        switch kind {
        case .field(let base, _), .unary(_, let base), .parenthesis(let base): [base]
        case .element(let base, let key): [base, key]
        case .call(let callee, let arguments): [callee] + arguments
        case .methodCall(let base, _, let arguments): [base] + arguments
        case .binary(_, let left, let right): [left, right]
        case .table(let entries):
            entries.flatMap { entry -> [ExpressionID] in
                if case .computed(let key) = entry.key { [key, entry.value] } else { [entry.value] }
            }
        default: []
        }
    }

    private mutating func walk(_ block: Block, _ tree: SyntaxTree) {
        for (place, statement) in block.statements.enumerated() {
            walk(statement, tree)
            guard place + 1 < block.statements.count else { continue }
            switch (statement.kind, block.statements[place + 1].kind) {
            case (.breaking, .label), (.goto, .label): break
            case (.breaking, _), (.goto, _): unreachable.append(block.statements[place + 1].range)
            default: break
            }
        }
    }

    private mutating func walk(_ statement: Statement, _ tree: SyntaxTree) {
        switch statement.kind {
        case .assignment(let targets, let values):
            for (place, target) in targets.enumerated() {
                note(target, place < values.count ? values[place] : nil, tree)
            }
        case .function(let target, _, let function): note(target, function, tree)
        case .block(let block): walk(block, tree)
        case .whileLoop(_, let block), .numericFor(_, _, let block), .genericFor(_, _, let block): walkSome(block, tree)
        case .repeatLoop(let block, _): walk(block, tree)
        case .branches(let branches, let otherwise):
            for branch in branches { walkSome(branch.body, tree) }
            if let otherwise { walkSome(otherwise, tree) }
        default: break
        }
    }

    private mutating func walkSome(_ block: Block, _ tree: SyntaxTree) {
        if let first = block.statements.first, let last = block.statements.last {
            conditional.append(first.range.lowerBound..<last.range.upperBound)
        }
        walk(block, tree)
    }

    private mutating func note(_ target: ExpressionID, _ value: ExpressionID?, _ tree: SyntaxTree) {
        if let value, case .function(let place) = tree[value].kind {
            switch tree[target].kind {
            case .field(_, let name): named[name.text, default: []].append(place)
            case .global(let name): named[name, default: []].append(place)
            default: break
            }
        }
        switch tree[target].kind {
        case .field(let base, let name):
            targets.insert(target)
            writes[name.text, default: []].append(Write(base: base, value: value))
        case .element(let base, let key):
            targets.insert(target)
            if case .string(let text) = tree[key].kind {
                writes[String(decoding: text, as: UTF8.self), default: []].append(Write(base: base, value: value))
            }
        default: break
        }
    }

    /// Notes the function that a pcall calls.
    private mutating func noteCaught(_ id: ExpressionID, _ tree: SyntaxTree) {
        guard case .call(let callee, let arguments) = tree[id].kind, let first = arguments.first,
            case .global(let name) = tree[callee].kind, name == "pcall" || name == "xpcall"
        else { return }
        switch tree[first].kind {
        case .function(let place): caught.append(tree.functions[place].range)
        case .local(let variable):
            guard case .declaration(let value?) = tree.variables[variable].origin,
                case .function(let place) = tree[value].kind
            else { return }
            caught.append(tree.functions[place].range)
        case .global(let name): caught += (named[name] ?? []).map { tree.functions[$0].range }
        case .field(_, let name): caught += (named[name.text] ?? []).map { tree.functions[$0].range }
        default: break
        }
    }

    func isCaught(_ range: Range<Int>) -> Bool { caughtParts.contains(range.lowerBound) }

    func isConditional(_ range: Range<Int>) -> Bool { conditionalParts.contains(range.lowerBound) }

    /// Whether a variable's table is never given to anyone who could change it in a way that is not written here.
    func isQuiet(_ variable: Variable, _ tree: SyntaxTree, isHostCall: (ExpressionID) -> Bool) -> Bool {
        variable.assigned.isEmpty && variable.uses.count <= 1000
            && variable.uses.allSatisfy { use in
                guard let parent = parents[use.place] else { return false }
                switch tree[parent].kind {
                case .field(let base, _): return base == use
                case .element(let base, let key):
                    // t[#t + 1] = x leaves names alone.
                    guard base == use, targets.contains(parent) else { return true }
                    if case .string = tree[key].kind { return true }
                    if case .integer = tree[key].kind { return true }
                    return false
                case .unary: return true
                case .call(_, let arguments), .methodCall(_, _, let arguments):
                    return arguments.contains(use) && isHostCall(parent)
                case .table: return true
                default: return false
                }
            }
    }
}
