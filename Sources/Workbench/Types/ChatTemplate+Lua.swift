import Formats
import Inference
import LuaBridge
import Options
import Tokenizers

/// What recipes see of chat templates: `tokenizer:apply_chat_template`.
enum ChatTemplateLua {
    private static let options = OptionTable([
        Option(
            "add_generation_prompt", .boolean, default: false,
            "Whether the tokens that begin an answer stand at the end."),
        Option("tokenize", .boolean, default: true, "Whether ids are given; false gives the text."),
        Option(
            "continue_final_message", .boolean, default: false,
            "Whether the end of the last message is left out, so that a model goes on with it."),
        Option(
            "tools", .table, "Descriptions of functions that the model may call.",
            example: "{ { type = \"function\", [\"function\"] = { name = \"now\", description = \"the time\" } } }"),
        Option(
            "documents", .table, "Documents that the model may quote.", example: "{ { title = \"a\", text = \"b\" } }"),
        Option(
            "chat_template", .string, default: .words("the tokenizer's"),
            "Name of one of its templates, or another's text.",
            example: "\"{{ messages[0].content }}\""),
        Option(
            "chat_template_kwargs", .table, "More variables of the template.", example: "{ enable_thinking = false }"),
    ])

    static let method = LuaMethod<TokenizerBox>(
        "apply_chat_template", "A conversation as the model was trained on it: ids, or the text with tokenize = false.",
        parameters: [
            LuaParameter("messages", .table, "The messages: { role =, content = } each."),
            LuaParameter("options", options),
        ], returns: "integer[] | string",
        example:
            "print(lm_tokenizer:apply_chat_template({ { role = \"user\", content = \"hello\" } }, { tokenize = false }))"
    ) { box, call in
        let options = try call.options(2, options)
        var asked = ChatPrompt.Options()
        asked.addGenerationPrompt = try options.boolean("add_generation_prompt")
        asked.continueFinalMessage = try options.boolean("continue_final_message")
        func list(_ name: String) throws -> JSON {
            guard let value = options[name] else { return .null }
            guard value.asElements != nil else { throw options.error(name, expected: "a list") }
            return try LuaJSON.json(value)
        }
        (asked.tools, asked.documents) = (try list("tools"), try list("documents"))
        if let table = options["chat_template_kwargs"] { asked.variables = try LuaJSON.json(table).object ?? [:] }
        guard let messages = try call.value(1).asElements else {
            throw call.argumentError(1, "messages", "a list of { role =, content = } expected")
        }
        let prompt = try ChatPrompt(
            box.tokenizer, template: options.optionalString("chat_template"), hasTools: !asked.tools.isNull)
        let conversation = try messages.map { try LuaJSON.json($0) }
        return try options.boolean("tokenize")
            ? .value(.integers(try prompt.ids(conversation, asked))) : .string(try prompt.text(conversation, asked))
    }
}
