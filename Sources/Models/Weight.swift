import Kernels
import Tensors

/// One named array of a model or an adapter: a pretrained matrix, a vector, or a trainable parameter.
///
/// A pretrained matrix stays a `FrozenMatrix` until a gradient is asked for, which turns it into a `Tensor`. A module that
/// an adapter saves (`modules_to_save`) trains copies of its weights: each copy is a `Weight` of its own, listed here under
/// the adapter's name, and one of them may stand in for the original.
public final class Weight {
    /// Where the values came from.
    public enum Origin: String, Sendable { case checkpoint, initialised, random, shapeOnly }

    /// The values as a layer reads them.
    public enum Value {
        /// Only read: multiplied with or gathered from.
        case matrix(FrozenMatrix)
        /// A vector, or anything that is or was trainable.
        case tensor(Tensor)
        /// Only the shape is known.
        case absent
    }

    /// Full name as in the checkpoint of the reference, `bert.pooler.dense.weight`.
    public internal(set) var name: String
    /// Sizes of the dimensions.
    public internal(set) var shape: [Int]
    /// Element type in the file, as safetensors writes it ("F32", "F16", "BF16").
    public let fileDType: String
    /// Where the values came from.
    public let origin: Origin
    /// The weight's own values, whatever stands in for them now.
    public internal(set) var value: Value
    /// Whether `backward` leaves a gradient.
    ///
    /// That of the tensor where there is one, which recipes also set.
    public var requiresGrad: Bool { tensor?.requiresGrad ?? wantsGrad }
    private var wantsGrad = false
    /// Trained copies by adapter, in the order in which they were made.
    public private(set) var copies: [(adapter: String, weight: Weight)] = []
    /// Name of the adapter whose copy stands in for the original.
    public var activeCopy: String?
    /// What stands in for the weight's own values, which are kept: those with an adapter merged into them, or those that
    /// a trained bias had before, while its adapter is disabled.
    public var standIn: Value?

    /// What a pass over shapes multiplies with where only the shape of a matrix is known.
    var imagined: FrozenMatrix?
    /// Whether products keep two packed copies of it.
    public var isPackedTwice: Bool {
        if case .matrix(let matrix) = value { return matrix.packing == .twice }
        return imagined?.packing == .twice
    }
    /// Bytes that its numbers would take in memory where only the shape is known.
    public var imaginedBytes: Int { imagined?.ownedBytes ?? 0 }

    /// New weight; `requiresGrad` is that of the tensor where there is one.
    public init(name: String, shape: [Int], value: Value, origin: Origin, fileDType: String = "F32") {
        (self.name, self.shape, self.value, self.origin, self.fileDType) = (name, shape, value, origin, fileDType)
    }

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// The trained copy of `adapter`.
    public func copy(of adapter: String) -> Weight? { copies.first { $0.adapter == adapter }?.weight }

    /// The weight whose values a layer uses: an active copy, else this one.
    public var active: Weight { activeCopy.flatMap(copy(of:)) ?? self }

    /// What forward reads; throws where only shapes are known, but in a pass over shapes.
    public func current() throws -> Value {
        let weight = active
        if weight === self, let standIn { return standIn }
        guard case .absent = weight.value else { return weight.value }
        if let pass = ShapePass.current {
            if let matrix = weight.imagined, !weight.requiresGrad { return .matrix(matrix) }
            return .tensor(
                try pass.standIn(for: weight) {
                    let tensor = try Tensor(uninitialized: weight.shape)
                    try tensor.setRequiresGrad(weight.requiresGrad)
                    return tensor
                })
        }
        throw ModelError("'\(name)' has no values: the model was made with weights = \"none\", which knows shapes only")
    }

    /// Element type of the numbers that forward reads; only matrices have another than float32.
    public var dtype: FrozenMatrix.DType {
        if case .matrix(let matrix)? = try? current() { return matrix.dtype }
        return .float32
    }

    /// What forward reads of a vector; throws where only shapes are known.
    public func currentTensor() throws -> Tensor {
        switch try current() {
        case .tensor(let tensor): return tensor
        case .matrix, .absent: throw ModelError("'\(name)' of shape \(shape) is not a vector")
        }
    }

