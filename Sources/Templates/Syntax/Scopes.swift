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
