import Tensors

/// Changes parameters by their gradients.
///
/// Only tensors that require a gradient and have one are touched, as in torch. A step that makes a parameter infinite or NaN
/// throws and names it.
public protocol Optimizer: AnyObject {
    /// Name in errors and checkpoints.
    static var name: String { get }
    /// The parameters with their learning rates and weight decays.
    var groups: [ParameterGroup] { get set }

    /// One update.
    func step() throws

    /// What the optimizer remembers, as tensors named `<parameter>.<what>`.
    func stateTensors() throws -> [NamedParameter]

    /// Takes back what `stateTensors` gave; a missing, unknown or misshapen tensor is an error.
    func restore(_ state: [String: Tensor]) throws
}

extension Optimizer {
    /// The parameters that an update considers, in order.
    public var trainable: [NamedParameter] {
        groups.flatMap { $0.parameters }.filter { $0.tensor.requiresGrad }
    }

    /// Forgets the gradients; their memory goes back to the pool.
    public func zeroGrad() {
        for group in groups { for parameter in group.parameters { parameter.tensor.grad = nil } }
    }

    /// Throws where two parameters share a name or one is not float32.
    func checkGroups() throws {
        var seen: Set<String> = []
        for group in groups {
            for parameter in group.parameters {
                guard seen.insert(parameter.name).inserted else {
                    throw TrainingError("\(Self.name): parameter '\(parameter.name)' is given twice")
                }
                guard parameter.tensor.dtype == .float32 else {
                    throw TrainingError(
                        "\(Self.name): parameter '\(parameter.name)' is \(parameter.tensor.dtype.rawValue); expected float32"
                    )
                }
            }
        }
        guard !seen.isEmpty else { throw TrainingError("\(Self.name): no parameters were given") }
    }

    /// Gradient of `parameter` with its shape checked, or nil where there is none to use.
    func usableGradient(of parameter: NamedParameter) throws -> Tensor? {
        guard parameter.tensor.requiresGrad, let gradient = parameter.tensor.grad else { return nil }
        guard gradient.shape == parameter.tensor.shape else {
            throw TrainingError(
                "\(Self.name): gradient of '\(parameter.name)' has shape \(gradient.shape); its parameter has \(parameter.tensor.shape)"
            )
        }
        return gradient
    }

    func notFinite(_ parameter: NamedParameter) -> NonFiniteError {
        NonFiniteError(what: "parameter", name: parameter.name)
    }
}

/// A number that is infinite or NaN where it must not be.
public struct NonFiniteError: Error, CustomStringConvertible, Sendable, Equatable {
    /// What it is: "loss", "gradient", "parameter".
    public let what: String
    /// The tensor, where there is one.
    public let name: String?

    /// An error.
    public init(what: String, name: String?) { (self.what, self.name) = (what, name) }

    /// The message, as users read it.
    public var description: String {
        "\(what)\(name.map { " of '\($0)'" } ?? "") is not finite"
    }
}

/// What an optimizer remembers of one parameter, restored by name.
struct OptimizerState {
    private var left: [String: Tensor]
    private let optimizer: String

    init(_ tensors: [String: Tensor], optimizer: String) { (left, self.optimizer) = (tensors, optimizer) }

    /// Takes the tensor `name`, nil where it is absent; throws where shape or dtype differ.
    mutating func take(_ name: String, shape: [Int], dtype: Tensor.DType = .float32) throws -> Tensor? {
        guard let tensor = left.removeValue(forKey: name) else { return nil }
        guard tensor.shape == shape, tensor.dtype == dtype else {
            throw TrainingError(
                "\(optimizer): state '\(name)' is \(tensor.dtype.rawValue) \(tensor.shape); expected \(dtype.rawValue) \(shape)"
            )
        }
        return tensor
    }

    /// Throws where something was not taken.
    func finish() throws {
        if let name = left.keys.sorted().first {
            throw TrainingError("\(optimizer): state '\(name)' belongs to no parameter of this optimizer")
        }
    }
}
