import Options

/// The reference as LuaCATS annotations, from which the Lua language server completes and checks recipes.
///
/// The syntax is that of luals.github.io/wiki/annotations: `---@meta`, `---@class`, `---@field`, `---@param`, `---@return`, `---@operator`.
public struct LuaStubs {
    private let items: [LuaDocumentation]

    /// Stubs of what is registered.
    public init(_ items: [LuaDocumentation]) { self.items = items }

    /// The text of the definition file of module `name`, with its types and modules.
    public func text(module name: String) -> String {
        var text = "---@meta \(name)\n\n"
        for item in items where item.kind == .type || item.kind == .module { text += self.text(item) }
        for item in items where item.owner.isEmpty && item.kind == .function {
            text += function(item, "function \(item.name)")
        }
        return text + "return \(variable(name))\n"
    }

    /// What a class is called in the file: `lorawb.Tensor` is the local `lorawb_Tensor`.
    private func variable(_ path: String) -> String { path.replacing(".", with: "_") }

    private func text(_ owner: LuaDocumentation) -> String {
        let inside = items.filter { $0.owner == owner.path }
        var text = ""
        for item in inside {
            for parameter in item.signature.parameters {
                if let table = parameter.options { text += options(table, optionClass(item, parameter.name)) }
            }
        }
        text += comment(owner.signature.doc) + "---@class \(owner.path)\n"
        for item in inside {
            switch item.kind {
            case .property, .constant:
                text += "---@field \(item.name) \(type(item.signature.returns)) \(line(item.signature.doc))\n"
            case .module: text += "---@field \(item.name) \(item.path) \(line(item.signature.doc))\n"
            case .metamethod: text += operation(item)
            default: break
            }
        }
        let name = variable(owner.path)
        text += "local \(name) = {}\n\n"
        for item in inside {
            switch item.kind {
            case .function: text += function(item, "function \(name).\(item.name)")
            case .method: text += function(item, "function \(name):\(item.name)")
            default: break
            }
        }
        return text
    }

    private func operation(_ item: LuaDocumentation) -> String {
        let names = [
            "__add": "add", "__sub": "sub", "__mul": "mul", "__div": "div", "__unm": "unm", "__len": "len",
            "__call": "call",
        ]
        guard let name = names[item.name] else { return "" }
        let result = type(item.signature.returns)
        switch name {
        case "unm", "len": return "---@operator \(name): \(result)\n"
        case "call":
            let parameters = item.signature.parameters.filter { $0.name != "..." }.map { parameter in
                "\(parameter.name)\(parameter.isOptional ? "?" : ""): \(annotation(parameter, item))"
            }
            return "---@overload fun(\((["self: \(item.owner)"] + parameters).joined(separator: ", "))): \(result)\n"
        default:
            return ["number", item.owner].map { "---@operator \(name)(\($0)): \(result)\n" }.joined()
        }
    }

    private func function(_ item: LuaDocumentation, _ head: String) -> String {
        var text = comment(item.signature.doc)
        if !item.signature.example.isEmpty {
            text +=
                "---```lua\n" + item.signature.example.split(separator: "\n").map { "---\($0)\n" }.joined() + "---```\n"
        }
        // What follows a variable number of arguments has no place of its own in Lua's syntax.
        let last = item.signature.parameters.firstIndex { $0.name == "..." } ?? item.signature.parameters.count
        let parameters = item.signature.parameters.prefix(last + 1)
        for parameter in parameters {
            let optional = parameter.isOptional && parameter.name != "..." ? "?" : ""
            text += "---@param \(parameter.name)\(optional) \(annotation(parameter, item)) \(line(parameter.doc))\n"
        }
        if !item.signature.returns.isEmpty {
            for result in LuaStubs.results(item.signature.returns) { text += "---@return \(type(result))\n" }
        }
        let names = parameters.map(\.name).joined(separator: ", ")
        return text + "\(head)(\(names)) end\n\n"
    }

    /// The results of a list of them; commas inside of brackets do not part.
    static func results(_ text: String) -> [String] {
        var (results, depth) = ([""], 0)
        for character in text {
            if "(<{[".contains(character) { depth += 1 }
            if ")>}]".contains(character) { depth -= 1 }
            if character == ",", depth == 0, !results[results.count - 1].hasPrefix("fun") {
                results.append("")
            } else {
                results[results.count - 1].append(character)
            }
        }
        return results.map { String($0.drop { $0 == " " }) }
    }

    private func annotation(_ parameter: LuaParameter, _ item: LuaDocumentation) -> String {
        parameter.options == nil ? parameter.type.annotation : optionClass(item, parameter.name)
    }

    private func optionClass(_ item: LuaDocumentation, _ parameter: String) -> String {
        "\(item.owner).\(item.name).\(parameter)"
    }

    private func options(_ table: OptionTable, _ name: String) -> String {
        var text = ""
        for option in table.options {
            if let inner = option.type.table { text += options(inner, "\(name).\(option.name)") }
        }
        text += "---@class (exact) \(name)\n"
        for option in table.options {
            let type = option.type.table == nil ? option.type.annotation : "\(name).\(option.name)"
            text +=
                "---@field \(option.name)\(option.isRequired ? "" : "?") \(type) \(line("\(option.facts). \(option.doc)"))\n"
        }
        if let positional = table.positional { text += "---@field [integer] \(positional.annotation)\n" }
        return text + "\n"
    }

    private func type(_ returns: String) -> String { returns.isEmpty ? "any" : returns }

    private func comment(_ text: String) -> String { "---\(line(text))\n" }

    private func line(_ text: String) -> String { text.replacing("\n", with: " ") }
}
