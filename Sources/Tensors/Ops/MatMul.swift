import Kernels

/// c = a · b for matrices, [m, k] · [k, n], or for each of a batch, [B, m, k] · [B, k, n].
///
/// A batch of 1 is repeated. Backward: da = dc · bᵀ, db = aᵀ · dc, summed over repetitions. Keeps b for da, a for db.
package final class MatMul: Op {
    package static let name = "matmul"
    private var a: Tensor?
    private var b: Tensor?
    private var shapes: [[Int]] = []

    /// Inputs are a and b, both of three dimensions.
    package init() {}

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let (a, b) = (inputs[0], inputs[1])
        shapes = [a.shape, b.shape]
        if needs[0] { self.b = b }
        if needs[1] { self.a = a }
        return try MatMul.product(a, b)
    }

    private static func product(
        _ a: Tensor, _ b: Tensor, transposeA: Bool = false, transposeB: Bool = false
    ) throws -> Tensor {
        let (m, k) = transposeA ? (a.shape[2], a.shape[1]) : (a.shape[1], a.shape[2])
        let n = transposeB ? b.shape[1] : b.shape[2]
        let batch = a.shape[0] == 1 ? b.shape[0] : a.shape[0]
        let c = try Tensor(uninitialized: [batch, m, n])
        let (stepA, stepB) = (a.shape[0] == 1 ? 0 : m * k, b.shape[0] == 1 ? 0 : k * n)
        nonisolated(unsafe) let (p, q, r) = (try a.floats(), try b.floats(), try c.mutableFloats())
        let (lda, ldb) = (a.shape[2], b.shape[2])
        let one = { @Sendable (i: Int) in
            Matmul.gemm(
                transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, p + i * stepA, lda: lda,
                q + i * stepB, ldb: ldb, r + i * m * n, ldc: n)
        }
        if batch == 1 { one(0) } else { Workers.run(pieces: batch, one) }
        return c
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        var gradients: [Tensor?] = [nil, nil]
        if needs[0], let b { gradients[0] = try Sum.reduce(MatMul.product(dy, b, transposeB: true), to: shapes[0]) }
        if needs[1], let a { gradients[1] = try Sum.reduce(MatMul.product(a, dy, transposeA: true), to: shapes[1]) }
        return gradients
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] {
        (needs[0] ? [shapes[1]] : []) + (needs[1] ? [shapes[0]] : [])
    }
}

extension Tensor {
    /// Matrix product of vectors, matrices and batches of matrices, in the combinations of torch.
    ///
    /// [k]·[k], [m,k]·[k], [k]·[k,n], [m,k]·[k,n], and with a leading batch dimension on either or both.
    public func matmul(_ other: Tensor) throws -> Tensor {
        guard dtype == .float32, other.dtype == .float32 else {
            throw TensorError("matmul: expected float32 tensors, got \(dtype.rawValue) and \(other.dtype.rawValue)")
        }
        let (left, right) = (shape, other.shape)
        let ranks = 1...3
        let inner = right.count == 1 ? right.last : right.dropLast().last
        let batches = (left.count == 3 ? left[0] : 1, right.count == 3 ? right[0] : 1)
        guard ranks.contains(left.count), ranks.contains(right.count), left.last == inner,
            batches.0 == batches.1 || batches.0 == 1 || batches.1 == 1
        else { throw TensorError("matmul: shapes \(left) and \(right) do not fit together") }
        let k = left[left.count - 1]
        let batched = left.count == 3 || right.count == 3
        let n: [Int] = right.count == 1 ? [] : [right[right.count - 1]]
        let m: [Int] = left.count == 1 ? [] : [left[left.count - 2]]
        let batch = batches.0 == 1 ? batches.1 : batches.0
        let result = (batched ? [batch] : []) + m + n
        // One product with all rows where the second has no batch.
        if left.count == 3, batches.1 == 1 {
            let rows = try reshape([1, left[0] * left[1], k])
            let columns = try other.reshape([1, k, n.first ?? 1])
            return try Tensor.apply(MatMul(), [rows, columns]).reshape(result)
        }
        let a = try reshape([batches.0, m.first ?? 1, k])
        let b = try other.reshape([batches.1, k, n.first ?? 1])
        return try Tensor.apply(MatMul(), [a, b]).reshape(result)
    }
}
