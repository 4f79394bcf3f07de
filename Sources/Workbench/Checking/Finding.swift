import Formats
import LuaSyntax
import Words

/// One thing that a check found in a recipe.
public struct Finding: Sendable {
    /// How bad it is.
    public enum Severity: String, Sendable {
        /// The recipe would stop there, or mean something else than it says.
        case error
        /// It is nearly always a mistake, and the recipe runs.
        case warning
        /// What the recipe needs: a permission, a file that a parameter names.
        case note
    }

    /// What kind of thing it is, for editors.
    public enum Code: String, Sendable {
        /// The text is no Lua.
        case syntax
        /// A name that stands for nothing.
        case global
        /// A field, method or function that is not there.
        case field
        /// An option that is not there, or is refused.
        case option
        /// A value of the wrong type, or out of its range.
        case value
        /// An argument that is missing, or one too many.
        case argument
        /// A dot in place of a colon, a call of what is no function.
        case call
        /// A parameter declared wrongly with lorawb.args.
        case parameter
        /// A module that is not there.
        case module
        /// A file, folder or model that is not there.
        case file
        /// A folder that the recipe may not use unless the user lets it.
        case permission
        /// A value that nobody sees.
        case unused
        /// A statement that is never reached.
        case unreachable
    }

    /// The recipe's file, as the user named it.
    public let file: String
    /// Where it begins.
    public let start: SourceText.Position
    /// Where it ends: the place behind its last character.
    public let end: SourceText.Position
    /// How bad it is.
    public let severity: Severity
    /// What kind of thing it is.
    public let code: Code
    /// What is wrong, in the words of the error that a run would end with where there is one.
    public let message: String
    /// What would stand there in its place; nil where nothing is near.
    public let suggestion: String?

    /// The finding in a line: `recipe.lua:4:12: …`.
    public var line: String {
        let kind = severity == .error ? "" : "\(severity.rawValue): "
        return Shown.line("\(file):\(start.line):\(start.column): \(kind)\(message)")
    }

    /// The finding for editors.
    var json: JSON {
        var members: [JSON.Member] = [
            .init("file", .string(file)), .init("line", .integer(start.line)), .init("column", .integer(start.column)),
            .init("end_line", .integer(end.line)), .init("end_column", .integer(end.column)),
            .init("severity", .string(severity.rawValue)), .init("code", .string(code.rawValue)),
            .init("message", .string(message)),
        ]
        if let suggestion { members.append(.init("suggestion", .string(suggestion))) }
        return JSON(members)
    }
}
