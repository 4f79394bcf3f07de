/// Finds the name that a misspelt one was meant to be.
enum NearestName {
    /// "; did you mean 'x'?" where a candidate is nearer than 4 edits and than half the length, else an empty string.
    static func hint(for name: String, among candidates: some Sequence<String>) -> String {
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let distance = editDistance(name, candidate)
            guard distance < 4, distance * 2 <= max(name.count, candidate.count) else { continue }
            if distance < best?.distance ?? Int.max { best = (candidate, distance) }
        }
        return best.map { "; did you mean '\($0.name)'?" } ?? ""
    }

    /// Number of insertions, deletions and replacements of one character that turn `a` into `b` (Levenshtein).
    static func editDistance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8.prefix(128)), Array(b.utf8.prefix(128)))
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let replaced = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
