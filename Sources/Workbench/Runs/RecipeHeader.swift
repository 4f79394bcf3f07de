import Words

/// What the comment at the head of a recipe says of it, read before any code runs; it grants nothing.
///
/// The header is the first comment lines of the file (`--`, behind a `#!` line where there is one). Lines of the form `key: value` are
/// read where the key is known; all others are text:
///
///     -- sst2: sequence classification with LoRA.
///     -- version: 1.2
///     -- needs: lorawb >= 0.1
///     -- licence: Apache-2.0
///     -- input: data/train.tsv sha256:9f86d0…
///     -- expects: eval_accuracy >= 0.90
struct RecipeHeader: Sendable {
    /// A file or folder that the recipe reads.
    struct Input: Sendable, Equatable {
        /// As the header has it: relative to the recipe's folder, or absolute, or a name in the model cache.
        let path: String
        /// Its digest, 64 hexadecimal digits in lower case; nil where the header has none.
        let digest: String?
        /// Its line in the recipe, from 1.
        let line: Int
    }

    /// Something that was meant and cannot be read.
    struct Problem: Sendable {
        let line: Int
        let text: String
    }

    /// Most bytes and lines that are looked at.
    private static let limit = (bytes: 1 << 16, lines: 1000)
    /// The keys that are read.
    static let keys = ["name", "version", "needs", "licence", "input", "expects"]

    /// The first line, without the recipe's own name in front.
    private(set) var title = ""
    /// The lines that are text, from the first on.
    private(set) var prose: [String] = []
    /// What the recipe calls itself.
    private(set) var name: String?
    /// Its version.
    private(set) var version: String?
    /// What it may be used for.
    private(set) var licence: String?
    /// What it needs, with the lines.
    private(set) var needs: [(need: VersionNeed, line: Int)] = []
    /// What it reads.
    private(set) var inputs: [Input] = []
    /// What should come out.
    private(set) var expectations: [Expectation] = []
    /// What was meant and cannot be read.
    private(set) var problems: [Problem] = []

    /// The header of a recipe's text, any bytes; `stem` is the name of its file without the ending.
    init(_ source: [UInt8], stem: String) {
        let start = source.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var isFirst = true
        let lines = source.dropFirst(start).prefix(Self.limit.bytes)
            .split(separator: 10, maxSplits: Self.limit.lines, omittingEmptySubsequences: false)
        for (index, bytes) in lines.prefix(Self.limit.lines).enumerated() {
            if index == 0, bytes.starts(with: "#!".utf8) { continue }
            let line = String(decoding: bytes, as: UTF8.self).trimmed
            if line.isEmpty { continue }
            // A long comment is text to its end, which is not looked for.
            guard line.hasPrefix("--"), !line.hasPrefix("--[[") && !line.hasPrefix("--[=") else { break }
            let text = line.drop { $0 == "-" }.trimmed
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let key = parts.count == 2 ? parts[0].lowercased() : ""
            if isFirst, !text.isEmpty {
                isFirst = false
                let isNamed = key == stem.lowercased()
                title = isNamed ? String(parts[1]).trimmed : text
                if isNamed {
                    prose.append(text)
                    continue
                }
                if Self.known(key) != nil { title = "" }
            }
            if Self.known(key) == nil { prose.append(text) }
            if parts.count == 2 { read(key, String(parts[1]).trimmed, line: index + 1) }
        }
    }

    private static func known(_ key: String) -> String? {
        key == "license" ? "licence" : keys.contains(key) ? key : nil
    }

    private mutating func read(_ key: String, _ value: String, line: Int) {
        switch Self.known(key) {
        case "name": name = value
        case "version": version = value
        case "licence": licence = value
        case "needs":
            guard value.lowercased().hasPrefix("lorawb") else { return }
            if let need = VersionNeed(value) {
                needs.append((need, line))
            } else {
                problems.append(
                    Problem(line: line, text: "needs: expected a version, as in 'lorawb >= 0.1', got '\(value)'"))
            }
        case "input": readInput(value, line)
        case "expects":
            if let expectation = Expectation(value) {
                expectations.append(expectation)
            } else {
                problems.append(
                    Problem(line: line, text: "expects: expected 'eval_accuracy >= 0.9', got '\(value)'"))
            }
        default:
            guard let near = nearestName(to: key, in: Self.keys + ["license"]) else { return }
            // One slip, two in a long word: 'note' is a word of its own, and no misspelt 'name'.
            guard editDistance(key, near, most: 3) <= (near.utf8.count < 7 ? 1 : 2) else { return }
            problems.append(Problem(line: line, text: "'\(key)' is not read; did you mean '\(near)'?"))
        }
    }

    private mutating func readInput(_ value: String, _ line: Int) {
        let words = value.split(separator: " ")
        guard let last = words.last, last.lowercased().hasPrefix("sha256") else {
            guard !value.isEmpty else {
                return problems.append(Problem(line: line, text: "input: expected a file, got nothing"))
            }
            return inputs.append(Input(path: value, digest: nil, line: line))
        }
        let digest = last.dropFirst(7).lowercased()
        let path = String(value.dropLast(last.count)).trimmed
        let isWhole =
            digest.utf8.count == 64 && digest.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        if last.dropFirst(6).first == ":", isWhole, !path.isEmpty {
            inputs.append(Input(path: path, digest: digest, line: line))
        } else {
            let shown = String(last.prefix(24)) + (last.count > 24 ? "…" : "")
            problems.append(
                Problem(
                    line: line,
                    text:
                        "input: expected a file and sha256: with 64 hexadecimal digits, got '\(shown)'; lorawb lock writes them"
                ))
            // Known to be meant, and without a digest: a locked run refuses it.
            if !path.isEmpty { inputs.append(Input(path: path, digest: nil, line: line)) }
        }
    }

    /// Throws where this lorawb is none that the recipe takes; `recipe` is what messages call it.
    func checkNeeds(_ recipe: String, version: String = Workbench.version) throws {
        for (need, line) in needs where !need.isMet(by: version) {
            throw RecipeHeaderError("\(recipe):\(line): needs \(need.text), and this is lorawb \(version)")
        }
    }

    /// The problems as lines.
    func lines(of recipe: String) -> [String] { problems.map { "\(recipe):\($0.line): header: \($0.text)" } }

    /// What the header says, for people: a line for each field.
    var text: String {
        let fields: [(String, String?)] =
            [("name", name), ("version", version)] + needs.map { ("needs", $0.need.text) } + [("licence", licence)]
            + inputs.map { ("input", $0.path + ($0.digest.map { " sha256:\($0)" } ?? "")) }
            + expectations.map { ("expects", $0.text) }
        return (title.isEmpty ? "" : title + "\n")
            + fields.compactMap { key, value in value.map { key + ": " + $0 + "\n" } }.joined()
    }
}

/// A recipe that its own header keeps from running here.
struct RecipeHeaderError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension StringProtocol {
    /// Without white space at both ends.
    var trimmed: String {
        let rest = drop { $0.isWhitespace }
        return String(rest.reversed().drop { $0.isWhitespace }.reversed())
    }
}
