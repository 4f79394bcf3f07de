/// What went wrong with an adapter: its configuration, its targets, or its files.
public struct AdapterError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it.
    public let description: String

    /// Error with a message.
    public init(_ description: String) { self.description = description }
}
