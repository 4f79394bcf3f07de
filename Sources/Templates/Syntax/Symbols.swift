/// The names of one scope while a template is read.
final class Symbols {
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
