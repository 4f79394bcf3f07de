import Inference
import LuaBridge
import Tokenizers
import Training
import Words

/// A row as a language model is trained on it, shown as text with its trained tokens marked.
struct TrainedRow {
    /// A token, and whether it bears loss.
    private typealias Token = (id: Int, isTrained: Bool)

    /// The sequences that share the row; one where nothing is packed.
    private let sequences: [[Token]]
    /// Tokens that the row had before it was cut.
    private let wholeCount: Int
    /// The label of the row as a whole, where it has one instead of one for each token.
    private let label: String?
    /// Whether a trainer makes the row of text: it leaves out what would not be trained.
    private let isText: Bool

    /// A row that was made of text.
    init(_ row: SupervisedRow) {
        sequences = [TrainedRow.tokens(row.ids[...], row.labels[...])]
        (wholeCount, label, isText) = (row.wholeCount, nil, true)
    }

    /// A row that holds ids: `input_ids`, and `labels`, `attention_mask`, `seq_lengths` where it has them.
    ///
    /// - Throws: `LuaFault` for what is no list of ids, and for lists of different lengths.
    init(_ dataset: Dataset, row: Int, split: String) throws {
        let place = "\(split): row \(row + 1): "
        func list(_ name: String) throws -> [Int]? {
            guard let column = dataset.column(name) else { return nil }
            let place = dataset.place(ofRow: row)
            if let integers = column.integers(row: place) { return integers.map(Int.init) }
            let values = column[place].array?.map(\.int)
            return values.flatMap { $0.contains(nil) ? nil : $0.compactMap { $0 } }
        }
        guard let ids = try list("input_ids") else {
            throw LuaFault(
                place
                    + "\(dataset.has("input_ids") ? "input_ids is no list of ids" : "there is neither text nor a column 'input_ids'"); the columns are "
                    + dataset.columnNames.map { Shown.name($0) }.joined(separator: ", "))
        }
        let name = ["labels", "label", "label_ids"].first(where: dataset.has)
        let labels = try name.flatMap(list)
        let mask = try list(BatchReader.inputs[2])
        for (name, other) in [(name ?? "", labels), (BatchReader.inputs[2], mask)] {
            guard let other, other.count != ids.count else { continue }
            throw LuaFault(place + "\(name) has \(other.count) entries, input_ids \(ids.count)")
        }
        let value = labels == nil ? name.flatMap { dataset.value($0, row: row) } : nil
        label = value.map { Shown.name($0.quoted, atMost: 60) }
        let targets = labels ?? (name == nil ? ids : ids.map { _ in -100 })
        let kept = ids.indices.filter { mask?[$0] != 0 }
        let (known, wanted) = (kept.map { ids[$0] }, kept.map { targets[$0] })
        var sequences: [[Token]] = []
        var start = 0
        for count in try list(BatchReader.sequenceLengths) ?? [known.count] {
            guard count >= 0, count <= known.count - start else {
                throw LuaFault(
                    place + "\(BatchReader.sequenceLengths) does not add up to the \(known.count) tokens of input_ids")
            }
            sequences.append(TrainedRow.tokens(known[start..<start + count], wanted[start..<start + count]))
            start += count
        }
        guard start == known.count else {
            throw LuaFault(
                place + "\(BatchReader.sequenceLengths) does not add up to the \(known.count) tokens of input_ids")
        }
        (self.sequences, wholeCount, isText) = (sequences, known.count, false)
    }

    /// The first token of a sequence follows none, so it bears no loss whatever its label.
    private static func tokens(_ ids: ArraySlice<Int>, _ labels: ArraySlice<Int>) -> [Token] {
        zip(ids, labels).enumerated().map { ($1.0, $0 > 0 && $1.1 != -100) }
    }

    /// The row in lines: its counts, and the text of its tokens, special ones included, with what bears loss in `marks`.
    func text(_ tokenizer: Tokenizer, row: Int, marks: TrainedMarks) throws -> String {
        let count = sequences.reduce(0) { $0 + $1.count }
        let trained = sequences.reduce(0) { $0 + $1.count(where: \.isTrained) }
        var lines = [
            "row \(row): \(Figures.grouped(count)) tokens"
                + (wholeCount > count ? ", cut from \(Figures.grouped(wholeCount))" : "")
                + ", \(trained > 0 ? Figures.grouped(trained) : "none") of them trained"
                + (label.map { ", label \($0)" } ?? "")
                + (trained == 0 && isText ? ": a trainer leaves the row out" : "")
        ]
        for (place, sequence) in sequences.enumerated() {
            if sequences.count > 1 {
                lines.append(
                    "sequence \(place + 1) of \(sequences.count): \(Figures.grouped(sequence.count)) tokens, \(Figures.grouped(sequence.count(where: \.isTrained))) trained"
                )
            }
            lines.append(
                try runs(sequence, tokenizer).map {
                    $0.isTrained ? marks.begin + Shown.text($0.text) + marks.end : Shown.text($0.text)
                }.joined())
        }
        return lines.joined(separator: "\n")
    }

    /// The text of tokens, in runs of which all tokens bear loss or none does.
    private func runs(_ tokens: [Token], _ tokenizer: Tokenizer) throws -> [(text: String, isTrained: Bool)] {
        var runs: [(text: String, isTrained: Bool)] = []
        var stream = tokenizer.stream(cleanUpTokenizationSpaces: false)
        // Text of the run before that the stream gives only once another token comes.
        var held = ""
        for (place, token) in tokens.enumerated() {
            if place % 256 == 0 { try LuaInterrupt.check() }
            if runs.last?.isTrained != token.isTrained {
                if held.isEmpty, !runs.isEmpty {
                    var ended = stream
                    held = try ended.end()
                }
                runs.append(("", token.isTrained))
            }
            var piece = try stream.push(token.id)
            if tokenizer.token(token.id) == nil { piece += "<no token \(token.id)>" }
            if !held.isEmpty, !piece.isEmpty, runs.count > 1 {
                let common = String(piece.commonPrefix(with: held))
                runs[runs.count - 2].text += common
                piece.removeFirst(common.count)
                held = ""
            }
            runs[runs.count - 1].text += piece
        }
        if !runs.isEmpty { runs[runs.count - 1].text += try stream.end() }
        return runs
    }
}

/// What stands around tokens that bear loss.
struct TrainedMarks {
    let begin: String
    let end: String

    /// Green and underlined, for terminals.
    static let color = TrainedMarks(begin: "\u{1B}[32;4m", end: "\u{1B}[0m")
    /// Brackets that texts hardly have, for whatever shows no colours.
    static let brackets = TrainedMarks(begin: "⟦", end: "⟧")
}

extension String {
    /// The characters in which two texts begin alike.
    fileprivate func commonPrefix(with other: String) -> Substring {
        prefix(zip(self, other).prefix { $0 == $1 }.count)
    }
}
