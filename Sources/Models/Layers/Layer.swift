import Tensors

/// A module from rows to rows.
public protocol Layer: Module {
    /// Output for x[T, …].
    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor
}

extension Module {
    /// Its name within the module that it is a part of.
    var localName: String { path.split(separator: ".").last.map(String.init) ?? path }

    /// How errors name this module.
    var place: String { path.isEmpty ? kind : "'\(path)'" }
}
