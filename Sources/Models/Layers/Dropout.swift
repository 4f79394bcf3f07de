import Kernels
import Tensors

/// Drops elements with probability p in training and scales the others by 1 / (1 − p).
///
/// Its path names its stream of random numbers.
public final class Dropout: Layer {
    /// Class name.
    public let kind = "Dropout"
    /// Path from the root of the model.
    public var path: String
    /// Probability.
    public let p: Double

    /// New layer.
    public init(_ scope: Scope, p: Double) throws {
        guard p >= 0, p <= 1 else { throw ModelError("a dropout probability lies in 0...1, got \(p)") }
        (path, self.p) = (scope.path, p)
    }

    /// A layer where something would be dropped; nil at probability 0.
    static func `where`(_ p: Double, _ scope: Scope) throws -> Dropout? { p > 0 ? try Dropout(scope, p: p) : nil }

    /// Probability, as the reference prints it.
    public var summary: String { "p=\(p), inplace=False" }

    /// The mask of a pass, one key for each matrix row; nil where nothing is dropped.
    ///
    /// - Parameter use: 0, 1, … where one layer acts at several places of a pass, each with numbers of its own.
    public func mask(_ pass: Pass, use: Int = 0) throws -> DropoutMask? {
        guard p > 0, let keys = pass.keys(stream: use == 0 ? path : "\(path)#\(use)") else { return nil }
        return try DropoutMask(p: Float(p), keys: keys)
    }

    /// x[T, …] with elements dropped in training.
    public func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor { try self(x, pass, use: 0) }

    /// x[T, …] with elements dropped in training, at another place of the pass.
    public func callAsFunction(_ x: Tensor, _ pass: Pass, use: Int) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        return try x.dropout(mask(pass, use: use))
    }
}
