import Words

/// How two texts differ by lines, in the unified form with two lines around each difference.
struct LineDiff {
    /// Lines of the first that the second has not, and the other way round.
    let removed, added: Int
    /// `@@ -3 +3 @@`, then lines with "-", "+" or " " in front; what is long ends with how much is left out.
    let lines: [String]

    /// Most pairs of lines that are compared, and most lines that are given.
    private static let limit = (pairs: 4_000_000, lines: 60)
    private static let around = 2

    private enum Edit { case keep(Substring), remove(Substring), add(Substring) }

    /// nil where the texts are the same.
    init?(_ first: String, _ second: String) {
        let (a, b) = (Self.lines(of: first), Self.lines(of: second))
        guard a != b else { return nil }
        let edits = Self.edits(a, b)
        removed = edits.count { if case .remove = $0 { true } else { false } }
        added = edits.count { if case .add = $0 { true } else { false } }
        let all = Self.unified(edits)
        let more = all.count - Self.limit.lines
        lines = all.prefix(Self.limit.lines) + (more > 0 ? ["… \(more) lines more"] : [])
    }

    private static func lines(of text: String) -> [Substring] {
        text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The longest common lines are kept; where the texts are too long for that, what stands between their like ends is replaced.
    private static func edits(_ a: [Substring], _ b: [Substring]) -> [Edit] {
        let head = zip(a, b).prefix { $0 == $1 }.count
        let tail = zip(a.dropFirst(head).reversed(), b.dropFirst(head).reversed()).prefix { $0 == $1 }.count
        let (left, right) = (Array(a[head..<a.count - tail]), Array(b[head..<b.count - tail]))
        return a.prefix(head).map(Edit.keep) + middle(left, right) + a.suffix(tail).map(Edit.keep)
    }

    private static func middle(_ a: [Substring], _ b: [Substring]) -> [Edit] {
        let (pairs, overflow) = (a.count + 1).multipliedReportingOverflow(by: b.count + 1)
        guard !overflow, pairs <= limit.pairs else { return a.map(Edit.remove) + b.map(Edit.add) }
        // common[i][j]: length of the longest common lines of a from i on and b from j on.
        let width = b.count + 1
        var common = [Int32](repeating: 0, count: pairs)
        for i in a.indices.reversed() {
            for j in b.indices.reversed() {
                common[i * width + j] =
                    a[i] == b[j]
                    ? common[(i + 1) * width + j + 1] + 1 : max(common[(i + 1) * width + j], common[i * width + j + 1])
            }
        }
        var (i, j) = (0, 0)
        var edits: [Edit] = []
        while i < a.count || j < b.count {
            if i < a.count, j < b.count, a[i] == b[j] {
                edits.append(.keep(a[i]))
                (i, j) = (i + 1, j + 1)
            } else if j == b.count || i < a.count && common[(i + 1) * width + j] >= common[i * width + j + 1] {
                edits.append(.remove(a[i]))
                i += 1
            } else {
                edits.append(.add(b[j]))
                j += 1
            }
        }
        return edits
    }

    private static func unified(_ edits: [Edit]) -> [String] {
        let changed = edits.indices.filter { if case .keep = edits[$0] { false } else { true } }
        var isShown = [Bool](repeating: false, count: edits.count)
        for place in changed {
            for near in max(0, place - around)...min(edits.count - 1, place + around) { isShown[near] = true }
        }
        var (first, second) = (1, 1)
        var lines: [String] = []
        for (place, edit) in edits.enumerated() {
            if isShown[place], place == 0 || !isShown[place - 1] { lines.append("@@ -\(first) +\(second) @@") }
            let (sign, text): (String, Substring) =
                switch edit {
                case .keep(let text): (" ", text)
                case .remove(let text): ("-", text)
                case .add(let text): ("+", text)
                }
            if isShown[place] { lines.append(sign + Shown.name(String(text), atMost: 200)) }
            if sign != "+" { first += 1 }
            if sign != "-" { second += 1 }
        }
        return lines
    }
}
