import Words

/// A tag of a sequence by the chunking schemes: a prefix (B, I, O, E, S) and the type of its span.
struct SpanTag: Sendable, Equatable {
    let prefix: Character
    let type: String

    /// Reads "B-PER", "I-PER", "O", …; throws for what begins with none of the prefixes.
    init(_ text: String) throws {
        guard let prefix = text.first,
            prefix == "O" ? text == "O" : "BIES".contains(prefix) && text.dropFirst().first == "-"
        else {
            throw TrainingError(
                "metric seqeval: '\(Shown.name(text))' is no tag; expected O, or B-, I-, E- or S- and a type: give id2label"
            )
        }
        (self.prefix, type) = (prefix, prefix == "O" ? "" : String(text.dropFirst(2)))
    }
}

/// Spans of tags, and how many of those that are predicted are right: the numbers of seqeval (1.2.2).
public struct SpanCounts: Sendable {
    /// How tags become spans.
    public enum Mode: String, Sendable, CaseIterable {
        /// As conlleval: a span also begins at an I- whose type changes or that follows O.
        case lenient = "default"
        /// IOB2 to the letter: a span begins at B- and nowhere else.
        case strict
    }

    /// How often spans of a type are predicted, are the label, and both.
    public struct Counts: Sendable, Equatable {
        var correct = 0
        var predicted = 0
        var actual = 0

        /// Share of the predicted spans that are right; 0 where there are none.
        public var precision: Double { predicted == 0 ? 0 : Double(correct) / Double(predicted) }
        /// Share of the spans that were found; 0 where there are none.
        public var recall: Double { actual == 0 ? 0 : Double(correct) / Double(actual) }
        /// Harmonic mean of both; 0 where both are.
        public var f1: Double {
            precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall)
        }
        /// Number of spans of the labels.
        public var number: Int { actual }
    }

    private struct Span: Hashable {
        let type: String
        let start: Int
        let end: Int
    }

    private let tags: [SpanTag]
    private let mode: Mode
    /// Counts by type.
    public private(set) var types: [String: Counts] = [:]
    private var (tokens, hits) = (0, 0)

    /// Counts over tags with these names by class; throws where one is no tag.
    public init(names: [String], mode: Mode) throws { (tags, self.mode) = (try names.map(SpanTag.init), mode) }

    /// Number of classes.
    public var classes: Int { tags.count }

    /// Counts of all types together.
    public var all: Counts {
        types.values.reduce(into: Counts()) {
            $0.correct += $1.correct
            $0.predicted += $1.predicted
            $0.actual += $1.actual
        }
    }

    /// Share of the labelled tokens whose class is right; throws where there are none.
    public func accuracy() throws -> Double {
        guard tokens > 0 else { throw TrainingError("metric seqeval: no labelled tokens were given") }
        return Double(hits) / Double(tokens)
    }

    /// Takes in one sequence; tokens whose label is negative (-100) are left out of both.
    public mutating func add(predicted: [Int], labels: [Int]) throws {
        var (guesses, truth): ([SpanTag], [SpanTag]) = ([], [])
        for (guess, label) in zip(predicted, labels) where label >= 0 {
            for id in [guess, label] where !tags.indices.contains(id) {
                throw TrainingError("metric seqeval: class \(id) is outside 0 to \(tags.count - 1)")
            }
            guesses.append(tags[guess])
            truth.append(tags[label])
            tokens += 1
            if guess == label { hits += 1 }
        }
        let (found, actual) = (Set(spans(guesses)), Set(spans(truth)))
        for span in found { types[span.type, default: Counts()].predicted += 1 }
        for span in actual { types[span.type, default: Counts()].actual += 1 }
        for span in found.intersection(actual) { types[span.type, default: Counts()].correct += 1 }
    }

    private func spans(_ tags: [SpanTag]) -> [Span] {
        mode == .strict ? SpanCounts.strictSpans(tags) : SpanCounts.lenientSpans(tags)
    }

    /// seqeval's `get_entities` (metrics/sequence_labeling.py): where a tag ends the span before it, and where it begins one.
    private static func lenientSpans(_ tags: [SpanTag]) -> [Span] {
        var spans: [Span] = []
        var (start, before): (Int, SpanTag?) = (0, nil)
        for place in 0...tags.count {
            let tag = place < tags.count ? tags[place] : nil
            let (last, next) = (before?.prefix ?? "O", tag?.prefix ?? "O")
            let changes = (before?.type ?? "") != (tag?.type ?? "")
            let ends = last == "E" || last == "S" || ((last == "B" || last == "I") && "BSO".contains(next))
            if last != "O", ends || changes, let before {
                spans.append(Span(type: before.type, start: start, end: place))
            }
            let begins =
                next == "B" || next == "S" || ("ESO".contains(last) && (next == "E" || next == "I"))
            if next != "O", begins || changes { start = place }
            before = tag
        }
        return spans
    }

    /// Spans that begin at B- and go on as long as I- of the same type follows (seqeval's IOB2 in mode "strict").
    private static func strictSpans(_ tags: [SpanTag]) -> [Span] {
        var spans: [Span] = []
        for (start, tag) in tags.enumerated() where tag.prefix == "B" {
            var end = start + 1
            while end < tags.count, tags[end].prefix == "I", tags[end].type == tag.type { end += 1 }
            spans.append(Span(type: tag.type, start: start, end: end))
        }
        return spans
    }
}

/// One of the numbers of seqeval over an evaluation of token classification.
public final class SpanMetric: Metric {
    /// Which number.
    public enum Kind: String, Sendable, CaseIterable { case precision, recall, f1, accuracy }

    private let kind: Kind
    private let empty: SpanCounts
    private var counts: SpanCounts

    /// A metric that has seen nothing; `counts` must be empty.
    public init(_ kind: Kind, _ counts: SpanCounts) { (self.kind, empty, self.counts) = (kind, counts, counts) }

    /// Name of the result.
    public var name: String { kind.rawValue }
    /// Forgets what was gathered.
    public func reset() { counts = empty }

    /// Takes in a part of labels of tokens.
    public func update(_ part: EvaluationPart) throws {
        guard case .classes(let labels) = part.targets, let lengths = part.lengths else {
            throw TrainingError(
                "metric seqeval: is for token classification, where each row has a label for each token")
        }
        guard part.width == counts.classes else {
            throw TrainingError("metric seqeval: id2label names \(counts.classes) classes; the model has \(part.width)")
        }
        var start = 0
        for length in lengths {
            let row = start..<start + length
            try counts.add(predicted: row.map(part.argmax(row:)), labels: Array(labels[row]))
            start += length
        }
    }

    /// The result over all parts so far.
    public func result() throws -> Double {
        let accuracy = try counts.accuracy()
        return switch kind {
        case .precision: counts.all.precision
        case .recall: counts.all.recall
        case .f1: counts.all.f1
        case .accuracy: accuracy
        }
    }
}
