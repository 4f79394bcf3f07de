// Products with frozen matrices: y = x · Wᵀ + b forward, dx = dy · W backward. Matrices that read the same x are multiplied
// in one piece of work, each into its own y; backward their parts of dx are added up while they are in cache.

/// One of the products of the same x: y[m, rows] = x[m, columns] · Wᵀ + bias.
public struct FrozenProduct {
    let matrix: FrozenMatrix
    let bias: UnsafePointer<Float>?
    let y: UnsafeMutablePointer<Float>

    /// A product with `matrix`, with its bias[rows], into y[m, rows].
    public init(_ matrix: FrozenMatrix, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>) {
        (self.matrix, self.bias, self.y) = (matrix, bias, y)
    }
}

/// One of the parts of dx[m, columns] = Σ dy[m, rows] · W.
public struct FrozenGradient {
    let matrix: FrozenMatrix
    let dy: UnsafePointer<Float>

    /// The part that comes through `matrix`.
    public init(_ matrix: FrozenMatrix, dy: UnsafePointer<Float>) { (self.matrix, self.dy) = (matrix, dy) }
}

extension FrozenMatrix {
    /// y[m, rows] = x[m, columns] · Wᵀ + bias.
    public func multiply(
        x: UnsafePointer<Float>, m: Int, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) throws {
        try FrozenMatrix.multiply(x: x, m: m, [FrozenProduct(self, bias: bias, into: y)])
    }

    /// dx[m, columns] = dy[m, rows] · W, added to dx where `accumulate` is set.
    public func multiplyTransposed(
        dy: UnsafePointer<Float>, m: Int, into dx: UnsafeMutablePointer<Float>, accumulate: Bool = false
    ) throws {
        try FrozenMatrix.multiplyTransposed([FrozenGradient(self, dy: dy)], m: m, into: dx, accumulate: accumulate)
    }

    /// All `products` of x[m, columns]; the matrices have the same number of columns.
    public static func multiply(x: UnsafePointer<Float>, m: Int, _ products: [FrozenProduct]) throws {
        guard let first = products.first?.matrix, m > 0 else { return }
        let start = ProductCounter.start()
        let packs = try products.map { try $0.matrix.packed(transposed: false) }
        if let packs = alike(packs) {
            let rounded = first.dtype == .bfloat16 ? Bfloat16.Rounded(x, count: m * first.columns) : nil
            try multiplyPacked(x: rounded?.start ?? UnsafeRawPointer(x), m: m, products, packs)
            let rows = products.reduce(0) { $0 + $1.matrix.rows }
            ProductCounter.add(
                m: m, n: rows, k: first.columns, .frozen(first.dtype, transposed: false), since: start)
        } else if products.count > 1 {
            for product in products { try multiply(x: x, m: m, [product]) }
        } else if let product = products.first {
            try multiplyPlain(x: x, m: m, product)
        }
    }

    /// dx[m, columns] = Σ dy · W over all `parts`, added to dx where `accumulate` is set.
    public static func multiplyTransposed(
        _ parts: [FrozenGradient], m: Int, into dx: UnsafeMutablePointer<Float>, accumulate: Bool = false
    ) throws {
        guard let first = parts.first?.matrix, m > 0 else { return }
        let start = ProductCounter.start()
        let packs = try parts.map { try $0.matrix.packed(transposed: true) }
        if let packs = alike(packs) {
            let rounded = parts.map { part in
                first.dtype == .bfloat16 ? Bfloat16.Rounded(part.dy, count: m * part.matrix.rows) : nil
            }
            let inputs = zip(parts, rounded).map { $1?.start ?? UnsafeRawPointer($0.dy) }
            try withExtendedLifetime(rounded) {
                try transposedPacked(inputs, m: m, packs, into: dx, accumulate: accumulate)
            }
            let rows = parts.reduce(0) { $0 + $1.matrix.rows }
            ProductCounter.add(
                m: m, n: first.columns, k: rows, .frozen(first.dtype, transposed: true), since: start)
        } else {
            for (index, part) in parts.enumerated() {
                let accumulate = accumulate || index > 0
                guard parts.count == 1 else {
                    try multiplyTransposed([part], m: m, into: dx, accumulate: accumulate)
                    continue
                }
                Matmul.gemm(
                    m: m, n: first.columns, k: first.rows, part.dy, lda: first.rows, try first.plainFloats(),
                    ldb: first.columns, beta: accumulate ? 1 : 0, dx, ldc: first.columns)
            }
        }
    }

    /// The packed matrices where all are packed, and for the same type of input.
    private static func alike(_ packs: [PackedMatrix?]) -> [PackedMatrix]? {
        let packed = packs.compactMap { $0 }
        return packed.count == packs.count && packed.allSatisfy({ $0.type == packed[0].type }) ? packed : nil
    }

