/// What went wrong between text and model.
public struct InferenceError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it.
    public let description: String

    /// An error of a message.
    public init(_ description: String) { self.description = description }
}
