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

    /// New tensor with uninitialised values.
    public init(uninitialized shape: [Int], dtype: DType = .float32) throws {
        count = try Tensor.count(of: shape)
        (self.shape, self.dtype, offset) = (shape, dtype, 0)
        let (bytes, overflow) = count.multipliedReportingOverflow(by: dtype == .float32 ? 4 : 8)
        guard !overflow else { throw TensorError("shape \(shape) is too large") }
        storage = try Storage(byteCount: bytes)
    }

    /// View over the elements of `base` from `offset` on.
    init(view base: Tensor, shape: [Int], offset: Int) throws {
        guard let storage = base.storage else { throw Tensor.freed }
        count = try Tensor.count(of: shape)
        (self.shape, self.dtype, self.offset, self.storage) = (shape, base.dtype, base.offset + offset, storage)
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

    /// Most dimensions of a tensor: above any in use, and walked by recursion where nested lists are made.
    static let largestRank = 64

    /// Product of the sizes; throws where it is negative or overflows.
    static func count(of shape: [Int]) throws -> Int {
        guard shape.count <= largestRank else {
            throw TensorError("a shape of \(shape.count) dimensions; there may be at most \(largestRank)")
        }
        // Of an empty tensor the other sizes are multiplied too: parts of the product stand in loops, which no memory bounds then.
        let isEmpty = shape.contains(0)
        let most = isEmpty ? 1 << 28 : 1 << 44
        var bound = 1
        for size in shape {
            guard size >= 0 else { throw TensorError("shape \(shape) has a negative size") }
            let (product, overflow) = bound.multipliedReportingOverflow(by: Swift.max(size, 1))
            guard !overflow, product <= most else { throw TensorError("shape \(shape) is too large") }
            bound = product
        }
        return isEmpty ? 0 : bound
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
