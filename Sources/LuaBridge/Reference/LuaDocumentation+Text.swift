import Options

extension LuaDocumentation {
    /// The last part of its name: `reshape`, `__add`.
    public var name: String { path.split { $0 == "." || $0 == ":" || $0 == " " }.last.map(String.init) ?? path }

    /// What it belongs to: `lorawb.Tensor`, `lorawb`; empty for what is global.
    public var owner: String {
        guard let place = path.lastIndex(where: { $0 == "." || $0 == ":" || $0 == " " }) else { return "" }
        return String(path[..<place])
    }

    /// How it is called, with its type: `lorawb.Dataset:select(first, last?) -> lorawb.Dataset`.
    public var heading: String {
        let result = signature.returns.isEmpty ? "" : " -> \(signature.returns)"
        switch kind {
        case .type, .module: return path
        case .property, .constant: return "\(path): \(signature.returns)"
        case .function, .method: return "\(path)(\(arguments))\(result)"
        case .metamethod: return "\(owner): \(operation)\(result)"
        }
    }

    private var arguments: String {
        signature.parameters.map { $0.name == "..." ? "..." : $0.name + ($0.isOptional ? "?" : "") }.joined(
            separator: ", ")
    }

    /// An operator as a recipe writes it.
    private var operation: String {
        let binary = [
            "__add": "+", "__sub": "-", "__mul": "*", "__div": "/", "__mod": "%", "__pow": "^", "__idiv": "//",
            "__eq": "==", "__lt": "<", "__le": "<=", "__concat": "..",
        ]
        if let sign = binary[name] { return "a \(sign) b" }
        switch name {
        case "__unm": return "-a"
        case "__len": return "#a"
        case "__call": return "a(\(arguments))"
        case "__tostring": return "tostring(a)"
        default: return "a[key]"
        }
    }
}

extension Option {
    /// Its type, range and default in a line: `integer from 1 to 16384, default 8`.
    public var facts: String {
        var facts = type.annotation + (type.range.map { " \($0)" } ?? "")
        if isRequired { facts += ", required" }
        if let standard { facts += ", default \(standard.shown)" }
        if !aliases.isEmpty { facts += ", also called \(aliases.joined(separator: ", "))" }
        return facts
    }
}

extension LuaParameter {
    /// Its type, range and default in a line.
    public var facts: String {
        var facts = (options == nil ? type.annotation : "table") + (type.range.map { " \($0)" } ?? "")
        if let standard {
            facts += ", default \(standard.shown)"
        } else if isOptional {
            facts += ", may be left out"
        }
        return facts
    }
}
