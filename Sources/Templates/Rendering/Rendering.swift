import Formats
import Memory

/// One rendering of a template: its variables, what was written so far, and what may still be spent.
///
/// It belongs to one thread.
final class Rendering {
    /// How deeply statements, expressions and macros may be in the course of one another.
    private static let maxDepth = 1200

    private let template: ChatTemplate
    let options: ChatTemplate.Options
    private var variables: [Text: Value] = [:]
    private let given: JSONObject
    /// What the outermost scope assigned.
    var exported: [String: Value] = [:]

    private(set) var output: [Unicode.Scalar] = []
    /// How long the text itself was when what is written now began to be captured; nil where nothing is captured.
    private var lengthOfText: Int?
    private var generated: [Range<Int>] = []
    private var namespaces: [Namespace] = []
    private var kept: [Scope] = []

    private var stepsLeft: Int
    private var sinceLook = 0
    private var depth = 0

    init(_ template: ChatTemplate, _ variables: JSONObject, _ options: ChatTemplate.Options) {
        (self.template, given, self.options) = (template, variables, options)
        stepsLeft = options.maxSteps
    }

    func rendered() throws -> ChatTemplate.Rendered {
        defer { forget() }
        let root = try enter(template.tree.scope, parent: nil, isRoot: true)
        _ = try run(template.tree.statements, root)
        return result()
    }

    /// Keeps what a template can make hold itself, to be emptied in the end; freed one within the other, they would fill the stack.
    func keep(_ namespace: Namespace) throws {
        try MemoryBudget.reserve(128)
        namespaces.append(namespace)
    }

    func keep(_ scope: Scope) throws {
        guard kept.last !== scope else { return }
        try MemoryBudget.reserve(128)
        kept.append(scope)
    }

    private func forget() {
        for scope in kept { scope.clear() }
        for namespace in namespaces { namespace.clear() }
    }

    private func result() -> ChatTemplate.Rendered {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: output)
        guard !generated.isEmpty else { return ChatTemplate.Rendered(text: String(text), generated: []) }
        var places = [0]
        places.reserveCapacity(output.count + 1)
        for scalar in output { places.append(places[places.count - 1] + UTF8.width(scalar)) }
        let spans = generated.map { span in
            places[min(span.lowerBound, output.count)]..<places[min(span.upperBound, output.count)]
        }
        return ChatTemplate.Rendered(text: String(text), generated: spans)
    }

    // MARK: bounds

    /// Takes steps; throws where too few are left.
    func spend(_ steps: Int = 1) throws {
        stepsLeft -= steps
        guard stepsLeft >= 0 else {
            throw TemplateError.runtime("more than \(options.maxSteps) steps, which is the bound on rendering")
        }
        sinceLook += steps
        if sinceLook > 1 << 15 {
            sinceLook = 0
            try MemoryBudget.check()
        }
    }

    /// Asks whether a text of `count` characters may be made.
    func expect(characters count: Int) throws {
        guard count <= options.maxLength else {
            throw TemplateError.runtime("a text of \(count) characters, at most \(options.maxLength) are made")
        }
        try spend(count >> 5)
        if count > 1 << 10 { try MemoryBudget.reserve(count, of: 4) }
    }

    /// Asks whether a list of `count` values may be made.
    func expect(values count: Int) throws {
        guard count <= options.maxLength >> 3 else {
            throw TemplateError.runtime("a list of \(count) values, at most \(options.maxLength >> 3) are made")
        }
        try spend(count >> 3)
        if count > 1 << 8 { try MemoryBudget.reserve(count, of: 32) }
    }

    /// Runs `body` one level deeper.
    @inline(__always) func deeper<Result>(_ body: () throws -> Result) throws -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maxDepth else {
            throw TemplateError("RecursionError", "maximum recursion depth exceeded")
        }
        try spend()
        return try body()
    }

    // MARK: output

    func write(_ text: Text) throws { try write(text.scalars) }

    private func write(_ scalars: [Unicode.Scalar]) throws {
        let length = output.count + scalars.count
        guard length <= options.maxLength else {
            throw TemplateError.runtime("a text of \(length) characters, at most \(options.maxLength) are made")
        }
        try spend(scalars.count >> 5)
        if scalars.count > 1 << 10 { try MemoryBudget.reserve(scalars.count, of: 8) }
        output.append(contentsOf: scalars)
    }

    /// What `body` writes, as a text.
    func capture(_ body: () throws -> Void) throws -> Text {
        let (outer, outerLength) = (output, lengthOfText)
        lengthOfText = outerLength ?? outer.count
        output = []
        defer { (output, lengthOfText) = (outer, outerLength) }
        try body()
        return Text(output)
    }

    /// Notes that `text`, which is written next, was made by a `generation` block.
    func noteGenerated(_ text: Text) throws {
        try MemoryBudget.reserve(16)
        let start = lengthOfText ?? output.count
        generated.append(start..<(start + text.count))
    }

    // MARK: names

    /// Enters a scope: makes its slots, and fills them.
    func enter(_ scope: Int, parent: Scope?, isRoot: Bool = false) throws -> Scope {
        let layout = template.scopes.layouts[scope]
        try spend(layout.count >> 2)
        let scope = Scope(layout, parent, isRoot: isRoot)
        try fill(scope)
        return scope
    }

    /// Fills the slots of a scope that is entered, again for each turn of a loop.
    func fill(_ scope: Scope) throws {
        for (slot, load) in scope.layout.loads {
            switch load {
            case .parameter, .nothing: scope.slots[slot] = nil
            case .variable(let name): scope.slots[slot] = try variable(name)
            case .outer(let reference): scope.slots[slot] = scope.value(reference)
            }
        }
    }

    func reference(_ name: Expression.Name) -> Scopes.Reference { template.scopes.references[name.place] }
    /// Which of `caller`, `kwargs` and `varargs` a macro's scope has.
    func special(_ scope: Int) -> Set<String> { Set(template.scopes.layouts[scope].special.keys) }

    /// A variable of the template; nil where there is none.
    private func variable(_ name: String) throws -> Value? {
        if let value = exported[name] { return value }
        let key = Text(name)
        if let value = variables[key] { return value }
        guard let json = given[name] else { return Globals.value(name) }
        let value = try Value(json, self)
        variables[key] = value
        return value
    }
}

