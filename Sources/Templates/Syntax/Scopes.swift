/// What each name of a template means: which scope holds it, decided before anything is rendered, as jinja2 3.1 does
/// (idtracking.py, compiler.py).
///
/// A scope knows all names that are assigned anywhere in it. A name that none of the scopes around it assigns is looked up among the
/// variables when its scope is entered.
struct Scopes: Sendable {
    /// How a slot of a scope is filled when the scope is entered.
    enum Load: Sendable {
        /// By whoever enters.
        case parameter
        /// From the template's variables.
        case variable(String)
        /// From a scope further out.
        case outer(Reference)
        /// With nothing.
        case nothing
    }
    /// A slot of a scope, `up` scopes further out.
    struct Reference: Sendable {
        let up: Int
        let slot: Int
    }
    /// A scope: how many slots it has, and how they are filled.
    struct Layout: Sendable {
        var count = 0
        var loads: [(slot: Int, load: Load)] = []
        /// The slots by name.
        var names: [String: Int] = [:]
        /// Slots of `loop`, `caller`, `kwargs`, `varargs`, where the scope has them.
        var special: [String: Int] = [:]
    }

    /// Layouts by the numbers of scopes.
    private(set) var layouts: [Layout]
    /// What each place where a name stands refers to.
    private(set) var references: [Reference]
    /// The blocks, by name.
    private(set) var blocks: [String: Statement.Block] = [:]

    init(_ template: Statement.Body, _ parser: Parser) throws {
        layouts = Array(repeating: Layout(), count: parser.scopes)
        references = Array(repeating: Reference(up: 0, slot: 0), count: parser.places)
        try findBlocks(template.statements)
        let root = Symbols(parent: nil)
        root.visit(template.statements)
        keep(root, template.scope)
        try bind(template.statements, Frame(root))
        for block in blocks.values.sorted(by: { $0.line < $1.line }) {
            let symbols = Symbols(parent: nil)
            symbols.visit(block.body.statements)
            keep(symbols, block.body.scope)
            try bind(block.body.statements, Frame(symbols))
        }
    }

    /// Where statements stand.
    private struct Frame {
        let symbols: Symbols
        /// Whether a name of a filter or test that is not there is an error only when it is used.
        var isSoft = false
        /// Whether a loop goes on around, within the same macro.
        var isInLoop = false

        init(_ symbols: Symbols, isInLoop: Bool = false) { (self.symbols, self.isInLoop) = (symbols, isInLoop) }

        var soft: Frame {
            var frame = self
            frame.isSoft = true
            return frame
        }
    }

    private mutating func keep(_ symbols: Symbols, _ scope: Int, special: [String] = []) {
        layouts[scope].count = symbols.slots.count
        layouts[scope].names = symbols.slots.places
        layouts[scope].loads = symbols.loads.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        for name in special { layouts[scope].special[name] = symbols.slots[name] }
    }

    private mutating func findBlocks(_ statements: [Statement]) throws {
        for statement in statements {
            if case .block(let block) = statement {
                if blocks[block.name] != nil {
                    throw TemplateError(
                        "TemplateAssertionError", "block \(Text(block.name).represented) defined twice",
                        line: block.line)
                }
                blocks[block.name] = block
            }
            for body in statement.bodies { try findBlocks(body) }
        }
    }

    // MARK: binding

    private mutating func bind(_ statements: [Statement], _ frame: Frame) throws {
        for statement in statements { try bind(statement, frame) }
    }

    private mutating func bind(_ statement: Statement, _ frame: Frame) throws {
        switch statement {
        case .output(let pieces):
            for case .expression(let expression, _) in pieces { try bind(expression, frame) }
        case .assignment(let target, let value, _):
            try bind(target, frame)
            try bind(value, frame)
        case .choice(let choice):
            for branch in choice.branches {
                try bind(branch.test, frame.soft)
                try bind(branch.body, frame.soft)
            }
            try bind(choice.otherwise, frame.soft)
        case .loop(let loop): try bind(loop, frame)
        case .macro(let macro):
            references[macro.name.place] = frame.symbols.reference(macro.name.name)
            try bind(macro.parameters, macro.body, macro.line, frame)
        case .call(let block):
            try bind(block.parameters, block.body, block.line, frame)
            try bind(block.call, frame)
        case .generation(let body, let line): try bind(Statement.Parameters(), body, line, frame)
        case .capture(let capture):
            try bind(inner: capture.body, frame, and: capture.filter.map { [$0] } ?? [])
            try bind(capture.target, frame)
        case .filter(let block): try bind(inner: block.body, frame, and: [block.filter])
        case .scope(let body): try bind(inner: body, frame)
        case .with(let with):
            for value in with.values { try bind(value, frame) }
            let symbols = Symbols(parent: frame.symbols)
            for target in with.targets { symbols.declare(target) }
            symbols.visit(with.body.statements)
            keep(symbols, with.body.scope)
            let inner = Frame(symbols, isInLoop: frame.isInLoop)
            for target in with.targets { try bind(target, inner) }
            try bind(with.body.statements, inner)
        case .block: break
        case .leave(let leave, let line):
            guard frame.isInLoop else {
                let message = leave == .leave ? "'break' outside loop" : "'continue' not properly in loop"
                throw TemplateError("SyntaxError", message, line: line)
            }
        }
    }

