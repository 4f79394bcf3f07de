/// What went wrong with a matrix or a kernel: missing values, sizes that do not fit.
public struct KernelError: Error, CustomStringConvertible, Sendable {
    /// The message, as users read it.
    public let description: String

    /// Error with a message.
    public init(_ description: String) { self.description = description }
}
