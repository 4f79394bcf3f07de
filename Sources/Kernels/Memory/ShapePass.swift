import Memory
import Synchronization

/// A pass over shapes: operations run as they are, over tensors whose memory nobody touches, and no kernel runs.
///
/// The seam is below the operations. Their results, what they keep and what they need on the way come out of `tensors`, an arena that
/// hands out addresses by the rules of the real one and no memory; `Workers` leaves every piece of work undone; a product with a
/// frozen matrix notes what it would pack. So the code that trains says itself what it will hold, whatever the model and the loss.
/// Integers are made and read as ever: ids, labels and boundaries decide shapes.
public final class ShapePass: @unchecked Sendable {
    // Sendable since it belongs to the one thread that it is bound on.

    @TaskLocal private static var bound: ShapePass?
    private static let passes = Atomic<Int>(0)

    /// The pass in progress on this thread; nil where operations compute.
    public static var current: ShapePass? { passes.load(ordering: .relaxed) > 0 ? bound : nil }

    /// The memory of tensors.
    public let tensors: Arena
    /// What the numbers of matrices are rounded to in place of what they are; to plan another storage.
    public var dtype: FrozenMatrix.DType?
    /// How many copies products make in place of what the matrices say; to plan another packing.
    public var packing: FrozenMatrix.Packing?
    /// Additions and multiplications so far.
    public private(set) var flops = 0
    /// Products with more than a few numbers, and how often each came.
    public private(set) var products: [ProductCounter.Product: Int] = [:]
    /// Bytes that packed copies take which are not there yet.
    public private(set) var packedBytes = 0
    /// Bytes of numbers in memory that packing drops.
    public private(set) var droppedBytes = 0

    private let packed: Arena
    private let blocks: Arena
    private let inputs: Arena
    private var copies: [ObjectIdentifier: Copies] = [:]
    /// Working memory by how deeply it is nested, as `Scratch` keeps it.
    private var scratch: [(block: Arena.Block, count: Int)] = []
    private var depth = 0
    private var standIns: [ObjectIdentifier: (key: AnyObject, value: AnyObject)] = [:]

    /// Copies of one matrix that there are, or that the pass made out of nothing.
    private struct Copies {
        let matrix: FrozenMatrix
        var forward: Bool
        var backward: Bool
        var hasNumbers: Bool
    }

    /// A pass that begins with what the process holds now; `tensors` are the counts of the arena of tensors.
    public init(after tensors: Arena.Counts) {
        self.tensors = Arena(like: tensors)
        let matrices = FrozenMemory.counts
        packed = Arena(like: matrices.packed, keepsRegions: false)
        blocks = Arena(like: matrices.blocks, keepsRegions: false)
        inputs = Arena(like: matrices.inputs, regionBytes: ProductInput.regionBytes)
        // Every thread that works has some.
        if let block = try? blocks.take(byteCount: 4096) { scratch.append((block, 1024)) }
    }

    /// Bytes that all arenas come to hold beyond what they held when the pass began; each at its own peak.
    public var growth: Int { ShapePass.growth([tensors, packed, blocks, inputs]) - droppedBytes }

    /// The same of what is no tensor: packed copies, working memory of threads, what products read.
    public var matrixGrowth: Int { ShapePass.growth([packed, blocks, inputs]) - droppedBytes }

    private static func growth(_ arenas: [Arena]) -> Int {
        arenas.map(\.counts).reduce(0) { $0 + $1.heldPeak - $1.heldAtStart }
    }

    /// Runs `body` over shapes.
    public func run<Result>(_ body: () throws -> Result) rethrows -> Result {
        ShapePass.passes.wrappingAdd(1, ordering: .relaxed)
        defer { ShapePass.passes.wrappingSubtract(1, ordering: .relaxed) }
        return try ShapePass.$bound.withValue(self, operation: body)
    }

    /// Runs `body` with kernels, within a pass over shapes as well.
    public static func off<Result>(_ body: () throws -> Result) rethrows -> Result {
        try $bound.withValue(nil, operation: body)
    }

    /// What stands in for the values of `key` through the whole pass, made once: of a weight of which only the shape is known.
    public func standIn<Value: AnyObject>(for key: AnyObject, _ make: () throws -> Value) rethrows -> Value {
        if let known = standIns[ObjectIdentifier(key)]?.value as? Value { return known }
        let value = try make()
        standIns[ObjectIdentifier(key)] = (key, value)
        return value
    }

    /// The tensors that stand in for what has a shape alone.
    public var standInObjects: [AnyObject] { standIns.values.map(\.value) }

    // MARK: What kernels tell

