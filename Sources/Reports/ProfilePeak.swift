import Kernels
import Tensors

/// How fast the machine makes the products that a recipe made.
struct ProfilePeak {
    /// Additions and multiplications in a second, by size.
    private(set) var rates: [ProductSize: Double] = [:]

    /// Share of the multiplications whose sizes are measured, and the most sizes.
    private static let (covered, most) = (0.995, 40)

    /// Measures the sizes that make up nearly all of the work.
    init(_ products: [ProductSize: ProductSums]) throws {
        let total = products.values.reduce(0) { $0 + Double($1.flops) }
        var done = 0.0
        for (size, sums) in products.sorted(by: { $0.value.flops > $1.value.flops }).prefix(Self.most) {
            guard done < Self.covered * total else { break }
            let (m, n, k) = sums.mean
            rates[size] = try ProductPeak.measure(m: m, n: n, k: k, form: size.form)
            done += Double(sums.flops)
        }
    }

    /// Nanoseconds that these products would take at the peak; nil where too many of the sizes were not measured.
    ///
    /// `products` are sizes with their additions and multiplications, `flops` those of all products, of untold sizes too.
    func nanoseconds(_ products: [(size: ProductSize, flops: Int)], flops: Int) -> Double? {
        var (time, known) = (0.0, 0.0)
        for (size, part) in products {
            guard let rate = rates[size], rate > 0 else { continue }
            time += Double(part) / rate * 1e9
            known += Double(part)
        }
        guard known > 0.5 * Double(flops) else { return nil }
        return time * Double(flops) / known
    }
}
