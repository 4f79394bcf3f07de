import CWords

/// The one of `names` that `name` was probably meant to be: nearest by edit distance, below 4 and at most half its length.
///
/// The case of ASCII letters counts for nothing; of equally near names the first in alphabetical order is given.
public func nearestName(to name: String, in names: some Sequence<String>) -> String? {
    var best: String?
    var distance = Int(WORDS_FAR)
    for candidate in names where words_nearer(name, candidate, best, &distance) { best = candidate }
    return best
}

/// The end of an error about a name that is not there: "; did you mean 'x'?", or nothing where none is near.
public func nearestNameHint(for name: String, in names: some Sequence<String>) -> String {
    nearestName(to: name, in: names).map { "; did you mean '\(Shown.name($0))'?" } ?? ""
}

/// Least number of insertions, deletions, replacements and swaps of neighbours that turn one text into the other; `most` + 1 where it is
/// more than `most`.
public func editDistance(_ first: String, _ second: String, most: Int = 64) -> Int {
    Int(words_distance(first, first.utf8.count, second, second.utf8.count, max(0, most)))
}

private func words_nearer(_ name: String, _ candidate: String, _ best: String?, _ distance: inout Int) -> Bool {
    var size = distance
    let isNearer =
        best.map {
            CWords.words_nearer(
                name, name.utf8.count, candidate, candidate.utf8.count, $0, $0.utf8.count, &size)
        }
        ?? CWords.words_nearer(name, name.utf8.count, candidate, candidate.utf8.count, nil, 0, &size)
    distance = size
    return isNearer
}
