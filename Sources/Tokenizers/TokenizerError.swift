/// What is wrong with a tokenizer's files, or with what was asked of it.
public struct TokenizerError: Error, Equatable, CustomStringConvertible {
    /// What was wrong and what to do.
    private let message: String
    /// Where: the file, and the path of the stage in it; empty where it is not known yet.
    private var place = ""

    /// The place, what was wrong there, and what to do.
    public var description: String { place.isEmpty ? message : "\(place): \(message)" }

    init(_ message: String) { self.message = message }

    /// The same error with what its place lies in put before it: `normalizer`, then `tokenizer.json: `.
    func inside(_ outer: String) -> TokenizerError {
        var error = self
        error.place = outer + place
        return error
    }

    /// What `body` gives; its error is given the place.
    @inline(__always)
    static func placing<Result>(_ place: @autoclosure () -> String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as TokenizerError {
            throw error.inside(place())
        }
    }
}
