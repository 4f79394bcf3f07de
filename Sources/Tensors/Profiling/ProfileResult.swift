import Kernels

/// What was recorded: sums over the counted steps, and each span where they were kept.
public struct ProfileResult: Sendable {
    /// Spans of one kind and name, of one module.
    public struct Row: Sendable {
        /// What they are.
        public let kind: ProfileKind
        /// Operation or part of the step.
        public let name: String
        /// Path of the module, empty where there is none.
        public let module: String
        /// Part of the step in which they lie: "forward", "backward"; empty where in none.
        public let phase: String
        /// Their numbers.
        public var sums: ProfileSums
    }

    /// One span of one thread.
    public struct Event: Sendable {
        /// What it is.
        public let kind: ProfileKind
        /// Operation, part of the step, or path of the module.
        public let name: String
        /// Path of the module, empty where there is none.
        public let module: String
        /// The thread, from 1 in the order in which they came.
        public let thread: Int
        /// Nanoseconds from the beginning of the profile.
        public let start: UInt64
        /// Nanoseconds.
        public let duration: UInt64
        /// Additions and multiplications within it, those of spans within it left out.
        public let flops: Int
        /// Shapes of an operation's inputs, or of the gradient that it is given; [m, n, k] of a product.
        public let shapes: [[Int]]
    }

    /// One counted step.
    public struct Step: Sendable {
        /// Its time.
        public let nanoseconds: UInt64
        /// Time of its products.
        public let productNanoseconds: UInt64
        /// Additions and multiplications of its products, by the place of their size in `sizes`.
        public let products: [(size: Int, flops: Int)]
    }

    /// Sums by kind, name and module, in the order in which they first ended.
    public let rows: [Row]
    /// The counted steps.
    public let steps: [Step]
    /// Sizes of the products of these steps.
    public let sizes: [ProductSize]
    /// Steps that were left out as warm-up.
    public let skipped: Int
    /// Number and nanoseconds of what was done between steps, by name.
    public let asides: [(name: String, calls: Int, nanoseconds: UInt64)]
    /// Spans, where they were kept.
    public let events: [Event]
    /// Whether there were more spans than are kept.
    public let isCut: Bool
}

/// Numbers of several spans.
public struct ProfileSums: Sendable {
    /// Number of spans.
    public var calls = 0
    /// Their own time.
    public var nanoseconds: UInt64 = 0
    /// Additions and multiplications.
    public var flops = 0
    /// Their products by size.
    public var products: [ProductSize: ProductSums] = [:]

    /// Nothing yet.
    public init() {}

    /// Adds a span with its own time and products.
    mutating func add(own: UInt64, _ count: ProductCounter.Count) {
        calls += 1
        nanoseconds += own
        flops += count.flops
        for entry in count.entries { products[ProductSize(entry.product), default: ProductSums()] += entry }
    }

    /// Adds other spans.
    public static func += (sums: inout ProfileSums, other: ProfileSums) {
        sums.calls += other.calls
        sums.nanoseconds += other.nanoseconds
        sums.flops += other.flops
        sums.products.merge(other.products) { $0 + $1 }
    }
}
