#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A picture of pixels on which lines are drawn with smooth edges.
struct Canvas {
    /// A colour, each part from 0 to 1.
    typealias Color = (red: Float, green: Float, blue: Float)
    /// A place.
    typealias Point = (x: Double, y: Double)

    let width, height: Int
    /// Red, green and blue of each pixel, row after row.
    private var parts: [Float]

    /// A picture of one colour.
    init(width: Int, height: Int, _ ground: Color) {
        (self.width, self.height) = (width, height)
        parts = (0..<width * height).flatMap { _ in [ground.red, ground.green, ground.blue] }
    }

    /// The colour "#0072b2".
    static func color(_ hexadecimal: String) -> Color {
        let value = UInt32(hexadecimal.dropFirst(), radix: 16) ?? 0
        return (Float(value >> 16 & 255) / 255, Float(value >> 8 & 255) / 255, Float(value & 255) / 255)
    }

    /// Draws joined points; of one point, or two in one place, a dot.
    ///
    /// Where lines of one call cross nothing is drawn twice.
    ///
    /// - Parameters:
    ///   - dash: lengths of a dash and of the gap behind it; nil draws through.
    ///   - opacity: how much of what lies beneath is covered.
    mutating func draw(
        _ points: [Point], _ color: Color, width lineWidth: Double, dash: (on: Double, off: Double)? = nil,
        opacity: Float = 1
    ) {
        var covered: [Int: Float] = [:]
        var way = 0.0
        for (place, point) in points.enumerated() {
            let start = place == 0 ? point : points[place - 1]
            guard place > 0 || points.count == 1 else { continue }
            let length = hypot(point.x - start.x, point.y - start.y)
            for (from, to) in Canvas.dashes(way, length, dash) {
                func at(_ distance: Double) -> Point {
                    length > 0
                        ? (
                            start.x + (point.x - start.x) * distance / length,
                            start.y + (point.y - start.y) * distance / length
                        )
                        : start
                }
                cover(at(from), at(to), lineWidth / 2, &covered)
            }
            way += length
        }
        for (pixel, share) in covered {
            let share = share * opacity
            parts[3 * pixel] += (color.red - parts[3 * pixel]) * share
            parts[3 * pixel + 1] += (color.green - parts[3 * pixel + 1]) * share
            parts[3 * pixel + 2] += (color.blue - parts[3 * pixel + 2]) * share
        }
    }

    /// The pieces of a line that are drawn, where it begins `way` into the pattern of dashes.
    private static func dashes(_ way: Double, _ length: Double, _ dash: (on: Double, off: Double)?) -> [(
        Double, Double
    )] {
        guard let dash, length > 0 else { return [(0, length)] }
        let period = dash.on + dash.off
        var pieces: [(Double, Double)] = []
        var start = -way.truncatingRemainder(dividingBy: period)
        while start < length {
            if start + dash.on > 0 { pieces.append((max(0, start), min(length, start + dash.on))) }
            start += period
        }
        return pieces
    }

    /// Notes how much of each pixel lies within `radius` of a line.
    private func cover(_ start: Point, _ end: Point, _ radius: Double, _ covered: inout [Int: Float]) {
        func bounds(_ a: Double, _ b: Double, _ limit: Int) -> ClosedRange<Int>? {
            guard min(a, b) > -1e6, max(a, b) < 1e6 else { return nil }
            let (low, high) = (max(0, Int(min(a, b) - radius - 1)), min(limit - 1, Int(max(a, b) + radius + 1)))
            return low <= high ? low...high : nil
        }
        guard let columns = bounds(start.x, end.x, width), let rows = bounds(start.y, end.y, height) else { return }
        let (dx, dy) = (end.x - start.x, end.y - start.y)
        let square = dx * dx + dy * dy
        for row in rows {
            for column in columns {
                let (x, y) = (Double(column) + 0.5 - start.x, Double(row) + 0.5 - start.y)
                let along = square > 0 ? min(1, max(0, (x * dx + y * dy) / square)) : 0
                let share = min(1, radius + 0.5 - hypot(x - along * dx, y - along * dy))
                if share > 0 { covered[row * width + column] = max(covered[row * width + column] ?? 0, Float(share)) }
            }
        }
    }

    /// Red, green and blue of each pixel, from 0 to 255.
    var bytes: [UInt8] { parts.map { UInt8(min(255, max(0, ($0 * 255).rounded()))) } }
}
