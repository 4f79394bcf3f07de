import LuaBridge
import Tensors
import Words

/// What `trainer:predict` gives as a table: a row an example with its label and its scores.
struct PredictionsText {
    let text: String
    let isCut: Bool

    /// Nil where the table holds no predictions.
    init?(_ listing: LuaListing, _ style: PrintStyle) {
        guard listing.items.isEmpty else { return nil }
        func object(_ name: String) -> Tensor? {
            for (key, value) in listing.fields {
                guard case .plain(.string(let text)) = key, text.text == name, case .plain(.object(let object)) = value
                else { continue }
                return object as? Tensor
            }
            return nil
        }
        guard let scores = object("predictions"), !scores.isFreed, scores.shape.count == 2, scores.shape[1] > 0,
            scores.shape[1] <= 64, let values = try? scores.floatArray()
        else { return nil }
        let (count, width) = (scores.shape[0], scores.shape[1])
        let labels = object("label_ids").flatMap { $0.shape == [count] ? try? $0.integerArray() : nil }
        let shown = min(count, style.isFull ? style.items : 10)
        let scoreNames = (0..<min(width, style.isFull ? width : 8)).map { width == 1 ? "prediction" : "score \($0)" }
        let names = (labels == nil ? [] : ["label"]) + (width > 1 ? ["predicted"] : []) + scoreNames
        let rows = (0..<shown).map { row -> (number: String, cells: [String]) in
            let own = values[row * width..<(row + 1) * width]
            let best = own.indices.max { own[$0] < own[$1] }.map { $0 - own.startIndex } ?? 0
            let cells =
                (labels.map { ["\($0[row])"] } ?? []) + (width > 1 ? ["\(best)"] : [])
                + own.prefix(scoreNames.count).map { NumberText.short(Double($0)) }
            return ("\(row + 1)", cells)
        }
        var text = "predictions of \(Figures.grouped(count)) rows\n"
        text += TableText(names: names, rows: rows, width: style.width).text
        if shown < count { text += "\n... \(Figures.grouped(count - shown)) more" }
        for (key, value) in listing.fields {
            guard case .plain(.string(let name)) = key, name.text == "metrics", case .reference(let table) = value,
                let metrics = table.listing(items: 0, fields: 100)
            else { continue }
            let found = metrics.fields.compactMap { key, value -> String? in
                guard case .plain(.string(let name)) = key, case .plain(let value) = value, let number = value.asNumber
                else { return nil }
                return "\(name.text) \(NumberText.short(number))"
            }
            text += "\nmetrics: " + found.sorted().joined(separator: ", ")
        }
        self.text = text
        isCut = shown < count || scoreNames.count < width
    }
}
