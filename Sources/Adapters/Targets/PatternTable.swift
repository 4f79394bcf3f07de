import Formats

/// Ranks or alphas of single modules (`rank_pattern`, `alpha_pattern`): the first entry whose expression matches holds, as PEFT
/// reads them (`get_pattern_key`, other.py, 0.21.2).
///
/// A table of a recipe has no order. There, the entry that matches the longer ending of a module's path holds, and entries are put
/// in an order in which PEFT finds the same.
struct PatternTable {
    /// The entries in their order.
    private(set) var entries: [LoraConfig.PatternEntry]
    private var patterns: [OptionPattern]
    private let option: String

    init(_ entries: [LoraConfig.PatternEntry], option: String) throws {
        (self.entries, self.option) = (entries, option)
        patterns = try entries.map { try OptionPattern("(.*\\.)?(\($0.key))$", option: option) }
    }

    /// Value for the module at `path`; nil where no entry matches.
    func value(for path: String) throws -> Double? {
        for (entry, pattern) in zip(entries, patterns) where try pattern.matchesStart(of: path) { return entry.value }
        return nil
    }

    /// How much of a path's end the key of an entry matches at the least, in bytes.
    private static func length(of key: OptionPattern, in path: String) throws -> Int {
        for ending in ModuleMatcher.endings(of: path).reversed() where try key.matchesAll(of: ending) {
            return ending.utf8.count
        }
        return path.utf8.count
    }

    /// Throws for an entry that matches none of `paths`.
    func check(_ paths: [String]) throws {
        let unused = try patterns.firstIndex { pattern in try !paths.contains { try pattern.matchesStart(of: $0) } }
        if let unused { throw AdapterError("'\(shown(unused))' in \(option) matches none of the adapted modules") }
    }

    /// Puts the entries in an order in which the first that matches is the one that matches most.
    ///
    /// Throws for two that match as much of one of `paths` and say different values, and where no order gives each module its value.
    mutating func order(for paths: [String]) throws {
        let keys = try entries.map { try OptionPattern("(?:\($0.key))", option: option) }
        var before: [Set<Int>] = entries.map { _ in [] }
        for path in paths {
            let matches = try patterns.indices.filter { try patterns[$0].matchesStart(of: path) }
                .map { (index: $0, length: try PatternTable.length(of: keys[$0], in: path)) }
            guard let longest = matches.max(by: { $0.length < $1.length }) else { continue }
            let value = entries[longest.index].value
            for other in matches where entries[other.index].value != value {
                guard other.length < longest.length else { throw tie(longest.index, other.index, at: path) }
                before[other.index].insert(longest.index)
            }
        }
        var (order, rest) = ([Int](), Array(entries.indices))
        while !rest.isEmpty {
            guard let next = rest.firstIndex(where: { before[$0].isSubset(of: order) }) else {
                let (a, b) = (rest[0], rest.first { before[rest[0]].contains($0) } ?? rest[0])
                throw AdapterError(
                    "'\(shown(a))' and '\(shown(b))' in \(option) each match more of some module's path than the other does, so no order "
                        + "says which holds; write them so that they do not overlap")
            }
            order.append(rest.remove(at: next))
        }
        (entries, patterns) = (order.map { entries[$0] }, order.map { patterns[$0] })
    }

    private func shown(_ index: Int) -> String { FormatError.shown(entries[index].key) }

    private func tie(_ a: Int, _ b: Int, at path: String) -> AdapterError {
        let values = [a, b].map { LoraConfig.number(entries[$0].value).serialized() }
        return AdapterError(
            "'\(shown(a))' and '\(shown(b))' in \(option) match as much of '\(path)' and say \(values[0]) and \(values[1]); "
                + "make one of them longer")
    }
}
