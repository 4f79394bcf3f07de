import Formats
import Training
import Words

extension DatasetBox: Printed {
    var headline: String {
        let columns = dataset.columnNames.map { name in
            "\(Shown.name(name)) \(dataset.column(name).map(DatasetBox.type) ?? "")"
        }
        return "Dataset of \(Figures.grouped(dataset.count)) rows: " + columns.joined(separator: ", ")
    }

    func printed(_ style: PrintStyle) -> (text: String, isCut: Bool) {
        let shown = min(dataset.count, style.isFull ? style.items : 5)
        guard shown > 0 else { return (headline, false) }
        let rows = (0..<shown).map { row in
            (
                number: "\(row + 1)",
                cells: dataset.columnNames.map { name in
                    dataset.value(name, row: row).map {
                        DatasetBox.cell($0, characters: style.isFull ? 100_000 : style.width)
                    } ?? ""
                }
            )
        }
        let table = TableText(names: dataset.columnNames, rows: rows, width: style.isFull ? 100_000 : style.width)
        let rest = dataset.count - shown
        let head = style.isFull ? headline : Columns.cut(headline, to: 4 * style.width)
        let more =
            (rest > 0 ? ["\(Figures.grouped(rest)) more"] : [])
            + (table.missing > 0 ? ["\(table.missing) more columns"] : [])
        return (
            ([head, table.text] + (more.isEmpty ? [] : ["... " + more.joined(separator: ", ")])).joined(
                separator: "\n"),
            !more.isEmpty || head != headline
        )
    }

    /// What a column holds, in a word.
    private static func type(_ column: Column) -> String {
        switch column {
        case .integers: "integer"
        case .floats: "float"
        case .booleans: "boolean"
        case .strings: "string"
        case .integerLists: "integers"
        case .values: "mixed"
        }
    }

    private static func cell(_ value: JSON, characters: Int) -> String {
        switch value {
        case .null: ""
        case .bool(let flag): "\(flag)"
        case .integer(let integer): "\(integer)"
        case .number(let number): NumberText.short(number)
        case .string(let text): String(text.prefix(characters))
        case .array(let values):
            "{" + values.prefix(characters).map { cell($0, characters: characters) }.joined(separator: ", ") + "}"
        case .object(let entries):
            "{"
                + entries.prefix(characters).map { "\($0.key) = \(cell($0.value, characters: characters))" }
                .joined(separator: ", ") + "}"
        }
    }
}
