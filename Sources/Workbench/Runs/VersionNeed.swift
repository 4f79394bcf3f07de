import Words

/// Which versions of lorawb a recipe takes: `lorawb >= 0.3`, or several conditions with a comma between.
struct VersionNeed: Sendable {
    /// As the recipe has it.
    let text: String
    private let conditions: [(comparison: Comparison, version: [Int])]

    /// nil where this is no such condition.
    init?(_ text: String) {
        guard text.lowercased().hasPrefix("lorawb") else { return nil }
        var conditions: [(Comparison, [Int])] = []
        for part in text.dropFirst(6).split(separator: ",", omittingEmptySubsequences: false) {
            guard let (left, comparison, right) = Comparison.split(part), left.trimmed.isEmpty,
                let version = Self.numbers(right.trimmed)
            else { return nil }
            conditions.append((comparison, version))
        }
        (self.text, self.conditions) = (text, conditions)
    }

    /// Whether a version of lorawb is one of them; 0.3 and 0.3.0 are the same.
    func isMet(by version: String) -> Bool {
        guard let present = Self.numbers(version) else { return true }
        return conditions.allSatisfy { condition in
            let count = max(present.count, condition.version.count)
            func padded(_ numbers: [Int]) -> [Int] { numbers + Array(repeating: 0, count: count - numbers.count) }
            let (now, other) = (padded(present), padded(condition.version))
            return condition.comparison.holds(
                isLess: now.lexicographicallyPrecedes(other), isEqual: now == other)
        }
    }

    /// The parts of "0.3.1"; nil where they are no numbers.
    private static func numbers(_ version: String) -> [Int]? {
        let parts = version.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 4 else { return nil }
        let numbers = parts.map { part in part.utf8.allSatisfy { (48...57).contains($0) } ? Int(part) : nil }
        return numbers.contains(nil) ? nil : numbers.compactMap { $0 }
    }
}

/// A relation between two values, as a header writes it.
enum Comparison: String, Sendable, CaseIterable {
    // Those of two signs first: they begin with the others.
    case atLeast = ">="
    case atMost = "<="
    case equal = "=="
    case more = ">"
    case less = "<"
    case same = "="

    /// Whether it holds, for values of which the first is less than the second, or equal to it, or neither.
    func holds(isLess: Bool, isEqual: Bool) -> Bool {
        switch self {
        case .atLeast: !isLess
        case .atMost: isLess || isEqual
        case .equal, .same: isEqual
        case .more: !isLess && !isEqual
        case .less: isLess
        }
    }

    /// What stands before and behind the first relation of a text; nil where there is none.
    static func split(_ text: some StringProtocol) -> (String, Comparison, String)? {
        guard let place = text.firstIndex(where: { "<>=".contains($0) }) else { return nil }
        let rest = text[place...]
        guard let found = allCases.first(where: { rest.hasPrefix($0.rawValue) }) else { return nil }
        return (String(text[..<place]), found, String(rest.dropFirst(found.rawValue.count)))
    }
}
