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
        let product = Profile.module(LinearGroup.path(members))
        let outputs = try x.linears(matrices, biases: members.map { try $0.bias?.currentTensor() })
        product.end()
        return try adapt(outputs, input: x, pass)
    }

    /// Output of each member for x[T, in], of the first member for `own` alone, the asked rows of x: queries of some rows beside the keys and
    /// values of all.
    func callAsFunction(_ x: Tensor, first own: Tensor, _ pass: Pass, _ asked: AskedRows) throws -> [Tensor] {
        guard !asked.isAll, let first = members.first else { return try self(x, pass) }
        return try [first(own, asked.pass)] + LinearGroup(Array(members.dropFirst()))(x, pass)
    }

    /// Every output with what sits on its member; where that is one seat of one kind on each, all act together.
    private func adapt(_ outputs: [Tensor], input x: Tensor, _ pass: Pass) throws -> [Tensor] {
        let seated = members.indices.filter { !members[$0].seats.isEmpty }
        guard let first = seated.first.map({ type(of: members[$0].seats[0]) }) else { return outputs }
        guard seated.allSatisfy({ members[$0].seats.count == 1 && type(of: members[$0].seats[0]) == first }) else {
            return try zip(members, outputs).map { member, output in
                let span = Profile.module(member.path)
                defer { span.end() }
                return try member.adapt(output, input: x, pass)
            }
        }
        let span = Profile.module(LinearGroup.path(seated.map { members[$0] }))
        defer { span.end() }
        let parts = seated.map { (y: outputs[$0], linear: members[$0], seat: members[$0].seats[0]) }
        var results = outputs
        for (index, y) in zip(seated, try first.adapt(parts, input: x, pass)) { results[index] = y }
        return results
    }

    /// How a profile names members together: "layer.0.attention.self.query, key, value".
    private static func path(_ members: [Linear]) -> String {
        let names = members.dropFirst().map { $0.path.split(separator: ".").last.map(String.init) ?? "" }
        return ([members.first?.path ?? ""] + names).joined(separator: ", ")
    }
}
