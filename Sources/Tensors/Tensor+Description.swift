extension Tensor: CustomStringConvertible {
    /// Element type, shape and the values; of a large tensor those at the corners.
    public var description: String { described(rows: 8, columns: 8) }

    /// Element type and shape, `Tensor float32[2, 3] grad`, and a line of values for each row of the last dimension.
    ///
    /// Beyond `rows` rows, or `columns` values in one, only the first and last three are shown.
    public func described(rows mostRows: Int, columns mostColumns: Int) -> String {
        guard !isFreed else { return "Tensor (freed)" }
        let tracked = requiresGrad ? " grad" : node != nil ? " made of what has grad" : ""
        let head = "Tensor \(dtype.rawValue)\(shape)\(tracked)"
        guard count > 0 else { return head }
        if shape.isEmpty { return head + " " + shown(0) }
        let columns = shape[shape.count - 1]
        let rows = count / columns
        let shownColumns = Tensor.corners(columns, atMost: mostColumns)
        let lines = Tensor.corners(rows, atMost: mostRows).map { row in
            row.map { row in shownColumns.map { column in column.map { shown(row * columns + $0) } ?? "..." } }
        }
        let widths = shownColumns.indices.map { place in lines.compactMap { $0?[place].count }.max() ?? 0 }
        return
            ([head]
            + lines.map { line in
                guard let line else { return "  ... \(rows) rows" }
                let cells = zip(line, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }
                return "  [" + cells.joined(separator: ", ") + "]"
            }).joined(separator: "\n")
    }

    /// Places from 0 to `count`: all of them, or the first and last three with nil between.
    private static func corners(_ count: Int, atMost most: Int) -> [Int?] {
        count <= most ? Array(0..<count) : [0, 1, 2, nil, count - 3, count - 2, count - 1]
    }

    private func shown(_ index: Int) -> String { (try? element(index)).map(Tensor.shown) ?? "?" }

    /// A value as it is shown: a float with four significant digits, as people compare them.
    public static func shown(_ value: Number) -> String {
        switch value {
        case .integer(let value): "\(value)"
        case .float(let value): rounded(value)
        }
    }

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
