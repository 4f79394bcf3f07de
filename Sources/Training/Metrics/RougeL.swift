import Memory

/// ROUGE-L of texts, 0 to 1: Lin 2004 as rouge-score 0.1.2 computes it without stemming.
///
/// The mean over the texts of the F measure of the longest common subsequence of words (runs of a to z and 0 to 9, in lower case);
/// of several references the best counts.
public enum RougeL {
    /// The score of texts against their references, one or more each.
    ///
    /// - Throws: `TrainingError` where there is no text, the numbers differ, or a text has no reference.
    public static func score(_ texts: [String], references: [[String]]) throws -> Double {
        try TextPairs.check(texts, references, "rouge_l")
        var sum = 0.0
        for (text, others) in zip(texts, references) {
            let words = self.words(text)
            sum += try others.map { try measure(words, self.words($0)) }.max() ?? 0
        }
        return sum / Double(texts.count)
    }

    private static func measure(_ words: [String], _ reference: [String]) throws -> Double {
        let common = try commonLength(words, reference)
        guard common > 0 else { return 0 }
        let (precision, recall) = (Double(common) / Double(words.count), Double(common) / Double(reference.count))
        return 2 * precision * recall / (precision + recall)
    }

    /// Length of the longest common subsequence.
    private static func commonLength(_ a: [String], _ b: [String]) throws -> Int {
        var lengths = [Int](repeating: 0, count: b.count + 1)
        for word in a {
            try MemoryBudget.check()
            var diagonal = 0
            for j in b.indices {
                let above = lengths[j + 1]
                lengths[j + 1] = word == b[j] ? diagonal + 1 : max(above, lengths[j])
                diagonal = above
            }
        }
        return lengths[b.count]
    }

    static func words(_ text: String) -> [String] {
        text.lowercased().unicodeScalars
            .split { !("a"..."z").contains($0) && !("0"..."9").contains($0) }.map { String($0) }
    }
}
