import Formats
import Models
import Tensors

/// What a checkpoint holds of a model, and how it is written and read back to the bit.
public protocol CheckpointWeights {
    /// Writes the weights into the folder of a checkpoint.
    func save(to folder: Folder) throws
    /// Takes the weights of a checkpoint.
    func load(from folder: Folder) throws
}

/// All trainable tensors of a model by name, in float32, in `trainable.safetensors`.
public struct TrainableWeights: CheckpointWeights {
    static let fileName = "trainable.safetensors"
    private let model: any Module

    /// The trainable tensors of `model`, whichever they are when it comes to it.
    public init(_ model: any Module) { self.model = model }

    private var parameters: [NamedParameter] {
        model.trainableParameters().compactMap { name, weight in weight.tensor.map { NamedParameter(name, $0) } }
    }

    /// Writes the trainable tensors.
    public func save(to folder: Folder) throws {
        try SafetensorsWriter.write(parameters.map(SafetensorsWriter.Item.init), to: folder, Self.fileName)
    }

    /// Takes the tensors of a checkpoint, which must be exactly the trainable ones.
    public func load(from folder: Folder) throws {
        let file = try SafetensorsFile(folder, Self.fileName)
        let parameters = parameters
        let expected = Set(parameters.map(\.name))
        if let stranger = file.entries.keys.first(where: { !expected.contains($0) }) {
            throw TrainingError("\(folder.path)/\(Self.fileName): '\(stranger)' is not trainable in this model")
        }
        for parameter in parameters {
            let entry = try file.entry(parameter.name)
            guard entry.shape == parameter.tensor.shape, entry.dtype == .f32 else {
                throw TrainingError(
                    "\(folder.path)/\(Self.fileName): '\(parameter.name)' is \(entry.dtype.rawValue) \(entry.shape); the model's is F32 \(parameter.tensor.shape)"
                )
            }
            guard try file.floats(parameter.name).allSatisfy(\.isFinite) else {
                throw TrainingError(
                    "\(folder.path)/\(Self.fileName): '\(parameter.name)' has a number that is not finite")
            }
        }
        for parameter in parameters { try file.copy(parameter.name, into: parameter.tensor) }
    }
}

extension SafetensorsWriter.Item {
    /// A float32 or int64 tensor.
    init(_ parameter: NamedParameter) {
        let tensor = parameter.tensor
        self.init(name: parameter.name, dtype: tensor.dtype == .float32 ? .f32 : .i64, shape: tensor.shape) { writer in
            let bytes =
                tensor.dtype == .float32
                ? unsafe UnsafeRawBufferPointer(start: try tensor.floats(), count: tensor.count * 4)
                : unsafe UnsafeRawBufferPointer(start: try tensor.integers(), count: tensor.count * 8)
            try unsafe writer.append(bytes)
        }
    }
}

extension SafetensorsFile {
    /// Writes the numbers of a float32 entry into a tensor of its shape.
    func copy(_ name: String, into tensor: Tensor) throws {
        try unsafe readFloats(
            of: name, into: UnsafeMutableBufferPointer(start: tensor.mutableFloats(), count: tensor.count))
    }

    /// All tensors of the file; only float32 and int64 ones may be there.
    func tensors() throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (name, entry) in entries {
            switch entry.dtype {
            case .f32:
                let tensor = try Tensor(uninitialized: entry.shape)
                try copy(name, into: tensor)
                tensors[name] = tensor
            case .i64: tensors[name] = try Tensor(integers(name), shape: entry.shape)
            default:
                throw TrainingError("\(file.path): '\(name)' is \(entry.dtype.rawValue); expected F32 or I64")
            }
        }
        return tensors
    }
}
