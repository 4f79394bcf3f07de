import Models
import Tokenizers

/// A question and the text that may answer it.
public struct AskedText: Sendable, Equatable {
    /// The question.
    public var question: String
    /// The text.
    public var context: String

    /// A question about a text.
    public init(question: String, context: String) { (self.question, self.context) = (question, context) }
}

/// How questions and contexts become rows that a model takes: a long context as several, which overlap.
///
/// As transformers' example run_qa.py does it (prepare_train_features, prepare_validation_features).
public struct AnswerWindows: Sendable {
    /// Most tokens of a row, question and special tokens included.
    public var maxLength = 384
    /// Tokens of the context that a row repeats of the row before.
    public var docStride = 128

    /// Rows of 384 tokens that share 128.
    public init() {}

    /// The rows of a question: one, or several where the context is long.
    ///
    /// - Throws: `TokenizerError` where the question leaves no room for the context.
    public func rows(_ asked: AskedText, _ tokenizer: Tokenizer) throws -> [Encoding] {
        let options = EncodingOptions(
            truncation: .onlySecond, maxLength: maxLength, stride: docStride, returnOverflowing: true)
        // Blanks before a question would leave less room for the context.
        let question = String(asked.question.drop { $0.isWhitespace })
        let whole = try tokenizer.encode(question, pair: asked.context, options: options)
        return [whole] + whole.overflowing
    }

    /// The same with rows that a tokenizer's model can take; where these are shorter, a third of one at most is shared.
    func fitting(_ tokenizer: Tokenizer, longest: Int = Int.max) -> AnswerWindows {
        var fitting = self
        fitting.maxLength = min(maxLength, longest, tokenizer.modelMaxLength ?? Int.max)
        if fitting.maxLength < maxLength { fitting.docStride = min(docStride, fitting.maxLength / 3) }
        return fitting
    }
}

/// A part of a text that answers a question.
public struct FoundAnswer: Sendable, Equatable {
    /// The answer as it stands in the context; empty where the text holds none.
    public let text: String
    /// Its bytes in the context.
    public let range: Range<Int>
    /// Its share of the probability among the best answers: softmax of the sums of logits.
    public let score: Double
    /// Sum of the logits of its first and its last token.
    public let logit: Double
}

/// Finds answers in texts with a model for question answering.
///
/// As postprocess_qa_predictions of transformers' examples: the best of all first and last tokens that lie in the context, in that order,
/// at most `maxAnswerLength` tokens apart, over all windows of it.
public struct Answerer {
    /// How the texts come to the model.
    public var windows = AnswerWindows()
    /// Rows at a time.
    public var batchSize = 32
    /// Most tokens of an answer.
    public var maxAnswerLength = 30
    /// Answers of which the scores are a distribution.
    public var bestCount = 20
    /// Whether "the text holds no answer" is one of the answers, as in SQuAD 2.
    public var mayBeUnanswerable = false
    /// How much better than the best answer none must be to be given.
    public var nullThreshold = 0.0
    /// Called with the number of questions that are done; it may throw to stop.
    public var progress: ((Int) throws -> Void)?

    private let model: any Model
    private let tokenizer: Tokenizer

    /// Finds answers by a model with task_type QUESTION_ANS.
    public init(_ model: any Model, _ tokenizer: Tokenizer) throws {
        try check(model, [.questionAnswering], "answer")
        (self.model, self.tokenizer) = (model, tokenizer)
    }

    private struct Candidate {
        let range: Range<Int>
        let logit: Double
    }

    /// The best answers to each question, the best first; one or none where the text is empty.
    public func answers(to questions: [AskedText]) throws -> [[FoundAnswer]] {
        let windows = windows.fitting(tokenizer, longest: model.config.maxLength)
        var results: [[FoundAnswer]] = []
        // As many questions at a time as fill a batch.
        for part in (0..<questions.count).pieces(of: max(1, batchSize)) {
            var (rows, owners): ([Encoding], [Int]) = ([], [])
            for index in part {
                do {
                    let own = try windows.rows(questions[index], tokenizer)
                    rows += own
                    owners += Array(repeating: index, count: own.count)
                } catch let error as TokenizerError {
                    throw InferenceError("question \(index + 1): \(error)")
                }
            }
            var candidates = [[Candidate]](repeating: [], count: part.count)
            var nulls = [Double](repeating: .infinity, count: part.count)
            var options = TextOptions()
            options.batchSize = batchSize
            let all = rows
            try run(all.count, model, tokenizer, options, encode: { all[$0] }) { row, encoding, logits in
                let place = owners[row] - part.lowerBound
                let scores = logits.map(Double.init)
                let null = Answerer.nullPlace(encoding, tokenizer)
                nulls[place] = min(nulls[place], scores[2 * null] + scores[2 * null + 1])
                candidates[place] += self.candidates(encoding, scores)
            }
            for (place, index) in part.enumerated() {
                results.append(ranked(candidates[place], null: nulls[place], Array(questions[index].context.utf8)))
            }
            try progress?(part.upperBound)
        }
        return results
    }

    /// The token that stands for "no answer": the classifier's, or the first.
    static func nullPlace(_ encoding: Encoding, _ tokenizer: Tokenizer) -> Int {
        tokenizer.id(.cls).flatMap { encoding.ids.firstIndex(of: $0) } ?? 0
    }

    private func candidates(_ encoding: Encoding, _ scores: [Double]) -> [Candidate] {
        func best(_ column: Int) -> [Int] {
            Array(encoding.ids.indices.sorted { scores[2 * $0 + column] > scores[2 * $1 + column] }.prefix(bestCount))
        }
        let ends = best(1)
        return best(0).flatMap { start in
            ends.compactMap { end in
                guard encoding.sequenceIds[start] == 1, encoding.sequenceIds[end] == 1, start <= end,
                    end - start < maxAnswerLength
                else { return nil }
                let (lower, upper) = (encoding.offsets[start].lowerBound, encoding.offsets[end].upperBound)
                return lower <= upper
                    ? Candidate(range: lower..<upper, logit: scores[2 * start] + scores[2 * end + 1]) : nil
            }
        }
    }

    private func ranked(_ candidates: [Candidate], null: Double, _ context: [UInt8]) -> [FoundAnswer] {
        // Of windows that overlap, the same answer counts once, as well as it was found.
        var best: [Range<Int>: Double] = [:]
        for candidate in candidates {
            best[candidate.range] = max(best[candidate.range] ?? -.infinity, candidate.logit)
        }
        var sorted = best.map { Candidate(range: $0.key, logit: $0.value) }.sorted {
            ($1.logit, $0.range.lowerBound, $0.range.upperBound) < ($0.logit, $1.range.lowerBound, $1.range.upperBound)
        }
        sorted = Array(sorted.prefix(bestCount))
        let isEmpty = sorted.isEmpty || mayBeUnanswerable && null - (sorted.first?.logit ?? 0) > nullThreshold
        if mayBeUnanswerable || sorted.isEmpty {
            let none = Candidate(range: 0..<0, logit: null.isFinite ? null : 0)
            if isEmpty { sorted.insert(none, at: 0) } else { sorted.append(none) }
        }
        let shares = softmax(sorted.map(\.logit))
        return zip(sorted, shares).map { candidate, share in
            let range = candidate.range.clamped(to: 0..<context.count)
            return FoundAnswer(
                text: String(decoding: context[range], as: UTF8.self), range: range, score: share,
                logit: candidate.logit)
        }
    }
}
