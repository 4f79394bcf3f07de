import Formats
import Kernels
import Models
import Words

/// Turns rows of a dataset into batches for one model, or for a module of the caller's own.
///
/// All rows are checked when it is made, before anything is trained. Of a module nothing is known: its rows need no input_ids, and
/// the loss gets all columns.
public struct BatchReader: Sendable {
    /// The dataset.
    public let dataset: Dataset
    /// Whether rows have labels.
    public var hasLabels: Bool { labels != nil || answers != nil || labelsAreIds }
    /// What labels are; nil where there are none.
    var labelKind: LabelReader.Kind? { labels?.kind }
    /// The columns named as forward's inputs.
    public static let inputs = ["input_ids", "token_type_ids", "attention_mask"]
    /// Names of label columns where none are given; the first that there is counts.
    public static let labels = LabelReader.defaultNames
    /// The columns that say where an answer begins and ends.
    public static let answerColumns = AnswerReader.names
    /// Name of the column that says how many tokens each sequence has that was packed into a row, as TRL calls it.
    public static let sequenceLengths = "seq_lengths"

    private let split: String
    /// Nil where a module of the caller's own takes the rows.
    private let ids: Column?
    private let types: Column?
    private let mask: Column?
    private let packed: Column?
    private let labels: LabelReader?
    private let answers: AnswerReader?
    /// Whether the ids label themselves: a language model's rows without a column of labels.
    private let labelsAreIds: Bool
    /// Whether batches have all columns of their rows.
    private let givesColumns: Bool
    /// Numbers of tokens of all rows, without padding.
    public private(set) var tokenCounts: [Int32] = []

    /// A reader for `model`; `split` is what errors call the dataset.
    ///
    /// Of `columns`, those that the dataset has are read, and its labels; others are left alone. With
    /// `isFree`, labels may be of any kind, for a loss of the caller's own. A missing input_ids, ids outside the vocabulary, rows
    /// without tokens, and labels that do not fit the model are errors that name the row, counted from 1.
    public init(
        _ dataset: Dataset, for model: any Module, columns: [String] = inputs, labelNames: [String]? = nil,
        isFree: Bool = false, split: String = "dataset"
    ) throws {
        if let model = model as? any Model {
            try self.init(dataset, of: model, columns, labelNames, isFree: isFree, split: split)
        } else {
            try self.init(rows: dataset, labelNames: labelNames, split: split)
        }
    }

    private init(
        _ dataset: Dataset, of model: any Model, _ columns: [String], _ labelNames: [String]?, isFree: Bool,
        split: String
    ) throws {
        func column(_ name: String) -> Column? { columns.contains(name) ? dataset.column(name) : nil }
        guard let ids = dataset.column("input_ids") else {
            throw TrainingError(
                "\(split): there is no column 'input_ids'\(nearestNameHint(for: "input_ids", in: dataset.columnNames)); the columns are "
                    + "\(dataset.columnNames.joined(separator: ", ")); make it with map and tokenizer:encode")
        }
        (self.dataset, self.split, self.ids) = (dataset, split, ids)
        types = column("token_type_ids")
        mask = column("attention_mask")
        // Rows of others are one sequence each.
        packed = model.taskType == .causalLM ? column(BatchReader.sequenceLengths) : nil
        let isAnswering = model.taskType == .questionAnswering
        answers = isAnswering ? try AnswerReader(dataset, split: split) : nil
        // Another column called label is none of an answer.
        labels =
            isAnswering && !isFree
            ? nil : try LabelReader(dataset, names: labelNames, model: model, isFree: isFree, split: split)
        givesColumns = isFree
        labelsAreIds = labels == nil && model.taskType == .causalLM && labelNames == nil
        try check(vocabulary: model.config.vocabSize, longest: model.config.maxLength)
    }

    /// A reader for a module of the caller's own.
    private init(rows dataset: Dataset, labelNames: [String]?, split: String) throws {
        (self.dataset, self.split, ids, types, mask, packed, answers) = (dataset, split, nil, nil, nil, nil, nil)
        // Labels that are no numbers are the loss's alone: no metric can read them.
        let reader = try LabelReader(dataset, names: labelNames, model: nil, isFree: true, split: split)
        labels = reader.flatMap { $0.isNumeric ? $0 : nil }
        (labelsAreIds, givesColumns) = (false, true)
        if case .integerLists(_, let offsets)? = dataset.column("input_ids") {
            tokenCounts = (0..<dataset.count).map { row in
                let place = dataset.place(ofRow: row)
                return Int32(clamping: offsets[place + 1] - offsets[place])
            }
        }
    }

    /// Reads every row once, many at a time; where one of them is wrong, each alone, so that the error is the first row's.
    private mutating func check(vocabulary: Int, longest: Int) throws {
        for rows in (0..<dataset.count).pieces(of: 256) {
            do {
                let batch = try batch(Array(rows))
                try check(batch, vocabulary, longest)
                var counts = Array(repeating: Int32(0), count: batch.count)
                for (place, ids) in batch.input.inputIds.enumerated() {
                    counts[batch.sequences?[place].row ?? place] += Int32(clamping: ids.count)
                }
                tokenCounts += counts
            } catch {
                for row in rows { try check(try batch([row]), vocabulary, longest) }
                throw error
            }
        }
    }