    /// A body with a scope of its own, and expressions that are computed within it.
    private mutating func bind(
        inner body: Statement.Body, _ frame: Frame, and expressions: [Expression] = []
    ) throws {
        let symbols = Symbols(parent: frame.symbols)
        symbols.visit(body.statements)
        for expression in expressions { symbols.visit(expression) }
        keep(symbols, body.scope)
        let inner = Frame(symbols, isInLoop: frame.isInLoop)
        try bind(body.statements, inner)
        for expression in expressions { try bind(expression, inner) }
    }

    private mutating func bind(_ loop: Statement.Loop, _ frame: Frame) throws {
        let symbols = Symbols(parent: frame.symbols)
        let hasLoop =
            loop.isRecursive || loop.body.statements.undeclared(["loop"]).contains("loop")
            || Statement.loop(loop).hasScopedBlock
        if hasLoop { symbols.declare("loop") }
        symbols.declare(loop.target)
        symbols.visit(loop.body.statements)
        keep(symbols, loop.body.scope, special: hasLoop ? ["loop"] : [])
        // The elements are assigned within the test's scope too: its slots are those of the body.
        let testSymbols = Symbols(parent: frame.symbols, slots: symbols.slots)
        if let test = loop.test {
            testSymbols.declare(loop.target)
            testSymbols.visit(test)
            keep(testSymbols, loop.testScope)
        }
        let otherwise = Symbols(parent: frame.symbols)
        otherwise.visit(loop.otherwise.statements)
        keep(otherwise, loop.otherwise.scope)
        if let line = Statement.loop(loop).lineThatAssignsLoop {
            throw TemplateError(
                "TemplateAssertionError", "Can't assign to special loop variable in for-loop target", line: line)
        }
        try bind(loop.target, Frame(symbols))
        try bind(loop.elements, frame)
        if let test = loop.test { try bind(test, Frame(testSymbols)) }
        try bind(loop.body.statements, Frame(symbols, isInLoop: true))
        // What follows a recursive loop stands within its function.
        try bind(loop.otherwise.statements, Frame(otherwise, isInLoop: frame.isInLoop && !loop.isRecursive))
    }

    /// A macro, or the body of a call, which is one without a name.
    private mutating func bind(
        _ parameters: Statement.Parameters, _ body: Statement.Body, _ line: Int, _ frame: Frame
    ) throws {
        let symbols = Symbols(parent: frame.symbols)
        func visit() {
            for name in parameters.names { symbols.declare(name.name) }
            for value in parameters.defaults { symbols.visit(value) }
            symbols.visit(body.statements)
        }
        visit()
        let names = parameters.names.map(\.name)
        let undeclared = body.statements.undeclared(["caller", "kwargs", "varargs"])
        var special: [String] = []
        if undeclared.contains("caller") {
            if let place = names.firstIndex(of: "caller") {
                if names.count - place > parameters.defaults.count {
                    throw TemplateError(
                        "TemplateAssertionError",
                        "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.",
                        line: line)
                }
            } else {
                symbols.declare("caller")
            }
            special.append("caller")
        }
        for name in ["kwargs", "varargs"] where undeclared.contains(name) && !names.contains(name) {
            symbols.declare(name)
            special.append(name)
        }
        visit()
        keep(symbols, body.scope, special: special)
        for name in parameters.names { references[name.place] = symbols.reference(name.name) }
        let inner = Frame(symbols)
        for value in parameters.defaults { try bind(value, inner) }
        try bind(body.statements, inner)
    }

    private mutating func bind(_ target: Statement.Target, _ frame: Frame) throws {
        switch target {
        case .name(let name), .attribute(let name, _): references[name.place] = frame.symbols.reference(name.name)
        case .tuple(let targets): for target in targets { try bind(target, frame) }
        }
    }

