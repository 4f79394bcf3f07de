import LuaBridge
import Memory

@testable import Workbench

/// Recipes that call everything that is registered with numbers at which arithmetic breaks, in every place.
struct EveryCall {
    /// One call: Lua that runs as the body of a function.
    struct Case {
        /// What is called, by its path in the documentation.
        let item: String
        let title: String
        let body: String
    }

    /// Numbers, and tables that hold them: N stands for the number.
    private static let numbers = [
        "math.mininteger", "-1", "0", "1", "1 << 31", "1 << 53", "math.maxinteger", "1/0", "-1/0", "0/0", "1e300",
    ]
    private static let wholeOnes = ["N", "{N}", "{N, N}", "{{N, N}, {N, N}}", "{[N] = 1}", "{a = N}"]

    /// Every item of the documentation that a recipe sees.
    static func documentation() throws -> [LuaDocumentation] {
        let permissions = Permissions(base: "/")
        let run = RunFolder(named: nil, stem: "calls", workingFolder: "/", permissions: permissions)
        let context = RecipeContext(
            permissions: permissions, runFolder: run, words: [], workingFolder: "/", wantsHelp: false,
            recipeName: "calls.lua", source: [], options: SessionOptions(), output: Output())
        let host = try RecipeEnvironment.make(context)
        MemoryBudget.end()
        return host.documentation
    }

    /// The types that `makers.lua` has an object of.
    let types: [String]
    /// All calls.
    let cases: [Case]

    init(_ documentation: [LuaDocumentation]) {
        let types = documentation.filter { $0.kind == .type }.map(\.path)
        self.types = types
        cases = documentation.flatMap { item -> [Case] in
            switch item.kind {
            case .function: Self.calls(item, of: item.path, receiver: nil)
            case .method:
                item.path.split(separator: ":").count == 2
                    ? Self.calls(
                        item, of: "o." + item.path.split(separator: ":")[1],
                        receiver: String(item.path.split(separator: ":")[0])) : []
            case .metamethod:
                item.path.split(separator: " ").count == 2
                    ? Self.operators(
                        item, String(item.path.split(separator: " ")[1]),
                        receiver: String(item.path.split(separator: " ")[0])) : []
            case .property: Self.properties(item, types)
            case .type, .module, .constant: []
            }
        }
    }

    // MARK: Calls

