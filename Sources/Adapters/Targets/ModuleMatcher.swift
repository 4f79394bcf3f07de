import Models

/// Answers whether the path of a module is named by an option, as PEFT matches (tuners_utils.py, 0.21.2).
struct ModuleMatcher {
    private enum Kind {
        case list(exact: Set<String>, suffixes: [String])
        case pattern(PythonRegex)
    }

    private let kind: Kind

    /// Matcher of an option's value; throws where it is a malformed expression.
    init(_ names: ModuleNames) throws {
        switch names {
        case .list(let list): kind = .list(exact: Set(list), suffixes: list.map { "." + $0 })
        case .pattern(let pattern): kind = .pattern(try PythonRegex(pattern))
        }
    }

    /// Whether `path` is named.
    func matches(_ path: String) throws -> Bool {
        switch kind {
        case .list(let exact, let suffixes): exact.contains(path) || suffixes.contains { path.hasSuffix($0) }
        case .pattern(let regex): try regex.matchesAll(of: path)
        }
    }

    /// Whether `path` is an entry of the list, from its first letter to its last.
    func isExact(_ path: String) -> Bool {
        if case .list(let exact, _) = kind { return exact.contains(path) }
        return false
    }

    /// Whether one entry of a list names `path`.
    static func entry(_ entry: String, names path: String) -> Bool { path == entry || path.hasSuffix("." + entry) }
}

/// Number of the layer that a path lies in, as `layers_to_transform` counts.
struct LayerIndex {
    private let patterns: [PythonRegex]

    /// - Parameter patterns: names (expressions) behind which the number stands; any where empty.
    init(patterns: [String]) throws {
        // The number is looked for segment by segment; what stands before it must match as in PEFT's expression.
        self.patterns = try patterns.map { try PythonRegex("(?:.*\\.)?(?:\($0))") }
    }

    /// The first number behind a matching name; without patterns, the first that has two names before it.
    func of(_ path: String) throws -> Int? {
        let parts = path.split(separator: ".", omittingEmptySubsequences: false)
        for place in parts.indices.dropFirst().dropLast() {
            guard let index = Int(parts[place]), index >= 0, parts[place].allSatisfy(\.isNumber) else { continue }
            let before = parts[..<place].joined(separator: ".")
            guard patterns.isEmpty else {
                if try patterns.contains(where: { try $0.matchesAll(of: before) }) { return index }
                continue
            }
            if place >= 2 { return index }
        }
        return nil
    }
}

/// Ranks or alphas of single modules; the first entry whose expression matches holds.
struct PatternTable {
    private let entries: [(key: String, regex: PythonRegex, value: Double)]

    init(_ entries: [LoraConfig.PatternEntry]) throws {
        self.entries = try entries.map { ($0.key, try PythonRegex("(.*\\.)?(\($0.key))$"), $0.value) }
    }

    /// Value for the module at `path`.
    func value(for path: String) throws -> Double? {
        try entries.first { try $0.regex.matchesStart(of: path) }?.value
    }

    /// Keys that match none of the paths.
    func unmatched(_ paths: [String]) throws -> [String] {
        try entries.filter { entry in try !paths.contains { try entry.regex.matchesStart(of: $0) } }.map(\.key)
    }
}
