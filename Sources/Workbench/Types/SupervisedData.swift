import Formats
import Inference
import LuaBridge
import Memory
import Models
import Tokenizers
import Training
import Words

/// Makes tokens and labels of a data set that holds texts, checks them, and says what became of them in three lines.
struct SupervisedData {
    private var options: SupervisedOptions
    private let packing: PackingStrategy?
    private let split: String
    private let context: RecipeContext

    /// - Parameter split: what errors and lines call the data set.
    init(_ arguments: TrainingArguments, packing: Bool, split: String, _ context: RecipeContext) throws {
        var options = SupervisedOptions()
        options.maxLength = arguments.maxLength
        options.completionOnlyLoss = arguments.completionOnlyLoss
        options.assistantOnlyLoss = arguments.assistantOnlyLoss
        options.trainOn = arguments.trainOn.flatMap(SupervisedOptions.Turns.init(rawValue:))
        options.textField = arguments.datasetTextField
        (self.options, self.split, self.context) = (options, split, context)
        self.packing = packing ? arguments.packingStrategy : nil
        if packing, arguments.maxLength == nil {
            throw LuaFault("args: packing needs max_length, the length of a row")
        }
    }

    /// The data set as a language model is trained on it; one that has ids already, or is another model's, is left as it is.
    func prepared(_ dataset: Dataset, for model: any Model, _ tokenizer: Tokenizer?) throws -> Dataset {
        guard model.taskType == .causalLM, let kind = kind(of: dataset) else { return dataset }
        guard let tokenizer else {
            throw LuaFault(
                "\(split) holds texts, which need the model's tokenizer: lorawb.trainer { …, processing_class = tokenizer }"
            )
        }
        guard dataset.count > 0 else { throw LuaFault("\(split) has no rows") }
        let fitting = fitting(model)
        let rows = try fitting.rows(0..<dataset.count, of: dataset, kind, tokenizer)
        try fitting.report(rows, of: dataset.count)
        return try fitting.columns(rows.filter(\.isTrained))
    }

    /// A row as `prepared` makes it, counted from 0; with packing, of the packed rows.
    ///
    /// - Parameter model: the model, where it is known: it limits how long a row is.
    func row(_ row: Int, of dataset: Dataset, for model: (any Model)?, _ tokenizer: Tokenizer) throws -> TrainedRow {
        let fitting = model.map(self.fitting) ?? self
        guard let kind = kind(of: dataset) else {
            return try TrainedRow(dataset, row: try check(row, dataset.count), split: split)
        }
        guard packing == nil else {
            let rows = try fitting.rows(0..<dataset.count, of: dataset, kind, tokenizer)
            let packed = try fitting.columns(rows.filter(\.isTrained))
            return try TrainedRow(packed, row: try check(row, packed.count), split: split)
        }
        let row = try check(row, dataset.count)
        return TrainedRow(try fitting.rows(row..<row + 1, of: dataset, kind, tokenizer)[0])
    }

    private func check(_ row: Int, _ count: Int) throws -> Int {
        guard (0..<count).contains(row) else {
            throw LuaFault("row \(row + 1) is outside 1 to \(count)\(packing == nil ? "" : ", the packed rows")")
        }
        return row
    }

    /// What the texts of a data set are; nil where it holds ids already, or nothing that is known.
    private func kind(of dataset: Dataset) -> SupervisedText.Kind? {
        dataset.has("input_ids")
            ? nil : SupervisedText.Kind(columns: dataset.columnNames, textField: options.textField)
    }

    /// The same with rows that are never longer than the model takes.
    private func fitting(_ model: any Model) -> SupervisedData {
        var fitting = self
        fitting.options.maxLength = options.maxLength.map { min($0, model.config.maxLength) }
        return fitting
    }

    private func rows(
        _ places: Range<Int>, of dataset: Dataset, _ kind: SupervisedText.Kind, _ tokenizer: Tokenizer
    ) throws -> [SupervisedRow] {
        var options = options
        // A row that goes on in others is cut there.
        if packing == .bfdSplit || packing == .wrapped { options.maxLength = nil }
        let text = try SupervisedText(kind, tokenizer: tokenizer, options: options)
        var rows: [SupervisedRow] = []
        for row in places {
            if row % 64 == 0 { try LuaInterrupt.check() }
            do {
                let made = try text.row(dataset.object(row: row))
                try MemoryBudget.reserve(made.ids.count, of: 16)
                rows.append(made)
            } catch let error as InferenceError {
                throw LuaFault("\(split): row \(row + 1): \(error.description)")
            }
        }
        return rows
    }

    /// Three lines: how much there is, what was cut or left out, what a model would not learn from it.
    ///
    /// An error where nothing is left.
    private func report(_ rows: [SupervisedRow], of count: Int) throws {
        let untrained = rows.indices.filter { !rows[$0].isTrained }
        guard untrained.count < rows.count else {
            throw LuaFault(
                "\(split): no row has a token that bears loss\(rows.contains { $0.wholeCount > $0.ids.count } ? " once cut to max_length \(options.maxLength ?? 0)" : "")"
            )
        }
        let tokens = rows.reduce(0) { $0 + $1.ids.count }
        let trained = rows.reduce(0) { $0 + $1.labels.dropFirst().count { $0 != -100 } }
        let longest = rows.map(\.wholeCount).max() ?? 0
        context.output.print(
            "\(split): \(count) rows, \(Figures.grouped(tokens)) tokens, \(Figures.grouped(trained)) of them trained (\(100 * trained / max(1, tokens)) %); the longest row has \(longest)"
        )
        let cut = rows.count { $0.wholeCount > $0.ids.count }
        context.cutRows += cut
        let left =
            untrained.prefix(5).map { String($0 + 1) }.joined(separator: ", ") + (untrained.count > 5 ? ", …" : "")
        context.output.print(
            "\(split): \(cut) rows cut to max_length; "
                + (untrained.isEmpty
                    ? "every row has a token that bears loss"
                    : "\(untrained.count) left out without a token that bears loss (\(left))"))
        var seen: Set<[Int]> = []
        let twice = rows.count { !seen.insert($0.ids).inserted }
        let ends = rows.count(where: \.endsTrained)
        context.output.print(
            "\(split): \(twice) rows are there twice; "
                + (ends > 0
                    ? "\(ends) end with a trained end of turn"
                    : "no row ends with a trained end of turn: the model will not learn when to stop"))
    }

    private func columns(_ rows: [SupervisedRow]) throws -> Dataset {
        guard let packing, let length = options.maxLength else {
            return try Dataset(columns: [
                (name: "input_ids", column: Column(lists: rows.map(\.ids))),
                (name: "labels", column: Column(lists: rows.map(\.labels))),
            ])
        }
        let packed = packing.rows(rows.map(\.ids.count), rowLength: length)
        func joined(_ part: (SupervisedRow) -> [Int]) -> Column {
            Column(lists: packed.map { $0.flatMap { part(rows[$0.sequence])[$0.part] } })
        }
        return try Dataset(columns: [
            (name: "input_ids", column: joined(\.ids)), (name: "labels", column: joined(\.labels)),
            (name: BatchReader.sequenceLengths, column: Column(lists: packed.map { $0.map(\.part.count) })),
        ])
    }
}
