import Synchronization

/// A pretrained matrix W[rows, columns] that is only read: multiplied with, or gathered from.
///
/// It alone knows how its numbers are stored and packed: float32 or bfloat16, row by row or column by column (owned, or in a mapped
/// file), packed for either product by the `Backend`, or none at all (shapes only). Packing happens at the first product of a kind; numbers
/// that are not packed are dropped then, those of a file by giving its pages back.
public final class FrozenMatrix: Sendable {
    /// How the numbers are stored, and what they were rounded to.
    public enum DType: String, Sendable {
        case float32
        case bfloat16

        /// Bytes of an element.
        public var size: Int { self == .float32 ? 4 : 2 }
    }

    /// How many packed copies of the numbers products make, the first that needs one.
    public enum Packing: Sendable {
        /// None: the numbers are multiplied with as they are stored.
        case none
        /// One that serves x · Wᵀ and dy · W: half the memory, and a little slower backward.
        case once
        /// One for each of the two, but for tables with a row for each token.
        case twice
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
    /// How many copies products make.
    public let packing: Packing
    /// Whether the numbers are stored column by column, as [columns, rows] (GPT-2's Conv1D, PEFT's fan_in_fan_out).
    ///
    /// Everything but `copyStored` and what fills a new matrix speaks of W[rows, columns] all the same.
    public let isTransposed: Bool

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
    /// Bytes that numbers would take which are not there and would be no file's.
    private let imaginedBytes: Int

    private init(
        rows: Int, columns: Int, name: String, dtype: DType, plain: PlainNumbers?, packing: Packing, isTransposed: Bool,
        imaginedBytes: Int = 0
    ) {
        self.imaginedBytes = imaginedBytes
        (self.rows, self.columns, self.name, self.dtype) = (rows, columns, name, dtype)
        (hasValues, self.packing, self.isTransposed) = (plain != nil, packing, isTransposed)
        state = Mutex(State(plain: plain))
    }

    /// Matrix over numbers of a mapped file, which `owner` keeps mapped and nobody writes to.
    ///
    /// - Parameters:
    ///   - type: element type in the file.
    ///   - dtype: what numbers are rounded to where they are used; that of the file where nil.
    ///   - packing: how many copies products make.
    ///   - isTransposed: whether the file has [columns, rows].
    ///   - read: reads from the file, for single rows of a large table.
    public convenience init(
        rows: Int, columns: Int, mapped values: UnsafeRawPointer, _ type: DType, owner: AnyObject, dtype: DType? = nil,
        name: String = "", packing: Packing = .twice, isTransposed: Bool = false, read: Read? = nil
    ) {
        let plain = PlainNumbers(
            start: values, type: type, count: rows * columns, owner: owner, isMapped: true, read: read)
        self.init(
            rows: rows, columns: columns, name: name, dtype: dtype ?? type, plain: plain, packing: packing,
            isTransposed: isTransposed)
    }

    /// Matrix of which only the shape is known; reading values is an error.
    ///
    /// `dtype`, `packing` and whether they would lie in memory (`isOwned`) say how its numbers would be stored, which a pass over shapes counts.
    public convenience init(
        shapeOnlyRows rows: Int, columns: Int, name: String = "", dtype: DType = .float32, packing: Packing = .none,
        isTransposed: Bool = false, isOwned: Bool = false
    ) {
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
        self.init(
            rows: rows, columns: columns, name: name, dtype: dtype, plain: nil, packing: packing,
            isTransposed: isTransposed, imaginedBytes: isOwned && !overflow && count < 1 << 50 ? count * dtype.size : 0)
    }

    /// Bytes of numbers that are in memory as they were read, and no file's; of a matrix without values those that would be.
    public var ownedBytes: Int { stored.ownedBytes }

