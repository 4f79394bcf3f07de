import Words

extension Plot {
    /// Colours of a terminal for the series in turn, and marks where there are no colours.
    private static let (codes, marks): ([Int], [Character]) = (
        [34, 33, 32, 35, 36, 31], ["•", "×", "+", "o", "*", "#"]
    )

    /// The plot as lines of text.
    ///
    /// - Parameters:
    ///   - columns: columns of the terminal.
    ///   - rows: lines of the picture, without its axis and title.
    ///   - usesColor: whether series are told apart by colours; by marks otherwise.
    package func text(columns: Int = 80, rows: Int = 12, usesColor: Bool) -> String {
        guard let axes else { return (title.isEmpty ? "" : title + ": ") + "nothing to draw" }
        let yTicks = axes.y.ticks(about: max(2, rows / 2))
        let margin = (yTicks.map(\.text.count).max() ?? 1) + 1
        let width = max(10, min(columns, 200) - margin - 2)
        let height = max(3, rows)
        var cells = TerminalCells(width: width, height: height, isBraille: usesColor || series.count == 1)
        for (number, series) in series.enumerated() {
            for run in series.runs(self) {
                let points = run.map { (x: axes.x.share(of: $0.x), y: axes.y.share(of: $0.y)) }
                for (place, point) in points.enumerated() {
                    cells.draw(from: kind == .points || place == 0 ? point : points[place - 1], to: point, number)
                }
            }
        }
        var labels: [Int: String] = [:]
        for tick in yTicks {
            let row = Int(((1 - axes.y.share(of: tick.value)) * Double(height - 1)).rounded())
            labels[row] = tick.text
        }
        var lines: [String] = []
        if !title.isEmpty { lines.append(title) }
        if series.count > 1 {
            lines.append(
                series.enumerated().map { number, series in
                    usesColor
                        ? Self.colored("──", number) + " " + series.name : "\(Self.marks[number % 6]) \(series.name)"
                }.joined(separator: "   "))
        }
        for row in 0..<height {
            let label = labels[row] ?? ""
            lines.append(
                String(repeating: " ", count: margin - 1 - label.count) + label + " " + (labels[row] == nil ? "│" : "┤")
                    + cells.line(row) { text, number in
                        usesColor && series.count > 1 ? Self.colored(text, number) : text
                    })
        }
        lines.append(String(repeating: " ", count: margin) + "└" + String(repeating: "─", count: width))
        var scale = Array(repeating: Character(" "), count: margin + width + 2)
        for tick in axes.x.ticks(about: max(2, width / 14)) {
            let middle = margin + 1 + Int(axes.x.share(of: tick.value) * Double(width - 1))
            let start = min(max(0, middle - tick.text.count / 2), scale.count - tick.text.count)
            guard start >= 0, scale[max(0, start - 1)..<start + tick.text.count].allSatisfy({ $0 == " " }) else {
                continue
            }
            scale.replaceSubrange(start..<start + tick.text.count, with: tick.text)
        }
        let end = scale.lastIndex { $0 != " " }.map { $0 + 1 } ?? 0
        lines.append(String(scale[..<end]))
        if !xLabel.isEmpty {
            lines.append(String(repeating: " ", count: max(0, margin + (width - xLabel.count) / 2)) + xLabel)
        }
        return lines.joined(separator: "\n")
    }

    private static func colored(_ text: String, _ number: Int) -> String {
        "\u{1B}[\(codes[number % codes.count])m\(text)\u{1B}[0m"
    }

    /// The cells of a picture of text, each of 2 × 4 dots, or with one mark.
    private struct TerminalCells {
        let width, height: Int
        let isBraille: Bool
        private var dots: [UInt8]
        private var owners: [Int]

        init(width: Int, height: Int, isBraille: Bool) {
            (self.width, self.height, self.isBraille) = (width, height, isBraille)
            dots = Array(repeating: 0, count: width * height)
            owners = Array(repeating: -1, count: width * height)
        }

        /// Draws a line between two places within the unit square.
        mutating func draw(from start: (x: Double, y: Double), to end: (x: Double, y: Double), _ owner: Int) {
            let (across, down) = isBraille ? (2, 4) : (1, 1)
            let (columns, rows) = (Double(width * across - 1), Double(height * down - 1))
            let (x0, y0, x1, y1) = (start.x * columns, (1 - start.y) * rows, end.x * columns, (1 - end.y) * rows)
            let steps = max(1, Int(max(abs(x1 - x0), abs(y1 - y0)).rounded(.up)))
            for step in 0...steps {
                let share = Double(step) / Double(steps)
                let (x, y) = (Int((x0 + (x1 - x0) * share).rounded()), Int((y0 + (y1 - y0) * share).rounded()))
                let cell = y / down * width + x / across
                guard dots.indices.contains(cell) else { continue }
                owners[cell] = owner
                // Unicode 16, "Braille Patterns": dots 1 to 3 and 7 down the left column, 4 to 6 and 8 down the right one.
                dots[cell] |=
                    isBraille ? [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]][y % 4][x % 2] : 1
            }
        }

        /// A line of the picture; `paint` gives a piece in the colour of a series.
        func line(_ row: Int, _ paint: (String, Int) -> String) -> String {
            var (line, piece, owner) = ("", "", -1)
            func painted() -> String { owner >= 0 ? paint(piece, owner) : piece }
            for cell in row * width..<(row + 1) * width {
                if owners[cell] != owner {
                    line += painted()
                    (piece, owner) = ("", owners[cell])
                }
                if dots[cell] == 0 {
                    piece += " "
                } else if isBraille {
                    piece.unicodeScalars.append(Unicode.Scalar(0x2800 + UInt32(dots[cell])) ?? " ")
                } else {
                    piece.append(Plot.marks[owner % Plot.marks.count])
                }
            }
            line += owner >= 0 ? painted() : ""
            return line
        }
    }
}
