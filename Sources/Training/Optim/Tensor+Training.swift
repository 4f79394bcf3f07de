import Tensors

extension Tensor {
    /// New float32 tensor of equal numbers.
    static func filled(_ shape: [Int], with value: Float) throws -> Tensor {
        let tensor = try Tensor(uninitialized: shape)
        try unsafe tensor.mutableFloats().update(repeating: value, count: tensor.count)
        return tensor
    }

    /// New float32 tensor of `values`, whose number must be that of the shape.
    static func of(_ values: [Float], shape: [Int]) throws -> Tensor {
        let tensor = try Tensor(uninitialized: shape)
        guard tensor.count == values.count else {
            throw TensorError("\(values.count) values do not fill shape \(shape)")
        }
        let target = unsafe try tensor.mutableFloats()
        for (index, value) in values.enumerated() { unsafe target[index] = value }
        return tensor
    }

    /// A single int64 number.
    static func integer(_ value: Int) throws -> Tensor {
        let tensor = try Tensor(uninitialized: [], dtype: .int64)
        unsafe try tensor.mutableIntegers()[0] = Int64(value)
        return tensor
    }

    /// Same numbers in memory of their own, recorded nowhere.
    func copy() throws -> Tensor {
        let tensor = try Tensor(uninitialized: shape, dtype: dtype)
        switch dtype {
        case .float32: try unsafe tensor.mutableFloats().update(from: floats(), count: count)
        case .int64: try unsafe tensor.mutableIntegers().update(from: integers(), count: count)
        }
        return tensor
    }
}
