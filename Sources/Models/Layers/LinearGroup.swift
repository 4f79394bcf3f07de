import Tensors

/// Linears that read the same input, as the architecture declares them: query, key, value.
struct LinearGroup {
    private let members: [Linear]

    init(_ members: [Linear]) { self.members = members }

    /// Output of each member for x[T, in].
    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> [Tensor] { try members.map { try $0(x, pass) } }
}