    private static func multiplyPlain(x: UnsafePointer<Float>, m: Int, _ product: FrozenProduct) throws {
        let (matrix, y) = (product.matrix, product.y)
        let values = try matrix.plainFloats()
        if let bias = product.bias {
            for row in 0..<m { (y + row * matrix.rows).update(from: bias, count: matrix.rows) }
        }
        Matmul.gemm(
            transposeB: true, m: m, n: matrix.rows, k: matrix.columns, x, lda: matrix.columns, values,
            ldb: matrix.columns, beta: product.bias == nil ? 0 : 1, y, ldc: matrix.rows)
    }

    /// A panel of one matrix and some rows of x make a piece: a dense product in cache, then its bias on the way to y.
    private static func multiplyPacked(
        x: UnsafeRawPointer, m: Int, _ products: [FrozenProduct], _ packs: [PackedMatrix]
    ) throws {
        let prepared = try packs.map { try $0.products(m: m, accumulate: false) }
        let size = PackedMatrix.rows(of: m)
        let chunks = (m + size - 1) / size
        let inputSize = packs[0].type.size * packs[0].k
        let failures = Failures()
        nonisolated(unsafe) let (x, products) = (x, products)
        Workers.run(pieces: packs.reduce(0) { $0 + $1.panels } * chunks) { piece in
            var (panel, place) = (piece / chunks, 0)
            while panel >= packs[place].panels {
                panel -= packs[place].panels
                place += 1
            }
            let (pack, product, chunk) = (packs[place], products[place], piece % chunks)
            let layout = pack.layout(of: panel)
            let rows = chunk == chunks - 1 ? m - chunk * size : size
            let step = prepared[place].product(
                isLastPanel: panel == pack.panels - 1, isLastRows: chunk == chunks - 1)
            let (n, column) = (product.matrix.rows, panel * PackedMatrix.panelWidth)
            let target = product.y + chunk * size * n + column
            OneDNN.prepareThread()
            let space = aligned(rows * layout.n)
            Scratch.with(space + step.scratch) { scratch in
                let done = step.run(
                    x: x + chunk * size * inputSize, weights: pack.weights(of: panel), into: scratch,
                    scratch: scratch + space)
                if !done { failures.add() }
                for row in 0..<rows {
                    let source = scratch + row * layout.n
                    if let bias = product.bias {
                        Loops.add(source, bias + column, target + row * n, layout.n)
                    } else {
                        (target + row * n).update(from: source, count: layout.n)
                    }
                }
            }
        }
        if failures.any { throw KernelError("oneDNN could not multiply with '\(products[0].matrix.name)'") }
    }

    /// A panel of dx and some of its rows make a piece: all parts are added up in cache.
    private static func transposedPacked(
        _ inputs: [UnsafeRawPointer], m: Int, _ packs: [PackedMatrix], into dx: UnsafeMutablePointer<Float>,
        accumulate: Bool
    ) throws {
        let prepared = try packs.enumerated().map { try $1.products(m: m, accumulate: $0 > 0) }
        let size = PackedMatrix.rows(of: m)
        let chunks = (m + size - 1) / size
        let (panels, n) = (packs[0].panels, packs[0].n)
        let failures = Failures()
        nonisolated(unsafe) let (inputs, dx) = (inputs, dx)
        Workers.run(pieces: panels * chunks) { piece in
            let (panel, chunk) = (piece / chunks, piece % chunks)
            let width = packs[0].layout(of: panel).n
            let rows = chunk == chunks - 1 ? m - chunk * size : size
            let steps = prepared.map { $0.product(isLastPanel: panel == panels - 1, isLastRows: chunk == chunks - 1) }
            let working = steps.reduce(0) { max($0, $1.scratch) }
            let target = dx + chunk * size * n + panel * PackedMatrix.panelWidth
            OneDNN.prepareThread()
            let space = aligned(rows * width)
            Scratch.with(space + working) { scratch in
                for ((pack, input), step) in zip(zip(packs, inputs), steps) {
                    let done = step.run(
                        x: input + chunk * size * pack.type.size * pack.k, weights: pack.weights(of: panel),
                        into: scratch, scratch: scratch + space)
                    if !done { failures.add() }
                }
                for row in 0..<rows {
                    if accumulate {
                        Loops.accumulate(scratch + row * width, target + row * n, width)
                    } else {
                        (target + row * n).update(from: scratch + row * width, count: width)
                    }
                }
            }
        }
        if failures.any {
            throw KernelError("oneDNN could not multiply a gradient with a matrix [\(packs[0].k), \(n)]")
        }
    }

    /// A number of floats after which the next ones are aligned to 64 bytes.
    private static func aligned(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}
