import Formats
import LuaSyntax
import Options

/// What a recipe declares with lorawb.args.
extension RecipeChecker {
    mutating func checkDeclarations(_ call: ExpressionID, _ given: [ExpressionID]) {
        if let first = types.firstDeclaration, first != call, !mentions.isConditional(tree[call].range),
            !mentions.isConditional(tree[first].range)
        {
            report(.parameter, "args: called twice; declare all parameters in one table", at: tree[call].range)
        }
        guard let first = given.first, case .table(let entries) = tree[first].kind else { return }
        for entry in entries {
            guard case .name(let name) = entry.key else { continue }
            if name.text != "seed", RecipeParameters.hostOptions.contains(name.text.replacing("_", with: "-")) {
                report(
                    .parameter,
                    "args: '\(name.text)' is an option of lorawb itself; call the parameter something else",
                    at: name.range)
            }
            checkParameter(name, entry.value)
        }
    }

    private mutating func checkParameter(_ name: Name, _ id: ExpressionID) {
        var (standard, values, isKnown, isRequired) = (JSON?.none, 0, true, false)
        var oneOf: [JSON]?
        var (kind, minimum, maximum) = (RecipeParameters.Kind?.none, Double?.none, Double?.none)
        if case .table(let entries) = tree[id].kind {
            let before = findings.count
            checkOptions(id, ArgsLua.entry, "args: '\(name.text)': ")
            guard findings.count == before else { return }
            for entry in entries {
                let value = LiteralValue(entry.value, tree, types)
                switch entry.key {
                case .next:
                    values += 1
                    standard = Self.scalar(value)
                    isKnown = isKnown && (standard != nil || !value.isWhole)
                    if standard == nil, value.isWhole { return reportDefault(name, entry.value, value) }
                    if standard == nil { isKnown = false }
                case .name(let option):
                    switch option.text {
                    case "type": kind = value.asString.flatMap(RecipeParameters.Kind.init(rawValue:))
                    case "min": minimum = value.asNumber
                    case "max": maximum = value.asNumber
                    case "required": isRequired = value.asBoolean ?? false
                    case "one_of": oneOf = value.asElements.map { $0.compactMap(Self.scalar) }
                    default: break
                    }
                    isKnown = isKnown && value.isWhole
                case .computed: isKnown = false
                }
            }
            if entries.contains(where: {
                if case .next = $0.key { LiteralValue.mayBeSeveral($0.value, tree) } else { false }
            }) {
                return
            }
            guard values == (isRequired ? 0 : 1) else {
                report(
                    .parameter,
                    isRequired
                        ? "args: '\(name.text)' is required, so its default would never be used; leave one of them out"
                        : "args: '\(name.text)' expected { default, help = ... } with one default, got \(values) values",
                    at: name.range)
                return
            }
        } else {
            let value = LiteralValue(id, tree, types)
            standard = Self.scalar(value)
            if standard == nil, value.isWhole { return reportDefault(name, id, value) }
            if standard == nil { return }
        }
        guard isKnown else { return }
        do {
            _ = try RecipeParameters.Parameter(
                name: name.text, defaultValue: isRequired ? nil : standard, kind: kind, minimum: minimum,
                maximum: maximum,
                oneOf: oneOf)
        } catch {
            report(.parameter, "\(error)", at: tree[id].range)
        }
    }

    private mutating func reportDefault(_ name: Name, _ id: ExpressionID, _ value: LiteralValue) {
        guard !value.isAbsent else { return }
        report(
            .parameter, "args: '\(name.text)' expected a string, number or boolean as default, got \(value.shown)",
            at: tree[id].range)
    }

    private static func scalar(_ value: LiteralValue) -> JSON? {
        guard case .typed(let type) = value else { return nil }
        switch type {
        case .boolean(let flag?): return .bool(flag)
        case .integer(let value): return .integer(value)
        case .number(let value?): return .number(value)
        case .text(let text?): return .string(text)
        default: return nil
        }
    }

    /// The default that a call of lorawb.args declares for a parameter; nil where it has none, or it is not written out.
    func defaultValue(of name: String, _ call: ExpressionID) -> CheckedType? {
        guard mentions.writes[name] == nil, case .call(_, let given) = tree[call].kind, let first = given.first,
            var value = entry(name, of: first)
        else { return nil }
        if case .table(let inner) = tree[value].kind {
            guard let standard = inner.first(where: { if case .next = $0.key { true } else { false } }) else {
                return nil
            }
            value = standard.value
        }
        let type = types[value]
        return LiteralValue.typed(type).isWhole ? type : nil
    }

    /// The value under a name of a table that is written in place or held by a local variable.
    func entry(_ name: String, of id: ExpressionID) -> ExpressionID? {
        guard case .table(let table) = types[id], case .table(let entries) = tree[table].kind else { return nil }
        return entries.first { if case .name(let key) = $0.key { key.text == name } else { false } }?.value
    }
}
