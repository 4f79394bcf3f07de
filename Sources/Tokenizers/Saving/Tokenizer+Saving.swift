import Formats
import Memory

extension Tokenizer {
    /// Writes the tokenizer into a folder: tokenizer.json, tokenizer_config.json, and the chat templates where they are files
    /// of their own, so that transformers and `Tokenizer.load` make the same of them.
    ///
    /// The stages are those that it was loaded with, added tokens are those that it has now. Whatever files it came from, it
    /// is written in this form. Each file is written whole or not at all.
    ///
    /// - Throws: `FormatError` where a file cannot be written, and what `MemoryBudget.check` throws.
    public func savePretrained(to folder: Folder) throws {
        try writeTokenizer(folder)
        try folder.write("tokenizer_config.json", .object(savedConfig), indent: 2, asciiOnly: false)
        guard chatTemplates.areFiles else { return }
        for template in chatTemplates.all {
            if template.name == "default" {
                try folder.write(ChatTemplates.file, text: template.text)
            } else {
                try folder.subfolder(ChatTemplates.folder, create: true).write(
                    template.name + ".jinja", text: template.text)
            }
        }
    }

    // MARK: tokenizer.json

    /// Writes the sections, one in a line, with the added tokens, and the tokens and merges of the model in lines of theirs.
    private func writeTokenizer(_ folder: Folder) throws {
        try folder.write("tokenizer.json") { file in
            var writer = LineWriter(file: file)
            try writer.add("{")
            for (place, (name, section)) in sections.json.enumerated() {
                try writer.add(place == 0 ? "\n" : ",\n")
                try writer.add("\(JSON.string(name).compact()):")
                switch name {
                case "added_tokens": try write(addedTokens: &writer)
                case "model": try write(model: section.object ?? [:], &writer)
                default: try writer.add(section.compact())
                }
            }
            // A file that says no added tokens has a place for them all the same.
            if sections.json["added_tokens"] == nil, !added.tokens.isEmpty {
                try writer.add(",\n\"added_tokens\":")
                try write(addedTokens: &writer)
            }
            try writer.add("\n}\n")
            try writer.flush()
        }
    }

    private func write(addedTokens writer: inout LineWriter) throws {
        let tokens = added.tokens.sorted { $0.key < $1.key }
        try writer.list("[", "]", tokens) { id, token in
            JSON.object([
                "id": .integer(id), "content": .string(token.content), "single_word": .bool(token.singleWord),
                "lstrip": .bool(token.lstrip), "rstrip": .bool(token.rstrip), "normalized": .bool(token.normalized),
                "special": .bool(token.special),
            ]).compact()
        }
    }

    private func write(model section: JSONObject, _ writer: inout LineWriter) throws {
        var section = section
        // Older files do not say the type, and some not where the vocabulary stands.
        if section["type"] == nil { section["type"] = .string(modelName) }
        if section["vocab"] == nil { section["vocab"] = .null }
        try writer.add("{")
        for (place, (name, value)) in section.enumerated() {
            if place > 0 { try writer.add(",") }
            try writer.add("\(JSON.string(name).compact()):")
            switch (name, model) {
            case ("vocab", .unigram(let unigram)):
                try writer.list("[", "]", Array(unigram.scores.enumerated())) { id, score in
                    let text = Self.quoted(unigram.vocabulary.token(id) ?? [])
                    return "[\(text),\(JSON.number(score).compact())]"
                }
            case ("vocab", _):
                try writer.list("{", "}", model.vocabulary.entries) { token, id in "\(Self.quoted(token)):\(id)" }
            case ("merges", .bpe(let bpe)):
                try writer.list("[", "]", bpe.merges.pairs) { left, right in
                    let pair = [left, right].map { Self.quoted(bpe.vocabulary.token(Int($0)) ?? []) }
                    return "[\(pair[0]),\(pair[1])]"
                }
            default: try writer.add(value.compact())
            }
        }
        try writer.add("}")
    }

    private static func quoted(_ token: [UInt8]) -> String {
        JSON.string(String(decoding: token, as: UTF8.self)).compact()
    }

    // MARK: tokenizer_config.json

    /// transformers' class that takes tokenizer.json as it is.
    private static let plainClass = "PreTrainedTokenizerFast"
    /// Classes of transformers 5 that take from tokenizer.json the vocabulary and merges only, and put stages of their own.
    private static let rebuilders: Set = ["CodeLlamaTokenizer", "GemmaTokenizer", "LlamaTokenizer", "T5Tokenizer"]

    /// The configuration as it was read, with the names that tokens have now.
    private var savedConfig: JSONObject {
        var config = self.config
        let name = config["tokenizer_class"]?.string
        if name.map({ Self.rebuilders.contains($0.hasSuffix("Fast") ? String($0.dropLast(4)) : $0) }) ?? true {
            config["tokenizer_class"] = .string(Self.plainClass)
        }
        for name in SpecialToken.allCases {
            guard let token = settings.specialTokens[name] else {
                // Else whoever reads it may take a usual name.
                if config[name.rawValue] == nil { config[name.rawValue] = .null }
                continue
            }
            // An object with flags says more than a text; a name that was guessed makes no added token.
            if config[name.rawValue]?["content"]?.string == token || added.ids[Array(token.utf8)] == nil { continue }
            config[name.rawValue] = .string(token)
        }
        if !settings.extraSpecialTokens.isEmpty {
            let keys = ["additional_special_tokens", "extra_special_tokens"]
            let key = keys.first { config[$0]?.array != nil } ?? keys[0]
            let known = config[key]?.array ?? []
            let contents = Set(known.compactMap { $0.string ?? $0["content"]?.string })
            config[key] = .array(
                known
                    + settings.extraSpecialTokens.filter { !contents.contains($0) }.map { .string($0) })
        }
        if var known = config["added_tokens_decoder"]?.object {
            for (id, token) in added.tokens.sorted(by: { $0.key < $1.key }) where known["\(id)"] == nil {
                known["\(id)"] = .object([
                    "content": .string(token.content), "lstrip": .bool(token.lstrip),
                    "normalized": .bool(token.normalized), "rstrip": .bool(token.rstrip),
                    "single_word": .bool(token.singleWord), "special": .bool(token.special),
                ])
            }
            config["added_tokens_decoder"] = .object(known)
        }
        if let modelMaxLength = settings.modelMaxLength { config["model_max_length"] = .integer(modelMaxLength) }
        for (key, side) in [("truncation_side", settings.truncationSide), ("padding_side", settings.paddingSide)]
        where side != .right { config[key] = .string(side.rawValue) }
        if config["clean_up_tokenization_spaces"] == nil {
            config["clean_up_tokenization_spaces"] = .bool(settings.cleanUpTokenizationSpaces)
        }
        return config
    }
}

/// Gathers text before it goes to a file.
private struct LineWriter {
    let file: FileWriter
    private var bytes: [UInt8] = []

    init(file: FileWriter) { self.file = file }

    mutating func add(_ text: String) throws {
        bytes.append(contentsOf: text.utf8)
        if bytes.count >= 1 << 16 { try flush() }
    }

    /// A list, each element in a line.
    mutating func list<Element>(
        _ open: String, _ close: String, _ elements: [Element], _ text: (Element) -> String
    ) throws {
        try add(open)
        for (place, element) in elements.enumerated() {
            try add(place == 0 ? "\n" : ",\n")
            try add(text(element))
            if place & 0xFFF == 0xFFF { try MemoryBudget.check() }
        }
        try add(elements.isEmpty ? close : "\n" + close)
    }

    mutating func flush() throws {
        try file.append(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}