/// The values of a scope's names.
final class Scope {
    let layout: Scopes.Layout
    let parent: Scope?
    let isRoot: Bool
    var slots: [Value?]

    init(_ layout: Scopes.Layout, _ parent: Scope?, isRoot: Bool) {
        (self.layout, self.parent, self.isRoot) = (layout, parent, isRoot)
        slots = Array(repeating: nil, count: layout.count)
    }

    /// Forgets all values.
    func clear() { for slot in slots.indices { slots[slot] = nil } }

    private func scope(_ up: Int) -> Scope? {
        var scope: Scope? = self
        for _ in 0..<up { scope = scope?.parent }
        return scope
    }

    func value(_ reference: Scopes.Reference) -> Value? {
        guard let scope = scope(reference.up), reference.slot < scope.slots.count else { return nil }
        return scope.slots[reference.slot]
    }

    func set(_ reference: Scopes.Reference, _ value: Value) {
        guard let scope = scope(reference.up), reference.slot < scope.slots.count else { return }
        scope.slots[reference.slot] = value
    }

    /// Sets `loop`, `caller`, `kwargs` or `varargs`, where the scope has it.
    func set(special name: String, _ value: Value) {
        if let slot = layout.special[name] { slots[slot] = value }
    }
}

extension Value {
    /// The value of JSON, as Python's `json.loads` gives it.
    init(_ json: JSON, _ rendering: Rendering) throws {
        try rendering.spend()
        switch json {
        case .null: self = .none
        case .bool(let flag): self = .bool(flag)
        case .integer(let integer): self = .integer(Int(integer))
        case .number(let number): self = .float(number)
        case .string(let string):
            try rendering.expect(characters: string.utf8.count)
            self = .text(Text(string))
        case .array(let elements):
            try rendering.expect(values: elements.count)
            self = .list(try elements.map { try Value($0, rendering) })
        case .object(let members):
            try rendering.expect(values: members.count)
            self = .dict(try Dict(members.map { (Value.string($0.key), try Value($0.value, rendering)) }))
        }
    }
}
