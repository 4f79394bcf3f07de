import Formats
import Words

/// The chat templates that a model ships: one, or several with names.
///
/// transformers keeps them in tokenizer_config.json's `chat_template` (a text, or a list of `{"name": …, "template": …}`), in
/// chat_template.jinja, and in additional_chat_templates/<name>.jinja (5.23, tokenization_utils_base.py).
public struct ChatTemplates: Sendable {
    /// The templates' texts by their names, in order; one without a name is called "default".
    public private(set) var sources: [(name: String, source: String)] = []
    /// What errors call where they are from.
    private let origin: String

    /// No templates; `origin` is what errors call where they were looked for, such as the model's folder.
    public init(origin: String) { self.origin = origin }

    /// The templates of a model.
    ///
    /// - Parameters:
    ///   - config: `chat_template` of tokenizer_config.json, or nil.
    ///   - jinja: The text of chat_template.jinja, or nil; it goes before tokenizer_config.json's.
    ///   - additional: Names and texts of additional_chat_templates, without `.jinja`.
    ///   - origin: What errors call where they are from, such as the model's folder.
    /// - Throws: `TemplateError` where `config` is something else.
    public init(
        config: JSON?, jinja: String? = nil, additional: [(name: String, source: String)] = [], origin: String
    ) throws {
        self.origin = origin
        // Files go before the configuration; where there are any, transformers does not look into it.
        if jinja == nil, additional.isEmpty {
            try add(config)
        } else {
            if let jinja { add("default", jinja) }
            for (name, source) in additional { add(name, source) }
        }
    }

    private mutating func add(_ name: String, _ source: String) {
        if let place = sources.firstIndex(where: { $0.name == name }) {
            sources[place].source = source
        } else {
            sources.append((name, source))
        }
    }

    private mutating func add(_ config: JSON?) throws {
        switch config {
        case nil, .null?: break
        case .string(let source)?: add("default", source)
        case .array(let entries)?:
            for (index, entry) in entries.enumerated() {
                guard let name = entry["name"]?.string, let source = entry["template"]?.string else {
                    throw refuse(
                        "entry \(index + 1) of 'chat_template' expected an object with texts 'name' and 'template', got \(entry.kind)"
                    )
                }
                add(name, source)
            }
        case .object(let members)?:
            for (name, value) in members {
                guard let source = value.string else {
                    throw refuse("'\(FormatError.shown(name))' of 'chat_template' expected a text, got \(value.kind)")
                }
                add(name, source)
            }
        case let other?: throw refuse("'chat_template' expected a text or a list of templates, got \(other.kind)")
        }
    }

    private func refuse(_ message: String) -> TemplateError { TemplateError("ValueError", message, name: origin) }

    /// Whether there is none.
    public var isEmpty: Bool { sources.isEmpty }

    /// The text of the template that a conversation takes.
    ///
    /// - Parameters:
    ///   - name: The name of one, or the text of a template itself; nil chooses: "tool_use" where tools are given and it is there,
    ///     otherwise "default".
    ///   - withTools: Whether tools are given.
    /// - Throws: `TemplateError` that says what to do where there is none to choose.
    public func source(named name: String? = nil, withTools: Bool = false) throws -> String {
        func found(_ name: String) -> String? { sources.first { $0.name == name }?.source }
        if let name { return found(name) ?? name }
        if withTools, let source = found("tool_use") { return source }
        if let source = found("default") { return source }
        guard !sources.isEmpty else {
            throw refuse(
                "the tokenizer has no chat template; give one as chat_template, or use a model that has been trained to chat"
            )
        }
        let names = sources.map { "'\(FormatError.shown($0.name))'" }.joined(separator: ", ")
        throw refuse("there are chat templates \(names), and none of them is 'default'; name one as chat_template")
    }

    /// The template that a conversation takes, read; see `source(named:withTools:)`.
    public func template(named name: String? = nil, withTools: Bool = false) throws -> ChatTemplate {
        try ChatTemplate(source: try source(named: name, withTools: withTools))
    }
}
