/// What is wrong with a file or its contents, with the place.
public struct FormatError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it: `config.json:3:7: expected a value, got '}'`.
    public let description: String

    /// Error with a message.
    public init(_ description: String) { self.description = description }
}
