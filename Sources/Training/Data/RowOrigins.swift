import Memory

/// The file and line that each row of some columns comes from, so that errors name these.
struct RowOrigins: Sendable {
    private struct Origin: Sendable {
        let source: UInt32
        /// From 1; 0 where it is not known.
        let line: UInt32
    }

    private let sources: [String]
    private let rows: [Origin]

    private init(_ sources: [String], _ rows: [Origin]) { (self.sources, self.rows) = (sources, rows) }

    /// Rows that begin in these lines of a file.
    init(source: String, lines: [UInt32]) throws {
        try MemoryBudget.reserve(lines.count, of: MemoryLayout<Origin>.stride)
        self.init([source], lines.map { Origin(source: 0, line: $0) })
    }

    /// What the row at a place is called: "train.csv:5"; nil where that is not known.
    func name(ofPlace place: Int) -> String? {
        guard place < rows.count, rows[place].line > 0 else { return nil }
        return "\(sources[Int(rows[place].source)]):\(rows[place].line)"
    }

    /// Origins of the rows at these places, in that order.
    func gathered(_ places: [UInt32]) throws -> RowOrigins {
        try MemoryBudget.reserve(places.count, of: MemoryLayout<Origin>.stride)
        return RowOrigins(sources, places.map { rows[Int($0)] })
    }

    /// Origins of rows that follow each other; nil where none has any.
    ///
    /// - Parameter parts: what is known of each part, and its number of rows.
    static func joined(_ parts: [(origins: RowOrigins?, count: Int)]) throws -> RowOrigins? {
        guard parts.contains(where: { $0.origins != nil }) else { return nil }
        try MemoryBudget.reserve(parts.reduce(0) { $0 + $1.count }, of: MemoryLayout<Origin>.stride)
        var (sources, rows): ([String], [Origin]) = ([], [])
        for (origins, count) in parts {
            let first = UInt32(truncatingIfNeeded: sources.count)
            sources += origins?.sources ?? [""]
            rows +=
                origins?.rows.map { Origin(source: first + $0.source, line: $0.line) }
                ?? Array(repeating: Origin(source: first, line: 0), count: count)
        }
        return RowOrigins(sources, rows)
    }
}
