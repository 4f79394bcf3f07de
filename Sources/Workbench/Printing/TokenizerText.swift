import Tokenizers
import Words

extension TokenizerBox: Printed {
    var headline: String {
        let special = SpecialToken.allCases.compactMap { name in
            tokenizer.specialTokens[name].map { "\(name.rawValue) '\(Shown.name($0))'" }
        }
        return "Tokenizer (\(tokenizer.modelName)) of \(tokenizer.count) tokens" + special.map { ", " + $0 }.joined()
    }

    func printed(_ style: PrintStyle) -> (text: String, isCut: Bool) {
        var rows = [["vocab_size", Figures.grouped(tokenizer.vocabularySize)]]
        if tokenizer.count != tokenizer.vocabularySize {
            rows.append(["with added", Figures.grouped(tokenizer.count)])
        }
        if let most = tokenizer.modelMaxLength { rows.append(["model_max_length", Figures.grouped(most)]) }
        for name in SpecialToken.allCases {
            guard let token = tokenizer.specialTokens[name] else { continue }
            rows.append([
                name.rawValue, "'\(Shown.name(token))'" + (tokenizer.id(name).map { " (\($0))" } ?? ""),
            ])
        }
        return ("Tokenizer (\(tokenizer.modelName))\n" + Columns.rows(rows, indent: 2), false)
    }
}
