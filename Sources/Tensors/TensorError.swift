/// What went wrong with tensors: shapes, dtypes, freed or missing values.
public struct TensorError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it.
    public let description: String

    /// Error with a message.
    public init(_ description: String) { self.description = description }
}
