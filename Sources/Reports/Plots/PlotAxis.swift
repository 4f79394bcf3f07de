import Words

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One axis of a plot: the values that it holds, and those that are written beside it.
package struct PlotAxis: Sendable {
    /// Values at both ends.
    package let low, high: Double
    private let isLogarithmic: Bool

    /// An axis for values between two, which may be equal.
    init(_ low: Double, _ high: Double, isLogarithmic: Bool = false) {
        self.isLogarithmic = isLogarithmic
        guard low == high else {
            (self.low, self.high) = (low, high)
            return
        }
        // One value stands in the middle.
        let half = isLogarithmic ? 0 : max(abs(low) * 0.1, 1e-9)
        (self.low, self.high) = isLogarithmic ? (low / 2, high * 2) : (low - half, high + half)
    }

    /// The same, with room beyond the values so that lines do not touch the frame.
    func widened(by share: Double) -> PlotAxis {
        guard !isLogarithmic else {
            let factor = pow(high / low, share)
            return PlotAxis(low / factor, high * factor, isLogarithmic: true)
        }
        // What is never negative does not seem to be so.
        let room = (high - low) * share
        return PlotAxis(low >= 0 ? max(0, low - room) : low - room, high + room)
    }

    /// Where a value lies, 0 at the low end and 1 at the high one.
    package func share(of value: Double) -> Double {
        if isLogarithmic { return (log(value) - log(low)) / (log(high) - log(low)) }
        return (value - low) / (high - low)
    }

    /// Round values within the axis, about `count` of them, with their texts.
    package func ticks(about count: Int) -> [(value: Double, text: String)] {
        if isLogarithmic, high / low >= 20 {
            let (from, to) = (Int(ceil(log10(low) - 1e-9)), Int(floor(log10(high) + 1e-9)))
            guard from < to else { return [low, high].map { ($0, Self.text($0, step: $0 / 10)) } }
            let stride = max(1, (to - from + 1) / max(1, count))
            return Swift.stride(from: from, through: to, by: stride).map { power in
                let value = pow(10, Double(power))
                return (value, Self.text(value, step: value))
            }
        }
        let raw = (high - low) / Double(max(1, count))
        guard raw > 0, raw.isFinite else { return [] }
        let magnitude = pow(10, floor(log10(raw)))
        let step = ([1, 2, 5].first { $0 * magnitude >= raw * 0.999 } ?? 10) * magnitude
        let (first, last) = (ceil(low / step - 1e-9), floor(high / step + 1e-9))
        guard last >= first, last - first < 100 else { return [] }
        return (0...Int(last - first)).map { place in
            let value = (first + Double(place)) * step
            return (value, Self.text(value, step: step))
        }
    }

    /// A value to the digits that a step of the axis needs: "0.25", "1,200", "5e-4".
    static func text(_ value: Double, step: Double) -> String {
        guard value != 0 else { return "0" }
        let size = abs(value)
        guard size < 1e6, size >= 1e-3 || step >= 1e-4 else {
            let power = Int(floor(log10(size) + 1e-12))
            let mantissa = Figures.plain(Figures.rounded(value / pow(10, Double(power)), 2))
            return "\(mantissa)e\(power)"
        }
        let digits = max(0, Int(ceil(-log10(step) - 1e-9)))
        let text = Figures.fixed(value, digits)
        guard size >= 10_000, digits == 0, let whole = Int(exactly: value.rounded()) else { return text }
        return Figures.grouped(whole)
    }
}
