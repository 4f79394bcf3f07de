import Formats
import LuaBridge
import Options
import Reports

/// `lorawb.args`: a recipe's parameters.
enum ArgsLua {
    static let entry = OptionTable(
        [
            Option("help", .string, "What the parameter is for.", example: "\"learning rate\""),
            Option(
                "type", .oneOf(RecipeParameters.Kind.allCases.map(\.rawValue)), default: .words("that of the default"),
                "Its type."),
            Option("min", .number, "Smallest value allowed.", example: "0"),
            Option("max", .number, "Largest value allowed.", example: "10"),
            Option("one_of", .table, "The values allowed.", example: "{ 1, 2 }"),
            Option("required", .boolean, default: false, "Whether it must be typed; it then has no default."),
        ], positional: .any)

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "args", "Declares the recipe's parameters and gives their values: defaults, or what the user typed.",
            parameters: [
                LuaParameter(
                    "parameters", .table,
                    "By name, a default, or { default, help =, type =, min =, max =, one_of = }, or { required = true, type =, help = … } without one."
                )
            ],
            returns: "table",
            example:
                "local args = lorawb.args { lr = { 1e-3, min = 0, help = \"learning rate\" }, epochs = 3 }\nprint(args.lr)"
        ) { call in
            guard !context.declaredParameters else {
                throw LuaFault("called twice; declare all parameters in one table")
            }
            let table = try call.table(1, "parameters")
            guard table.count == 0, let names = table.names else {
                throw LuaFault("parameters are declared as name = default")
            }
            let declared = RecipeParameters(try names.map { try parameter($0, table[$0], context) })
            context.declaredParameters = true
            if context.wantsHelp {
                context.output.write(LuaString(help(context, declared)))
                throw LuaInterrupted()
            }
            let (parsed, typed) = try parse(declared, context)
            context.parameters = try values(context, parsed, typed, declared)
            noteTypedAgain(context, declared, typed)
            return .value(.fields("args", try context.parameters.mapValues { try LuaJSON.value($0) }, .closed))
        }
    }

    /// The values; `--seed` is the session's where the recipe has no parameter of that name.
    private static func parse(
        _ declared: RecipeParameters, _ context: RecipeContext
    ) throws -> (values: [String: JSON], typed: Set<String>) {
        do {
            var words = context.words
            if !declared.parameters.contains(where: { $0.name == "seed" }) {
                let (rest, seed) = try RecipeParameters.withoutSeed(words)
                if let seed = seed ?? context.recorded?.typedSeed { context.setSeed(seed) }
                words = rest
            }
            let command =
                (context.options.profile == nil ? [] : ProfileOptions.names)
                + (context.rerun == nil ? [] : ["changed"])
            return try declared.parse(
                words, others: RecipeParameters.hostOptions + command, recorded: context.recorded?.parameters,
                recipe: context.recipeName)
        } catch let error as RecipeParameterError {
            context.misuse = error.description
            throw error
        }
    }

    /// Of a run that is done again, notes what was typed for it then and now: as if it had been typed at once.
    private static func noteTypedAgain(
        _ context: RecipeContext, _ declared: RecipeParameters, _ typed: Set<String>
    ) {
        guard context.rerun != nil, let recorded = context.recorded else { return }
        let before = (try? declared.parse(recorded.words, recorded: recorded.parameters))?.typed ?? []
        for name in typed.union(before).sorted() {
            if let value = context.parameters[name] { context.typedAgain.append("--\(name)=\(value.typed)") }
        }
    }

    /// Makes typed paths absolute and grants them.
    private static func values(
        _ context: RecipeContext, _ values: [String: JSON], _ typed: Set<String>,
        _ declared: RecipeParameters
    ) throws -> [String: JSON] {
        var values = values
        // What was typed when the run began is granted again: its record is nothing that a recipe writes.
        let before = context.recorded.map { recorded in
            (try? declared.parse(recorded.words, recorded: recorded.parameters))?.typed ?? []
        }
        for parameter in declared.parameters where parameter.kind == .path || parameter.kind == .model {
            guard case .string(let text)? = values[parameter.name] else { continue }
            guard typed.contains(parameter.name) else {
                guard before?.contains(parameter.name) == true else { continue }
                if !context.permissions.mayRead(text) {
                    context.output.print("--\(parameter.name) \(text): may be read again, as typed when the run began")
                }
                context.permissions.allow(.read, text)
                continue
            }
            var path = Permissions.absolute(text, from: context.workingFolder)
            if parameter.kind == .path, !Permissions.exists(path),
                let snapshot = try? ModelCache.snapshot(of: text, .dataset)
            {
                path = snapshot
            }
            if parameter.kind == .model, !Permissions.isFolder(path), !ModelLocation.isGGUFFile(path) {
                let snapshot: String?
                do { snapshot = try ModelCache.snapshot(of: text) } catch is FormatError {
                    // Which revision is meant the recipe may say.
                    continue
                }
                guard let snapshot else {
                    let message =
                        "--\(parameter.name): no folder or .gguf file '\(text)' and no model of that name in \(ModelCache.path ?? "the cache")"
                    context.misuse = message
                    throw LuaFault(message)
                }
                path = snapshot
            }
            context.permissions.allow(.read, path)
            values[parameter.name] = .string(path)
        }
        return values
    }

    private static func parameter(
        _ name: String, _ value: LuaValue, _ context: RecipeContext
    ) throws -> RecipeParameters.Parameter {
        let taken = context.options.profile == nil ? [] : ProfileOptions.names
        guard name == "seed" || !RecipeParameters.hostOptions.contains(name.replacing("_", with: "-")),
            !taken.contains(name.replacing("_", with: "-"))
        else {
            throw LuaFault("'\(name)' is an option of lorawb itself; call the parameter something else")
        }
        guard case .table(let table) = value else {
            return try RecipeParameters.Parameter(name: name, defaultValue: try scalar(value, name))
        }
        let options: LuaOptions
        do { options = try LuaOptions(table, entry) } catch { throw LuaFault("'\(name)': \(error)") }
        let isRequired = options.optionalBoolean("required") ?? false
        guard table.count == (isRequired ? 0 : 1) else {
            throw LuaFault(
                isRequired
                    ? "'\(name)' is required, so its default would never be used; leave one of them out"
                    : "'\(name)' expected { default, help = ... } with one default, got \(table.count) values")
        }
        return try RecipeParameters.Parameter(
            name: name, defaultValue: isRequired ? nil : try scalar(table[1], name),
            kind: options.choice("type"), help: options.optionalString("help"), minimum: options.optionalNumber("min"),
            maximum: options.optionalNumber("max"),
            oneOf: options.table("one_of").map { try $0.values.map { try scalar($0, name) } })
    }

    private static func scalar(_ value: LuaValue, _ name: String) throws -> JSON {
        switch value {
        case .boolean(let flag): return .bool(flag)
        case .integer(let integer): return .integer(integer)
        case .number(let number): return .number(number)
        case .string(let string):
            if let text = string.validText { return .string(text) }
        default: break
        }
        throw LuaFault("'\(name)' expected a string, number or boolean as default, got \(value.shown)")
    }

    private static func help(_ context: RecipeContext, _ declared: RecipeParameters) -> String {
        var text = "usage: \(declared.usage(context.recipeName))\n"
        let comment = context.header.prose
        if !comment.isEmpty { text += "\n" + comment.joined(separator: "\n") + "\n" }
        text += "\nparameters:\n" + declared.help()
        text +=
            "\noptions of lorawb itself: --threads N, --run-dir DIR, --resume RUN [--edited], --allow-read DIR, --allow-write DIR,\n"
        text += "--time-limit SECONDS, --max-memory SIZE, --seed N, --locked\n"
        return text
    }
}
