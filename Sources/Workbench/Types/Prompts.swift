import Formats
import Inference
import LuaBridge
import Tokenizers

/// What a model is to go on with: texts, conversations or ids.
struct Prompts {
    let ids: [[Int]]
    /// Whether one was given, not a list.
    let isSingle: Bool
    let tokenizer: Tokenizer?
    /// The texts that became `ids`; nil where ids were given.
    private let texts: [String]?
    /// What people call each: its text, the last message of a conversation, the ids.
    let names: [String]

    init(_ options: LuaOptions) throws {
        let given = ["prompt", "messages", "input_ids"].filter(options.has)
        guard let kind = given.first, given.count == 1 else {
            let found = given.isEmpty ? "none" : given.joined(separator: " and ")
            throw LuaFault("expected one of prompt, messages and input_ids, got \(found)")
        }
        let box: TokenizerBox? = try options.optionalObject("tokenizer")
        tokenizer = box?.tokenizer
        if kind == "input_ids" {
            (ids, isSingle) = try Prompts.ids(options)
            texts = nil
            names = ids.map { $0.map(String.init).joined(separator: " ") }
            return
        }
        guard let tokenizer else { throw LuaFault("option '\(kind)' needs the tokenizer: tokenizer = tokenizer") }
        if kind == "prompt" {
            let texts = options.strings("prompt") ?? []
            guard !texts.isEmpty else { throw LuaFault("option 'prompt' is empty") }
            isSingle = options["prompt"]?.asString != nil
            ids = try texts.map { try tokenizer.ids($0) }
            (self.texts, names) = (texts, texts)
            return
        }
        let conversations = try Prompts.conversations(options)
        let prompt = try ChatPrompt(tokenizer)
        var asked = ChatPrompt.Options()
        asked.addGenerationPrompt = true
        let texts = try conversations.lists.map { try prompt.text($0, asked) }
        isSingle = conversations.isSingle
        // The template has put the special tokens there.
        ids = try texts.map { try tokenizer.ids($0, options: EncodingOptions(addSpecialTokens: false)) }
        self.texts = nil
        names = conversations.lists.map { $0.last?["content"]?.string ?? "" }
    }

    private static func ids(_ options: LuaOptions) throws -> ([[Int]], isSingle: Bool) {
        guard let table = options["input_ids"]?.asTable else { throw options.error("input_ids", expected: "ids") }
        if let list = table.integers(), !list.isEmpty || table.count == 0 { return ([list.map(Int.init)], true) }
        let lists = table.values.map { $0.asTable?.integers()?.map(Int.init) }
        guard table.fields.isEmpty, !lists.contains(where: { $0 == nil }) else {
            throw options.error("input_ids", expected: "a list of ids, or a list of such lists")
        }
        return (lists.compactMap { $0 }, false)
    }

    private static func conversations(_ options: LuaOptions) throws -> (lists: [[JSON]], isSingle: Bool) {
        guard let elements = options["messages"]?.asElements else {
            throw options.error("messages", expected: "a list of { role =, content = }")
        }
        func messages(_ values: [LuaValue]) throws -> [JSON] { try values.map { try LuaJSON.json($0) } }
        // A message has names, a conversation is a list.
        if let first = elements.first?.asTable, first.fields.isEmpty, first.count > 0 {
            return (try elements.map { try messages($0.asElements ?? [$0]) }, false)
        }
        return ([try messages(elements)], true)
    }

    /// Ids of answers behind the prompt of a place: what the text with the answer has beyond the prompt's, where it begins so.
    func continuations(_ choices: [String], of place: Int) throws -> [[Int]] {
        guard let tokenizer else { throw LuaFault("option 'choices' needs the tokenizer: tokenizer = tokenizer") }
        return try choices.map { choice in
            if let texts {
                let whole = try tokenizer.ids(texts[place] + choice)
                if whole.count > ids[place].count, whole.starts(with: ids[place]) {
                    return Array(whole.dropFirst(ids[place].count))
                }
            }
            return try tokenizer.ids(choice, options: EncodingOptions(addSpecialTokens: false))
        }
    }
}
