import Formats

/// What is wrong with a pattern, or with how long it takes on a text.
package struct PatternError: Error, CustomStringConvertible, Sendable {
    /// The pattern, the place in it, and what is wrong there.
    package let description: String

    /// - Parameter character: The place in the pattern, counted from 1; nil for what concerns all of it.
    init(_ pattern: String, _ what: String, character: Int? = nil) {
        let place = character.map { ", character \($0)" } ?? ""
        description = "pattern '\(FormatError.shown(pattern, limit: 60))'\(place): \(what)"
    }
}
