import Tensors

/// A module from rows to rows.
public protocol Layer: Module {
    /// Output for x[T, …].
    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor
}

extension Module {
    /// How errors name this module.
    var place: String { path.isEmpty ? kind : "'\(path)'" }
}
