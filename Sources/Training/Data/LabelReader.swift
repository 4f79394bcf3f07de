import Formats
import Models
import Words

/// Reads and checks the labels of a dataset's rows for a model's task.
///
/// Which kind they are follows transformers: one label is a regression, integers are classes, lists of numbers several
/// labels, unless the configuration's problem_type says it; token classification has a class for each token.
struct LabelReader: Sendable {
    /// What a row's label must be.
    enum Kind: Sendable, Equatable {
        case classes(Int)
        case value
        case vector(Int, isBinary: Bool)
        case tokens(Int)
        /// Whatever the column holds, for a loss of the caller's own.
        case free
    }

    let name: String
    let kind: Kind
    private let column: Column
    private let dataset: Dataset
    private let split: String

    /// Names of label columns where none are given.
    static let defaultNames = ["labels", "label", "label_ids"]

    /// A reader of the first column of `names` that the dataset has; nil where it has none.
    init?(
        _ dataset: Dataset, names: [String]?, model: (any Model)?, isFree: Bool, split: String
    ) throws {
        guard let name = (names ?? LabelReader.defaultNames).first(where: dataset.has),
            let column = dataset.column(name)
        else {
            if let names, !names.isEmpty {
                throw TrainingError(
                    "\(split): there is no label column '\(names.joined(separator: "', '"))'"
                        + nearestNameHint(for: names[0], in: dataset.columnNames)
                        + "; the columns are \(dataset.columnNames.joined(separator: ", "))")
            }
            return nil
        }
        (self.name, self.column, self.dataset, self.split) = (name, column, dataset, split)
        kind =
            isFree
            ? .free : model.map { LabelReader.kind(of: column, taskType: $0.taskType, config: $0.config) } ?? .free
    }

    private static func kind(of column: Column, taskType: TaskType?, config: ModelConfig) -> Kind {
        let width = config.numLabels
        switch taskType {
        case .tokenClassification: return .tokens(width)
        case .causalLM: return .tokens(config.vocabSize)
        case .sequenceClassification:
            let isClasses =
                switch column {
                case .integerLists, .values: false
                case .integers, .floats, .booleans, .strings: true
                }
            switch config.resolvedProblemType(forClasses: isClasses) {
            case .regression: return width == 1 ? .value : .vector(width, isBinary: false)
            case .singleLabel: return .classes(width)
            case .multiLabel: return .vector(width, isBinary: true)
            }
        default: return .free
        }
    }

    /// Labels of rows of the dataset's columns.
    ///
    /// `lengths` are the numbers of tokens, `rows` what errors call the rows.
    func labels(at places: [Int], rows: [Int], lengths: [Int], trimmed: [Range<Int>?]) throws -> Labels {
        switch kind {
        case .classes, .value: try checkTexts()
        case .vector, .tokens, .free: break
        }
        switch kind {
        case .classes(let count):
            return .classes(try zip(places, rows).map { try classId(column[$0], count: count, row: $1) })
        case .value: return .values(try zip(places, rows).map { try number(column[$0], row: $1) })
        case .vector(let width, let isBinary):
            return .vectors(
                try zip(places, rows).map { try vector(column[$0], width: width, isBinary: isBinary, row: $1) })
        case .tokens(let count):
            var labels: [[Int]] = []
            for (index, place) in places.enumerated() {
                labels.append(
                    try tokens(
                        column[place], count: count, length: lengths[index], trimmed: trimmed[index], row: rows[index]))
            }
            return .tokens(labels)
        case .free: return try free(places, rows)
        }
    }

    /// Whether every label is a number or a list of numbers.
    var isNumeric: Bool {
        switch column {
        case .integers, .floats, .booleans, .integerLists: true
        case .strings: false
        case .values(let values):
            values.allSatisfy { $0.array?.allSatisfy { $0.double != nil } ?? false }
        }
    }

