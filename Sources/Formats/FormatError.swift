import Words

/// What is wrong with a file or its contents, with the place.
public struct FormatError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it: `config.json:3:7: expected a value, got '}'`.
    public let description: String
    /// Whether a file or folder of the name was not there.
    public let isMissing: Bool

    /// Error with a message.
    public init(_ description: String, isMissing: Bool = false) {
        (self.description, self.isMissing) = (description, isMissing)
    }

    /// A text out of a file as messages quote it: in one line, cut after 40 characters.
    public static func shown(_ text: String) -> String { Shown.name(text, atMost: 40) }

    /// The same, cut after `limit` characters.
    public static func shown(_ text: String, limit: Int) -> String { Shown.name(text, atMost: limit) }
}
