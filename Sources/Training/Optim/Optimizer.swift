import Kernels
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

    /// One update by the gradients times `gradientScale` (what clipping found), which stay as they are.
    func step(gradientScale: Float) throws

    /// What the optimizer remembers, as tensors named `<parameter>.<what>`.
    func stateTensors() throws -> [NamedParameter]

    /// Takes back what `stateTensors` gave after `steps` steps; a missing, unknown or misshapen tensor, or a number that cannot be, is
    /// an error that begins with `source`, and changes nothing.
    func restore(_ state: [String: Tensor], steps: Int, source: String) throws
}

extension Optimizer {
    /// One update.
    public func step() throws { try step(gradientScale: 1) }

    /// The parameters that an update considers, in order.
    public var trainable: [NamedParameter] {
        groups.flatMap { $0.parameters }.filter { $0.tensor.requiresGrad }
    }

    /// Forgets the gradients; their memory goes back to the pool.
    public func zeroGrad() {
        for group in groups { for parameter in group.parameters { parameter.tensor.grad = nil } }
    }

    /// Throws where two parameters share a name, one is given twice, or one is not float32.
    func checkGroups() throws {
        var (seen, names): (Set<String>, [ObjectIdentifier: String]) = ([], [:])
        for group in groups {
            for parameter in group.parameters {
                guard seen.insert(parameter.name).inserted else {
                    throw TrainingError("\(Self.name): parameter '\(parameter.name)' is given twice")
                }
                if let other = names.updateValue(parameter.name, forKey: ObjectIdentifier(parameter.tensor)) {
                    throw TrainingError(
                        "\(Self.name): parameter '\(parameter.name)' is the tensor of '\(other)'; give it once")
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

    /// Lays what is trained side by side in one buffer, group after group; gradients stay where backward made them.
    ///
    /// Putting them together would copy each once more, which takes longer than it saves.
    func layOutFlat() throws { try Tensor.layOutFlat(trainable.map(\.tensor)) }

    /// The parameters that an update changes, each with its gradient, whose shape is checked, and the number of its group.
    func parametersDue() throws -> [(parameter: NamedParameter, gradient: Tensor, group: Int)] {
        var due: [(parameter: NamedParameter, gradient: Tensor, group: Int)] = []
        for (index, group) in groups.enumerated() {
            for parameter in group.parameters where parameter.tensor.requiresGrad {
                guard let gradient = parameter.tensor.grad else { continue }
                guard gradient.shape == parameter.tensor.shape else {
                    throw TrainingError(
                        "\(Self.name): gradient of '\(parameter.name)' has shape \(gradient.shape); its parameter has \(parameter.tensor.shape)"
                    )
                }
                due.append((parameter, gradient, index))
            }
        }
        return due
    }

    /// The error that names the first of `parameters` that an update made infinite or NaN.
    func notFinite(_ parameters: [NamedParameter]) -> NonFiniteError {
        let first = parameters.first { (try? $0.tensor.firstNonFinite()) != .some(nil) }
        return NonFiniteError(what: "parameter", name: first?.name)
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
    private let source: String

    /// State of the optimizer `name`, as `source` has it.
    init(_ tensors: [String: Tensor], optimizer name: String, source: String) {
        (left, self.source) = (tensors, "\(source): \(name)")
    }

    /// The error that a tensor is not what it should be.
    func error(_ name: String, _ what: String) -> TrainingError { TrainingError("\(source): state '\(name)' \(what)") }

    /// Takes the tensor `name`, nil where it is absent; throws where shape or dtype differ.
    mutating func take(_ name: String, shape: [Int], dtype: Tensor.DType = .float32) throws -> Tensor? {
        guard let tensor = left.removeValue(forKey: name) else { return nil }
        guard tensor.shape == shape, tensor.dtype == dtype else {
            throw error(
                name, "is \(tensor.dtype.rawValue) \(tensor.shape); expected \(dtype.rawValue) \(shape)")
        }
        guard try tensor.firstNonFinite() == nil else { throw error(name, "has a number that is not finite") }
        return tensor
    }

    /// Throws where something was not taken.
    func finish() throws {
        if let name = left.keys.sorted().first {
            throw error(name, "belongs to no parameter of this optimizer")
        }
    }
}
