/// Products of nearly one size: where dimensions depend on the batch, those of neighbouring sizes are taken together.
///
/// Dimensions above 16 are told apart by half octaves; those of a frozen matrix exactly.
public struct ProductSize: Sendable, Hashable {
    private let m: Int
    private let n: Int
    private let k: Int
    /// How the second factor is stored.
    public let form: ProductCounter.Form

    /// The size of one product.
    public init(_ product: ProductCounter.Product) {
        form = product.form
        m = ProductSize.step(product.m)
        switch product.form {
        case .plain: (n, k) = (ProductSize.step(product.n), ProductSize.step(product.k))
        case .frozen: (n, k) = (product.n, product.k)
        }
    }

    /// Twice the logarithm with base 2, rounded down, for sizes above 16.
    private static func step(_ size: Int) -> Int {
        guard size > 16 else { return size }
        let octave = Int.bitWidth - 1 - size.leadingZeroBitCount
        // √2 · 2^octave, by integers.
        let isUpper = size.multipliedReportingOverflow(by: 5).partialValue >= (7 << octave)
        return 1000 + 2 * octave + (isUpper ? 1 : 0)
    }
}

/// Sums over products of nearly one size.
public struct ProductSums: Sendable {
    /// Number of products.
    public var calls = 0
    /// Additions and multiplications.
    public var flops = 0
    /// Time of those that were timed.
    public var nanoseconds: UInt64 = 0
    private var m = 0.0
    private var n = 0.0
    private var k = 0.0

    /// Nothing yet.
    public init() {}

    /// The mean size.
    public var mean: (m: Int, n: Int, k: Int) {
        let count = Double(max(1, calls))
        return (Int((m / count).rounded()), Int((n / count).rounded()), Int((k / count).rounded()))
    }

    /// Adds one product.
    public static func += (sums: inout ProductSums, entry: ProductCounter.Entry) {
        sums.calls += 1
        sums.flops += entry.product.flops
        sums.nanoseconds += entry.end - entry.start
        sums.m += Double(entry.product.m)
        sums.n += Double(entry.product.n)
        sums.k += Double(entry.product.k)
    }

    /// Sums over both.
    public static func + (a: ProductSums, b: ProductSums) -> ProductSums {
        var sums = a
        sums.calls += b.calls
        sums.flops += b.flops
        sums.nanoseconds += b.nanoseconds
        (sums.m, sums.n, sums.k) = (a.m + b.m, a.n + b.n, a.k + b.k)
        return sums
    }
}
