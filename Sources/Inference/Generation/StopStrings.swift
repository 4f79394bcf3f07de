/// Finds texts in a text that comes in pieces, and holds back what may be the beginning of one.
struct StopStrings {
    private let wanted: [[UInt8]]
    private var held: [UInt8] = []
    /// Whether one was found: nothing more is given.
    private(set) var isFound = false

    /// - Parameter wanted: texts, none of them empty.
    init(_ wanted: [String]) { self.wanted = wanted.map { Array($0.utf8) } }

    /// Takes the next piece; gives the text that comes before any of the wanted ones for certain.
    mutating func push(_ piece: String) -> String {
        guard !isFound else { return "" }
        guard !wanted.isEmpty else { return piece }
        held += piece.utf8
        for start in held.indices where wanted.contains(where: { held[start...].starts(with: $0) }) {
            isFound = true
            return give(start)
        }
        // The earliest place from which all that is there begins a wanted text.
        let open = held.indices.first { start in wanted.contains { $0.starts(with: held[start...]) } }
        return give(open ?? held.count)
    }

    /// Gives what was held back.
    mutating func end() -> String { isFound ? "" : give(held.count) }

    private mutating func give(_ count: Int) -> String {
        defer { held.removeFirst(count) }
        // A wanted text is UTF-8, so it begins where a character does.
        return String(decoding: held[..<count], as: UTF8.self)
    }
}
