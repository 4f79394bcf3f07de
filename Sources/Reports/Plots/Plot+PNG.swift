extension Plot {
    /// The plot as a PNG file, on a white ground; each unit of the layout is `scale` pixels wide.
    package func png(width: Int = 720, height: Int = 420, scale: Int = 2) -> [UInt8] {
        let picture = PlotPicture(self, width: width, height: height)
        let factor = Double(scale)
        var canvas = Canvas(width: width * scale, height: height * scale, Canvas.color(PlotColors.ground.light))
        func scaled(_ points: [PlotPicture.Point]) -> [Canvas.Point] { points.map { ($0.x * factor, $0.y * factor) } }
        let ink = Canvas.color(PlotColors.ink.light)
        for element in picture.elements {
            switch element {
            case .grid(let from, let to):
                canvas.draw(scaled([from, to]), Canvas.color(PlotColors.faint.light), width: factor)
            case .text(let text, let point, let anchor, let isBold, let isTurned):
                // Letters of 9 units' height.
                let size = 1.1
                let shift = [.middle: 0.5, .end: 1][anchor, default: 0] * StrokeFont.width(text) * size
                for stroke in StrokeFont.strokes(text) {
                    let points = stroke.map { (x: $0.x * size - shift, y: $0.y * size * 1.35) }
                    canvas.draw(
                        scaled(
                            points.map {
                                isTurned ? (point.x + $0.y, point.y - $0.x) : (point.x + $0.x, point.y + $0.y)
                            }),
                        ink, width: (isBold ? 1.6 : 1.1) * factor)
                }
            case .line(let points, let series, let style):
                let color = Canvas.color(PlotColors.all[picture.color(series)].light)
                let dash = (on: 6 * factor, off: 4 * factor)
                switch style {
                case .raw: canvas.draw(scaled(points), color, width: factor, opacity: 0.35)
                case .dashed, .sample(isDashed: true): canvas.draw(scaled(points), color, width: 2 * factor, dash: dash)
                default: canvas.draw(scaled(points), color, width: 2 * factor)
                }
            case .dot(let point, let series):
                canvas.draw(
                    scaled([point]), Canvas.color(PlotColors.all[picture.color(series)].light), width: 6 * factor)
            }
        }
        return PNGFile.bytes(width: canvas.width, height: canvas.height, canvas.bytes)
    }
}
