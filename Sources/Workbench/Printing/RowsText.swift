import LuaBridge
import Words

/// A list of tables with the same names, such as rows and logs, as a table with a column a name.
struct RowsText {
    private let names: [String]
    private let rows: [[String]]
    private let total: Int
    private let style: PrintStyle

    /// Whether something was left out.
    var isCut: Bool { rows.count < total }

    /// The table of a list of at least two; nil where its entries are anything else.
    init?(_ listing: LuaListing, _ length: Int, _ style: PrintStyle) {
        guard length >= 2, listing.fieldCount == 0 else { return nil }
        let shown = style.isFull ? style.items : 20
        var names: [String] = []
        var found: [[String: String]] = []
        for item in listing.items.prefix(shown) {
            guard case .reference(let reference) = item, case .table(let look)? = reference.look()?.kind,
                look.length == 0, look.name == nil, let row = reference.listing(items: 0, fields: 16),
                row.fieldCount > 0, row.fieldCount <= 16
            else { return nil }
            var cells: [String: String] = [:]
            for (key, value) in row.fields {
                guard case .plain(.string(let name)) = key, let name = name.validText, let cell = RowsText.cell(value)
                else { return nil }
                cells[name] = cell
                if !names.contains(name) { names.append(name) }
            }
            found.append(cells)
        }
        guard names.count <= 16 else { return nil }
        names.sort()
        self.names = names
        rows = found.map { cells in names.map { cells[$0] ?? "" } }
        (total, self.style) = (length, style)
    }

    /// A value in a cell; nil where it holds more than fits one.
    private static func cell(_ item: LuaListing.Item) -> String? {
        switch item {
        case .plain(.string(let string)): return string.text
        case .plain(.number(let number)): return NumberText.short(number)
        case .plain(.integer(let integer)): return "\(integer)"
        case .plain(.boolean(let boolean)): return "\(boolean)"
        case .plain(.nil): return ""
        case .reference(let reference):
            guard case .table(let look)? = reference.look()?.kind, look.length > 0, look.length <= 64,
                let list = reference.listing(items: 65, fields: 0), list.fieldCount == 0
            else { return nil }
            let cells = list.items.map(cell)
            guard !cells.contains(nil) else { return nil }
            return "{" + cells.compactMap { $0 }.joined(separator: ", ") + "}"
        default: return nil
        }
    }

    func text(indent: Int) -> String {
        let body = TableText(names: names, rows: rows.enumerated().map { ("\($0 + 1)", $1) }, width: style.width).text
        return body + (isCut ? "\n... \(Figures.grouped(total - rows.count)) more" : "")
    }
}

/// Rows under a head, numbered, as wide as the terminal: the columns with the longest texts are cut, and the last ones left out where that is not
/// enough.
struct TableText {
    let text: String
    /// Columns that are not shown.
    let missing: Int

    init(names all: [String], rows: [(number: String, cells: [String])], width: Int) {
        let names = Array(all.prefix(max(1, width / 8)))
        missing = all.count - names.count
        var widths = names.indices.map { column in
            max(
                Columns.width(of: names[column]),
                rows.map { Columns.width(of: String($0.cells[column].prefix(width))) }.max() ?? 0)
        }
        let numbers = (rows.map(\.number.count).max() ?? 0) + 2
        func total() -> Int { numbers + widths.reduce(0) { $0 + $1 + 2 } - 2 }
        // The widest gives first, down to what still says something.
        while total() > width, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > 8 {
            widths[widest] -= min(total() - width, max(1, widths[widest] - 8))
        }
        let numeric = names.indices.filter { column in
            rows.allSatisfy { row in row.cells[column].isEmpty || Double(row.cells[column]) != nil }
        }
        let head = [""] + names.indices.map { Columns.cut(names[$0], to: max(4, widths[$0])) }
        let body = rows.map { row in
            [row.number] + names.indices.map { Columns.cut(row.cells[$0], to: max(4, widths[$0])) }
        }
        text = Columns.rows([head] + body, rightAligned: Set(numeric.map { $0 + 1 } + [0]))
    }
}