    /// Notes additions and multiplications that are made within pieces of work.
    func add(flops: @autoclosure () -> Int) { self.flops += flops() }

    /// Notes a product.
    func add(_ product: ProductCounter.Product) {
        flops += product.flops
        products[product, default: 0] += 1
    }

    /// Notes products of the same x[m, …] with these matrices, Wᵀ or W.
    func multiply(_ matrices: [FrozenMatrix], m: Int, transposed: Bool, hasFunction: Bool) throws {
        guard let first = matrices.first else { return }
        for matrix in matrices {
            try pack(matrix, transposed: transposed)
            let dtype = self.dtype ?? matrix.dtype
            let (n, k) = transposed ? (matrix.columns, matrix.rows) : (matrix.rows, matrix.columns)
            add(ProductCounter.Product(m: m, n: n, k: k, form: .frozen(dtype, transposed: transposed)))
            let isRounded = dtype == .bfloat16 && Backend.of(.bfloat16) == .onednn
            let isRead = transposed || matrix === first
            guard isRead, isRounded || hasFunction else { continue }
            if let block = try inputs.take(byteCount: m * k * (isRounded ? 2 : 4)) { inputs.give(block) }
        }
    }

    /// Notes the copy that the first product of a kind makes.
    private func pack(_ matrix: FrozenMatrix, transposed: Bool) throws {
        let key = ObjectIdentifier(matrix)
        let stored = matrix.stored
        var state =
            copies[key]
            ?? Copies(matrix: matrix, forward: stored.forward, backward: stored.backward, hasNumbers: stored.isPlain)
        defer { copies[key] = state }
        let packing = matrix.packing == .none ? .none : self.packing ?? matrix.packing
        guard !(transposed ? state.backward : state.forward), !stored.staysPlain, packing != .none,
            let backend = Backend.of(dtype ?? matrix.dtype), backend != .openblas
        else { return }
        if transposed, matrix.isPackedOnce(packing), backend == .native {
            state.backward = true
            if state.forward { return }
        }
        let isForward = !transposed || state.backward
        let (k, n) = isForward ? (matrix.columns, matrix.rows) : (matrix.rows, matrix.columns)
        let bytes = FrozenMemory.packedBytes(k: k, n: n, dtype ?? matrix.dtype, backend)
        if !state.hasNumbers {
            // From the other copy, through plain numbers.
            if let block = try blocks.take(byteCount: 4 * matrix.rows * matrix.columns) { blocks.give(block) }
        }
        _ = try packed.take(byteCount: bytes)
        packedBytes += bytes
        if isForward { state.forward = true } else { state.backward = true }
        if stored.ownedBytes > 0, state.hasNumbers {
            state.hasNumbers = false
            droppedBytes += stored.ownedBytes
        }
    }

    /// Working memory of a thread, as `Scratch` would give it.
    func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        let level = depth
        depth += 1
        defer { depth -= 1 }
        do {
            if level >= scratch.count || scratch[level].count < count {
                if level < scratch.count { blocks.give(scratch[level].block) }
                guard let block = try blocks.take(byteCount: count * 4) else { throw KernelError("no address is left") }
                if level < scratch.count {
                    scratch[level] = (block, count)
                } else {
                    scratch.append((block, count))
                }
            }
            guard let start = scratch[level].block.start else { return }
            body(start.bindMemory(to: Float.self, capacity: count))
        } catch { Trouble.note(error) }
    }
}

/// What frozen matrices hold in memory, and would hold.
public enum FrozenMemory {
    /// Counts of the arenas: packed copies; numbers that are owned, with threads' working memory; what products read.
    static var counts: (packed: Arena.Counts, blocks: Arena.Counts, inputs: Arena.Counts) {
        let packed = [NativeMatrix.arena, HalfMatrix.arena, OneDNNMatrix.arena].map(\.counts)
        var sum = Arena.Counts()
        for counts in packed {
            sum.live += counts.live
            sum.held += counts.held
        }
        return (sum, FloatBlock.arena.counts, ProductInput.arena.counts)
    }

    /// Bytes of packed copies now, and of numbers that are owned.
    public static var held: (packed: Int, owned: Int) { (counts.packed.held, counts.blocks.held) }

    /// Bytes of one packed copy of B[k, n].
    static func packedBytes(k: Int, n: Int, _ dtype: FrozenMatrix.DType, _ backend: Backend) -> Int {
        switch (backend, dtype) {
        case (.onednn, _): OneDNNMatrix.byteCount(k: k, n: n, dtype)
        case (_, .bfloat16): HalfMatrix.byteCount(k: k, n: n)
        case (_, .float32): NativeMatrix.byteCount(k: k, n: n)
        }
    }
}
