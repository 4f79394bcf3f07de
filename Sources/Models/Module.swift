/// A part of a model: it names its children and its weights as the reference does, and in the reference's order.
public protocol Module: AnyObject {
    /// Class name as the reference prints it ("Linear", "LayerNorm", "BertSelfAttention").
    var kind: String { get }
    /// Path from the root of the model ("bert.encoder.layer.0"); empty for the root itself.
    var path: String { get set }
    /// Parts by local name, in the order in which the reference lists them.
    var children: [(name: String, module: any Module)] { get }
    /// Weights of its own by local name, in the order in which the reference lists them.
    var weights: [(name: String, weight: Weight)] { get }
    /// Weights that adapters hold in the seats of this module, by local name ("lora_A.default.weight").
    var seatWeights: [(name: String, weight: Weight)] { get }
    /// What a print of the module shows between the parentheses.
    var summary: String { get }
}

extension Module {
    /// No seats.
    public var seatWeights: [(name: String, weight: Weight)] { [] }
    /// Nothing to say.
    public var summary: String { "" }
    /// No weights of its own.
    public var weights: [(name: String, weight: Weight)] { [] }
    /// No parts.
    public var children: [(name: String, module: any Module)] { [] }

    /// Names this module, its weights and everything below it by where it now lies.
    public func place(at path: String) {
        self.path = path
        for (name, weight) in weights { weight.name = path.isEmpty ? name : "\(path).\(name)" }
        for (name, weight) in seatWeights { weight.name = path.isEmpty ? name : "\(path).\(name)" }
        for (name, child) in children { child.place(at: path.isEmpty ? name : "\(path).\(name)") }
    }

    /// Throws where modules lie within one another deeper than names, prints and walks can follow.
    ///
    /// Whoever makes a module of others asks.
    public func checkNesting() throws {
        let deepest = 64
        var (level, depth) = ([self as any Module], 0)
        while !level.isEmpty {
            guard depth < deepest else { throw ModelError("modules lie within one another more than \(deepest) deep") }
            depth += 1
            level = level.flatMap { $0.children.map(\.module) }
        }
    }

    /// Every module with its path, this one first, depth first.
    public func namedModules() -> [(name: String, module: any Module)] {
        var found: [(name: String, module: any Module)] = []
        collect(path: "", into: &found)
        return found
    }

    private func collect(path: String, into found: inout [(name: String, module: any Module)]) {
        found.append((path, self))
        for (name, child) in children { child.collect(path: path.isEmpty ? name : "\(path).\(name)", into: &found) }
    }

    /// Every weight: of the modules, of their trained copies, and of the adapters in their seats.
    public func namedParameters() -> [(name: String, weight: Weight)] {
        var found: [(name: String, weight: Weight)] = []
        for (_, module) in namedModules() {
            for (_, weight) in module.weights {
                found.append((weight.name, weight))
                for (_, copy) in weight.copies { found.append((copy.name, copy)) }
            }
            for (_, weight) in module.seatWeights { found.append((weight.name, weight)) }
        }
        return found
    }

    /// The module and its parts as the reference prints them.
    public var tree: String { "\(kind)(\(treeBody(indent: "")))" }

    private func treeBody(indent: String) -> String {
        guard !children.isEmpty else { return summary }
        let inner = indent + "  "
        let lines = children.map { name, child in
            "\(inner)(\(name)): \(child.kind)(\(child.treeBody(indent: inner)))"
        }
        return "\n" + lines.joined(separator: "\n") + "\n\(indent)"
    }

    /// The weights that are trained, in the order of `namedParameters`.
    public func trainableParameters() -> [(name: String, weight: Weight)] {
        namedParameters().filter { $0.weight.requiresGrad }
    }

    /// Numbers of trainable elements and of all of them, as PEFT counts: originals and their trained copies both.
    public func parameterCounts() -> (trainable: Int, all: Int) {
        namedParameters().reduce(into: (0, 0)) { counts, parameter in
            if parameter.weight.requiresGrad { add(parameter.weight.count, to: &counts.0) }
            add(parameter.weight.count, to: &counts.1)
        }
    }

    /// Adds what may be beyond counting, where sizes come from a configuration alone: then the sum stays the largest number.
    private func add(_ count: Int, to sum: inout Int) {
        let (total, overflow) = sum.addingReportingOverflow(count)
        sum = overflow ? .max : total
    }
}
