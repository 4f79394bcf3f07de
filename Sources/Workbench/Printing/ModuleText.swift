import Adapters
import Models
import Words

extension ModuleBox: Printed {
    var headline: String {
        let (trainable, all) = module.parameterCounts()
        let kind = module.path.isEmpty ? module.kind : "\(module.path) (\(module.kind))"
        return "\(kind) of \(Figures.grouped(all)) parameters"
            + (trainable > 0 ? ", \(Figures.grouped(trainable)) trained" : "")
    }

    func printed(_ style: PrintStyle) -> (text: String, isCut: Bool) {
        let tree = ModuleText.describe(module, folds: !style.isFull)
        guard self is ModelBox else { return (tree, false) }
        return (tree + "\n" + adapters.trainableParametersLine, false)
    }
}

extension ParameterBox: Printed {
    var headline: String {
        "Parameter \(weight.name) \(weight.dtype.rawValue)\(weight.shape)\(weight.requiresGrad ? " grad" : "")"
    }
}

/// Modules as text, nested as the reference prints them: equal layers in a row are one, what is adapted or trained is marked.
enum ModuleText {
    /// The tree of a module.
    ///
    /// - Parameter folds: whether equal parts with the numbers for names are shown once: `(0-11): 12 x BertLayer`.
    static func describe(_ module: any Module, folds: Bool = true) -> String {
        lines(module, folds: folds).joined(separator: "\n")
    }

    private static func lines(_ module: any Module, folds: Bool) -> [String] {
        let children = module.children
        guard !children.isEmpty else { return [module.kind + "(\(module.summary))" + marks(module)] }
        let parts = children.map { (name: $0.name, lines: lines($0.module, folds: folds)) }
        var result = [module.kind + "(" + marks(module)]
        var place = 0
        while place < parts.count {
            let (name, own) = (Shown.name(parts[place].name), parts[place].lines)
            var end = place + 1
            while folds, Int(name) != nil, end < parts.count, Int(parts[end].name) != nil, parts[end].lines == own {
                end += 1
            }
            let head = end - place > 1 ? "(\(name)-\(parts[end - 1].name)): \(end - place) x " : "(\(name)): "
            result.append("  " + head + (own.first ?? ""))
            result += own.dropFirst().map { "  " + $0 }
            place = end
        }
        return result + [")"]
    }

    /// ` + LoRA r=8 *` behind what is adapted and trained, ` + 2 rows *` behind a table with new tokens, with the number of trained values.
    private static func marks(_ module: any Module) -> String {
        let seats = module.seatWeights
        let ranks = Set(seats.filter { $0.name.contains("lora_A") }.compactMap(\.weight.shape.first)).sorted()
        let rows = seats.filter { $0.name.contains("trainable_tokens_delta") }.reduce(0) {
            $0 + ($1.weight.shape.first ?? 0)
        }
        let adapted =
            (ranks.isEmpty ? "" : " + LoRA r=" + ranks.map { "\($0)" }.joined(separator: ","))
            + (rows == 0 ? "" : " + \(rows) rows")
        let own = module.weights.flatMap { [$0.weight] + $0.weight.copies.map(\.weight) } + seats.map(\.weight)
        let trained = own.filter(\.requiresGrad).reduce(0) { $0 + $1.count }
        return adapted + (trained > 0 ? " * \(Figures.grouped(trained)) trained" : "")
    }
}