    private func wrong(_ value: JSON, _ expected: String, row: Int, hint: String = "") -> TrainingError {
        TrainingError(
            "\(split): \(dataset.name(ofRow: row)): \(name) is \(value.quoted); expected \(expected)\(hint)")
    }

    /// Throws where labels that must be numbers are texts.
    ///
    /// One cell makes a whole column texts: that cell is to blame, not the first row, whose text is a number. Where all are
    /// numbers ("01"), it is the type that is wrong.
    private func checkTexts() throws {
        guard case .strings(let texts) = column, dataset.count > 0 else { return }
        func isNumber(_ text: String) -> Bool {
            if case .value = kind { return Double(text)?.isFinite ?? false }
            return Int(text) != nil
        }
        let bad = (0..<dataset.count).first { !isNumber(texts[dataset.place(ofRow: $0)]) }
        let value = JSON.string(texts[dataset.place(ofRow: bad ?? 0)])
        let hint =
            bad == nil
            ? "; the texts are numbers: load_dataset(path, { types = { \(name) = \"\(expectsInteger ? "integer" : "float")\" } }) reads them so"
            : ""
        throw wrong(value, expectation, row: bad ?? 0, hint: hint)
    }

    private var expectsInteger: Bool { if case .classes = kind { true } else { false } }

    /// What a row's one label must be, as errors say it.
    private var expectation: String {
        guard case .classes(let count) = kind else { return "a finite number" }
        return "a whole number from 0 to \(count - 1), since the model has \(count) labels"
    }

    private func classId(_ value: JSON, count: Int, row: Int) throws -> Int {
        guard let id = value.int, id >= 0, id < count else { throw wrong(value, expectation, row: row) }
        return id
    }

    private func number(_ value: JSON, row: Int) throws -> Float {
        guard let number = value.double, Float(number).isFinite else { throw wrong(value, expectation, row: row) }
        return Float(number)
    }

    private func vector(_ value: JSON, width: Int, isBinary: Bool, row: Int) throws -> [Float] {
        let expected =
            "a list of \(width) numbers\(isBinary ? ", each 0 or 1," : "") since the model has \(width) labels"
        guard let elements = value.array, elements.count == width else { throw wrong(value, expected, row: row) }
        return try elements.map { element in
            let flag: Double? = if case .bool(let flag) = element { flag ? 1 : 0 } else { nil }
            guard let number = element.double ?? flag, Float(number).isFinite, !isBinary || (number >= 0 && number <= 1)
            else { throw wrong(element, isBinary ? "0 or 1" : "a finite number", row: row) }
            return Float(number)
        }
    }

    private func tokens(_ value: JSON, count: Int, length: Int, trimmed: Range<Int>?, row: Int) throws -> [Int] {
        guard let elements = value.array, elements.count == length else {
            throw wrong(value, "a list of \(length) labels, one for each of input_ids", row: row)
        }
        let ids = try elements.map { element in
            guard let id = element.int, id == -100 || (id >= 0 && id < count) else {
                throw wrong(
                    element, "a whole number from 0 to \(count - 1), or -100 for a token without label", row: row)
            }
            return id
        }
        return trimmed.map { Array(ids[$0]) } ?? ids
    }

    private func free(_ places: [Int], _ rows: [Int]) throws -> Labels {
        switch column {
        case .integers(let values): return .classes(places.map { values[$0] })
        case .booleans(let values): return .classes(places.map { values[$0] ? 1 : 0 })
        case .floats(let values): return .values(places.map { Float(values[$0]) })
        case .integerLists(let flat, let offsets):
            return .tokens(places.map { flat[offsets[$0]..<offsets[$0 + 1]].map(Int.init) })
        case .strings, .values:
            return .vectors(
                try zip(places, rows).map { place, row in
                    guard let numbers = column[place].array?.map(\.double), !numbers.contains(nil) else {
                        throw wrong(column[place], "a number or a list of numbers", row: row)
                    }
                    return numbers.map { Float($0 ?? 0) }
                })
        }
    }
}
