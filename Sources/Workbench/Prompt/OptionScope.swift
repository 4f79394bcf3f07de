import LuaBridge
import Options

/// The options of the call in whose table a cursor is: `f{ `, `f(x, { `, `object:method{ `, and tables within these.
struct OptionScope {
    /// The options that the table may have.
    let options: [Option]
    /// Names that it has already.
    let given: Set<String>

    /// The scope before token `end`; nil outside of such a table, and where its options are not known.
    init?(_ code: CodeContext, endingAt end: Int) {
        guard let brace = code.openBracket(before: end), code.text(brace) == "{",
            let options = code.slot(at: brace)?.table?.options, !options.isEmpty
        else { return nil }
        self.options = options
        given = OptionScope.given(code, from: brace, to: end)
    }

    /// The keys that a table has already.
    static func given(_ code: CodeContext, from brace: Int, to end: Int) -> Set<String> {
        var given: Set<String> = []
        var depth = 0
        for place in brace + 1..<max(brace + 1, end) {
            switch code.text(place) {
            case "(", "{", "[": depth += 1
            case ")", "}", "]": depth -= 1
            case "=" where depth == 0: given.insert(code.text(place - 1))
            default: break
            }
        }
        return given
    }
}
