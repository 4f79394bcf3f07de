import Formats
import Templates
import Tokenizers

/// How texts become what a language model is trained on; the names are those of TRL's SFTConfig (1.16).
public struct SupervisedOptions: Sendable, Equatable {
    /// The turns of a conversation that bear loss where only the assistant's do.
    public enum Turns: String, Sendable, CaseIterable { case all, last }

    /// Most tokens of a row; nil cuts nothing.
    public var maxLength: Int? = 1024
    /// Whether only completions bear loss; nil where the data says it: those of a prompt do, other texts bear it whole.
    public var completionOnlyLoss: Bool?
    /// Whether only the assistant's turns of a conversation bear loss.
    public var assistantOnlyLoss = false
    /// Which of the assistant's turns bear loss, where only they do; nil for all.
    public var trainOn: Turns?
    /// Column of plain texts.
    public var textField = "text"

    /// What TRL does where nothing is said.
    public init() {}
}

/// A row of a data set as a language model is trained on it.
public struct SupervisedRow: Sendable, Equatable {
    /// The tokens.
    public var ids: [Int]
    /// The id of each token that bears loss, -100 for the others.
    public var labels: [Int]
    /// Tokens that the row had before it was cut.
    public let wholeCount: Int
    /// Whether the row ends with a token that bears loss and ends a turn or a text.
    public let endsTrained: Bool

    /// Whether any token bears loss; the first of a row follows none.
    public var isTrained: Bool { labels.dropFirst().contains { $0 != -100 } }
}

/// Turns rows of text into tokens and labels: prompts with completions, instructions, conversations, plain text.
///
/// What bears loss is worked out from where messages stand in the text, never from the id that ends a text.
public struct SupervisedText: Sendable {
    /// What rows hold.
    public enum Kind: Sendable, Equatable {
        /// `prompt` and `completion`: texts, or lists of messages.
        case completion
        /// `messages`, or `conversations` as ShareGPT has them.
        case conversation(String)
        /// `instruction`, `input` and `output`, as Alpaca has them.
        case instruction
        /// Plain text.
        case text(String)

        /// The kind of rows with these columns; nil where they hold nothing of it.
        public init?(columns: [String], textField: String) {
            if columns.contains("messages") {
                self = .conversation("messages")
            } else if columns.contains("conversations") {
                self = .conversation("conversations")
            } else if columns.contains("prompt"), columns.contains("completion") {
                self = .completion
            } else if columns.contains("instruction"), columns.contains("output") {
                self = .instruction
            } else if columns.contains(textField) {
                self = .text(textField)
            } else {
                return nil
            }
        }
    }

    /// What rows hold.
    public let kind: Kind
    private let tokenizer: Tokenizer
    private let options: SupervisedOptions
    private let prompt: ChatPrompt?

    /// - Throws: `InferenceError` for options that do not fit the rows, and for conversations where the tokenizer has no chat template.
    public init(_ kind: Kind, tokenizer: Tokenizer, options: SupervisedOptions = SupervisedOptions()) throws {
        (self.kind, self.tokenizer, self.options) = (kind, tokenizer, options)
        let hasTemplate = !tokenizer.chatTemplates.all.isEmpty
        switch kind {
        case .conversation: prompt = try ChatPrompt(tokenizer)
        case .completion, .instruction: prompt = hasTemplate ? try ChatPrompt(tokenizer) : nil
        case .text: prompt = nil
        }
        if options.assistantOnlyLoss || options.trainOn != nil, prompt == nil {
            throw InferenceError(
                "\(options.trainOn == nil ? "assistant_only_loss" : "train_on") is for conversations: rows with a column 'messages'"
            )
        }
        if options.completionOnlyLoss == true, kind != .completion, kind != .instruction {
            throw InferenceError(
                "completion_only_loss is for rows with columns 'prompt' and 'completion'; for conversations there is assistant_only_loss"
            )
        }
    }

