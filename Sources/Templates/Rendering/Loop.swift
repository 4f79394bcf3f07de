extension Rendering {
    func run(_ loop: Statement.Loop, _ scope: Scope) throws -> Flow {
        let elements = try at(loop.line) { try value(of: loop.elements, scope) }
        guard loop.isRecursive else { return try run(loop, over: elements, scope, depth: 0) }
        try write(try capture { _ = try run(loop, over: elements, scope, depth: 0) })
        return .on
    }

    /// Runs a loop's body for each of `elements`, or what stands for none.
    fileprivate func run(_ loop: Statement.Loop, over value: Value, _ scope: Scope, depth: Int) throws -> Flow {
        var elements = try at(loop.line) { try self.elements(of: value) }
        if let test = loop.test {
            let source = elements
            let testScope = try enter(loop.testScope, parent: scope)
            elements = Elements { [self] in
                while let element = try source.next() {
                    try at(loop.line) { try assign(loop.target, element, testScope) }
                    if try at(loop.line, { try isTrue(try self.value(of: test, testScope)) }) { return element }
                }
                return nil
            }
        }
        let inner = try enter(loop.body.scope, parent: scope)
        if loop.isRecursive { try keep(scope) }
        let context = LoopContext(
            elements, length: loop.test == nil ? count(of: value) : nil, valueDepth: value.depth, depth: depth,
            again: loop.isRecursive ? (loop, scope) : nil)
        // The reference notes that there was an element where the body ends: after `break` and `continue` it does not know.
        var hasElement = false
        while try context.advance() {
            try spend()
            if context.index0 > 0 { try fill(inner) }
            inner.set(special: "loop", .object(context))
            try at(loop.line) { try assign(loop.target, context.current, inner) }
            let flow = try run(loop.body.statements, inner)
            if flow == .leave { break }
            hasElement = hasElement || flow == .on
        }
        guard !hasElement else { return .on }
        return try run(loop.otherwise.statements, try enter(loop.otherwise.scope, parent: scope))
    }
}

/// `loop` within a loop.
final class LoopContext: Object {
    private var elements: Elements
    private var length: Int?
    private let depth0: Int
    /// How deeply values lie within what it goes through, and itself.
    private let valueDepth: Int
    var depth: Int { valueDepth + 1 }
    private let again: (loop: Statement.Loop, scope: Scope)?
    private(set) var index0 = -1
    private(set) var current = Value.none
    private var before = Value.none
    private var after: Value?
    private var lastChanged: [Value]?

    init(_ elements: Elements, length: Int?, valueDepth: Int, depth: Int, again: (Statement.Loop, Scope)?) {
        (self.elements, self.length, self.valueDepth) = (elements, length, valueDepth)
        (depth0, self.again) = (depth, again)
    }

    /// Goes to the next element; false after the last.
    func advance() throws -> Bool {
        guard let next = try peek() else { return false }
        after = nil
        index0 += 1
        (before, current) = (current, next)
        return true
    }

    private func peek() throws -> Value? {
        if after == nil { after = try elements.next() }
        return after
    }

    private func counted() throws -> Int {
        if let length { return length }
        var rest: [Value] = []
        while let next = try elements.next() { rest.append(next) }
        let count = rest.count + index0 + 1 + (after == nil ? 0 : 1)
        elements = Elements(rest)
        length = count
        return count
    }

    let typeName = "LoopContext"
    let module: String? = "jinja2.runtime"
    var count: Int? { try? counted() }
    var isCallable: Bool { true }
    func represented(_ rendering: Rendering) throws -> String { "<LoopContext \(index0 + 1)/\(try counted())>" }

    func attribute(_ name: String, _ rendering: Rendering) throws -> Value? {
        switch name {
        case "index": .integer(index0 + 1)
        case "index0": .integer(index0)
        case "revindex": .integer(try counted() - index0)
        case "revindex0": .integer(try counted() - index0 - 1)
        case "first": .bool(index0 == 0)
        case "last": .bool(try peek() == nil)
        case "length": .integer(try counted())
        case "depth": .integer(depth0 + 1)
        case "depth0": .integer(depth0)
        case "previtem": index0 == 0 ? .undefined(Undefined(reason: .hint("there is no previous item"))) : before
        case "nextitem": try peek() ?? .undefined(Undefined(reason: .hint("there is no next item")))
        case "cycle":
            .object(
                Function("cycle", depth: depth) { [self] arguments, _ in
                    guard !arguments.positional.isEmpty else { throw TemplateError.type("no items for cycling given") }
                    return arguments.positional[index0 % arguments.positional.count]
                })
        case "changed":
            .object(
                Function("changed", depth: depth) { [self] arguments, rendering in
                    let values = arguments.positional
                    if let last = lastChanged, try rendering.isEqual(.list(last), .list(values)) {
                        return .bool(false)
                    }
                    lastChanged = try values.map { try $0.shallow() }
                    return .bool(true)
                })
        default: nil
        }
    }

    func call(_ arguments: Arguments, _ rendering: Rendering) throws -> Value {
        guard let again else {
            throw TemplateError.type("The loop must have the 'recursive' marker to be called recursively.")
        }
        guard let elements = arguments.positional.first ?? arguments.named("iterable") else {
            throw TemplateError.type("LoopContext.__call__() missing 1 required positional argument: 'iterable'")
        }
        return .text(
            try rendering.capture {
                _ = try rendering.run(again.loop, over: elements, again.scope, depth: depth0 + 1)
            })
    }
}
