import Memory

/// A dense array of float32 or int64 in row-major order, and a place in the record of how it was made.
public final class Tensor {
    /// Element types of a tensor.
    public enum DType: String, Sendable { case float32, int64 }

    /// Sizes of the dimensions; empty for a single number.
    public let shape: [Int]
    /// Element type.
    public let dtype: DType
    /// Number of elements.
    public let count: Int
    /// Whether `backward` leaves a gradient in `grad`.
    ///
    /// Only leaves (made by no recorded operation) can be asked for one.
    public private(set) var requiresGrad = false
    /// Gradient gathered by the passes since it was last cleared; same shape.
    public var grad: Tensor?
    /// How this tensor was made, where that was recorded.
    public internal(set) var node: Node?

    private var storage: Storage?
    private var offset: Int

    /// Bytes that a tensor takes beside its numbers: the object, its shape, its storage's object.
    private static let overhead = 256

    /// New tensor with uninitialised values.
    public init(uninitialized shape: [Int], dtype: DType = .float32) throws {
        count = try Tensor.count(of: shape)
        (self.shape, self.dtype, offset) = (shape, dtype, 0)
        let (bytes, overflow) = count.multipliedReportingOverflow(by: dtype == .float32 ? 4 : 8)
        guard !overflow else { throw TensorError("shape \(shape) is too large") }
        try MemoryBudget.reserve(Tensor.overhead)
        storage = try Storage(byteCount: bytes)
    }

    deinit {
        MemoryBudget.release(Tensor.overhead)
        // A gradient may have one itself, and so on: a chain that a recipe makes must not be released by recursion.
        var next = grad
        grad = nil
        while next != nil, isKnownUniquelyReferenced(&next) {
            let after = next?.grad
            next?.grad = nil
            next = after
        }
    }

    /// View over the elements of `base` from `offset` on.
    init(view base: Tensor, shape: [Int], offset: Int) throws {
        guard let storage = base.storage else { throw Tensor.freed }
        count = try Tensor.count(of: shape)
        (self.shape, self.dtype, self.offset, self.storage) = (shape, base.dtype, base.offset + offset, storage)
        try MemoryBudget.reserve(Tensor.overhead)
    }

    /// Moves the values into the memory of `other`, of the same shape and type; who shares the old memory keeps that.
    func move(to other: Tensor) throws {
        try other.mutableFloats().update(from: floats(), count: count)
        (storage, offset) = (other.storage, other.offset)
    }

    /// The same values without a record of how they were made.
    func bare() throws -> Tensor { try Tensor(view: self, shape: shape, offset: 0) }

    /// How all of these values can be made again.
    var origin: (any Rebuildable)? {
        get { offset == 0 && count * 4 == storage?.byteCount ? storage?.origin : nil }
        set { storage?.origin = newValue }
    }

    /// Whether no other tensor shares these values.
    var ownsStorageAlone: Bool { isKnownUniquelyReferenced(&storage) }

    static let freed = TensorError("tensor was freed")

    /// The most dimensions that a tensor has: shapes are walked by recursion, and printed.
    public static let largestRank = 64
    /// The most elements, of which no part of a product of sizes may have more.
    private static let largestCount = 1 << 44

    /// Number of elements of this shape, the one gate of every shape that is made.
    ///
    /// Throws where it has too many dimensions, a negative size, or too many elements. Sizes beside a 0 count too: an operation
    /// multiplies some of them without the 0.
    static func count(of shape: [Int]) throws -> Int {
        guard shape.count <= largestRank else {
            throw TensorError("a shape of \(shape.count) dimensions; there are at most \(largestRank)")
        }
        var (count, isEmpty) = (1, false)
        for size in shape {
            guard size >= 0 else { throw TensorError("shape \(shape) has a negative size") }
            isEmpty = isEmpty || size == 0
            let (product, overflow) = count.multipliedReportingOverflow(by: Swift.max(1, size))
            guard !overflow, product <= largestCount else { throw TensorError("shape \(shape) is too large") }
            count = product
        }
        // Loops go over parts of the product, which no memory bounds where it is empty.
        guard !isEmpty || count <= 1 << 40 else { throw TensorError("shape \(shape) is too large") }
        return isEmpty ? 0 : count
    }

    /// Gives the memory back now; any later use throws.
    public func free() {
        storage = nil
        node = nil
        grad = nil
    }

    /// Whether `free` was called.
    public var isFreed: Bool { storage == nil }

    /// Asks for, or no longer asks for, a gradient.
    public func setRequiresGrad(_ requires: Bool) throws {
        guard dtype == .float32 || !requires else { throw TensorError("only float32 tensors can require gradients") }
        guard node == nil else { throw TensorError("requires_grad can only be set on a tensor made by no operation") }
        requiresGrad = requires
    }

    /// Whether gradients flow to or through this tensor.
    public var isTracked: Bool { requiresGrad || node != nil }

    /// The floats, for reading.
    public func floats() throws -> UnsafePointer<Float> { UnsafePointer(try start()) }

    /// The floats, for whoever has just made this tensor or owns it (an optimizer its parameters).
    public func mutableFloats() throws -> UnsafeMutablePointer<Float> {
        storage?.origin = nil
        return try start()
    }

    private func start() throws -> UnsafeMutablePointer<Float> {
        guard let storage else { throw Tensor.freed }
        guard dtype == .float32 else { throw TensorError("expected a float32 tensor, got \(dtype.rawValue)") }
        return storage.pointer.assumingMemoryBound(to: Float.self) + offset
    }

    /// The integers, for reading.
    public func integers() throws -> UnsafePointer<Int64> { UnsafePointer(try mutableIntegers()) }

    /// The integers, for whoever has just made this tensor.
    public func mutableIntegers() throws -> UnsafeMutablePointer<Int64> {
        guard let storage else { throw Tensor.freed }
        guard dtype == .int64 else { throw TensorError("expected an int64 tensor, got \(dtype.rawValue)") }
        return storage.pointer.assumingMemoryBound(to: Int64.self) + offset
    }
}