    private mutating func bind(_ expression: Expression, _ frame: Frame) throws {
        var frame = frame
        switch expression {
        case .name(let name), .namespaceAttribute(let name, _):
            references[name.place] = frame.symbols.reference(name.name)
        case .filter(let applied) where !frame.isSoft && Filters.all[applied.name] == nil:
            throw TemplateError(
                "TemplateAssertionError", "No filter named \(Text(applied.name).represented).", line: applied.line)
        case .test(let applied) where !frame.isSoft && Tests.all[applied.name] == nil:
            throw TemplateError(
                "TemplateAssertionError", "No test named \(Text(applied.name).represented).", line: applied.line)
        case .conditional: frame = frame.soft
        default: break
        }
        for child in expression.children { try bind(child, frame) }
    }
}

/// The names of one scope while a template is read.
private final class Symbols {
    /// Slots by name, which the branches of an `if` share.
    final class Slots {
        var places: [String: Int] = [:]
        var count: Int { places.count }
        subscript(name: String) -> Int? { places[name] }

        init(_ places: [String: Int] = [:]) { self.places = places }
        func slot(_ name: String) -> Int {
            if let slot = places[name] { return slot }
            let slot = places.count
            places[name] = slot
            return slot
        }
    }

    let parent: Symbols?
    let slots: Slots
    private var names: Set<String> = []
    private var stores: Set<String> = []
    private(set) var loads: [Int: Scopes.Load] = [:]

    init(parent: Symbols?, slots: Slots = Slots()) { (self.parent, self.slots) = (parent, Slots(slots.places)) }

    private init(copying other: Symbols) {
        (parent, slots, names) = (other.parent, other.slots, other.names)
        (stores, loads) = (other.stores, other.loads)
    }

    /// Where a name is kept, as seen from here.
    func find(_ name: String) -> Scopes.Reference? {
        if names.contains(name), let slot = slots[name] { return Scopes.Reference(up: 0, slot: slot) }
        guard let outer = parent?.find(name) else { return nil }
        return Scopes.Reference(up: outer.up + 1, slot: outer.slot)
    }

    /// The same for a name that was visited.
    func reference(_ name: String) -> Scopes.Reference {
        if let reference = find(name) { return reference }
        load(name)
        return find(name) ?? Scopes.Reference(up: 0, slot: 0)
    }

    private func define(_ name: String, _ load: Scopes.Load) {
        names.insert(name)
        loads[slots.slot(name)] = load
    }

    func declare(_ name: String) {
        stores.insert(name)
        define(name, .parameter)
    }

    func declare(_ target: Statement.Target) {
        switch target {
        case .name(let name), .attribute(let name, _): declare(name.name)
        case .tuple(let targets): for target in targets { declare(target) }
        }
    }

    private func store(_ name: String) {
        stores.insert(name)
        guard !names.contains(name) else { return }
        if let outer = parent?.find(name) {
            define(name, .outer(Scopes.Reference(up: outer.up + 1, slot: outer.slot)))
        } else {
            define(name, .nothing)
        }
    }

    private func load(_ name: String) {
        if find(name) == nil { define(name, .variable(name)) }
    }

    private func store(_ target: Statement.Target) {
        switch target {
        case .name(let name): store(name.name)
        case .attribute(let name, _): load(name.name)
        case .tuple(let targets): for target in targets { store(target) }
        }
    }

    func visit(_ statements: [Statement]) { for statement in statements { visit(statement) } }

    func visit(_ expression: Expression) {
        if case .name(let name) = expression { load(name.name) }
        for child in expression.children { visit(child) }
    }

    private func visit(_ statement: Statement) {
        switch statement {
        case .output(let pieces): for case .expression(let expression, _) in pieces { visit(expression) }
        case .assignment(let target, let value, _):
            visit(value)
            store(target)
        case .choice(let choice): visit(choice)
        case .loop(let loop): visit(loop.elements)
        case .macro(let macro): store(macro.name.name)
        case .call(let block): visit(block.call)
        case .capture(let capture): store(capture.target)
        case .filter(let block): visit(block.filter)
        case .with(let with): for value in with.values { visit(value) }
        case .generation, .scope, .block, .leave: break
        }
    }

    private func visit(_ choice: Statement.Choice) {
        guard let first = choice.branches.first else { return }
        visit(first.test)
        let (body, others, otherwise) = (Symbols(copying: self), Symbols(copying: self), Symbols(copying: self))
        body.visit(first.body)
        for branch in choice.branches.dropFirst() {
            others.visit(branch.test)
            let inner = Symbols(copying: others)
            inner.visit(branch.body)
            others.merge([inner])
        }
        otherwise.visit(choice.otherwise)
        merge([body, others, otherwise])
    }

