/// The one of `names` that `name` was probably meant to be: nearest by edit distance, below 4 and at most half its length.
func nearestName(to name: String, in names: some Sequence<String>) -> String? {
    var best: (distance: Int, name: String)?
    let lowered = name.lowercased()
    for candidate in names where candidate != name {
        let distance = editDistance(lowered, candidate.lowercased())
        guard distance < 4, distance * 2 <= name.count, distance < best?.distance ?? Int.max else { continue }
        best = (distance, candidate)
    }
    return best?.name
}

/// The end of an error about a name that is not there: "; did you mean 'x'?", or nothing where none is near.
func nearestNameHint(for name: String, in names: some Sequence<String>) -> String {
    nearestName(to: name, in: names).map { "; did you mean '\($0)'?" } ?? ""
}

/// Least number of insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
func editDistance(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first.unicodeScalars.prefix(64)), Array(second.unicodeScalars.prefix(64)))
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in 0..<a.count {
        var row = [i + 1]
        for j in 0..<b.count {
            var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
            row.append(cost)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
