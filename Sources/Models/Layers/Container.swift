import Tensors

/// Named parts in an order, without a pass of its own: a list of layers.
public final class Container: Module {
    /// Class name.
    public let kind: String
    /// Path from the root of the model.
    public var path = ""
    /// Parts by local name.
    public let children: [(name: String, module: any Module)]

    /// New container; the names of its parts are set by where it lies.
    public init(kind: String = "ModuleList", children: [(name: String, module: any Module)]) throws {
        (self.kind, self.children) = (kind, children)
        var names: Set<String> = []
        for (name, _) in children {
            guard !name.isEmpty, !name.contains(".") else {
                throw ModelError("a part of a module cannot be called '\(name)': names are not empty and have no dot")
            }
            guard names.insert(name).inserted else { throw ModelError("a module has two parts called '\(name)'") }
        }
        try checkNesting()
    }
}
