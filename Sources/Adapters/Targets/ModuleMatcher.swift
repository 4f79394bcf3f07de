import Formats
import Memory
import Models
import Patterns

/// A regular expression in an option of PEFT: Python's syntax, and errors that name the option.
struct OptionPattern {
    private let pattern: Pattern
    private let option: String

    /// Throws where `text` is malformed, or needs what is not supported.
    init(_ text: String, option: String) throws {
        self.option = option
        pattern = try OptionPattern.naming(option) { try Pattern(text, dialect: .python) }
    }

    /// Whether all of `path` matches.
    func matchesAll(of path: String) throws -> Bool {
        try OptionPattern.naming(option) { try pattern.matchesAll(of: path) }
    }

    /// Whether the beginning of `path` matches.
    func matchesStart(of path: String) throws -> Bool {
        try OptionPattern.naming(option) { try pattern.matchesStart(of: path) }
    }

    private static func naming<Result>(_ option: String, _ body: () throws -> Result) throws -> Result {
        // A file may list many patterns, each of which is soon done with a path.
        try MemoryBudget.check()
        do {
            return try body()
        } catch let error as PatternError {
            throw AdapterError("\(option): \(error)")
        }
    }
}

/// Answers whether the path of a module is named by an option, as PEFT matches (tuners_utils.py, 0.21.2).
struct ModuleMatcher {
    private enum Kind {
        case list(Set<String>)
        case pattern(OptionPattern)
    }

    private let kind: Kind

    /// Matcher of an option's value; throws where it is a malformed expression.
    init(_ names: ModuleNames, option: String) throws {
        switch names {
        case .list(let list): kind = .list(Set(list))
        case .pattern(let pattern): kind = .pattern(try OptionPattern(pattern, option: option))
        }
    }

    /// Whether `path` is named.
    func matches(_ path: String) throws -> Bool {
        switch kind {
        case .list(let names): ModuleMatcher.endings(of: path).contains(where: names.contains)
        case .pattern(let pattern): try pattern.matchesAll(of: path)
        }
    }

    /// Whether `path` is an entry of the list, from its first letter to its last.
    func isExact(_ path: String) -> Bool {
        if case .list(let names) = kind { return names.contains(path) }
        return false
    }

    /// What an entry of a list may be to name `path`: all of it, or what follows one of its dots.
    static func endings(of path: String) -> [String] {
        [path] + path.indices.filter { path[$0] == "." }.map { String(path[path.index(after: $0)...]) }
    }
}

/// Number of the layer that a path lies in, as `layers_to_transform` counts.
struct LayerIndex {
    private let patterns: [OptionPattern]

    /// - Parameter patterns: names (expressions) behind which the number stands; any where empty.
    init(patterns: [String]) throws {
        // The number is looked for segment by segment; what stands before it must match as in PEFT's expression.
        self.patterns = try patterns.map { try OptionPattern("(?:.*\\.)?(?:\($0))", option: "layers_pattern") }
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
