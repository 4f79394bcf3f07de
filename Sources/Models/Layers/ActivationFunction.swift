import Kernels
import Tensors

/// An activation by its name in config.json (transformers' ACT2FN).
public enum ActivationFunction: String, Sendable, CaseIterable {
    case gelu
    case geluPython = "gelu_python"
    case geluNew = "gelu_new"
    case geluFast = "gelu_fast"
    case geluTanh = "gelu_pytorch_tanh"
    case geluTanhPython = "gelu_python_tanh"
    case relu
    case silu
    case swish
    case tanh
    case linear

    /// f(x), elementwise.
    func callAsFunction(_ x: Tensor) throws -> Tensor { try elementwise.map { try x.activation($0) } ?? x }

    /// What computes it; nil for x itself.
    var elementwise: Elementwise.Unary? {
        switch self {
        case .gelu, .geluPython: .gelu
        case .geluNew, .geluFast, .geluTanh, .geluTanhPython: .geluTanh
        case .relu: .relu
        case .silu, .swish: .silu
        case .tanh: .tanh
        case .linear: nil
        }
    }

    /// Class that the reference lists for it.
    var kind: String {
        switch self {
        case .gelu, .geluPython: "GELUActivation"
        case .geluNew: "NewGELUActivation"
        case .geluFast: "FastGELUActivation"
        case .geluTanh, .geluTanhPython: "GELUTanh"
        case .relu: "ReLU"
        case .silu: "SiLUActivation"
        case .swish: "SiLU"
        case .tanh: "Tanh"
        case .linear: "LinearActivation"
        }
    }
}

/// An activation as a module: it has a name in the tree, and nothing to train.
public final class ActivationLayer: Layer {
    /// Class that the reference lists for it.
    public let kind: String
    /// Path from the root of the model.
    public var path: String
    /// What it applies.
    public let function: ActivationFunction

    /// New layer.
    public init(_ scope: Scope, _ function: ActivationFunction) {
        (path, self.function, kind) = (scope.path, function, function.kind)
    }

    /// f(gate) · up; without `up`, x holds the gate, then up, in each row.
    func gated(_ x: Tensor, up: Tensor? = nil) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        guard let elementwise = function.elementwise else {
            throw ModelError("'\(path)': the activation 'linear' gates nothing")
        }
        return try x.gated(elementwise, up: up)
    }

    /// f(x), elementwise.
    public func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        return try function(x)
    }
}
