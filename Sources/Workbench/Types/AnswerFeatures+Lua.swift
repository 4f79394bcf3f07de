import Formats
import Inference
import LuaBridge
import Memory
import Options
import Training

/// What recipes see of rows for question answering: `lorawb.answer_features`.
enum AnswerFeaturesLua {
    private static let options = OptionTable([
        Option(
            "tokenizer", .object("lorawb.Tokenizer"), "The model's tokenizer.", example: "tokenizer", required: true),
        Option("max_length", .positive, default: 384, "Most tokens of a row: question, context, special tokens."),
        Option(
            "doc_stride", .count, default: 128, "Tokens that the rows of a long context share.", aliases: ["stride"]),
    ])

    static var function: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "answer_features",
            "Makes rows that a model for question answering (task_type QUESTION_ANS) trains on, of rows with question, context and answers: input_ids, token_type_ids, start_positions, end_positions, and row, the row of the data set (from 1) that each came from. answers is { text = { … }, answer_start = { … } } as in SQuAD, places in characters from 0; empty lists mean that there is no answer. A context that is too long becomes several rows.",
            parameters: [
                LuaParameter("dataset", .object("lorawb.Dataset"), "Rows with question, context and answers."),
                LuaParameter("options", options),
            ], returns: "lorawb.Dataset",
            example:
                "local asked = lorawb.dataset { { question = \"what film\", context = \"a good film\", answers = { text = { \"good\" }, answer_start = { 2 } } } }\nprint(lorawb.answer_features(asked, { tokenizer = tokenizer })[1].start_positions)"
        ) { call in
            let dataset = try call.object(1, as: DatasetBox.self, "dataset").dataset
            let given = try call.options(2, options)
            let tokenizer: TokenizerBox = try given.object("tokenizer")
            let features = AnswerFeatures(tokenizer.tokenizer, windows: try ClassifyLua.windows(given))
            var (rows, owners): ([AnswerFeature], [Int]) = ([], [])
            for row in 0..<dataset.count {
                if row % 64 == 0 { try LuaInterrupt.check() }
                do {
                    let made = try features.rows(of: dataset.object(row: row))
                    for feature in made { try MemoryBudget.reserve(feature.ids.count, of: 32) }
                    rows += made
                    owners += Array(repeating: row + 1, count: made.count)
                } catch let error as InferenceError {
                    throw LuaFault("row \(row + 1): \(error)")
                }
            }
            let answered = rows.count { $0.start != nil }
            guard answered == 0 || answered == rows.count else {
                let row = zip(owners, rows).first { $0.1.start == nil }?.0 ?? 1
                throw LuaFault("row \(row) has no answers, others do; an empty list means that the text holds none")
            }
            var columns: [(name: String, column: Column)] = [
                (name: "input_ids", column: Column(lists: rows.map(\.ids))),
                (name: "token_type_ids", column: Column(lists: rows.map(\.typeIds))),
                (name: "row", column: .integers(owners)),
            ]
            if answered > 0 {
                columns.append((name: "start_positions", column: .integers(rows.map { $0.start ?? 0 })))
                columns.append((name: "end_positions", column: .integers(rows.map { $0.end ?? 0 })))
            }
            return .object(DatasetBox(try Dataset(columns: columns)))
        }
    }
}
