import Formats
import Models
import Training

/// A data file: read with options, then used as a data set and as batches of a model.
struct DataKind: Kind {
    static let name = "data"
    private let model: any Model

    init(root: Folder) throws { model = try SmallModel.make(root, weights: .none) }

    private static let names = ["a.tsv", "a.csv", "a.json", "a.jsonl", "a.txt"]

    func input(_ dice: inout Dice) -> Input {
        let name = dice.pick(Self.names)
        let bytes = Array(text(name, &dice).utf8)
        return Input(files: [name: Bytes.mutated(bytes, named: name, &dice)], choice: dice.next())
    }

    private func text(_ name: String, _ dice: inout Dice) -> String {
        let rows = 1 + dice.below(6)
        let cells = [
            "1", "-3", "007", "0.5", "1e9", "a b", "", "\"q\"\"r\"", "é", "nan", "+1", "9223372036854775807", "2",
        ]
        switch name {
        case "a.tsv", "a.csv":
            let separator = name == "a.tsv" ? "\t" : ","
            let lines = (0..<rows).map { _ in (0..<3).map { _ in dice.pick(cells) }.joined(separator: separator) }
            return (["sentence", "label", "x"].joined(separator: separator) + "\n") + lines.joined(separator: "\n")
                + "\n"
        case "a.txt": return (0..<rows).map { _ in dice.pick(cells) }.joined(separator: "\n")
        default:
            let lines = (0..<rows).map { row in
                "{\"input_ids\": [1, \(dice.below(120)), 2], \"labels\": \(row % 2), \"token_type_ids\": [0, 1, 1], \"attention_mask\": [1, 1, 1], \"t\": \"a\", \"o\": {\"k\": [1.5, null]}}"
            }
            guard name == "a.json" else { return lines.joined(separator: "\n") + "\n" }
            let list = "[" + lines.joined(separator: ",") + "]"
            return dice.pick([
                list, "{\"version\": 1, \"data\": \(list)}", "{\"input_ids\": [[1, 2], [3]], \"labels\": [0, 1]}",
                "{\"columns\": [\"labels\"], \"data\": [[1], [0]]}", "{\"labels\": {\"0\": 1}, \"x\": {\"0\": 2}}",
            ])
        }
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws {
        for name in try folder.list() {
            var options = DataTable.Options()
            if dice.oneIn(4) {
                options.columns = dice.pick([["a"], ["sentence", "label"], [], ["a", "a"], ["labels", "input_ids"]])
            }
            if dice.oneIn(6) { options.header = dice.oneIn(2) }
            if dice.oneIn(4) { options.quotes = dice.oneIn(2) }
            if dice.oneIn(6) { options.delimiter = dice.pick([9, 44, 0, 255, 32, 59]) }
            if dice.oneIn(4) {
                options.types = [dice.pick(["label", "x", "t", "a"]): dice.pick(DataTable.ColumnType.allCases)]
            }
            let data = try Dataset(DataTable(folder, name, options: options))
            for row in 0..<min(data.count, 8) { _ = Self.row(row, data) }
            _ = data.contentHash(of: data.columnNames)
            for name in data.columnNames { _ = data.column(name)?.kind }
            _ = try data.shuffled(seed: dice.pick([0, .min, .max, 7])).selecting([0])
            for name in ["label", "labels", "x"] where data.has(name) { _ = data.value(name, row: 0)?.int }
            _ = try? data.trainTestSplit(
                testSize: dice.pick([0.5, 0, 1, -1, 1e300, .nan, .infinity, 2, 9e18]), seed: 1)
            for name in data.columnNames {
                _ = try? data.sorted(by: [.init(name, descending: dice.oneIn(2)), .init(data.columnNames[0])])
                _ = try? data.trainTestSplit(testSize: dice.pick([0.5, 2]), seed: 1, stratifiedBy: name)
            }
            _ = try Dataset.concatenated([data, data.shuffled(seed: 1)], names: ["a", "b"]).name(ofRow: 1)
            _ = try? data.flatMapped { row in Array(repeating: Self.row(row, data), count: row % 3) }
            _ = try data.mapped { Self.row($0, data) }
            let reader = try BatchReader(data, for: model, isFree: dice.oneIn(3))
            _ = reader.lengths()
            _ = try reader.batch(Array(0..<min(data.count, 3)))
        }
    }

    private static func row(_ row: Int, _ data: Dataset) -> [JSON.Member] {
        data.columnNames.compactMap { name in data.value(name, row: row).map { JSON.Member(name, $0) } }
    }
}
