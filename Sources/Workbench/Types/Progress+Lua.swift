import LuaBridge
import Options
import Reports

/// What recipes see of loops that say how far they are: `lorawb.progress`.
enum ProgressLua {
    private static let options = OptionTable([
        Option("title", .string, default: "", "What stands before the numbers.", example: "\"ranks\"")
    ])

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "progress",
            "Iterates over a list, or from 1 to a number, and shows how far it is, with the time that is left; a trainer's bar within it stands behind.",
            parameters: [
                LuaParameter(
                    "items", .either([.count, .table]),
                    "A list, whose places and values are given in turn; or a number of turns."),
                LuaParameter("options", options),
            ],
            returns: "fun(): integer?, any",
            example: "for i, rank in lorawb.progress({ 2, 4, 8 }, { title = \"ranks\" }) do print(i, rank) end"
        ) { call in
            let title = try call.options(2, options).string("title")
            let items = try call.isTable(1) ? values(call) : nil
            let count = try items?.count ?? call.integer(1, "items")
            let loop = context.outerProgress.begin(title, count: count)
            var done = 0
            return .callable(
                LuaCallable("progress") { _ in
                    try LuaInterrupt.check()
                    guard done < count else {
                        context.outerProgress.end(loop)
                        return .nil
                    }
                    context.outerProgress.turn(loop, done: done)
                    done += 1
                    return .values([.integer(done), items.map { $0[done - 1] } ?? .integer(done)])
                })
        }
    }

    /// The values of a list; tables are the script's own.
    private static func values(_ call: borrowing LuaCall) throws -> [LuaValue] {
        let table = try call.table(1, "items")
        guard table.fields.isEmpty else {
            throw LuaFault("items: expected a list, got a table with the key '\(table.fields[0].key)'")
        }
        var values = table.values
        let own = try call.reference(1)?.listing(items: values.count, fields: 0)?.items ?? []
        for (place, item) in own.enumerated() where place < values.count {
            if case .reference(let reference) = item { values[place] = .reference(reference) }
        }
        return values
    }
}
