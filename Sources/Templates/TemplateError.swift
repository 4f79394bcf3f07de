import Words

/// What is wrong with a chat template, or with what it was given.
///
/// `kind` and `message` are those of the exception that jinja2 3.1 raises in Python ("UndefinedError", "'x' is undefined"), so that a
/// template's author knows them.
public struct TemplateError: Error, CustomStringConvertible, Sendable, Equatable {
    /// The exception's name: "TemplateSyntaxError", "UndefinedError", "TemplateError" for `raise_exception`, "TypeError", ….
    public let kind: String
    /// The exception's text.
    public let message: String
    /// The line of the template, from 1; nil where no line is to blame.
    public internal(set) var line: Int?
    /// The template's name, as given to `ChatTemplate.init`.
    public internal(set) var name: String

    init(_ kind: String, _ message: String, line: Int? = nil, name: String = "") {
        (self.kind, self.message, self.line, self.name) = (kind, message, line, name)
    }

    /// The error in one line: `chat template:3: UndefinedError: 'x' is undefined`.
    public var description: String {
        let place = (name.isEmpty ? "chat template" : name) + (line.map { ":\($0)" } ?? "")
        return Shown.name("\(place): \(kind): \(message)", atMost: 2000)
    }

    static func type(_ message: String) -> TemplateError { TemplateError("TypeError", message) }
    static func value(_ message: String) -> TemplateError { TemplateError("ValueError", message) }
    static func runtime(_ message: String) -> TemplateError { TemplateError("TemplateRuntimeError", message) }
    static func overflow(_ message: String) -> TemplateError { TemplateError("OverflowError", message) }
    static func syntax(_ message: String, line: Int) -> TemplateError {
        TemplateError("TemplateSyntaxError", message, line: line)
    }
    /// A result beyond 64 bits, which Python would hold exactly.
    static var tooLarge: TemplateError { overflow("integer does not fit into 64 bits") }
}
