import Kernels
import Tensors

/// Linears that read the same input, as the architecture declares them: query, key, value.
///
/// Where all their matrices are frozen they are multiplied in one piece of work.
struct LinearGroup {
    private let members: [Linear]

    init(_ members: [Linear]) { self.members = members }

    /// Output of each member for x[T, in].
    func callAsFunction(_ x: Tensor, _ pass: Pass) throws -> [Tensor] {
        var matrices: [FrozenMatrix] = []
        for member in members {
            guard x.shape.last == member.inFeatures, case .matrix(let matrix) = try member.weight.current() else {
                break
            }
            matrices.append(matrix)
        }
        guard matrices.count == members.count, members.count > 1 else { return try members.map { try $0(x, pass) } }
        let product = Profile.module(path)
        let outputs = try x.linears(matrices, biases: members.map { try $0.bias?.currentTensor() })
        product.end()
        return try zip(members, outputs).map { member, output in
            let span = Profile.module(member.path)
            defer { span.end() }
            return try member.adapt(output, input: x, pass)
        }
    }

    /// How a profile names the members together: "layer.0.attention.self.query, key, value".
    private var path: String {
        let names = members.dropFirst().map { $0.path.split(separator: ".").last.map(String.init) ?? "" }
        return ([members.first?.path ?? ""] + names).joined(separator: ", ")
    }
}
