import Kernels

/// How a model's frozen matrices are stored.
public struct MatrixStorage: Sendable, Equatable {
    /// What numbers are rounded to; as in the file where nil.
    public var dtype: FrozenMatrix.DType?
    /// How many packed copies products make.
    public var packing: FrozenMatrix.Packing

    /// Storage; packed float32 or bfloat16 as in the file where nothing is said.
    public init(dtype: FrozenMatrix.DType? = nil, packing: FrozenMatrix.Packing = .twice) {
        (self.dtype, self.packing) = (dtype, packing)
    }

    /// The type for a matrix that its file has as `type`: bfloat16 only where products can take it.
    ///
    /// A plain bfloat16 matrix cannot be multiplied with, so unpacked ones are float32.
    func resolved(_ type: FrozenMatrix.DType) -> FrozenMatrix.DType {
        let wanted = dtype ?? type
        return wanted == .bfloat16 && packing != .none && Backend.multiplies(.bfloat16) ? .bfloat16 : .float32
    }

    /// What a user is told where matrices are float32 though bfloat16 was asked for.
    func expansion(of what: String) -> String {
        guard packing != .none else {
            return "packed = false keeps the frozen weights in float32; bfloat16 needs them packed"
        }
        return "\(what) is bfloat16; the frozen weights are float32 here, because products cannot take bfloat16: "
            + Backend.description(of: .bfloat16)
    }
}
