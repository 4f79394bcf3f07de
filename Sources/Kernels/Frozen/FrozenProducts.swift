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
    /// y[m, rows] = f(x[m, columns]) · Wᵀ + bias, f of each element, x itself where there is none.
    public func multiply(
        x: UnsafePointer<Float>, m: Int, applying function: Elementwise.Unary? = nil, bias: UnsafePointer<Float>?,
        into y: UnsafeMutablePointer<Float>
    ) throws {
        try FrozenMatrix.multiply(x: x, m: m, applying: function, [FrozenProduct(self, bias: bias, into: y)])
    }

    /// dx[m, columns] = dy[m, rows] · W, times f'(x) where there is a function; added to dx where `accumulate` is set.
    public func multiplyTransposed(
        dy: UnsafePointer<Float>, m: Int, times derivative: Derivative? = nil, into dx: UnsafeMutablePointer<Float>,
        accumulate: Bool = false
    ) throws {
        try FrozenMatrix.multiplyTransposed(
            [FrozenGradient(self, dy: dy)], m: m, times: derivative, into: dx, accumulate: accumulate)
    }

    /// f'(x), element by element, x[m, columns].
    public struct Derivative {
        let function: Elementwise.Unary
        let kept: UnsafePointer<Float>

        /// The derivative of `function`; `kept` is what its backward takes (see `Elementwise.usesResult`).
        public init(of function: Elementwise.Unary, kept: UnsafePointer<Float>) {
            (self.function, self.kept) = (function, kept)
        }
    }

    /// All `products` of f(x)[m, columns]; the matrices have the same number of columns.
    public static func multiply(
        x: UnsafePointer<Float>, m: Int, applying function: Elementwise.Unary? = nil, _ products: [FrozenProduct]
    ) throws {
        guard let first = products.first?.matrix, m > 0 else { return }
        if let pass = ShapePass.current {
            return try pass.multiply(
                products.map(\.matrix), m: m, transposed: false, hasFunction: function != nil)
        }
        let start = ProductCounter.start()
        let packs = try products.map { try $0.matrix.packed(transposed: false) }
        if let packs = alike(packs) {
            let input = try ProductInput(x, count: m * first.columns, as: packs[0].type, applying: function)
            try withExtendedLifetime((input, packs)) { try multiplyPacked(x: input.start, m: m, products, packs) }
            let rows = products.reduce(0) { $0 + $1.matrix.rows }
            ProductCounter.add(
                m: m, n: rows, k: first.columns, .frozen(first.dtype, transposed: false), since: start)
        } else if products.count > 1 {
            for product in products { try multiply(x: x, m: m, applying: function, [product]) }
        } else if let product = products.first {
            let input = try ProductInput(x, count: m * first.columns, as: .float32, applying: function)
            try withExtendedLifetime(input) {
                try multiplyPlain(x: input.start.assumingMemoryBound(to: Float.self), m: m, product)
            }
        }
    }

    /// dx[m, columns] = Σ dy · W over all `parts`, times f'(x) where there is a function; added to dx where `accumulate` is set
    /// (not with a function).
    public static func multiplyTransposed(
        _ parts: [FrozenGradient], m: Int, times derivative: Derivative? = nil, into dx: UnsafeMutablePointer<Float>,
        accumulate: Bool = false
    ) throws {
        guard let first = parts.first?.matrix, m > 0 else { return }
        if let pass = ShapePass.current {
            return try pass.multiply(parts.map(\.matrix), m: m, transposed: true, hasFunction: false)
        }
        let start = ProductCounter.start()
        let packs = try parts.map { try $0.matrix.packed(transposed: true) }
        if let packs = alike(packs) {
            let inputs = try parts.map { try ProductInput($0.dy, count: m * $0.matrix.rows, as: packs[0].type) }
            try withExtendedLifetime((inputs, packs)) {
                try transposedPacked(
                    inputs.map(\.start), m: m, packs, times: derivative, into: dx, accumulate: accumulate)
            }
            let rows = parts.reduce(0) { $0 + $1.matrix.rows }
            ProductCounter.add(
                m: m, n: first.columns, k: rows, .frozen(first.dtype, transposed: true), since: start)
        } else {
            guard let derivative else {
                return try transposedPlain(parts, m: m, into: dx, accumulate: accumulate)
            }
            // A loop that read and wrote the same place would not be vector instructions.
            let count = m * first.columns
            try ProductInput.passing(count) { sum in
                try transposedPlain(parts, m: m, into: sum, accumulate: false)
                Elementwise.backward(derivative.function, kept: derivative.kept, sum, dx, count: count)
            }
        }
    }

    private static func transposedPlain(
        _ parts: [FrozenGradient], m: Int, into dx: UnsafeMutablePointer<Float>, accumulate: Bool
    ) throws {
        for (index, part) in parts.enumerated() {
            let (matrix, accumulate) = (part.matrix, accumulate || index > 0)
            // One that is packed while others are not still goes its own way.
            if parts.count > 1, try matrix.packed(transposed: true) != nil {
                try multiplyTransposed([part], m: m, into: dx, accumulate: accumulate)
                continue
            }
            Matmul.gemm(
                transposeB: matrix.isTransposed, m: m, n: matrix.columns, k: matrix.rows, part.dy, lda: matrix.rows,
                try matrix.plainFloats(), ldb: matrix.isTransposed ? matrix.rows : matrix.columns,
                beta: accumulate ? 1 : 0, dx, ldc: matrix.columns)
        }
    }

    /// The packed matrices where all are packed, in the same way.
    private static func alike(_ packs: [(any PackedMatrix)?]) -> [any PackedMatrix]? {
        let packed = packs.compactMap { $0 }
        let areAlike = packed.allSatisfy { $0.type == packed[0].type && $0.panelColumns == packed[0].panelColumns }
        return packed.count == packs.count && areAlike ? packed : nil
    }

    private static func multiplyPlain(x: UnsafePointer<Float>, m: Int, _ product: FrozenProduct) throws {
        let (matrix, y) = (product.matrix, product.y)
        let values = try matrix.plainFloats()
        if let bias = product.bias {
            for row in 0..<m { (y + row * matrix.rows).update(from: bias, count: matrix.rows) }
        }
        Matmul.gemm(
            transposeB: !matrix.isTransposed, m: m, n: matrix.rows, k: matrix.columns, x, lda: matrix.columns, values,
            ldb: matrix.isTransposed ? matrix.rows : matrix.columns, beta: product.bias == nil ? 0 : 1, y,
            ldc: matrix.rows)
    }

    /// One of several products, as threads take it along.
    private struct Target: @unchecked Sendable {
        let product: PanelProduct
        let bias: UnsafePointer<Float>?
        let y: UnsafeMutablePointer<Float>
        let columns: Int
        let panels: Int
    }

    /// A panel of one matrix and some rows of x make a piece.
    private static func multiplyPacked(
        x: UnsafeRawPointer, m: Int, _ products: [FrozenProduct], _ packs: [any PackedMatrix]
    ) throws {
        let pieces = RowPieces(m, most: packs[0].rowsPerPiece)
        let targets = try zip(products, packs).map { product, pack in
            Target(
                product: try pack.product(pieces, depth: 0..<pack.k, adding: false), bias: product.bias, y: product.y,
                columns: pack.n, panels: pack.panels)
        }
        let panels = targets.reduce(0) { $0 + $1.panels }
        let (panelColumns, chunkBytes) = (packs[0].panelColumns, pieces.size * packs[0].type.size * packs[0].k)
        let failures = Failures()
        nonisolated(unsafe) let x = x
        Workers.run(pieces: panels * pieces.count) { piece in
            if Trouble.isStopping { return }
            // Pieces that follow one another read the same panel: the matrix comes from far, x is near.
            var (panel, place, chunk) = (piece / pieces.count, 0, piece % pieces.count)
            while panel >= targets[place].panels {
                panel -= targets[place].panels
                place += 1
            }
            let (target, column) = (targets[place], panel * panelColumns)
            let done = target.product.run(
                panel: panel, rows: pieces.rows(of: chunk), x: x + chunk * chunkBytes,
                bias: target.bias.map { $0 + column },
                into: target.y + (chunk * pieces.size * target.columns + column), ld: target.columns)
            if !done { failures.add() }
        }
        if failures.any { throw KernelError("oneDNN could not multiply with '\(products[0].matrix.name)'") }
    }

    /// One of several parts of a sum, as threads take it along.
    private struct Part: @unchecked Sendable {
        let product: PanelProduct
        let x: UnsafeRawPointer
        let chunkBytes: Int
    }

    /// dx from packed matrices, a long sum part by part: what a part reads of dy stays in cache for all panels.
    private static func transposedPacked(
        _ inputs: [UnsafeRawPointer], m: Int, _ packs: [any PackedMatrix], times derivative: Derivative?,
        into dx: UnsafeMutablePointer<Float>, accumulate: Bool
    ) throws {
        // Sums of several matrices, and what goes through a derivative, stay in cache until they are done.
        guard packs.count == 1, derivative == nil else {
            return try transposedPacked(
                inputs, m: m, packs, depth: nil, times: derivative, into: dx, accumulate: accumulate)
        }
        for depth in (0..<packs[0].k).pieces(of: packs[0].depthPerPiece) {
            try transposedPacked(
                inputs, m: m, packs, depth: depth, times: nil, into: dx,
                accumulate: accumulate || depth.lowerBound > 0)
        }
    }

    /// A panel of dx and some of its rows make a piece: all parts are added up there; `depth`: of one matrix these rows, whose
    /// products go to dx directly.
    private static func transposedPacked(
        _ inputs: [UnsafeRawPointer], m: Int, _ packs: [any PackedMatrix], depth: Range<Int>?,
        times derivative: Derivative?, into dx: UnsafeMutablePointer<Float>, accumulate: Bool
    ) throws {
        let pieces = RowPieces(m, most: packs[0].rowsPerPiece)
        let isDirect = depth != nil
        let parts = try packs.enumerated().map { place, pack in
            Part(
                product: try pack.product(
                    pieces, depth: depth ?? 0..<pack.k, adding: place > 0 || isDirect && accumulate), x: inputs[place],
                chunkBytes: pieces.size * pack.type.size * pack.k)
        }
        let (panels, n, panelColumns) = (packs[0].panels, packs[0].n, packs[0].panelColumns)
        let failures = Failures()
        nonisolated(unsafe) let (derivative, dx) = (derivative, dx)
        Workers.run(pieces: panels * pieces.count) { piece in
            if Trouble.isStopping { return }
            let (panel, chunk) = (piece / pieces.count, piece % pieces.count)
            let (rows, width) = (pieces.rows(of: chunk), min(panelColumns, n - panel * panelColumns))
            let first = chunk * pieces.size * n + panel * panelColumns
            let sum = { (target: UnsafeMutablePointer<Float>, ld: Int) in
                for place in parts.indices {
                    let part = parts[place]
                    let done = part.product.run(
                        panel: panel, rows: rows, x: part.x + chunk * part.chunkBytes, bias: nil, into: target, ld: ld)
                    if !done { failures.add() }
                }
            }
            if isDirect { return sum(dx + first, n) }
            // A derivative is faster over all rows at once than over a panel's few columns: what was kept comes together for it.
            let count = rows * width
            Scratch.with(derivative == nil ? count : 3 * count) { scratch in
                sum(scratch, width)
                guard let derivative else {
                    for row in 0..<rows {
                        let target = dx + first + row * n
                        Loops.finish(scratch + row * width, bias: nil, adding: accumulate, into: target, width)
                    }
                    return
                }
                let (kept, gradients) = (scratch + count, scratch + 2 * count)
                for row in 0..<rows {
                    (kept + row * width).update(from: derivative.kept + first + row * n, count: width)
                }
                Elementwise.gradients(derivative.function, kept: kept, scratch, gradients, count)
                for row in 0..<rows { (dx + first + row * n).update(from: gradients + row * width, count: width) }
            }
        }
        if failures.any {
            throw KernelError("oneDNN could not multiply a gradient with a matrix [\(packs[0].k), \(n)]")
        }
    }
}