    /// A row as tokens and labels; `row` has the columns of its kind.
    ///
    /// - Throws: `InferenceError` for what is not of its kind, and for what the template or the tokenizer cannot take.
    public func row(_ row: JSON) throws -> SupervisedRow {
        do { return try made(row) } catch let error as TemplateError {
            throw InferenceError(error.description)
        } catch let error as TokenizerError {
            throw InferenceError(error.description)
        }
    }

    private func made(_ row: JSON) throws -> SupervisedRow {
        switch kind {
        case .text(let column): return try plain(try text(row, column))
        case .conversation(let column): return try conversation(try messages(row[column], column), row)
        case .completion:
            guard row["prompt"]?.array != nil || row["completion"]?.array != nil else {
                return try completed(try text(row, "prompt"), try ended(try text(row, "completion")))
            }
            return try completed(
                try messages(row["prompt"], "prompt"), try messages(row["completion"], "completion"), row)
        case .instruction:
            let (asked, answer) = (try instruction(row), try text(row, "output"))
            guard prompt != nil else { return try completed(SupervisedText.plain(asked), try ended(answer)) }
            return try completed(
                [SupervisedText.message("user", asked)], [SupervisedText.message("assistant", answer)], row)
        }
    }

    // MARK: Plain texts

    private func text(_ row: JSON, _ column: String) throws -> String {
        guard let text = row[column]?.string else {
            let hint =
                row[column]?.double == nil
                ? "" : "; a column of digits is read as numbers: types = { \(column) = \"string\" } keeps their text"
            throw InferenceError("\(column) is \(row[column]?.kind ?? "missing"); expected a text\(hint)")
        }
        return text
    }

    /// A text with the token at its end that ends texts.
    private func ended(_ text: String) throws -> String {
        guard let end = tokenizer.specialTokens[.eos], !text.hasSuffix(end) else { return text }
        return text + end
    }

    private func plain(_ text: String) throws -> SupervisedRow {
        let ids = try tokenizer.ids(try ended(text))
        return row(ids, ids.map { _ in true })
    }

    /// A prompt and what completes it: what both have in common with the prompt alone bears no loss.
    private func completed(_ prompt: String, _ completion: String) throws -> SupervisedRow {
        let (known, whole) = (try tokenizer.ids(prompt), try tokenizer.ids(prompt + completion))
        return row(whole, after: SupervisedText.common(known, whole))
    }

    private func row(_ ids: [Int], after count: Int) -> SupervisedRow {
        let isWhole = options.completionOnlyLoss == false
        return row(ids, ids.indices.map { isWhole || $0 >= count })
    }

    private static func common(_ a: [Int], _ b: [Int]) -> Int { zip(a, b).prefix { $0 == $1 }.count }

    // MARK: Conversations

    private func completed(_ before: [JSON], _ answer: [JSON], _ row: JSON) throws -> SupervisedRow {
        guard let prompt else {
            throw InferenceError("a prompt of messages needs a tokenizer with a chat template")
        }
        if options.assistantOnlyLoss || options.trainOn != nil { return try conversation(before + answer, row) }
        var asked = chatOptions(row)
        let whole = try prompt.ids(before + answer, asked)
        asked.addGenerationPrompt = true
        return self.row(whole, after: SupervisedText.common(try prompt.ids(before, asked), whole))
    }

    private func conversation(_ messages: [JSON], _ row: JSON) throws -> SupervisedRow {
        guard let prompt else {
            throw InferenceError("conversations need a tokenizer with a chat template")
        }
        let asked = chatOptions(row)
        let rendered = try prompt.rendered(messages, asked)
        let encoding = try tokenizer.encode(rendered.text, options: EncodingOptions(addSpecialTokens: false))
        guard options.assistantOnlyLoss || options.trainOn != nil else {
            return self.row(encoding.ids, encoding.ids.map { _ in true })
        }
        var spans = try self.spans(messages, rendered, prompt, asked)
        guard !spans.isEmpty else {
            throw InferenceError("the conversation has no turn of the assistant, so nothing of it would be trained")
        }
        if options.trainOn == .last { spans = Array(spans.suffix(1)) }
        return self.row(
            encoding.ids, encoding.offsets.map { part in spans.contains { $0.overlaps(part) } })
    }

