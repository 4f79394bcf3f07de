import Formats

/// A chat template: the Jinja that models ship, read once and rendered as often as wanted.
///
/// It gives what jinja2 3.1 gives in the sandbox that transformers 5.23 makes for it (utils/chat_template_utils.py): `trim_blocks`,
/// `lstrip_blocks`, `break` and `continue`, `tojson` without escapes for HTML, `raise_exception`, `strftime_now`, `{% generation %}`.
/// A template is somebody else's program: steps, sizes and depths are bounded, and it reads nothing but its variables.
public struct ChatTemplate: Sendable {
    /// The template's text.
    public let source: String
    /// What errors call it.
    public let name: String
    let tree: Statement.Body
    let scopes: Scopes

    /// A rendered conversation.
    public struct Rendered: Sendable, Equatable {
        /// The text.
        public let text: String
        /// What lies within `{% generation %}` blocks: ranges of bytes of the text's UTF-8, in the order in which they were written.
        ///
        /// As in the reference, a block within a macro or a captured text stands at the place that the text had then.
        public let generated: [Range<Int>]
    }

    /// What rendering may take, and what time it is.
    public struct Options: Sendable {
        /// The local time that `strftime_now` formats.
        public var now: @Sendable () -> LocalTime = { LocalTime.now() }
        /// Most steps: an expression is one, and so are some dozens of characters that are made.
        public var maxSteps = 20_000_000
        /// Most characters that the text, or any text on the way to it, may have.
        public var maxLength = 16 << 20

        /// The defaults.
        public init() {}
    }

    /// Reads a template; `name` is what errors call it.
    ///
    /// - Throws: `TemplateError` with the line for what jinja2 refuses too, for what reads other templates (`include`, `import`, `extends`),
    ///   and for what is too deep or large.
    public init(source: String, name: String = "chat template") throws {
        guard source.utf8.count <= Self.maxSource else {
            throw TemplateError(
                "TemplateSyntaxError", "has \(source.utf8.count) bytes, at most \(Self.maxSource) are read", name: name)
        }
        do {
            var parser = try Parser(source)
            tree = try parser.template()
            scopes = try Scopes(tree, parser)
        } catch var error as TemplateError {
            error.name = name
            throw error
        }
        (self.source, self.name) = (source, name)
    }

    private static let maxSource = 4 << 20

    /// The text that the template makes of `variables`: messages, add_generation_prompt, tools, documents, bos_token, ….
    ///
    /// What a template may ask `is none` or `is defined` of is the caller's to give: transformers always passes messages, tools, documents
    /// (null where there are none) and add_generation_prompt, and the special tokens that the tokenizer has.
    ///
    /// - Throws: `TemplateError` for what the template raises or does wrong; what `MemoryBudget` throws.
    public func render(_ variables: JSONObject, options: Options = Options()) throws -> Rendered {
        let rendering = Rendering(self, variables, options)
        do {
            return try rendering.rendered()
        } catch var error as TemplateError {
            error.name = name
            throw error
        }
    }
}
