/// Text in columns, as wide as a terminal shows it.
enum Columns {
    /// Rows of cells with the columns aligned, two spaces apart.
    static func rows(_ rows: [[String]], indent: Int = 0, rightAligned: Set<Int> = []) -> String {
        var widths: [Int] = []
        for row in rows {
            for (place, cell) in row.enumerated() {
                if place == widths.count { widths.append(0) }
                // A last cell ends its line: how long it is does not matter.
                if place < row.count - 1 || rightAligned.contains(place) {
                    widths[place] = max(widths[place], width(of: cell))
                }
            }
        }
        return rows.map { row in
            var line = String(repeating: " ", count: indent)
            for (place, cell) in row.enumerated() {
                let gap = String(repeating: " ", count: max(0, widths[place] - width(of: cell)))
                let isLast = place == row.count - 1
                line += rightAligned.contains(place) ? gap + cell : isLast ? cell : cell + gap
                if !isLast { line += "  " }
            }
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }

    /// Words in as many columns as fit, ordered downwards.
    static func text(_ words: [String], width: Int) -> String {
        let widest = (words.map { Columns.width(of: $0) }.max() ?? 0) + 2
        let across = max(1, width / widest)
        let down = (words.count + across - 1) / across
        return (0..<down).map { row in
            var line = ""
            for column in 0..<across where column * down + row < words.count {
                let word = words[column * down + row]
                line += word + String(repeating: " ", count: widest - Columns.width(of: word))
            }
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }

    /// A text in lines of at most `width` columns where words allow it, each after `indent` spaces.
    static func wrapped(_ text: String, width: Int, indent: Int) -> String {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ").map(String.init) {
            if !line.isEmpty, indent + Columns.width(of: line) + 1 + Columns.width(of: word) > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return (lines + [line]).map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
    }

    /// The beginning of a text that fits, with dots where it was cut; line ends are shown as \n.
    static func cut(_ text: String, to columns: Int) -> String {
        let line = text.prefix(4 * columns + 8).map { $0 == "\n" ? "\\n" : $0 == "\t" ? " " : String($0) }
        // How many characters fit into `room` columns.
        func fitting(_ room: Int) -> Int {
            var used = 0
            return line.prefix { character in
                used += width(of: character)
                return used <= room
            }.count
        }
        if fitting(columns) == line.count { return line.joined() }
        return line.prefix(fitting(columns - 3)).joined() + "..."
    }

    /// Columns that a terminal needs for a text.
    static func width(of text: String) -> Int {
        text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.reduce(0) { $0 + width(of: $1) }
    }

    /// East Asian wide characters and emoji take two columns.
    private static func width(of character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
            0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
            0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: return scalar.properties.generalCategory == .nonspacingMark ? 0 : 1
        }
    }
}
