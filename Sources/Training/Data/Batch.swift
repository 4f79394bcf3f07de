import Models

/// Some rows as a model and an objective take them.
public struct Batch: Sendable {
    /// Rows of the dataset, counted from 0.
    public let rows: [Int]
    /// What the model takes; its labels are `labels`.
    public let input: ModelInput
    /// Where a sequence was packed in.
    public struct Sequence: Sendable {
        /// Place of its row in the batch.
        public let row: Int
        /// Its number in that row.
        public let part: Int
    }

    /// Where each sequence of the input was packed in; nil where each row is one sequence.
    public let sequences: [Sequence]?
    /// What the rows are labelled with; nil where the dataset has no labels.
    public let labels: Labels?
    /// The rows with all their columns, for a loss of the caller's own.
    public let columns: Dataset?

    /// Number of rows.
    public var count: Int { rows.count }
    /// Number of tokens.
    public var tokenCount: Int { input.inputIds.reduce(0) { $0 + $1.count } }

    /// A batch.
    public init(
        rows: [Int], input: ModelInput, labels: Labels?, sequences: [Sequence]? = nil, columns: Dataset? = nil
    ) {
        (self.rows, self.input, self.labels, self.sequences) = (rows, input, labels, sequences)
        self.columns = columns
    }

    /// The batch with the states that enter the lowest layer which is passed.
    func with(states: KeptStates) -> Batch {
        var input = input
        input.keptStates = states
        return Batch(rows: rows, input: input, labels: labels, sequences: sequences, columns: columns)
    }

    /// The rows as errors name them, counted from 1.
    var rowNames: String {
        let shown = rows.prefix(16).map { String($0 + 1) }.joined(separator: ", ")
        return rows.count > 16 ? "\(shown), … (\(rows.count) rows)" : shown
    }
}
