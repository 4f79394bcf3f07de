import Formats
import Templates
import Tokenizers

/// A conversation as the prompt of a model, by its own chat template (transformers' `apply_chat_template`, 5.23).
public struct ChatPrompt: Sendable {
    /// What a template may be given beside the messages.
    public struct Options: Sendable {
        /// Whether the tokens that begin an answer stand at the end.
        public var addGenerationPrompt = false
        /// Whether the end of the last message is left out, so that a model goes on with it.
        public var continueFinalMessage = false
        /// Descriptions of functions that a model may call; null for none.
        public var tools = JSON.null
        /// Documents that a model may quote; null for none.
        public var documents = JSON.null
        /// More variables of the template, before which special tokens of the same name stand back.
        public var variables: JSONObject = [:]

        /// The messages alone.
        public init() {}
    }

    private let template: ChatTemplate
    private let specialTokens: JSONObject
    private let tokenizer: Tokenizer

    /// What stands behind a message that is to be continued until the template has placed it.
    private static let mark = "LORAWB_GOES_ON_BEHIND_THIS "

    /// The template of a tokenizer.
    ///
    /// - Parameters:
    ///   - template: the name of one of its templates, or the text of another; nil for the one that a conversation takes.
    ///   - hasTools: whether tools are given, for which a tokenizer may have a template of its own.
    /// - Throws: `TokenizerError` where there is none, `TemplateError` for one that cannot be read.
    public init(_ tokenizer: Tokenizer, template name: String? = nil, hasTools: Bool = false) throws {
        template = try ChatTemplate(source: try tokenizer.chatTemplates.source(named: name, hasTools: hasTools))
        self.tokenizer = tokenizer
        var tokens: JSONObject = [:]
        for name in SpecialToken.allCases {
            if let token = tokenizer.specialTokens[name] { tokens[name.rawValue] = .string(token) }
        }
        specialTokens = tokens
    }

    /// The text of a conversation.
    ///
    /// - Parameter messages: objects with role and content.
    /// - Throws: `InferenceError` for what is no conversation, `TemplateError` for what the template raises.
    public func text(_ messages: [JSON], _ options: Options = Options()) throws -> String {
        try rendered(messages, options).text
    }

    /// The text, and the spans in it, in bytes, that the template marks as the assistant's own (`{% generation %}`).
    public func rendered(_ messages: [JSON], _ options: Options = Options()) throws -> (
        text: String, generated: [Range<Int>]
    ) {
        guard let last = messages.last else { throw InferenceError("messages is empty; give at least one message") }
        for (place, message) in messages.enumerated() where message["role"]?.string == nil {
            throw InferenceError(
                "message \(place + 1) has no role; a message is { role = \"user\", content = \"…\" }")
        }
        var variables = specialTokens
        for (name, value) in options.variables { variables[name] = value }
        variables["messages"] = .array(messages)
        variables["tools"] = options.tools
        variables["documents"] = options.documents
        variables["add_generation_prompt"] = .bool(options.addGenerationPrompt)
        guard options.continueFinalMessage else {
            let result = try template.render(variables)
            return (result.text, result.generated)
        }
        guard !options.addGenerationPrompt else {
            throw InferenceError("continue_final_message and add_generation_prompt contradict each other; give one")
        }
        guard let content = last["content"]?.string, var members = last.object else {
            throw InferenceError("continue_final_message needs a last message whose content is a text")
        }
        members["content"] = .string(content + ChatPrompt.mark)
        variables["messages"] = .array(messages.dropLast() + [.object(members)])
        let result = try template.render(variables)
        let trimmed = ChatPrompt.mark.dropLast()
        guard let place = ChatPrompt.last(of: String(trimmed), in: result.text) else {
            throw InferenceError(
                "continue_final_message: the chat template does not show the last message as it is, so it cannot be continued"
            )
        }
        var text = String(result.text[..<place])
        // A template that takes spaces off both ends took those of the message as well.
        if !result.text[place...].hasPrefix(ChatPrompt.mark) {
            while text.last?.isWhitespace == true { text.removeLast() }
        }
        return (text, result.generated.filter { $0.upperBound <= text.utf8.count })
    }

    /// The ids of a conversation; the template says which special tokens there are.
    public func ids(_ messages: [JSON], _ options: Options = Options()) throws -> [Int] {
        try tokenizer.ids(try text(messages, options), options: EncodingOptions(addSpecialTokens: false))
    }

    private static func last(of text: String, in whole: String) -> String.Index? {
        let (wanted, bytes) = (Array(text.utf8), Array(whole.utf8))
        guard bytes.count >= wanted.count else { return nil }
        for start in stride(from: bytes.count - wanted.count, through: 0, by: -1)
        where bytes[start..<start + wanted.count].elementsEqual(wanted) {
            return whole.utf8.index(whole.startIndex, offsetBy: start)
        }
        return nil
    }
}
