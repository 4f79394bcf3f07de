import Formats
import Models
import Words

/// Reads and checks where the answers of a dataset's rows begin and end: the columns `start_positions` and `end_positions` of
/// transformers' models for question answering, places of tokens in `input_ids` from 0.
struct AnswerReader: Sendable {
    /// The names of the columns.
    static let names = ["start_positions", "end_positions"]

    private let columns: [Column]
    private let split: String

    /// A reader of the dataset's positions; nil where it has neither column.
    init?(_ dataset: Dataset, split: String) throws {
        let found = AnswerReader.names.filter(dataset.has)
        guard !found.isEmpty else { return nil }
        if let missing = AnswerReader.names.first(where: { !dataset.has($0) }) {
            throw TrainingError(
                "\(split): there is a column '\(found[0])', but none called '\(missing)'"
                    + nearestNameHint(for: missing, in: dataset.columnNames)
                    + "; the columns are \(dataset.columnNames.joined(separator: ", "))")
        }
        columns = AnswerReader.names.compactMap(dataset.column)
        self.split = split
    }

    /// The answers of rows of the dataset's columns; of a row whose padding was cut off, its positions are those in what is left.
    ///
    /// A position at or beyond the end of its row bears no loss, as in the reference; a negative one is an error.
    func answers(at places: [Int], rows: [Int], trimmed: [Range<Int>?]) throws -> Labels {
        let positions = try columns.indices.map { which in
            try places.indices.map { index in
                let value = columns[which][places[index]]
                guard let position = value.int, position >= 0 else {
                    throw TrainingError(
                        "\(split): row \(rows[index] + 1): \(AnswerReader.names[which]) is \(value.quoted); expected the place of a token in input_ids, from 0 (0, the first special token, where the text holds no answer)"
                    )
                }
                guard let trim = trimmed[index] else { return position }
                return trim.contains(position) ? position - trim.lowerBound : trim.count
            }
        }
        return .answers(starts: positions[0], ends: positions[1])
    }
}
