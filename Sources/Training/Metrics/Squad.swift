/// Exact match and F1 of answers, 0 to 100, as SQuAD's official evaluation gives them.
///
/// Rajpurkar et al. 2016 (arXiv:1606.05250), evaluate-v1.1.py, and that of version 2.0 where a question may have no answer.
/// Texts are compared in lower case, without ASCII punctuation, without the words a, an and the, and with single spaces. Of several references
/// the best counts.
public enum Squad {
    /// Exact match and F1.
    public struct Scores: Sendable, Equatable {
        /// Share of the texts that equal a reference.
        public let exactMatch: Double
        /// Mean of the harmonic means of precision and recall of words.
        public let f1: Double
    }

    /// The scores of texts; no references, or empty ones, mean that there is no answer.
    ///
    /// - Throws: `TrainingError` where there is no text, or the numbers differ.
    public static func score(_ texts: [String], references: [[String]]) throws -> Scores {
        // A question without an answer is right to have none.
        let references = references.map { $0.isEmpty ? [""] : $0 }
        try TextPairs.check(texts, references, "squad")
        var (exact, f1) = (0.0, 0.0)
        for (text, others) in zip(texts, references) {
            let words = words(text)
            // Version 2.0: where references have words at all, only these count.
            let wordy = others.map(self.words).filter { !$0.isEmpty }
            let targets = wordy.isEmpty ? [[]] : wordy
            exact += targets.contains(words) ? 1 : 0
            f1 += targets.map { measure(words, $0) }.max() ?? 0
        }
        let count = Double(texts.count)
        return Scores(exactMatch: 100 * exact / count, f1: 100 * f1 / count)
    }

    private static func measure(_ words: [String], _ reference: [String]) -> Double {
        guard !words.isEmpty, !reference.isEmpty else { return words == reference ? 1 : 0 }
        var left: [String: Int] = [:]
        for word in reference { left[word, default: 0] += 1 }
        var common = 0.0
        for word in words {
            guard let count = left[word], count > 0 else { continue }
            left[word] = count - 1
            common += 1
        }
        guard common > 0 else { return 0 }
        let (precision, recall) = (common / Double(words.count), common / Double(reference.count))
        return 2 * precision * recall / (precision + recall)
    }

    static func words(_ text: String) -> [String] {
        // "\b(a|an|the)\b": articles are runs of letters, digits and marks of their own.
        var (kept, run) = (String.UnicodeScalarView(), String.UnicodeScalarView())
        func end() {
            kept.append(contentsOf: ["a", "an", "the"].contains(String(run)) ? " ".unicodeScalars : run)
            run = .init()
        }
        for scalar in text.lowercased().unicodeScalars where !punctuation.contains(scalar) {
            if scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
                run.append(scalar)
            } else {
                end()
                kept.append(scalar)
            }
        }
        end()
        return String(kept).split { $0.isWhitespace }.map(String.init)
    }

    private static let punctuation = Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".unicodeScalars)
}
