import LuaBridge
import Options

/// What recipes see of printing: `lorawb.pretty`, which is also the module lorawb.pretty.
enum PrettyLua {
    private static let options = OptionTable([
        Option("depth", .integer(1...100), default: 4, "Tables within one another that are shown."),
        Option("items", .integer(1...1_000_000), default: 40, "Entries of a table that are shown."),
        Option(
            "width", .integer(20...100_000), "Columns to fill; those of the terminal, or 80, where absent.",
            example: "100"),
    ])

    static var function: LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "pretty", "Any value as text that a person can read, as the session prints it.",
            parameters: [
                LuaParameter("value", .any, optional: true, "The value."), LuaParameter("options", options),
            ],
            returns: "string",
            example: "print(lorawb.pretty({ r = 4, target_modules = { \"query\" } }, { depth = 2 }))",
            body: text)
    }

    private static func text(_ call: borrowing LuaCall) throws -> LuaReturn {
        let options = try call.options(2, options)
        var style = PrintStyle(width: options.optionalInteger("width") ?? Output.columns)
        (style.depth, style.items) = (try options.integer("depth"), try options.integer("items"))
        if call.isString(1) { return .string(TextLiteral.quoted(try call.string(1, "value"), limit: style.characters)) }
        guard let value = try call.reference(1) else { return .string("nil") }
        return .string(ValuePrinter(host: call.host, style: style).text(of: value))
    }
}
