/// What went wrong with a model: its configuration, its weights, or what was given to it.
public struct ModelError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it.
    public let description: String

    /// Error with a message.
    public init(_ description: String) { self.description = description }
}
