extension Statement {
    /// The bodies that it holds.
    var bodies: [[Statement]] {
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

    /// Whether a block within it sees the names around it.
    var hasScopedBlock: Bool {
        if case .block(let block) = self, block.isScoped { return true }
        return bodies.contains { $0.contains { $0.hasScopedBlock } }
    }

    /// The line of a statement in it that assigns to `loop`.
    var lineThatAssignsLoop: Int? {
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
    /// Whether it assigns to the name.
    func assigns(_ wanted: String) -> Bool {
        switch self {
        case .name(let name): name.name == wanted
        case .attribute: false
        case .tuple(let targets): targets.contains { $0.assigns(wanted) }
        }
    }
    /// The names that it assigns to.
    var names: [String] {
        switch self {
        case .name(let name): [name.name]
        case .attribute: []
        case .tuple(let targets): targets.flatMap(\.names)
        }
    }
}
