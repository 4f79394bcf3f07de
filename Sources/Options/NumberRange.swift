/// Which numbers an option takes.
public struct NumberRange: Sendable, Equatable {
    private let lowest: Double
    private let highest: Double
    private let withoutLowest: Bool
    private let withoutHighest: Bool

    /// Numbers from `lowest` to `highest`, each of them included unless it is said otherwise; those that are not finite never are.
    public init(_ lowest: Double, _ highest: Double, withoutLowest: Bool = false, withoutHighest: Bool = false) {
        (self.lowest, self.highest) = (lowest, highest)
        (self.withoutLowest, self.withoutHighest) = (withoutLowest, withoutHighest)
    }

    /// Every number, those that are not finite too.
    public static let any = NumberRange(-.infinity, .infinity)
    /// Every finite number.
    public static let finite = NumberRange(-.greatestFiniteMagnitude, .greatestFiniteMagnitude)
    /// Numbers of at least 0.
    public static let atLeastZero = NumberRange(0, .greatestFiniteMagnitude)
    /// Numbers above 0.
    public static let aboveZero = NumberRange(0, .greatestFiniteMagnitude, withoutLowest: true)
    /// From 0 to 1.
    public static let unit = NumberRange(0, 1)
    /// From 0 to below 1.
    public static let belowOne = NumberRange(0, 1, withoutHighest: true)

    /// Whether a number lies in the range.
    public func contains(_ number: Double) -> Bool {
        if self == .any { return true }
        guard number.isFinite else { return false }
        return (withoutLowest ? number > lowest : number >= lowest)
            && (withoutHighest ? number < highest : number <= highest)
    }

    /// How the range ends a phrase: ` of at least 0 and below 1`.
    var suffix: String {
        let low =
            lowest <= -.greatestFiniteMagnitude
            ? "" : withoutLowest ? " above \(shown(lowest))" : " of at least \(shown(lowest))"
        let high =
            highest >= .greatestFiniteMagnitude
            ? "" : withoutHighest ? " below \(shown(highest))" : " of at most \(shown(highest))"
        if !low.isEmpty, !high.isEmpty {
            return withoutLowest || withoutHighest
                ? "\(low) and\(high)" : " from \(shown(lowest)) to \(shown(highest))"
        }
        return low + high
    }

    private func shown(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
}
