import Synchronization

/// A pretrained matrix W[rows, columns] that is only read: multiplied with, or gathered from.
///
/// It alone knows how its numbers are stored and packed: float32 or bfloat16, row by row (owned, or in a mapped file), packed
/// for either product by the `Backend`, or none at all (shapes only). Packing happens at the first product of a kind; numbers
/// that lie row by row are dropped then, those of a file by giving its pages back.
public final class FrozenMatrix: Sendable {
    /// How the numbers are stored, and what they were rounded to.
    public enum DType: String, Sendable {
        case float32
        case bfloat16

        /// Bytes of an element.
        public var size: Int { self == .float32 ? 4 : 2 }
    }

    /// Fills `target` with bytes of a mapped matrix from `offset` on, counted from its first, without looking at the mapping;
    /// false where it cannot.
    public typealias Read = @Sendable (_ offset: Int, _ target: UnsafeMutableRawBufferPointer) -> Bool

    /// Number of rows (outputs of a linear layer, entries of an embedding).
    public let rows: Int
    /// Number of columns (inputs of a linear layer, width of an embedding).
    public let columns: Int
    /// The tensor's name in its checkpoint, for messages.
    public let name: String
    /// What the numbers were rounded to, and what products take.
    public let dtype: DType
    /// Whether there are values to read.
    public let hasValues: Bool
    /// Whether a product packs the matrix; without, one copy of the numbers serves everything.
    public let isPackable: Bool

    private struct State {
        var plain: PlainNumbers?
        /// Wᵀ[columns, rows], for x · Wᵀ.
        var forward: (any PackedMatrix)?
        /// W, for dy · W.
        var backward: (any PackedMatrix)?
        /// Set where the backend has no kernel for this shape.
        var staysPlain = false
        /// Set once single rows were asked for.
        var isReadAhead = false
    }

    private let state: Mutex<State>

    private init(
        rows: Int, columns: Int, name: String, dtype: DType, plain: PlainNumbers?, isPackable: Bool
    ) {
        (self.rows, self.columns, self.name, self.dtype) = (rows, columns, name, dtype)
        (hasValues, self.isPackable) = (plain != nil, isPackable)
        state = Mutex(State(plain: plain))
    }

    /// Matrix over numbers of a mapped file, which `owner` keeps mapped and nobody writes to.
    ///
    /// - Parameters:
    ///   - type: element type in the file.
    ///   - dtype: what numbers are rounded to where they are used; that of the file where nil.
    ///   - isPackable: whether a product packs the matrix.
    ///   - read: reads from the file, for single rows of a large table.
    public convenience init(
        rows: Int, columns: Int, mapped values: UnsafeRawPointer, _ type: DType, owner: AnyObject, dtype: DType? = nil,
        name: String = "", isPackable: Bool = true, read: Read? = nil
    ) {
        let plain = PlainNumbers(
            start: values, type: type, count: rows * columns, owner: owner, isMapped: true, read: read)
        self.init(
            rows: rows, columns: columns, name: name, dtype: dtype ?? type, plain: plain, isPackable: isPackable)
    }

    /// Matrix of which only the shape is known; reading values is an error.
    public convenience init(shapeOnlyRows rows: Int, columns: Int, name: String = "") {
        self.init(rows: rows, columns: columns, name: name, dtype: .float32, plain: nil, isPackable: false)
    }

