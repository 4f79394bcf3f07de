import Words

/// A plot laid out on a plane in pixels, from the top left: what SVG and PNG draw.
struct PlotPicture {
    /// A place.
    typealias Point = (x: Double, y: Double)

    /// Where a text begins, ends or has its middle.
    enum Anchor: String {
        case start, middle, end
    }

    /// Something to draw.
    enum Element {
        /// A line behind what is plotted.
        case grid(from: Point, to: Point)
        /// A text at its base line; `isTurned` runs upwards.
        case text(String, at: Point, Anchor, isBold: Bool, isTurned: Bool)
        /// Joined points of a series.
        case line([Point], series: Int, Style)
        /// A point of a series.
        case dot(Point, series: Int)
    }

    /// How a line is drawn.
    enum Style {
        /// As it is; with dashes; thin and faint beneath its mean; the mean of a noisy line; a sample beside a name.
        case plain, dashed, raw, smooth, sample(isDashed: Bool)

        /// The classes of its element in SVG, beside those of the series.
        var words: String {
            switch self {
            case .plain, .sample(isDashed: false): ""
            case .dashed, .sample(isDashed: true): " dashed"
            case .raw: " raw"
            case .smooth: " smooth"
            }
        }
    }

    let plot: Plot
    let width, height: Int
    /// The axes; nil where there is nothing to draw.
    let axes: (x: PlotAxis, y: PlotAxis)?
    /// The frame of what is plotted.
    let frame: (left: Double, right: Double, top: Double, base: Double)
    private(set) var elements: [Element] = []

    init(_ plot: Plot, width: Int, height: Int) {
        (self.plot, self.width, self.height) = (plot, width, height)
        let names = PlotPicture.names(plot, width)
        let top = (plot.title.isEmpty ? 14.0 : 34.0) + Double(names.count) * 18
        guard let found = plot.axes else {
            (axes, frame) = (nil, (0, Double(width), top, Double(height)))
            let text = (plot.title.isEmpty ? "" : plot.title + ": ") + "nothing to draw"
            elements = [.text(text, at: (12, 20), .start, isBold: false, isTurned: false)]
            return
        }
        let (x, y) = (found.x, found.y.widened(by: 0.05))
        axes = (x, y)
        let yTicks = y.ticks(about: 6)
        frame = (
            18 + 7 * Double(yTicks.map(\.text.count).max() ?? 1) + (plot.yLabel.isEmpty ? 0 : 18), Double(width) - 16,
            top,
            Double(height) - (plot.xLabel.isEmpty ? 30 : 46)
        )
        if !plot.title.isEmpty {
            elements.append(.text(plot.title, at: (12, 20), .start, isBold: true, isTurned: false))
        }
        for tick in yTicks {
            let place = frame.base - y.share(of: tick.value) * (frame.base - frame.top)
            elements.append(.grid(from: (frame.left, place), to: (frame.right, place)))
            elements.append(.text(tick.text, at: (frame.left - 6, place + 4), .end, isBold: false, isTurned: false))
        }
        for tick in x.ticks(about: max(2, width / 120)) {
            let place = frame.left + x.share(of: tick.value) * (frame.right - frame.left)
            elements.append(.text(tick.text, at: (place, frame.base + 18), .middle, isBold: false, isTurned: false))
        }
        let middle = ((frame.left + frame.right) / 2, (frame.top + frame.base) / 2)
        if !plot.xLabel.isEmpty {
            elements.append(
                .text(plot.xLabel, at: (middle.0, frame.base + 36), .middle, isBold: false, isTurned: false))
        }
        if !plot.yLabel.isEmpty {
            elements.append(.text(plot.yLabel, at: (14, middle.1), .middle, isBold: false, isTurned: true))
        }
        for number in plot.series.indices { addSeries(number, x, y) }
        addNames(names)
    }

    private mutating func addSeries(_ number: Int, _ x: PlotAxis, _ y: PlotAxis) {
        let frame = frame
        func place(_ point: Point) -> Point {
            (
                frame.left + x.share(of: point.x) * (frame.right - frame.left),
                frame.base - y.share(of: point.y) * (frame.base - frame.top)
            )
        }
        let series = plot.series[number]
        for run in series.runs(plot) {
            let points = Plot.thinned(run, x, columns: width)
            if plot.kind == .points || points.count == 1 {
                elements += points.map { .dot(place($0), series: number) }
            } else if points.count > 60, PlotPicture.isNoisy(points) {
                elements.append(.line(points.map(place), series: number, .raw))
                elements.append(.line(PlotPicture.smoothed(points).map(place), series: number, .smooth))
            } else {
                elements.append(.line(points.map(place), series: number, series.isDashed ? .dashed : .plain))
            }
        }
    }

    private mutating func addNames(_ lines: [[(number: Int, x: Double)]]) {
        for (row, line) in lines.enumerated() {
            let place = (plot.title.isEmpty ? 12.0 : 36.0) + Double(row) * 18
            for (number, x) in line {
                let series = plot.series[number]
                elements.append(
                    .line([(x, place), (x + 22, place)], series: number, .sample(isDashed: series.isDashed)))
                elements.append(.text(series.name, at: (x + 28, place + 4), .start, isBold: false, isTurned: false))
            }
        }
    }

    /// Where the names of the series stand, in lines; none where there is one series.
    private static func names(_ plot: Plot, _ width: Int) -> [[(number: Int, x: Double)]] {
        guard plot.series.count > 1 else { return [] }
        var lines: [[(number: Int, x: Double)]] = [[]]
        var x = 12
        for (number, series) in plot.series.enumerated() {
            let room = 44 + 7 * series.name.count
            if x + room > width, lines.last?.isEmpty == false {
                lines.append([])
                x = 12
            }
            lines[lines.count - 1].append((number, Double(x)))
            x += room
        }
        return lines
    }

    /// Whether a line goes up and down much more than it gets anywhere.
    private static func isNoisy(_ points: [Point]) -> Bool {
        let way = zip(points, points.dropFirst()).reduce(0.0) { $0 + abs($1.1.y - $1.0.y) }
        let span = (points.map(\.y).max() ?? 0) - (points.map(\.y).min() ?? 0)
        return way > 4 * span
    }

    /// The mean of the points around each one, a twentieth of all, as many before as behind it.
    private static func smoothed(_ points: [Point]) -> [Point] {
        var sums = [0.0]
        for point in points { sums.append(sums[sums.count - 1] + point.y) }
        let most = max(1, points.count / 40)
        return points.indices.map { place in
            let reach = min(most, place, points.count - 1 - place)
            return (points[place].x, (sums[place + reach + 1] - sums[place - reach]) / Double(2 * reach + 1))
        }
    }

    /// Number of the colour of a series.
    func color(_ series: Int) -> Int { (plot.series[series].color ?? series) % PlotColors.all.count }
}

/// Colours of series in their order, for a light and a dark ground; told apart by those who see few colours (Okabe and Ito, 2008).
enum PlotColors {
    static let all: [(light: String, dark: String)] = [
        ("#0072b2", "#56b4e9"), ("#d55e00", "#ff9d5c"), ("#009e73", "#3fd6a8"), ("#aa4499", "#e08fd0"),
        ("#8a6d00", "#e6c84f"), ("#3d3d8f", "#a5a5ff"), ("#882255", "#ff86b0"), ("#44607a", "#a9c4dc"),
    ]
    /// Text and lines of the grid, and the ground, on light and dark.
    static let ink = (light: "#1f2328", dark: "#e6edf3"), faint = (light: "#d8dee4", dark: "#30363d")
    static let ground = (light: "#ffffff", dark: "#0d1117")
}
