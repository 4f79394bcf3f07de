import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Counts multiplications and their time while somebody profiles; otherwise it costs one branch a product.
///
/// Whoever makes a product C[m, n] = A[m, k] · B[k, n] says so once, where the whole product is known:
///
///     let start = ProductCounter.start()
///     defer { ProductCounter.add(m: m, n: n, k: k, since: start) }
///
/// What is made of products that count themselves (`Matmul.gemm`) is not counted again.
public enum ProductCounter {
    /// One product that was made.
    public struct Product: Sendable, Hashable {
        /// Rows of the result.
        public let m: Int
        /// Columns of the result.
        public let n: Int
        /// Numbers that are multiplied and added for each.
        public let k: Int
        /// How the second factor is stored.
        public let form: Form

        /// Additions and multiplications.
        public var flops: Int { 2 * m * n * k }
    }

    /// How the second factor of a product is stored.
    public enum Form: Sendable, Hashable {
        /// A plain float32 matrix, transposed (as [n, k]) or not.
        case plain(transposed: Bool)
        /// A `FrozenMatrix` of W[rows, columns]: forward with Wᵀ, or transposed with W.
        case frozen(FrozenMatrix.DType, transposed: Bool)
    }

    /// A product with its time, in nanoseconds of the monotonic clock; both 0 where it was not timed.
    public struct Entry: Sendable {
        /// What was multiplied.
        public let product: Product
        /// When it began.
        public let start: UInt64
        /// When it ended.
        public let end: UInt64
    }

    /// What was counted since it was last taken.
    public struct Count: Sendable {
        /// Additions and multiplications of all products.
        public var flops = 0
        /// The products that are large enough to be told apart.
        public var entries: [Entry] = []

        /// Nothing.
        public init() {}
    }

    private static let isOn = Atomic<Bool>(false)
    private static let smallFlops = Atomic<Int>(0)
    private static let counted = Mutex(Count())

    /// Begins or ends counting; what was counted before is dropped.
    public static func set(counting: Bool) {
        _ = take()
        isOn.store(counting, ordering: .relaxed)
    }

    /// The moment at which a product begins; 0 while nobody counts.
    @inline(__always)
    static func start() -> UInt64 { isOn.load(ordering: .relaxed) ? now() : 0 }

    /// Counts a product that began at `start` and has ended.
    @inline(__always)
    static func add(m: Int, n: Int, k: Int, _ form: Form = .plain(transposed: true), since start: UInt64 = 0) {
        guard isOn.load(ordering: .relaxed) else { return }
        record(Product(m: m, n: n, k: k, form: form), since: start)
    }

    /// Counts products that are too small to be told apart, from any thread.
    @inline(__always)
    static func add(flops: @autoclosure () -> Int) {
        guard isOn.load(ordering: .relaxed) else { return }
        smallFlops.wrappingAdd(flops(), ordering: .relaxed)
    }

    @inline(never)
    private static func record(_ product: Product, since start: UInt64) {
        let entry = Entry(product: product, start: start, end: start == 0 ? 0 : now())
        counted.withLock {
            $0.flops += product.flops
            $0.entries.append(entry)
        }
    }

    /// What was counted since this was last called.
    public static func take() -> Count {
        var count = counted.withLock { counted in
            let taken = counted
            counted = Count()
            return taken
        }
        count.flops += smallFlops.exchange(0, ordering: .relaxed)
        return count
    }

    /// Nanoseconds of the monotonic clock.
    public static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
