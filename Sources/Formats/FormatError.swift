import Words

/// What is wrong with a file or its contents, with the place.
public struct FormatError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it: `config.json:3:7: expected a value, got '}'`.
    public let description: String
    /// What tells errors about names apart.
    enum Reason: Sendable {
        /// No file or folder has the name.
        case missing
        /// What stands before a slash is a file.
        case notAFolder
        /// A file that is never shown.
        case hidden
        /// Anything else: what has the name is there, and may not be opened, or holds what is wrong.
        case other
    }

    let reason: Reason
    /// Whether a file or folder of the name was not there.
    public var isMissing: Bool { reason == .missing }

    /// Error with a message.
    public init(_ description: String) { self.init(description, .other) }

    init(_ description: String, _ reason: Reason) { (self.description, self.reason) = (description, reason) }

    /// A text out of a file as messages quote it: in one line, cut after 40 characters.
    public static func shown(_ text: String) -> String { Shown.name(text, atMost: 40) }

    /// The same, cut after `limit` characters.
    public static func shown(_ text: String, limit: Int) -> String { Shown.name(text, atMost: limit) }
}