    /// Matrix that owns its numbers: `fill` writes rows × columns of them as float32, in the order in which they are stored (column by
    /// column where `isTransposed` is set); throws where there is no memory for them.
    public convenience init(
        rows: Int, columns: Int, name: String = "", dtype: DType = .float32, packing: Packing = .twice,
        isTransposed: Bool = false, fill: (UnsafeMutableBufferPointer<Float>) throws -> Void
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
        self.init(
            rows: rows, columns: columns, name: name, dtype: dtype, plain: plain, packing: packing,
            isTransposed: isTransposed)
    }

    /// Matrix that owns its numbers, written piece by piece on all threads: `fill` writes rows of float32 numbers, which are rounded there;
    /// rows as they are stored, which are columns of W where `isTransposed` is set.
    ///
    /// Throws what `fill` throws, and where there is no memory or the work is to stop.
    public convenience init(
        rows: Int, columns: Int, name: String = "", dtype: DType = .float32, packing: Packing = .twice,
        isTransposed: Bool = false,
        fillRows fill: @Sendable (_ rows: Range<Int>, _ target: UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws {
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
        guard rows >= 0, columns >= 0, !overflow else {
            throw KernelError("'\(name)' cannot have shape [\(rows), \(columns)]")
        }
        let block = try FloatBlock(count: dtype == .float32 ? count : (count + 1) / 2)
        nonisolated(unsafe) let floats = block.start
        nonisolated(unsafe) let halves = UnsafeMutableRawPointer(floats).assumingMemoryBound(to: UInt16.self)
        let (stored, width) = isTransposed ? (columns, rows) : (rows, columns)
        let piece = max(1, FrozenMatrix.filledAtOnce / max(1, width))
        Workers.run(pieces: (stored + piece - 1) / piece) { index in
            let part = index * piece..<min(stored, (index + 1) * piece)
            let (first, count) = (part.lowerBound * width, part.count * width)
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
        self.init(
            rows: rows, columns: columns, name: name, dtype: dtype, plain: plain, packing: packing,
            isTransposed: isTransposed)
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

    /// How the numbers lie in memory now.
    struct Stored {
        /// Whether they lie there as they were read.
        let isPlain: Bool
        /// Bytes of them that are no file's.
        let ownedBytes: Int
        /// Whether there is a packed copy for x · Wᵀ, and for dy · W.
        let forward, backward: Bool
        /// Whether the backend has no kernel for the shape.
        let staysPlain: Bool
    }

    /// See `Stored`.
    var stored: Stored {
        state.withLock { state in
            let owned = state.plain.map { $0.isMapped ? 0 : $0.count * $0.type.size } ?? imaginedBytes
            return Stored(
                isPlain: !hasValues || state.plain != nil, ownedBytes: owned, forward: state.forward != nil,
                backward: state.backward != nil, staysPlain: state.staysPlain)
        }
    }

    private var noValues: KernelError {
        KernelError("reading values of '\(name)': this model has shapes only (weights = \"none\")")
    }

    /// The numbers as they are stored, in float32, where they are so; products that pack nothing read them.
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
        guard packing != .none, let backend = Backend.of(dtype), backend != .openblas else { return nil }
        return try state.withLock { state in
            if let packed = transposed ? state.backward : state.forward { return packed }
            if state.staysPlain { return nil }
            if transposed, isPackedOnce(packing), backend == .native {
                if state.forward == nil { try pack(&state, transposed: false, backend) }
                if let forward = state.forward as? any TurnablePanels {
                    state.backward = TurnedMatrix(forward)
                    return state.backward
                }
            }
            try pack(&state, transposed: transposed, backend)
            return transposed ? state.backward : state.forward
        }
    }

    /// Whether one packed copy serves both products: where that was asked for, and of a table with a row for each token, which is a head
    /// as well: a second copy would weigh more than what is won.
    func isPackedOnce(_ packing: Packing) -> Bool {
        packing == .once || packing == .twice && rows >= 8 * columns && rows * columns >= 1 << 22
    }

    /// Packs for a product, and drops what lay there plainly.
    private func pack(_ state: inout State, transposed: Bool, _ backend: Backend) throws {
        let made: (any PackedMatrix)?
        if let plain = state.plain {
            made = try pack(plain.start, plain.type, columnByColumn: isTransposed, transposed: transposed, backend)
        } else {
            // Packed the other way already: from there.
            let block = try FloatBlock(count: rows * columns)
            try unpack(state, columnByColumn: false, into: block.start)
            made = try pack(block.start, .float32, columnByColumn: false, transposed: transposed, backend)
        }
        guard let made else {
            state.staysPlain = true
            return
        }
        if transposed { state.backward = made } else { state.forward = made }
        state.plain?.giveBack()
        if state.plain?.isMapped == false { state.plain = nil }
    }

    private func pack(
        _ source: UnsafeRawPointer, _ type: DType, columnByColumn: Bool, transposed: Bool, _ backend: Backend
    ) throws -> (any PackedMatrix)? {
        let (k, n) = transposed ? (rows, columns) : (columns, rows)
        let (alongRow, alongColumn) = strides(columnByColumn: columnByColumn)
        let (strideK, strideN) = transposed ? (alongColumn, alongRow) : (alongRow, alongColumn)
        switch (backend, dtype) {
        case (.native, .bfloat16):
            return try HalfMatrix(
                k: k, n: n, source: source, sourceType: type, strideK: strideK, strideN: strideN)
        case (.native, .float32):
            return try NativeMatrix(
                k: k, n: n, source: source, sourceType: type, strideK: strideK, strideN: strideN)
        default:
            return try OneDNNMatrix(
                k: k, n: n, type: dtype, source: source, sourceType: type, strideK: strideK, strideN: strideN)
        }
    }

    /// Elements from one number of a row to the next, and from one number of a column to the next.
    private func strides(columnByColumn: Bool) -> (alongRow: Int, alongColumn: Int) {
        columnByColumn ? (rows, 1) : (1, columns)
    }

    /// All numbers from a packed copy, row by row or column by column.
    private func unpack(
        _ state: borrowing State, columnByColumn: Bool, into target: UnsafeMutablePointer<Float>
    ) throws {
        let (alongRow, alongColumn) = strides(columnByColumn: columnByColumn)
        if let forward = state.forward {
            try forward.unpack(into: target, strideK: alongRow, strideN: alongColumn)
        } else {
            try state.backward?.unpack(into: target, strideK: alongColumn, strideN: alongRow)
        }
    }

    /// Copies `count` numbers from the place `index` on, counted row by row, as float32.
    func copy(from index: Int, count: Int, to target: UnsafeMutablePointer<Float>) throws {
        guard ShapePass.current == nil else { return }
        guard hasValues else { throw noValues }
        try state.withLock { state in
            if let plain = state.plain { return copy(plain, from: index, count: count, to: target) }
            if count == rows * columns { return try unpack(state, columnByColumn: false, into: target) }
            // A table of embeddings that is a head as well is asked for a row at every step.
            if count == columns, index % columns == 0,
                state.forward?.copyColumn(index / columns, to: target) == true
            {
                return
            }
            let block = try FloatBlock(count: rows * columns)
            try unpack(state, columnByColumn: false, into: block.start)
            target.update(from: block.start + index, count: count)
        }
    }

    /// The same from numbers that are not packed.
    private func copy(_ plain: PlainNumbers, from index: Int, count: Int, to target: UnsafeMutablePointer<Float>) {
        guard isTransposed else { return plain.copy(from: index, count: count, as: dtype, to: target) }
        guard count == rows * columns else {
            for i in 0..<count {
                let (row, column) = (index + i).quotientAndRemainder(dividingBy: columns)
                plain.copy(from: column * rows + row, count: 1, as: dtype, to: target + i)
            }
            return
        }
        nonisolated(unsafe) let target = target
        // As many columns as a line of the cache has floats: the rows that they are written to stay in cache meanwhile.
        let step = 16
        Workers.run(pieces: columns.dividedUp(by: step)) { [rows, columns, dtype] piece in
            let first = piece * step
            let width = min(step, columns - first)
            Scratch.with(step * rows) { lines in
                for column in 0..<width {
                    plain.copy(from: (first + column) * rows, count: rows, as: dtype, to: lines + column * rows)
                }
                for row in 0..<rows {
                    for column in 0..<width { target[row * columns + first + column] = lines[column * rows + row] }
                }
            }
        }
    }

    /// Copies row `row` as float32 to `target` ([columns]).
    public func copyRow(_ row: Int, to target: UnsafeMutablePointer<Float>) throws {
        guard ShapePass.current == nil else { return try check(row) }
        guard hasValues else { throw noValues }
        try check(row)
        try copy(from: row * columns, count: columns, to: target)
    }

    private func check(_ row: Int) throws {
        guard row >= 0, row < rows else { throw KernelError("row \(row) of '\(name)' is outside 0..<\(rows)") }
    }

    /// Copies these rows as float32, one after the other, to `target` ([indices.count, columns]).
    public func copyRows(_ indices: [Int], to target: UnsafeMutablePointer<Float>) throws {
        for row in indices { try check(row) }
        guard ShapePass.current == nil else { return }
        guard hasValues else { throw noValues }
        let plain = state.withLock { state in
            if !state.isReadAhead { state.plain?.readAhead() }
            state.isReadAhead = true
            return state.plain
        }
        guard let plain, !isTransposed else {
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

    /// All numbers as float32 in the order in which they are stored: as `copy`, but [columns, rows] where `isTransposed` says so.
    public func copyStored(to target: UnsafeMutablePointer<Float>) throws {
        guard ShapePass.current == nil else { return }
        guard isTransposed else { return try copy(to: target) }
        guard hasValues else { throw noValues }
        try state.withLock { state in
            if let plain = state.plain { return plain.copy(from: 0, count: rows * columns, as: dtype, to: target) }
            try unpack(state, columnByColumn: true, into: target)
        }
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
                copy(plain, from: place, count: 1, to: &value)
                return value
            }
        }
        // Unpacking the whole would take as much memory again.
        if let values = packedValues(at: places) { return values }
        let block = try FloatBlock(count: rows * columns)
        try copy(to: block.start)
        return places.map { block.start[$0] }
    }

    /// The same from the copy for x · Wᵀ, a row at a time; nil where that gives no single row.
    private func packedValues(at places: [Int]) -> [Float]? {
        state.withLock { state in
            guard let forward = state.forward else { return nil }
            var row = [Float](repeating: 0, count: columns)
            var values: [Float] = []
            for place in places {
                let isCopied = row.withUnsafeMutableBufferPointer { buffer in
                    buffer.baseAddress.map { forward.copyColumn(place / columns, to: $0) } ?? false
                }
                guard isCopied else { return nil }
                values.append(row[place % columns])
            }
            return values
        }
    }

    /// A new matrix W + scale · B[rows, r] · A[r, columns], summed in float32 and rounded once; this one stays as it is.
    public func adding(
        scale: Float, b: UnsafePointer<Float>, a: UnsafePointer<Float>, rank: Int
    ) throws -> FrozenMatrix {
        guard hasValues else { throw noValues }
        return try FrozenMatrix(
            rows: rows, columns: columns, name: name, dtype: dtype, packing: packing, isTransposed: isTransposed
        ) {
            guard let target = $0.baseAddress else { return }
            try copyStored(to: target)
            if isTransposed {
                Matmul.gemm(
                    transposeA: true, transposeB: true, m: columns, n: rows, k: rank, alpha: scale, a, lda: columns, b,
                    ldb: rank, beta: 1, target, ldc: rows)
            } else {
                Matmul.gemm(
                    m: rows, n: columns, k: rank, alpha: scale, b, lda: rank, a, ldb: columns, beta: 1, target,
                    ldc: columns)
            }
        }
    }
}
