import Formats
import Kernels
import Tensors
import Words

/// What `lorawb profile` shows: where the time of a training step goes, by operation, by module and by size of product.
package struct ProfileReport {
    package let result: ProfileResult
    package let options: ProfileOptions
    let peak: ProfilePeak
    /// Sums over all counted steps, and the time of these.
    let total: ProfileSums

    package init(_ result: ProfileResult, _ options: ProfileOptions) throws {
        (self.result, self.options) = (result, options)
        var total = ProfileSums()
        for row in result.rows { total += row.sums }
        // The steps' own durations: that the lines add up to them is no matter of course.
        total.nanoseconds = result.steps.reduce(0) { $0 + $1.nanoseconds }
        self.total = total
        peak = try ProfilePeak(total.products)
    }

    /// What is printed.
    package var lines: [String] {
        guard !result.steps.isEmpty else { return [nothing] }
        return [""] + heading + [""] + operations.lines + [""] + modules.lines + [""] + products.lines + [""] + notes
    }

    private var nothing: String {
        options.trace == nil ? reason : "\(reason); no trace is written"
    }

    private var reason: String {
        switch result.skipped {
        case 0: "profile: the recipe made no training step, so there is nothing to show"
        case let skipped:
            "profile: the recipe made \(skipped == 1 ? "one training step, which is" : "\(skipped) training steps, which are") left out as warm-up; "
                + "train for more, or give --skip-steps 0"
        }
    }

    // MARK: Figures

    /// Milliseconds of the mean step.
    var mean: Double { Double(total.nanoseconds) / Double(max(1, result.steps.count)) * 1e-6 }

    /// Milliseconds of the step in the middle.
    var median: Double { Self.median(result.steps.map { Double($0.nanoseconds) * 1e-6 }) ?? 0 }

    /// What the products of a step reach, medians over the steps; nil where there are none.
    ///
    /// The peak is the best of some rounds, which nothing else on the machine disturbed; a step that something did disturb is not
    /// to be compared with it.
    var productFigures: (share: Double, rate: Double, ofPeak: Double?)? {
        let steps = result.steps.compactMap { step -> (share: Double, rate: Double, ofPeak: Double?)? in
            let (time, flops) = (Double(step.productNanoseconds), step.products.reduce(0) { $0 + $1.flops })
            guard time > 0, step.nanoseconds > 0 else { return nil }
            let ideal = peak.nanoseconds(step.products.map { (result.sizes[$0.size], $0.flops) }, flops: flops)
            return (time / Double(step.nanoseconds), Double(flops) / time, ideal.map { $0 / time })
        }
        guard let share = Self.median(steps.map(\.share)), let rate = Self.median(steps.map(\.rate)) else { return nil }
        return (share, rate, Self.median(steps.compactMap(\.ofPeak)))
    }

    /// The number in the middle, or the mean of the two; nil of none.
    private static func median(_ numbers: [Double]) -> Double? {
        let sorted = numbers.sorted()
        guard let high = sorted.isEmpty ? nil : sorted[sorted.count / 2] else { return nil }
        return (sorted[(sorted.count - 1) / 2] + high) / 2
    }

    private var heading: [String] {
        let skipped =
            switch result.skipped {
            case 0: ""
            case 1: "; the first step is left out as warm-up"
            case let count: "; the first \(count) steps are left out as warm-up"
            }
        let steps = result.steps.count == 1 ? "1 training step" : "\(result.steps.count) training steps"
        var lines = [
            "profile of \(steps): \(Figures.fixed(mean, 2)) ms on average, \(Figures.fixed(median, 2)) ms in the middle\(skipped)"
        ]
        if let products = productFigures {
            let ofPeak = products.ofPeak.map { ", \(percent($0)) of the peak at their sizes" } ?? ""
            lines.append(
                "products: \(percent(products.share)) of the step, at \(Figures.fixed(products.rate, 0)) GFLOP/s\(ofPeak), medians over the steps"
            )
        }
        return lines
    }

    private var notes: [String] {
        var lines = [
            "peak: measured after the recipe with \(Workers.count == 1 ? "1 thread" : "\(Workers.count) threads"), the best of 3 rounds of each size "
                + "over \(ProductPeak.matrices) matrices in turn, as cold as in a model"
        ]
        if !result.asides.isEmpty {
            let parts = result.asides.map { "\($0.name) \(Figures.fixed(Double($0.nanoseconds) * 1e-9, 2)) s" }
            lines.append("beside the steps: " + parts.joined(separator: ", "))
        }
        return lines
    }

    /// One line of figures.
    private func cells(_ name: [String], _ sums: ProfileSums, calls: Bool) -> [String] {
        let steps = Double(max(1, result.steps.count))
        let time = Double(sums.nanoseconds)
        let ideal = peak.nanoseconds(sums.products.map { ($0, $1.flops) }, flops: sums.flops)
        let hasProducts = sums.flops > 0 && time > 0
        return name + [
            calls
                ? Figures.fixed(Double(sums.calls) / steps, sums.calls % max(1, result.steps.count) == 0 ? 0 : 1) : "",
            Figures.fixed(time / steps * 1e-6, 3), percent(time / Double(max(1, total.nanoseconds))),
            hasProducts ? Figures.fixed(Double(sums.flops) / steps * 1e-9, 3) : "",
            hasProducts ? Figures.fixed(Double(sums.flops) / time, 1) : "",
            hasProducts ? ideal.map { percent($0 / time) } ?? "" : "",
        ]
    }

    private static let figures = ["calls", "ms a step", "share", "GFLOP", "GFLOP/s", "of peak"]

    // MARK: Tables

    /// By operation, forward and backward apart; then what is outside of operations.
    var operations: ProfileTable {
        var table = ProfileTable(["by operation", ""] + Self.figures, left: 2)
        let groups = grouped { row -> ProfileLabel in
            switch row.kind {
            case .forward: ProfileLabel(row.name, "forward")
            case .backward: ProfileLabel(row.name, "backward")
            default: ProfileLabel(Self.outside(row), "", isLast: true)
            }
        }
        for (label, sums) in groups { table.rows.append(cells([label.name, label.part], sums, calls: !label.isLast)) }
        table.rows.append(cells(["step", ""], total, calls: false))
        return table
    }

    /// By module, layers together or each of its own.
    var modules: ProfileTable {
        var table = ProfileTable(["by module", ""] + Self.figures, left: 2)
        let groups = grouped { row -> ProfileLabel in
            let isOperation = row.kind == .forward || row.kind == .backward
            guard !row.module.isEmpty || isOperation else { return ProfileLabel(Self.outside(row), "", isLast: true) }
            let part = row.kind == .backward ? "backward" : "forward"
            guard !row.module.isEmpty else { return ProfileLabel("(in no module)", part) }
            return ProfileLabel(
                options.everyLayer ? row.module : Self.together(row.module), part, isModule: true)
        }
        for (label, sums) in groups { table.rows.append(cells([label.name, label.part], sums, calls: !label.isLast)) }
        table.rows.append(cells(["step", ""], total, calls: false))
        return table
    }

    /// Products by size.
    private var products: ProfileTable {
        var table = ProfileTable(
            ["products [m, n, k]", "stored"] + Self.figures.prefix(3) + ["GFLOP", "GFLOP/s", "peak", "of peak"], left: 2
        )
        let steps = Double(max(1, result.steps.count))
        for (size, sums) in total.products.sorted(by: { $0.value.nanoseconds > $1.value.nanoseconds }).prefix(12) {
            let (m, n, k) = sums.mean
            let (time, rate) = (Double(sums.nanoseconds), peak.rates[size])
            let reached = time > 0 ? Double(sums.flops) / time : 0
            table.rows.append([
                "[\(m), \(n), \(k)]", Self.stored(size.form), Figures.fixed(Double(sums.calls) / steps, 1),
                Figures.fixed(time / steps * 1e-6, 3), percent(time / Double(max(1, total.nanoseconds))),
                Figures.fixed(Double(sums.flops) / steps * 1e-9, 3), Figures.fixed(reached, 1),
                rate.map { Figures.fixed($0 * 1e-9, 1) } ?? "", rate.map { percent(reached / ($0 * 1e-9)) } ?? "",
            ])
        }
        return table
    }

    /// Sums of rows with the same label, the longest first.
    private func grouped(_ label: (ProfileResult.Row) -> ProfileLabel) -> [(ProfileLabel, ProfileSums)] {
        var sums: [ProfileLabel: ProfileSums] = [:]
        for row in result.rows {
            let label = label(row)
            sums[label, default: ProfileSums()] += row.sums
            // A module is called once, however many operations it runs.
            if label.isModule, row.kind == .forward { sums[label]?.calls -= row.sums.calls }
        }
        return sums.sorted { a, b in
            a.key.isLast != b.key.isLast
                ? b.key.isLast : (a.value.nanoseconds, b.key.name) > (b.value.nanoseconds, a.key.name)
        }.map { ($0.key, $0.value) }
    }

    /// Name of time outside of operations.
    private static func outside(_ row: ProfileResult.Row) -> String {
        switch row.kind {
        case .step: "the rest of the step"
        case .module where row.phase.isEmpty: "between operations"
        case .module: "\(row.phase), between operations"
        case .phase where row.name == "forward" || row.name == "backward": "\(row.name), between operations"
        default: row.name
        }
    }

    /// A path with the numbers of layers left open.
    static func together(_ path: String) -> String {
        path.split(separator: ".", omittingEmptySubsequences: false)
            .map { $0.allSatisfy(\.isNumber) && !$0.isEmpty ? "*" : String($0) }.joined(separator: ".")
    }

    private static func stored(_ form: ProductCounter.Form) -> String {
        switch form {
        case .plain(let transposed): transposed ? "plain, transposed" : "plain"
        case .frozen(let dtype, let transposed): "frozen \(dtype.rawValue)\(transposed ? ", backward" : "")"
        }
    }
}

/// What a line of a table is about.
struct ProfileLabel: Hashable {
    let name: String
    let part: String
    /// Whether it stands below the others.
    let isLast: Bool
    /// Whether it is a module, not an operation.
    let isModule: Bool

    init(_ name: String, _ part: String, isLast: Bool = false, isModule: Bool = false) {
        (self.name, self.part, self.isLast, self.isModule) = (name, part, isLast, isModule)
    }
}

/// Rows of text in columns.
struct ProfileTable {
    /// Names of the columns.
    let header: [String]
    /// Number of columns that begin at the left; the others end at the right.
    let left: Int
    /// Cells of the rows.
    var rows: [[String]] = []

    init(_ header: [String], left: Int) { (self.header, self.left) = (header, left) }

    /// The rows as text.
    var lines: [String] {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return all.map { row in
            let cells = row.enumerated().map { column, text in
                let space = String(repeating: " ", count: max(0, widths[column] - text.count))
                return column < left ? text + space : space + text
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}

/// A share as percent.
private func percent(_ share: Double) -> String { Figures.fixed(100 * share, 1) + " %" }
