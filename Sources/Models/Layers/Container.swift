import Tensors

/// Named parts in an order, without a pass of its own: a list of layers, or a module that a recipe makes.
public final class Container: Module {
    /// Class name ("ModuleList", or what a recipe calls it).
    public let kind: String
    /// Path from the root of the model.
    public var path = ""
    /// Parts by local name.
    public private(set) var children: [(name: String, module: any Module)] = []
    /// Weights of its own by local name.
    public private(set) var weights: [(name: String, weight: Weight)] = []

    /// New container; the names of its parts are set by where it lies.
    public init(kind: String = "ModuleList", children: [(name: String, module: any Module)] = []) throws {
        self.kind = kind
        for (name, module) in children { try add(name, module) }
    }

    /// Adds a part.
    public func add(_ name: String, _ module: any Module) throws {
        try check(name)
        children.append((name, module))
        try checkNesting()
    }

    /// Adds a weight of its own.
    public func add(_ name: String, _ weight: Weight) throws {
        try check(name)
        weights.append((name, weight))
    }

    private func check(_ name: String) throws {
        guard !name.isEmpty, !name.contains(".") else {
            throw ModelError("a part of a module cannot be called '\(name)': names are not empty and have no dot")
        }
        guard !children.contains(where: { $0.name == name }), !weights.contains(where: { $0.name == name }) else {
            throw ModelError("a module has two parts called '\(name)'")
        }
    }
}