    private static func calls(_ item: LuaDocumentation, of function: String, receiver: String?) -> [Case] {
        let parameters = item.signature.parameters
        let plausible = found(right, item.path) ?? parameters.map { value(of: $0, in: item.path) }
        var lists: [[String]] = [plausible, []]
        for place in parameters.indices where place < plausible.count {
            for odd in odd(parameters[place], item.path) {
                var list = plausible
                list[place] = odd
                lists.append(list)
                // What is absent may matter: select { n } is another call than select(n, 2).
                if place < list.count - 1 { lists.append(Array(list.prefix(place + 1))) }
            }
        }
        if parameters.isEmpty { lists += numbers.map { [$0] } }
        if parameters.count > 1 { lists += numbers.map { Array(repeating: $0, count: parameters.count) } }
        return lists.map { list in
            let arguments = ((item.kind == .method ? ["o"] : []) + list).joined(separator: ", ")
            let start = receiver.map { "local o = \(objects[item.path] ?? "make[\"\($0)\"]()") " } ?? ""
            return Case(
                item: item.path, title: "\(item.path)(\(list.joined(separator: ", ")))",
                body: "\(start)return \(function)(\(arguments))"
            )
        }
    }

    /// What an argument may be instead of what it should be.
    private static func odd(_ parameter: LuaParameter, _ path: String) -> [String] {
        let names = optionNames(parameter, path)
        guard !names.isEmpty else {
            let isScalar = ["integer", "integer?", "number", "number?", "boolean", "boolean?"].contains(
                parameter.annotation)
            return spread(isScalar ? ["N", "{N}"] : wholeOnes)
        }
        let kept = required(parameter, path)
        return spread(["N", "{N}"])
            + names.flatMap { name, annotation -> [String] in
                let isScalar = ["integer", "number", "boolean"].contains(annotation)
                return spread(isScalar ? ["N"] : ["N", "{N}", "{{N, N}}", "{a = N}"]).map { odd in
                    let rest = kept.filter { $0.key != name }.map { "\($0.key) = \($0.value)" }
                    return "{ " + (rest + ["[\"\(name)\"] = \(odd)"]).joined(separator: ", ") + " }"
                }
            }
    }

    private static func spread(_ forms: [String]) -> [String] {
        forms.flatMap { form in numbers.map { form.replacing("N", with: $0) } }
    }

    /// Names and types of the keys of an option table, those included that are declared elsewhere.
    private static func optionNames(_ parameter: LuaParameter, _ path: String) -> [(name: String, annotation: String)] {
        parameter.options?.options.map { (name: $0.name, annotation: $0.type.annotation) } ?? []
    }

    /// The keys that a call of this function cannot do without.
    private static func required(_ parameter: LuaParameter, _ path: String) -> [(key: String, value: String)] {
        if let keys = needed[path], parameter.options != nil || parameter.annotation.hasPrefix("table") { return keys }
        return (parameter.options?.options ?? []).filter(\.isRequired).map {
            ($0.name, value(ofType: $0.type.annotation, named: $0.name, in: path))
        }
    }

    // MARK: Plausible values

    private static func value(of parameter: LuaParameter, in path: String) -> String {
        let kept = required(parameter, path)
        if !kept.isEmpty { return "{ " + kept.map { "\($0.key) = \($0.value)" }.joined(separator: ", ") + " }" }
        return value(ofType: parameter.annotation, named: parameter.name, in: path)
    }

    private static func value(ofType type: String, named name: String, in path: String) -> String {
        if path.hasSuffix("get_scheduler"), name == "name" { return "\"linear\"" }
        if type.hasPrefix("fun(") {
            return path.contains(":map") ? "function(row) return row end" : "function(...) return true end"
        }
        let first = String(type.split(separator: "|").first ?? "nil")
        switch first {
        case "lorawb.Tensor[]": return "{ make[\"lorawb.Tensor\"](), make[\"lorawb.Tensor\"]() }"
        case "integer", "integer?", "number", "number?": return "2"
        case "integer[]", "number[]": return "{ 2, 3 }"
        case "boolean", "boolean?": return "true"
        case "string[]": return "{ \"a\" }"
        case "function": return "function(...) return ... end"
        case "table", "table?", "any": return "{}"
        case "string", "string?":
            return path.contains("model") || path.contains("tokenizer")
                ? "\"tiny\"" : path.hasSuffix("dataset") ? "\"d.tsv\"" : "\"a\""
        default:
            let isObject = first.hasPrefix("lorawb.")
            let plain = first.replacing("?", with: "")
            return isObject ? (plain.hasSuffix("[]") ? "{}" : "make[\"\(plain)\"]()") : "nil"
        }
    }

    // MARK: Operators and fields

    private static func operators(_ item: LuaDocumentation, _ event: String, receiver: String) -> [Case] {
        let signs = [
            "__add": "+", "__sub": "-", "__mul": "*", "__div": "/", "__mod": "%", "__pow": "^", "__idiv": "//",
            "__lt": "<", "__le": "<=", "__concat": "..", "__eq": "==",
        ]
        let start = "local o = \(objects[item.path] ?? "make[\"\(receiver)\"]()") "
        func cases(_ expressions: [String]) -> [Case] {
            expressions.map { Case(item: item.path, title: "\(item.path): \($0)", body: start + "return " + $0) }
        }
        if let sign = signs[event] { return cases(numbers.flatMap { ["o \(sign) (\($0))", "(\($0)) \(sign) o"] }) }
        switch event {
        case "__call": return calls(item, of: "o", receiver: receiver)
        case "__unm": return cases(["-o"])
        case "__len": return cases(["#o"])
        case "__tostring": return cases(["tostring(o)"])
        default: return cases(numbers.filter { $0 != "0/0" }.map { "o[\($0)]" } + ["o.a"])
        }
    }

    private static func properties(_ item: LuaDocumentation, _ types: [String]) -> [Case] {
        guard let dot = item.path.lastIndex(of: "."), types.contains(String(item.path[..<dot])) else { return [] }
        let (receiver, name) = (item.path[..<dot], item.path[item.path.index(after: dot)...])
        return [Case(item: item.path, title: item.path, body: "local o = make[\"\(receiver)\"]() return o.\(name)")]
            + spread(["N", "{N}"]).map { odd in
                Case(
                    item: item.path, title: "\(item.path) = \(odd)",
                    body: "local o = make[\"\(receiver)\"]() o.\(name) = \(odd) return o")
            }
    }

    // MARK: Training arguments

    /// A training for every argument of the trainer: one step with each number.
    static func trainings(_ documentation: [LuaDocumentation]) -> [Case] {
        let trainer = documentation.first { $0.path == "lorawb.trainer" }?.signature.parameters.first
        let names = trainer?.options?.option("args")?.type.table?.options.map(\.name) ?? []
        let base = "max_steps = 2, per_device_train_batch_size = 2, disable_tqdm = true"
        return names.flatMap { name in
            spread(["N"] + (name.contains("args") ? ["{ num_cycles = N, power = N }", "\"momentum=\" .. (N)"] : [])).map
            {
                odd in
                Case(
                    item: name, title: "trainer args \(name) = \(odd)",
                    body:
                        "local t = train { \(base), eval_strategy = \"steps\", save_strategy = \"no\", [\"\(name)\"] = \(odd) } t:step() t:step() return t"
                )
            }
        }
    }

    // MARK: The recipe

    /// A recipe that makes these calls from number `first` on, and prints each number before the call.
    static func recipe(_ cases: [Case], from first: Int) -> String {
        var text = preamble
        for (number, one) in cases.enumerated().dropFirst(first) {
            text += "case(\(number), function() \(one.body) end)\n"
        }
        return text + "print(\"done\")\n"
    }
}
