import Memory

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// BLEU of a corpus, 0 to 100, as sacrebleu 2.6 computes it where nothing else is said.
///
/// From Papineni and others, 2002. Words are those of mteval-v13a, with their case; runs of up to four words count; a precision of 0 is smoothed exponentially
/// (1/2, 1/4, … of one match); the length that counts is that of the reference nearest to the text.
public enum BLEU {
    private static let order = 4

    /// The score of texts against their references, one or more each.
    ///
    /// - Throws: `TrainingError` where there is no text, the numbers differ, or a text has no reference.
    public static func score(_ texts: [String], references: [[String]]) throws -> Double {
        try TextPairs.check(texts, references, "bleu")
        var (matched, total) = ([Int](repeating: 0, count: order), [Int](repeating: 0, count: order))
        var (length, wanted) = (0, 0)
        for (text, others) in zip(texts, references) {
            try MemoryBudget.check()
            let words = self.words(text)
            let known = others.map(self.words)
            length += words.count
            wanted +=
                known.map(\.count).min { (abs($0 - words.count), $0) < (abs($1 - words.count), $1) } ?? 0
            for n in 1...order {
                var most: [ArraySlice<String>: Int] = [:]
                for reference in known { most.merge(counts(reference, n)) { max($0, $1) } }
                for (run, count) in counts(words, n) { matched[n - 1] += min(count, most[run] ?? 0) }
                total[n - 1] += max(0, words.count - n + 1)
            }
        }
        guard length > 0, matched.contains(where: { $0 > 0 }), !total.contains(0) else { return 0 }
        var (logarithms, smoothing) = (0.0, 1.0)
        for (matched, total) in zip(matched, total) {
            if matched == 0 { smoothing *= 2 }
            logarithms += log((matched == 0 ? 1 / smoothing : Double(matched)) / Double(total))
        }
        let brevity = length >= wanted ? 0 : 1 - Double(wanted) / Double(length)
        return 100 * exp(logarithms / Double(order) + brevity)
    }

    private static func counts(_ words: [String], _ n: Int) -> [ArraySlice<String>: Int] {
        guard words.count >= n else { return [:] }
        return (0...(words.count - n)).reduce(into: [:]) { $0[words[$1..<($1 + n)], default: 0] += 1 }
    }

    /// The words of a text by mteval-v13a (sacrebleu's `tokenizer_13a.py`): punctuation apart, points and commas too unless they
    /// stand between digits, a hyphen behind a digit.
    static func words(_ text: String) -> [String] {
        var text = text.replacing("<skipped>", with: "").replacing("-\n", with: "").replacing("\n", with: " ")
        for (name, mark) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
            text = text.replacing(name, with: mark)
        }
        var scalars: [Unicode.Scalar] = [" "]
        for scalar in text.unicodeScalars {
            if isApart(scalar) { scalars += [" ", scalar, " "] } else { scalars.append(scalar) }
        }
        scalars.append(" ")
        scalars = pairs(scalars, where: { !isDigit($0) && isPoint($1) }, give: { [$0, " ", $1, " "] })
        scalars = pairs(scalars, where: { isPoint($0) && !isDigit($1) }, give: { [" ", $0, " ", $1] })
        scalars = pairs(scalars, where: { isDigit($0) && $1 == "-" }, give: { [$0, " ", $1, " "] })
        return scalars.split(whereSeparator: \.properties.isWhitespace).map { word in
            var text = String.UnicodeScalarView()
            text.append(contentsOf: word)
            return String(text)
        }
    }

    /// Replaces pairs of neighbours from left to right; what one took is no part of another.
    private static func pairs(
        _ scalars: [Unicode.Scalar], where matches: (Unicode.Scalar, Unicode.Scalar) -> Bool,
        give: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var place = 0
        while place < scalars.count {
            if place + 1 < scalars.count, matches(scalars[place], scalars[place + 1]) {
                result += give(scalars[place], scalars[place + 1])
                place += 2
            } else {
                result.append(scalars[place])
                place += 1
            }
        }
        return result
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

    private static func isPoint(_ scalar: Unicode.Scalar) -> Bool { scalar == "." || scalar == "," }

    private static func isApart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "{"..."~", "["..."`", " "..."&", "("..."+", ":"..."@", "/": true
        default: false
        }
    }
}
