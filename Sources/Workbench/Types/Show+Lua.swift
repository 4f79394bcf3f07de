import LuaBridge
import Options
import Training

/// What recipes see of rows as a model is trained on them: `lorawb.show`.
enum ShowLua {
    private static let options = OptionTable(
        [
            Option(
                "tokenizer", .object("lorawb.Tokenizer"), "The model's tokenizer.", example: "tokenizer", required: true
            ),
            Option(
                "model", .object("lorawb.Model"),
                "The model, where its positions are to limit the row as in a training.",
                example: "model"),
        ] + TrainingArguments.supervisedOptions)

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "show",
            "Prints a row as a language model is trained on it: its counts, and its text with special tokens; what bears loss is coloured, or in ⟦ ⟧ where there are no colours. Rows of text become tokens as lorawb.trainer makes them with the same options.",
            parameters: [
                LuaParameter("dataset", .object("lorawb.Dataset"), "Rows of text, or of input_ids and labels."),
                LuaParameter("row", .integer(.position), "The row, from 1; with packing, of the packed rows."),
                LuaParameter("options", options),
            ],
            example: "lorawb.show(rows, 1, { tokenizer = tokenizer })"
        ) { call in
            let dataset = try call.object(1, as: DatasetBox.self, "dataset").dataset
            let row = try call.integer(2, "row")
            let options = try call.options(3, options)
            let arguments = try TrainingArguments(options)
            let tokenizer: TokenizerBox = try options.object("tokenizer")
            let model: ModelBox? = try options.optionalObject("model")
            let shown = try SupervisedData(arguments, packing: arguments.packing, split: "dataset", context)
                .row(row - 1, of: dataset, for: model?.model, tokenizer.tokenizer)
            context.output.raw(
                try shown.text(
                    tokenizer.tokenizer, row: row, marks: context.output.usesColor ? .color : .brackets) + "\n")
            return .nothing
        }
    }
}
