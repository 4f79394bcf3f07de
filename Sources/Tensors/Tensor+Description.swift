extension Tensor: CustomStringConvertible {
    /// Element type, shape and at most six rows of six values: `Tensor float32[2, 3] grad` and the rows.
    public var description: String {
        guard !isFreed else { return "Tensor (freed)" }
        let tracked = requiresGrad ? " grad" : node != nil ? " made of what has grad" : ""
        let head = "Tensor \(dtype.rawValue)\(shape)\(tracked)"
        guard count > 0 else { return head }
        if shape.isEmpty { return head + " " + shown(0) }
        let columns = shape[shape.count - 1]
        let rows = count / columns
        var lines = [head]
        for row in 0..<Swift.min(rows, 6) {
            let values = (0..<Swift.min(columns, 6)).map { shown(row * columns + $0) }.joined(separator: ", ")
            lines.append("  [" + values + (columns > 6 ? ", ..." : "") + "]")
        }
        if rows > 6 { lines.append("  ... \(rows) rows") }
        return lines.joined(separator: "\n")
    }

    private func shown(_ index: Int) -> String {
        switch try? element(index) {
        case .integer(let value): "\(value)"
        case .float(let value): Tensor.rounded(value)
        case nil: "?"
        }
    }

    /// Four significant digits, as people compare them.
    private static func rounded(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return "\(value)" }
        var exponent = 0
        var magnitude = value.magnitude
        while magnitude >= 10, exponent < 400 { (magnitude, exponent) = (magnitude / 10, exponent + 1) }
        while magnitude < 1, exponent > -400 { (magnitude, exponent) = (magnitude * 10, exponent - 1) }
        let scaled = (magnitude * 1000).rounded() / 1000
        if exponent >= 6 || exponent < -4 {
            return (value < 0 ? "-" : "") + "\(Float(scaled))e\(exponent)"
        }
        let unit = (0..<Swift.max(0, 3 - exponent)).reduce(1.0) { power, _ in power * 10 }
        let rounded = (value * unit).rounded() / unit
        return "\(Float(rounded))"
    }
}