    private func check(_ batch: Batch, _ vocabulary: Int, _ longest: Int) throws {
        for (place, ids) in batch.input.inputIds.enumerated() {
            let row = batch.rows[batch.sequences?[place].row ?? place]
            guard ids.count <= longest else {
                throw TrainingError(
                    "\(split): \(dataset.name(ofRow: row)): input_ids has \(ids.count) tokens; the model takes at most \(longest): give the tokenizer max_length"
                )
            }
            if let id = ids.first(where: { $0 < 0 || $0 >= vocabulary }) {
                throw TrainingError(
                    "\(split): \(dataset.name(ofRow: row)): input_ids has \(id), outside the model's vocabulary 0..<\(vocabulary): is the tokenizer another model's?"
                )
            }
        }
    }

    /// Numbers of tokens of all rows.
    public func lengths() -> [Int32] {
        guard case .integerLists(_, let offsets)? = ids else { return tokenCounts }
        return (0..<dataset.count).map {
            let place = dataset.place(ofRow: $0)
            return Int32(clamping: offsets[place + 1] - offsets[place])
        }
    }

    /// The rows `rows`, counted from 0, as one batch.
    public func batch(_ rows: [Int]) throws -> Batch {
        let places = rows.map(dataset.place(ofRow:))
        let columns = givesColumns ? try dataset.selecting(rows) : nil
        guard let ids else {
            let labels = try labels?.labels(at: places, rows: rows, lengths: [], trimmed: [])
            return Batch(rows: rows, input: ModelInput(inputIds: []), labels: labels, columns: columns)
        }
        var (inputIds, tokenTypes): ([[Int]], [[Int]]) = ([], [])
        var (lengths, trims): ([Int], [Range<Int>?]) = ([], [])
        for (row, place) in zip(rows, places) {
            let tokens = try integers(ids, place, "input_ids", row)
            guard !tokens.isEmpty else {
                throw TrainingError("\(split): \(dataset.name(ofRow: row)): input_ids is empty")
            }
            let trim = try mask.map { try unmasked($0, place, row, count: tokens.count) }
            inputIds.append(trim.map { Array(tokens[$0]) } ?? tokens)
            lengths.append(tokens.count)
            trims.append(trim)
            guard let types else { continue }
            let kinds = try integers(types, place, "token_type_ids", row)
            guard kinds.count == tokens.count else {
                throw TrainingError(
                    "\(split): \(dataset.name(ofRow: row)): token_type_ids has \(kinds.count) entries, input_ids \(tokens.count)"
                )
            }
            tokenTypes.append(trim.map { Array(kinds[$0]) } ?? kinds)
        }
        var labels = try labels?.labels(at: places, rows: rows, lengths: lengths, trimmed: trims)
        if let answers { labels = try answers.answers(at: places, rows: rows, trimmed: trims) }
        if labelsAreIds { labels = .tokens(inputIds) }
        guard let packed else {
            let input = ModelInput(inputIds: inputIds, tokenTypeIds: types == nil ? nil : tokenTypes, labels: labels)
            return Batch(rows: rows, input: input, labels: labels, columns: columns)
        }
        return try unpacked(inputIds, labels, packed, rows, places)
    }

    /// The sequences of rows that hold several: none sees another.
    private func unpacked(
        _ ids: [[Int]], _ labels: Labels?, _ lengths: Column, _ rows: [Int], _ rowPlaces: [Int]
    ) throws -> Batch {
        var (sequences, targets, places): ([[Int]], [[Int]], [Batch.Sequence]) = ([], [], [])
        for (index, row) in rows.enumerated() {
            let counts = try integers(lengths, rowPlaces[index], BatchReader.sequenceLengths, row)
            var start = 0
            for (part, count) in counts.enumerated() {
                guard count > 0, count <= ids[index].count - start else { break }
                sequences.append(Array(ids[index][start..<start + count]))
                if case .tokens(let all)? = labels { targets.append(Array(all[index][start..<start + count])) }
                places.append(Batch.Sequence(row: index, part: part))
                start += count
            }
            guard start == ids[index].count else {
                throw TrainingError(
                    "\(split): \(dataset.name(ofRow: row)): \(BatchReader.sequenceLengths) \(counts) does not add up to the \(ids[index].count) tokens of input_ids"
                )
            }
        }
        let cut = labels == nil ? nil : Labels.tokens(targets)
        return Batch(
            rows: rows, input: ModelInput(inputIds: sequences, labels: cut), labels: cut, sequences: places)
    }

    private func integers(_ column: Column, _ place: Int, _ name: String, _ row: Int) throws -> [Int] {
        if let integers = column.integers(row: place) { return integers.map(Int.init) }
        let values = column[place].array?.map(\.int)
        guard let values, !values.contains(nil) else {
            throw TrainingError(
                "\(split): \(dataset.name(ofRow: row)): \(name) is \(column[place].quoted); expected a list of integers"
            )
        }
        return values.compactMap { $0 }
    }

    /// The tokens that are not padding.
    ///
    /// Batches are never padded, so the mask only says where a padded row begins and ends.
    private func unmasked(_ mask: Column, _ place: Int, _ row: Int, count: Int) throws -> Range<Int> {
        let flags = try integers(mask, place, "attention_mask", row)
        guard flags.count == count else {
            throw TrainingError(
                "\(split): \(dataset.name(ofRow: row)): attention_mask has \(flags.count) entries, input_ids \(count)")
        }
        guard let first = flags.firstIndex(of: 1), let last = flags.lastIndex(of: 1),
            flags[first...last].allSatisfy({ $0 == 1 }), flags.allSatisfy({ $0 == 0 || $0 == 1 })
        else {
            throw TrainingError(
                "\(split): \(dataset.name(ofRow: row)): attention_mask must be ones, with zeros only before or after them; holes are not supported"
            )
        }
        return first..<last + 1
    }
}