    /// Matrix that owns its numbers: `fill` writes rows × columns of them as float32; throws where there is no memory for them.
    public convenience init(
        rows: Int, columns: Int, name: String = "", dtype: DType = .float32, isPackable: Bool = true,
        fill: (UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws {
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
        guard rows >= 0, columns >= 0, !overflow else {
            throw KernelError("'\(name)' cannot have shape [\(rows), \(columns)]")
        }
        let block = try FloatBlock(count: count)
        try fill(block.buffer)
        try Trouble.check()
        let kept = dtype == .float32 ? block : try block.rounded()
        let plain = PlainNumbers(
            start: kept.start, type: dtype, count: rows * columns, owner: kept, isMapped: false, read: nil)
        self.init(rows: rows, columns: columns, name: name, dtype: dtype, plain: plain, isPackable: isPackable)
    }

    /// Matrix that owns its numbers, written piece by piece on all threads: `fill` writes rows of float32 numbers, which are rounded there.
    ///
    /// Throws what `fill` throws, and where there is no memory or the work is to stop.
    public convenience init(
        rows: Int, columns: Int, name: String = "", dtype: DType = .float32, isPackable: Bool = true,
        fillRows fill: @Sendable (_ rows: Range<Int>, _ target: UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws {
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
        guard rows >= 0, columns >= 0, !overflow else {
            throw KernelError("'\(name)' cannot have shape [\(rows), \(columns)]")
        }
        let block = try FloatBlock(count: dtype == .float32 ? count : (count + 1) / 2)
        nonisolated(unsafe) let floats = block.start
        nonisolated(unsafe) let halves = UnsafeMutableRawPointer(floats).assumingMemoryBound(to: UInt16.self)
        let piece = max(1, FrozenMatrix.filledAtOnce / max(1, columns))
        Workers.run(pieces: (rows + piece - 1) / piece) { index in
            let part = index * piece..<min(rows, (index + 1) * piece)
            let (first, count) = (part.lowerBound * columns, part.count * columns)
            guard !Trouble.isStopping else { return }
            func write(to target: UnsafeMutablePointer<Float>) {
                do { try fill(part, UnsafeMutableBufferPointer(start: target, count: count)) } catch {
                    Trouble.note(error)
                }
            }
            guard dtype == .bfloat16 else { return write(to: floats + first) }
            Scratch.with(count) { scratch in
                write(to: scratch)
                Loops.round(scratch, halves + first, count)
            }
        }
        try Trouble.check()
        let plain = PlainNumbers(
            start: block.start, type: dtype, count: count, owner: block, isMapped: false, read: nil)
        self.init(rows: rows, columns: columns, name: name, dtype: dtype, plain: plain, isPackable: isPackable)
    }

    /// Numbers of a piece that is filled at once: a megabyte, so that a column of blocks is not expanded many times over.
    private static let filledAtOnce = 1 << 18

    /// Matrix of numbers from N(0, deviation²), a function of the key alone.
    public convenience init(
        rows: Int, columns: Int, normal deviation: Float, key: RandomKey, name: String = "", dtype: DType = .float32
    ) throws {
        try self.init(rows: rows, columns: columns, name: name, dtype: dtype) { buffer in
            guard let start = buffer.baseAddress else { return }
            key.fillNormal(start, 0..<buffer.count, deviation: deviation)
        }
    }

    /// Bytes of memory that the numbers take now, packed ones included; those of a mapped file count while nothing is packed.
    public var bytes: Int {
        state.withLock { state in
            let packed = (state.forward?.bytes ?? 0) + (state.backward?.bytes ?? 0)
            let plain = state.plain.map { $0.isMapped && packed > 0 ? 0 : $0.count * $0.type.size } ?? 0
            return plain + packed
        }
    }

    private var noValues: KernelError {
        KernelError("reading values of '\(name)': this model has shapes only (weights = \"none\")")
    }

    /// The numbers row by row in float32, where they are so; products that pack nothing read them.
    func plainFloats() throws -> UnsafePointer<Float> {
        guard let plain = state.withLock({ $0.plain }) else { throw noValues }
        guard plain.type == .float32, dtype == .float32 else {
            throw KernelError("'\(name)' is \(dtype.rawValue), which nothing here can multiply with")
        }
        return plain.start.assumingMemoryBound(to: Float.self)
    }

    /// W packed for a product, transposed or not; nil where products read the plain numbers.
    func packed(transposed: Bool) throws -> (any PackedMatrix)? {
        guard hasValues else { throw noValues }
        guard isPackable, let backend = Backend.of(dtype), backend != .openblas else { return nil }
        return try state.withLock { state in
            if let packed = transposed ? state.backward : state.forward { return packed }
            if state.staysPlain { return nil }
            let made: (any PackedMatrix)?
            if let plain = state.plain {
                made = try pack(plain.start, plain.type, transposed: transposed, backend)
            } else {
                // Packed the other way already: from there.
                let block = try FloatBlock(count: rows * columns)
                try FrozenMatrix.unpack(state, columns: columns, into: block.start)
                made = try pack(block.start, .float32, transposed: transposed, backend)
            }
            guard let made else {
                state.staysPlain = true
                return nil
            }
            if transposed { state.backward = made } else { state.forward = made }
            state.plain?.giveBack()
            if state.plain?.isMapped == false { state.plain = nil }
            return made
        }
    }

    private func pack(
        _ source: UnsafeRawPointer, _ type: DType, transposed: Bool, _ backend: Backend
    ) throws -> (any PackedMatrix)? {
        let (k, n) = transposed ? (rows, columns) : (columns, rows)
        let (strideK, strideN) = transposed ? (columns, 1) : (1, columns)
        if backend == .native {
            return try NativeMatrix(
                k: k, n: n, source: source, sourceType: type, strideK: strideK, strideN: strideN)
        }
        return try OneDNNMatrix(
            k: k, n: n, type: dtype, source: source, sourceType: type, strideK: strideK, strideN: strideN)
    }

    private static func unpack(_ state: borrowing State, columns: Int, into target: UnsafeMutablePointer<Float>) throws
    {
        if let forward = state.forward {
            try forward.unpack(into: target, strideK: 1, strideN: columns)
        } else {
            try state.backward?.unpack(into: target, strideK: columns, strideN: 1)
        }
    }

    /// Copies `count` numbers from the place `index` on, counted row by row, as float32.
    private func copy(from index: Int, count: Int, to target: UnsafeMutablePointer<Float>) throws {
        guard hasValues else { throw noValues }
        try state.withLock { state in
            if let plain = state.plain { return plain.copy(from: index, count: count, as: dtype, to: target) }
            if count == rows * columns { return try FrozenMatrix.unpack(state, columns: columns, into: target) }
            let block = try FloatBlock(count: rows * columns)
            try FrozenMatrix.unpack(state, columns: columns, into: block.start)
            target.update(from: block.start + index, count: count)
        }
    }

    /// Copies row `row` as float32 to `target` ([columns]).
    public func copyRow(_ row: Int, to target: UnsafeMutablePointer<Float>) throws {
        guard hasValues else { throw noValues }
        try check(row)
        try copy(from: row * columns, count: columns, to: target)
    }

    private func check(_ row: Int) throws {
        guard row >= 0, row < rows else { throw KernelError("row \(row) of '\(name)' is outside 0..<\(rows)") }
    }

    /// Copies these rows as float32, one after the other, to `target` ([indices.count, columns]).
    public func copyRows(_ indices: [Int], to target: UnsafeMutablePointer<Float>) throws {
        guard hasValues else { throw noValues }
        for row in indices { try check(row) }
        let plain = state.withLock { state in
            if !state.isReadAhead { state.plain?.readAhead() }
            state.isReadAhead = true
            return state.plain
        }
        guard let plain else {
            for (place, row) in indices.enumerated() { try copyRow(row, to: target + place * columns) }
            return
        }
        nonisolated(unsafe) let target = target
        // A row costs a call of the system, some thousand additions.
        Workers.run(rows: indices.count, costPerRow: columns + 2048) { [columns, dtype] places in
            for place in places {
                plain.fetch(
                    from: indices[place] * columns, count: columns, as: dtype, to: target + place * columns)
            }
        }
    }

    /// All numbers as float32, row by row, to `target` ([rows, columns]).
    public func copy(to target: UnsafeMutablePointer<Float>) throws {
        try copy(from: 0, count: rows * columns, to: target)
    }

    /// The numbers at places counted row by row; used by fingerprints.
    public func values(at places: [Int]) throws -> [Float] {
        guard hasValues else { throw noValues }
        if let wrong = places.first(where: { $0 < 0 || $0 >= rows * columns }) {
            throw KernelError("element \(wrong) of '\(name)' is outside 0..<\(rows * columns)")
        }
        if let plain = state.withLock({ $0.plain }) {
            return places.map { place in
                var value: Float = 0
                plain.copy(from: place, count: 1, as: dtype, to: &value)
                return value
            }
        }
        let block = try FloatBlock(count: rows * columns)
        try copy(to: block.start)
        return places.map { block.start[$0] }
    }

    /// A new matrix W + scale · B[rows, r] · A[r, columns], summed in float32 and rounded once; this one stays as it is.
    public func adding(
        scale: Float, b: UnsafePointer<Float>, a: UnsafePointer<Float>, rank: Int
    ) throws -> FrozenMatrix {
        guard hasValues else { throw noValues }
        return try FrozenMatrix(rows: rows, columns: columns, name: name, dtype: dtype, isPackable: isPackable) {
            guard let target = $0.baseAddress else { return }
            try copy(to: target)
            Matmul.gemm(
                m: rows, n: columns, k: rank, alpha: scale, b, lda: rank, a, ldb: columns, beta: 1, target,
                ldc: columns)
        }
    }
}