    /// Takes over what branches made: a name that only some of them assign has its outer value in the others.
    private func merge(_ branches: [Symbols]) {
        let assigned = branches.reduce(into: Set<String>()) { $0.formUnion($1.stores) }.subtracting(stores)
        for branch in branches {
            names.formUnion(branch.names)
            loads.merge(branch.loads) { $1 }
            stores.formUnion(branch.stores)
        }
        for name in assigned {
            guard let own = find(name), own.up == 0 else { continue }
            if let outer = parent?.find(name) {
                loads[own.slot] = .outer(Scopes.Reference(up: outer.up + 1, slot: outer.slot))
            } else {
                loads[own.slot] = .variable(name)
            }
        }
    }
}

// MARK: walking the tree

extension Statement {
    /// The bodies that it holds.
    fileprivate var bodies: [[Statement]] {
        switch self {
        case .output, .assignment, .leave: []
        case .loop(let loop): [loop.body.statements, loop.otherwise.statements]
        case .choice(let choice): choice.branches.map(\.body) + [choice.otherwise]
        case .capture(let capture): [capture.body.statements]
        case .macro(let macro): [macro.body.statements]
        case .call(let block): [block.body.statements]
        case .filter(let block): [block.body.statements]
        case .with(let with): [with.body.statements]
        case .block(let block): [block.body.statements]
        case .generation(let body, _), .scope(let body): [body.statements]
        }
    }

    fileprivate var hasScopedBlock: Bool {
        if case .block(let block) = self, block.isScoped { return true }
        return bodies.contains { $0.contains { $0.hasScopedBlock } }
    }

    /// The line of a statement in it that assigns to `loop`.
    fileprivate var lineThatAssignsLoop: Int? {
        switch self {
        case .assignment(let target, _, let line) where target.assigns("loop"): return line
        case .capture(let capture) where capture.target.assigns("loop"): return capture.line
        case .loop(let loop) where loop.target.assigns("loop"): return loop.line
        default: break
        }
        for body in bodies {
            for statement in body {
                if let line = statement.lineThatAssignsLoop { return line }
            }
        }
        return nil
    }
}

extension Statement.Target {
    fileprivate func assigns(_ wanted: String) -> Bool {
        switch self {
        case .name(let name): name.name == wanted
        case .attribute: false
        case .tuple(let targets): targets.contains { $0.assigns(wanted) }
        }
    }
    fileprivate var names: [String] {
        switch self {
        case .name(let name): [name.name]
        case .attribute: []
        case .tuple(let targets): targets.flatMap(\.names)
        }
    }
}

extension [Statement] {
    /// Those of `wanted` that are read before they are assigned.
    fileprivate func undeclared(_ wanted: Set<String>) -> Set<String> {
        var search = UndeclaredNames(wanted: wanted)
        search.visit(self)
        return search.found
    }
}

/// Looks for names that are read before they are assigned, in the order of the reference's fields.
private struct UndeclaredNames {
    var wanted: Set<String>
    var found: Set<String> = []

    mutating func visit(_ statements: [Statement]) { for statement in statements { visit(statement) } }

    private mutating func visit(_ expression: Expression) {
        if case .name(let name) = expression, wanted.contains(name.name) { found.insert(name.name) }
        for child in expression.children { visit(child) }
    }
    private mutating func assign(_ target: Statement.Target) { for name in target.names { wanted.remove(name) } }
    private mutating func visit(_ parameters: Statement.Parameters) {
        for name in parameters.names { wanted.remove(name.name) }
        for value in parameters.defaults { visit(value) }
    }

    private mutating func visit(_ statement: Statement) {
        switch statement {
        case .output(let pieces): for case .expression(let expression, _) in pieces { visit(expression) }
        case .assignment(let target, let value, _):
            assign(target)
            visit(value)
        case .choice(let choice):
            for branch in choice.branches {
                visit(branch.test)
                visit(branch.body)
            }
            visit(choice.otherwise)
        case .loop(let loop):
            assign(loop.target)
            visit(loop.elements)
            visit(loop.body.statements)
            visit(loop.otherwise.statements)
            if let test = loop.test { visit(test) }
        case .macro(let macro):
            visit(macro.parameters)
            visit(macro.body.statements)
        case .call(let block):
            visit(block.call)
            visit(block.parameters)
            visit(block.body.statements)
        case .capture(let capture):
            assign(capture.target)
            if let filter = capture.filter { visit(filter) }
            visit(capture.body.statements)
        case .filter(let block):
            visit(block.body.statements)
            visit(block.filter)
        case .with(let with):
            for target in with.targets { assign(target) }
            for value in with.values { visit(value) }
            visit(with.body.statements)
        case .generation(let body, _), .scope(let body): visit(body.statements)
        case .block, .leave: break
        }
    }
}
