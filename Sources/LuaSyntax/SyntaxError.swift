/// Why a text is no Lua, in the words of Lua's own compiler.
public struct SyntaxError: Error, Sendable, CustomStringConvertible {
    /// The message without its place: `'=' expected near 'x'`.
    public let description: String
    /// The line that Lua's compiler names.
    public let line: Int
    /// The bytes that are wrong.
    public let range: Range<Int>
}
