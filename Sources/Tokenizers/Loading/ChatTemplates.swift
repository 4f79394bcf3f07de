import Formats

/// The templates by which a conversation becomes a text, as their files have them (Jinja).
public struct ChatTemplates: Equatable, Sendable {
    /// A template that has a name of its own, such as "tool_use" or "rag".
    public struct Named: Equatable, Sendable {
        /// The name; "default" for the one that is used where none is named.
        public let name: String
        /// The template.
        public let text: String
    }

    /// The templates, the order of the file kept.
    public private(set) var all: [Named] = []
    /// Whether they lie in files of their own and not in tokenizer_config.json.
    var areFiles = false

    /// The file of the one that is used where none is named, and the folder of the others.
    static let file = "chat_template.jinja"
    static let folder = "additional_chat_templates"

    /// No template.
    public init() {}

    /// A single template.
    public init(_ text: String) { (all, areFiles) = ([Named(name: "default", text: text)], true) }

    /// The template that is used where none is named; nil where there is none.
    public var `default`: String? { self["default"] }

    /// The template of a name; nil where there is none.
    ///
    /// Of two with one name the later counts, as in transformers.
    public subscript(name: String) -> String? { all.last { $0.name == name }?.text }

    /// The text of the template that a conversation takes (transformers 5.23, `get_chat_template`).
    ///
    /// - Parameters:
    ///   - name: the name of one, or the text of a template itself; nil chooses: "tool_use" where tools are given and it is there,
    ///     otherwise "default".
    ///   - hasTools: whether tools are given.
    /// - Throws: `TokenizerError` that says what to do where there is none to choose.
    public func source(named name: String? = nil, hasTools: Bool = false) throws -> String {
        if let name { return self[name] ?? name }
        if let source = (hasTools ? self["tool_use"] : nil) ?? self.default { return source }
        guard !all.isEmpty else {
            throw TokenizerError(
                "the tokenizer has no chat template; use a model that was trained to chat, or give chat_template")
        }
        let names = all.map { "'\(FormatError.shown($0.name))'" }.joined(separator: ", ")
        throw TokenizerError("the tokenizer has the chat templates \(names); name one as chat_template")
    }

    /// chat_template.jinja and additional_chat_templates/NAME.jinja where they are, else `chat_template` of
    /// tokenizer_config.json: a text, or a list of names and texts.
    init(folder: Folder, config: JSON, source: String) throws {
        if folder.isThere(Self.file) || folder.isFolder(Self.folder) {
            areFiles = true
            if folder.isThere(Self.file) { all = [Named(name: "default", text: try folder.readText(Self.file))] }
            guard folder.isFolder(Self.folder) else { return }
            let others = try folder.subfolder(Self.folder)
            for file in try others.list().sorted() where file.hasSuffix(".jinja") {
                all.append(Named(name: String(file.dropLast(6)), text: try others.readText(file)))
            }
            return
        }
        guard let json = config["chat_template"], !json.isNull else { return }
        if let text = json.string {
            all = [Named(name: "default", text: text)]
            return
        }
        guard let list = json.array else {
            throw TokenizerError("\(source): 'chat_template' expected a string or a list of them, got \(json.kind)")
        }
        all = try list.enumerated().map { place, item in
            let place = "\(source): chat_template[\(place)]"
            return Named(
                name: try item.required("name", "a string", source: place) { $0.string },
                text: try item.required("template", "a string", source: place) { $0.string })
        }
    }
}
