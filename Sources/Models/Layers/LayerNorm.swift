import Kernels
import Tensors

/// y = (x − mean) / √(var + ε) · γ + β over the last dimension (Ba and others 2016), of x + residual where one is given.
public final class LayerNorm: Layer {
    /// Class name.
    public let kind = "LayerNorm"
    /// Path from the root of the model.
    public var path: String
    /// γ[d].
    public let weight: Weight
    /// β[d], where there is one.
    public let bias: Weight?
    /// What stands in for β where there is none.
    private let zeros: Tensor?
    /// ε.
    public let epsilon: Double

    /// New layer: γ one, β zero.
    public init(_ scope: Scope, width: Int, epsilon: Double = 1e-5, bias: Bool = true) throws {
        guard width > 0 else { throw ModelError("a layer norm needs a width of at least 1, got \(width)") }
        (path, self.epsilon) = (scope.path, epsilon)
        weight = try scope.weight("weight", [width], .constant(1))
        self.bias = bias ? try scope.weight("bias", [width], .constant(0)) : nil
        zeros = bias ? nil : try Tensor.zeros([width])
    }

    /// γ, and β where there is one.
    public var weights: [(name: String, weight: Weight)] {
        [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
    }

    /// Sizes, as the reference prints them.
    public var summary: String {
        "(\(weight.shape[0]),), eps=\(epsilon), elementwise_affine=True, bias=\(bias == nil ? "False" : "True")"
    }

    /// Normalised x[T, d].
    public func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor { try self(x, residual: nil) }

    /// Normalised x + residual, x first dropped as `mask` says.
    public func callAsFunction(_ x: Tensor, residual: Tensor?, mask: DropoutMask? = nil) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        guard let bias = try bias?.currentTensor() ?? zeros else { throw ModelError("\(place) has no values") }
        return try x.layerNorm(
            weight: weight.currentTensor(), bias: bias, epsilon: Float(epsilon), residual: residual, mask: mask)
    }
}

/// y = x / √(mean(x²) + ε) · γ over the last dimension, or over each d numbers of it (Zhang and Sennrich 2019); 1 + γ in Gemma.
public final class RMSNorm: Layer {
    /// Class name: "RMSNorm", "LlamaRMSNorm".
    public let kind: String
    /// Path from the root of the model.
    public var path: String
    /// γ[d].
    public let weight: Weight
    /// ε.
    public let epsilon: Double
    /// What is added to γ.
    public let offset: Float

    /// New layer, which starts with the factor one.
    public init(
        _ scope: Scope, width: Int, epsilon: Double = 1e-6, offset: Float = 0, kind: String = "RMSNorm"
    ) throws {
        guard width > 0 else { throw ModelError("an RMS norm needs a width of at least 1, got \(width)") }
        (path, self.epsilon, self.offset, self.kind) = (scope.path, epsilon, offset, kind)
        weight = try scope.weight("weight", [width], .constant(1 - offset))
    }

    /// γ.
    public var weights: [(name: String, weight: Weight)] { [("weight", weight)] }

    /// Sizes, as the reference prints them.
    public var summary: String { "(\(weight.shape[0]),), eps=\(epsilon)" }

    /// Normalised x[T, d].
    public func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        return try x.rmsNorm(weight: weight.currentTensor(), epsilon: Float(epsilon), offset: offset)
    }
}
