/// What is wrong with a file or its contents, with the place.
public struct FormatError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it: `config.json:3:7: expected a value, got '}'`.
    public let description: String

    /// Error with a message.
    public init(_ description: String) { self.description = description }

    /// A text out of a file as messages quote it: cut after 40 characters, control characters as escapes.
    public static func shown(_ text: String) -> String { shown(text, limit: 40) }

    /// The same, cut after `limit` characters.
    public static func shown(_ text: String, limit: Int) -> String {
        var shown = ""
        for scalar in text.unicodeScalars.prefix(limit) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return text.unicodeScalars.count > limit ? shown + "…" : shown
    }
}