    /// The tensor that an optimizer moves, where there is one.
    public var tensor: Tensor? {
        if case .tensor(let tensor) = value { return tensor }
        return nil
    }

    /// The numbers that forward reads, in the order in which they are stored.
    public func floats() throws -> [Float] {
        switch try current() {
        case .tensor(let tensor): return try tensor.floatArray()
        case .matrix(let matrix):
            return unsafe try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
                if let start = buffer.baseAddress { unsafe try matrix.copyStored(to: start) }
                initialized = count
            }
        case .absent: return []
        }
    }

    /// Asks for, or no longer asks for, a gradient; a frozen matrix becomes a tensor for it.
    public func setRequiresGrad(_ requires: Bool) throws {
        guard requires != requiresGrad else { return }
        switch value {
        case .absent: break
        case .tensor(let tensor): try tensor.setRequiresGrad(requires)
        case .matrix(let matrix) where requires:
            let tensor = try Weight.tensor(copying: matrix)
            try tensor.setRequiresGrad(true)
            value = .tensor(tensor)
        case .matrix: break
        }
        wantsGrad = requires
    }

    /// Makes the trained copy of `adapter` from the present values.
    @discardableResult
    public func addCopy(adapter: String, name: String, requiresGrad: Bool) throws -> Weight {
        let copied: Value
        switch value {
        case .absent: copied = .absent
        case .matrix(let matrix): copied = .tensor(try Weight.tensor(copying: matrix))
        case .tensor(let tensor): copied = .tensor(try Weight.tensor(copying: tensor))
        }
        let weight = Weight(name: name, shape: shape, value: copied, origin: origin, fileDType: "F32")
        try weight.setRequiresGrad(requiresGrad)
        copies.append((adapter, weight))
        return weight
    }

    /// Forgets the copy of `adapter`.
    public func removeCopy(adapter: String) {
        copies.removeAll { $0.adapter == adapter }
        if activeCopy == adapter { activeCopy = nil }
    }

    /// Changes the number of rows of a table: those that are there as far as they go, then zeros, as `change` leaves them.
    func setRows(_ count: Int, change: (UnsafeMutableBufferPointer<Float>) throws -> Void) throws {
        switch value {
        case .absent: break
        case .matrix(let matrix): value = .matrix(unsafe try matrix.withRows(count, change: change))
        case .tensor(let old):
            let width = shape.dropFirst().reduce(1, *)
            let new = try Tensor.zeros([count] + shape.dropFirst())
            let numbers = unsafe try new.mutableFloats()
            unsafe numbers.update(from: try old.floats(), count: min(count, shape[0]) * width)
            unsafe try change(UnsafeMutableBufferPointer(start: numbers, count: new.count))
            try new.setRequiresGrad(old.requiresGrad)
            value = .tensor(new)
        }
        shape = [count] + shape.dropFirst()
    }

    /// Makes what is used now (a merge, an active copy) the weight's own value for good.
    public func settle() throws {
        if let standIn { value = standIn }
        if activeCopy != nil { value = active.value }
        (standIn, activeCopy, copies) = (nil, nil, [])
        if let tensor {
            try tensor.setRequiresGrad(false)
            tensor.grad = nil
        }
        wantsGrad = false
    }

    /// A tensor with the numbers of `matrix`, in the order in which they are stored.
    public static func tensor(copying matrix: FrozenMatrix) throws -> Tensor {
        let sizes = [matrix.rows, matrix.columns]
        let tensor = try Tensor(uninitialized: matrix.isTransposed ? sizes.reversed() : sizes)
        unsafe try matrix.copyStored(to: tensor.mutableFloats())
        return tensor
    }

    /// A new leaf with the numbers of `tensor`.
    public static func tensor(copying tensor: Tensor) throws -> Tensor {
        let copy = try Tensor(uninitialized: tensor.shape)
        unsafe try copy.mutableFloats().update(from: tensor.floats(), count: tensor.count)
        return copy
    }
}
