import Formats
import Inference
import Models
import Tokenizers

/// Where a model was loaded from: what lies beside its weights there is saved beside them again.
struct ModelOrigin {
    let place: ModelLocation.Place
    /// Entries of the vocabulary that it had.
    let vocabSize: Int

    /// Its tokenizer; nil where there is none.
    fileprivate func tokenizer() throws -> Tokenizer? {
        switch place {
        case .gguf(let folder, let name):
            let file = try GGUFFile(folder, name)
            return try Tokenizer.load(gguf: GGUFTokenizerFields(file), source: file.file.path)
        case .folder(let folder): return Tokenizer.isThere(in: folder) ? try Tokenizer.load(from: folder) : nil
        }
    }
}

extension ModelBox {
    /// Writes what there is to keep of the model: every adapter while one is attached unmerged, the whole model otherwise.
    ///
    /// Said: what was trained and stands in no file. Beside adapters the tokenizer is written where it is given.
    func savePretrained(to folder: Folder, tokenizer: TokenizerBox?) throws {
        guard adapters.hasUnmerged else { return try saveWhole(to: folder, tokenizer: tokenizer) }
        for note in try adapters.saveAll(to: folder) { context.output.print(note) }
        try tokenizer?.tokenizer.savePretrained(to: folder)
    }

    /// Writes the whole model as transformers reads it: weights and config.json, and beside them generation_config.json and the tokenizer.
    ///
    /// The tokenizer is the one that is given, else that of the place which the model came from, unless the vocabulary has another size
    /// since. One that cannot be read is said, and the model saved.
    func saveWhole(to folder: Folder, tokenizer: TokenizerBox?) throws {
        try saveModel(model, to: folder)
        if case .folder(let source) = origin?.place, source.isThere(GenerationDefaults.file) {
            try folder.write(GenerationDefaults.file, source.read(GenerationDefaults.file))
        }
        if let tokenizer { return try tokenizer.tokenizer.savePretrained(to: folder) }
        guard let origin else { return }
        guard origin.vocabSize == model.config.vocabSize else {
            return context.output.print(
                "no tokenizer was saved: the vocabulary had \(origin.vocabSize) entries in \(name), now \(model.config.vocabSize); tokenizer:save_pretrained writes yours"
            )
        }
        do {
            try origin.tokenizer()?.savePretrained(to: folder)
        } catch let error as TokenizerError {
            context.output.print("no tokenizer was saved: \(error)")
        }
    }
}