    /// Where the assistant's turns stand in the text, in bytes: where the template says it, else between a conversation up to a turn
    /// and one with it.
    private func spans(
        _ messages: [JSON], _ whole: (text: String, generated: [Range<Int>]), _ prompt: ChatPrompt,
        _ asked: ChatPrompt.Options
    ) throws -> [Range<Int>] {
        guard whole.generated.isEmpty else { return whole.generated }
        let bytes = Array(whole.text.utf8)
        return try messages.indices.filter { messages[$0]["role"]?.string == "assistant" }.map { index in
            var before = asked
            before.addGenerationPrompt = true
            let start = index == 0 ? [] : Array(try prompt.text(Array(messages[..<index]), before).utf8)
            let end =
                index == messages.count - 1 ? bytes : Array(try prompt.text(Array(messages[...index]), asked).utf8)
            guard bytes.starts(with: start), bytes.starts(with: end), start.count <= end.count else {
                throw InferenceError(
                    "the chat template shows message \(index + 1) otherwise once others follow it, so where it stands is unknown; "
                        + "train on prompt and completion, or use a template that marks the assistant's turns with {% generation %}"
                )
            }
            return start.count..<end.count
        }
    }

    private func chatOptions(_ row: JSON) -> ChatPrompt.Options {
        var asked = ChatPrompt.Options()
        if let tools = row["tools"], !tools.isNull { asked.tools = tools }
        if let variables = row["chat_template_kwargs"]?.object { asked.variables = variables }
        return asked
    }

    private func messages(_ value: JSON?, _ column: String) throws -> [JSON] {
        guard let list = value?.array, !list.isEmpty else {
            throw InferenceError(
                "\(column) is \(value?.array?.isEmpty == true ? "empty" : value?.kind ?? "missing"); expected a list of messages with role and content"
            )
        }
        return try list.map { message in
            if message["role"]?.string != nil { return message }
            guard let from = message["from"]?.string, let text = message["value"]?.string else {
                throw InferenceError(
                    "\(column) has a message without role; a message is { role = \"user\", content = \"…\" }")
            }
            let roles = [
                "human": "user", "gpt": "assistant", "system": "system", "user": "user", "assistant": "assistant",
            ]
            return SupervisedText.message(roles[from] ?? from, text)
        }
    }

    private static func message(_ role: String, _ content: String) -> JSON {
        .object(["role": .string(role), "content": .string(content)])
    }

    // MARK: Instructions

    private func instruction(_ row: JSON) throws -> String {
        let (asked, input) = (try text(row, "instruction"), row["input"]?.string ?? "")
        return input.isEmpty ? asked : asked + "\n\n" + input
    }

    /// The prompt of a model without a chat template, as Stanford's Alpaca has it without its preamble.
    private static func plain(_ instruction: String) -> String {
        "### Instruction:\n\(instruction)\n\n### Response:\n"
    }

    // MARK: Cutting

    private func row(_ ids: [Int], _ isTrained: [Bool]) -> SupervisedRow {
        let count = min(ids.count, options.maxLength ?? ids.count)
        let labels = zip(ids, isTrained).prefix(count).map { $1 ? $0 : -100 }
        // A template may have a line end behind the token that ends a turn.
        let ends = zip(ids, isTrained).prefix(count).suffix(2).contains { id, trained in
            trained && (tokenizer.addedTokens[id]?.special == true || id == tokenizer.id(.eos))
        }
        return SupervisedRow(
            ids: Array(ids.prefix(count)), labels: labels, wholeCount: ids.count,
            endsTrained: ends && count == ids.count)
    }
}
