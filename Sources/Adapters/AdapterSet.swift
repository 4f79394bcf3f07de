import Models

/// The adapters of one model: which there are, which act, and what is trained.
///
/// Calls to come with the methods: `add(_:name:)`, `setActive(_:)`, `disable()`, `enable()`, `delete(_:)`, `merge()`,
/// `unmerge()`, `mergeAndUnload()`, `addWeighted(…)`, `save(_:to:)`, `load(from:…)`.
public final class AdapterSet {
    /// The model that the adapters sit on.
    public let model: any Module
    /// Names in the order in which they were added.
    public private(set) var names: [String] = []
    /// Names of those that act.
    public private(set) var active: [String] = []

    /// No adapters on `model` yet.
    public init(model: any Module) { self.model = model }

    /// The line that PEFT prints: `trainable params: 665,858 || all params: 125,313,028 || trainable%: 0.5314`.
    public var trainableParametersLine: String {
        let (trainable, all) = model.parameterCounts()
        return "trainable params: \(AdapterSet.grouped(trainable)) || all params: \(AdapterSet.grouped(all)) || "
            + "trainable%: \(AdapterSet.percent(trainable, of: all))"
    }

    /// `count` with a comma after each three digits.
    static func grouped(_ count: Int) -> String {
        var digits = ""
        for (index, digit) in String(count).reversed().enumerated() {
            if index > 0, index % 3 == 0, digit != "-" { digits.append(",") }
            digits.append(digit)
        }
        return String(digits.reversed())
    }

    /// 100 · part / whole with four digits after the point.
    static func percent(_ part: Int, of whole: Int) -> String {
        guard whole > 0 else { return "0.0000" }
        let scaled = Int((1_000_000 * Double(part) / Double(whole)).rounded(.toNearestOrEven))
        let fraction = String(scaled % 10_000)
        return "\(scaled / 10_000)." + String(repeating: "0", count: 4 - fraction.count) + fraction
    }
}
