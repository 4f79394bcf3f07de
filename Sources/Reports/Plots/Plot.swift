/// Series of points over common axes; drawn in a terminal, as SVG or as PNG.
package struct Plot: Sendable {
    /// Points with a name.
    package struct Series: Sendable {
        /// What the legend calls it; empty where it stands alone.
        package var name: String
        /// Points in the order in which they are joined; what is not finite leaves a gap.
        package var points: [(x: Double, y: Double)]
        /// Whether it is drawn with dashes, as what was evaluated is beside what was trained.
        package var isDashed: Bool
        /// Number of its colour; nil takes the place in the plot.
        package var color: Int?

        package init(
            _ name: String, _ points: [(x: Double, y: Double)], isDashed: Bool = false, color: Int? = nil
        ) {
            (self.name, self.points, self.isDashed, self.color) = (name, points, isDashed, color)
        }

        /// Runs of points that are joined: cut where a point is not finite, or cannot lie on a logarithmic axis.
        func runs(_ plot: Plot) -> [[(x: Double, y: Double)]] {
            points.split { !plot.isShown($0) }.map(Array.init)
        }
    }

    /// How points are drawn.
    package enum Kind: String, CaseIterable, Sendable {
        case line, points
    }

    /// What stands above it; empty for nothing.
    package var title: String
    /// What the horizontal axis has, "step".
    package var xLabel: String
    /// What the vertical axis has.
    package var yLabel: String
    /// How points are drawn.
    package var kind = Kind.line
    /// Whether an axis is logarithmic.
    package var (logX, logY) = (false, false)
    /// What is drawn, the first beneath the others.
    package var series: [Series]

    package init(title: String = "", xLabel: String = "", yLabel: String = "", series: [Series]) {
        (self.title, self.xLabel, self.yLabel, self.series) = (title, xLabel, yLabel, series)
    }

    /// The axes that hold all points; nil where there is nothing to draw.
    package var axes: (x: PlotAxis, y: PlotAxis)? {
        var (low, high) = ((x: Double.infinity, y: Double.infinity), (x: -Double.infinity, y: -Double.infinity))
        for series in series {
            for point in series.points where isShown(point) {
                low = (min(low.x, point.x), min(low.y, point.y))
                high = (max(high.x, point.x), max(high.y, point.y))
            }
        }
        guard low.x <= high.x else { return nil }
        return (PlotAxis(low.x, high.x, isLogarithmic: logX), PlotAxis(low.y, high.y, isLogarithmic: logY))
    }

    private func isShown(_ point: (x: Double, y: Double)) -> Bool {
        // Differences and quotients of what lies within these bounds are finite and no zero.
        func fits(_ value: Double, _ isLogarithmic: Bool) -> Bool {
            isLogarithmic ? value > 1e-150 && value < 1e150 : abs(value) < 1e300
        }
        return fits(point.x, logX) && fits(point.y, logY)
    }

    /// Points as few as a picture of `columns` columns shows: of each column the first, the lowest, the highest and the last.
    static func thinned(_ points: [(x: Double, y: Double)], _ axis: PlotAxis, columns: Int) -> [(x: Double, y: Double)]
    {
        guard points.count > 4 * columns else { return points }
        var kept: [(x: Double, y: Double)] = []
        var rest = points[...]
        while let first = rest.first {
            let column = Int(axis.share(of: first.x) * Double(columns))
            let group = rest.prefix { Int(axis.share(of: $0.x) * Double(columns)) == column }
            rest = rest.dropFirst(max(1, group.count))
            let (lowest, highest) = (
                group.indices.min { group[$0].y < group[$1].y }, group.indices.max { group[$0].y < group[$1].y }
            )
            let places = Set([group.indices.first, lowest, highest, group.indices.last].compactMap { $0 })
            kept += places.sorted().map { group[$0] }
        }
        return kept
    }
}
