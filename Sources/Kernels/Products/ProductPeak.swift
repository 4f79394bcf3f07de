/// How fast this machine makes products of a size where nothing else disturbs them.
///
/// A model's matrices follow one another, so that each is cold when its turn comes; here as many of one size follow one
/// another, by the same library and with the same threads.
public enum ProductPeak {
    /// Matrices that follow one another, as in a model of as many layers.
    public static let matrices = 12
    private static let rotations = 3

    /// Additions and multiplications in a second for products of these sizes: the best of three rounds over all matrices,
    /// after one that is not measured.
    public static func measure(m: Int, n: Int, k: Int, form: ProductCounter.Form) throws -> Double {
        guard m > 0, n > 0, k > 0 else { return 0 }
        let once: (Int) throws -> Void
        let (a, c) = (try block(m * k), try block(m * n))
        let (x, y) = (a.start, c.start)
        switch form {
        case .plain(let transposed):
            let factors = try (0..<matrices).map { _ in try block(n * k) }
            once = { index in
                Matmul.gemm(
                    transposeB: transposed, m: m, n: n, k: k, x, lda: k, factors[index].start,
                    ldb: transposed ? k : n, y, ldc: n)
            }
        case .frozen(let dtype, let transposed):
            let (rows, columns) = transposed ? (k, n) : (n, k)
            let factors = try (0..<matrices).map { _ in try matrix(rows: rows, columns: columns, dtype) }
            once = { index in
                if transposed {
                    try factors[index].multiplyTransposed(dy: x, m: m, into: y)
                } else {
                    try factors[index].multiply(x: x, m: m, bias: nil, into: y)
                }
            }
        }
        var best = UInt64.max
        for rotation in 0...rotations {
            let start = ProductCounter.now()
            for index in 0..<matrices { try once(index) }
            if rotation > 0 { best = min(best, ProductCounter.now() - start) }
        }
        return Double(2 * m * n * k * matrices) / (Double(max(1, best)) * 1e-9)
    }

    private static func matrix(rows: Int, columns: Int, _ dtype: FrozenMatrix.DType) throws -> FrozenMatrix {
        try FrozenMatrix(rows: rows, columns: columns, name: "peak", dtype: dtype) { fill($0) }
    }

    private static func block(_ count: Int) throws -> FloatBlock {
        let block = try FloatBlock(count: count)
        fill(block.buffer)
        return block
    }

    /// Numbers between −1 and 1: what they are does not matter, but they are not to be denormal.
    private static func fill(_ buffer: UnsafeMutableBufferPointer<Float>) {
        var state: UInt32 = 12345
        for index in buffer.indices {
            state = state &* 1_664_525 &+ 1_013_904_223
            buffer[index] = Float(Int32(bitPattern: state)) * 0x1p-31
        }
    }
}
