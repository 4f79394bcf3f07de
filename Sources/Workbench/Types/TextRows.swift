import Formats
import Inference
import LuaBridge
import Memory
import Models
import Tokenizers
import Training

/// Rows of text as a classifier takes them: `text`, with `text_pair` where it is one of a pair, becomes tokens.
enum TextRows {
    /// The rows with input_ids; those that have them, that hold no text, or are another model's, are left as they are.
    ///
    /// - Parameter split: what errors call the data set.
    static func prepared(
        _ dataset: Dataset, for model: any Model, _ tokenizer: TokenizerBox?, _ arguments: TrainingArguments,
        split: String
    ) throws -> Dataset {
        let column = arguments.datasetTextField
        guard model.taskType == .sequenceClassification, !dataset.has("input_ids"), dataset.has(column),
            let tokenizer = tokenizer?.tokenizer
        else { return dataset }
        var cut = TextOptions()
        cut.maxLength = arguments.maxLength
        let options = cut.encoding(model, tokenizer)
        func text(_ name: String, _ row: Int) throws -> String? {
            guard dataset.has(name), let value = dataset.value(name, row: row), value != .null else { return nil }
            guard let text = value.string else {
                throw LuaFault("\(split): row \(row + 1): \(name) is \(value.kind), expected a text")
            }
            return text
        }
        let hasTypes = model.config.typeVocabSize > 1
        return try dataset.mapped { row in
            if row % 64 == 0 { try LuaInterrupt.check() }
            guard let first = try text(column, row) else { throw LuaFault("\(split): row \(row + 1) has no \(column)") }
            let encoding = try tokenizer.encode(first, pair: try text("text_pair", row), options: options)
            try MemoryBudget.reserve(encoding.count, of: 32)
            return [JSON.Member("input_ids", .integers(encoding.ids.map(Int64.init)))]
                + (hasTypes ? [JSON.Member("token_type_ids", .integers(encoding.typeIds.map(Int64.init)))] : [])
        }
    }
}
