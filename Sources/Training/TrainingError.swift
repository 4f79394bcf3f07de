/// What went wrong while preparing or running a training.
public struct TrainingError: Error, CustomStringConvertible, Sendable, Equatable {
    /// The message, as users read it.
    public let description: String

    /// Error with a message.
    public init(_ description: String) { self.description = description }
}
