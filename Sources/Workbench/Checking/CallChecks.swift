import Adapters
import LuaBridge
import LuaSyntax
import Options
import Training
import Words

/// Arguments of calls that the host declares: their number, types, ranges and options; a dot in place of a colon; calls of what is no function.
extension RecipeChecker {
    mutating func checkCall(_ id: ExpressionID) {
        let given: [ExpressionID]
        switch tree[id].kind {
        case .call(let callee, let arguments):
            given = arguments
            if let shown = uncallable(types[callee]) {
                report(.call, "attempt to call a \(shown) value\(naming(callee))", at: tree[callee].range)
                return
            }
        case .methodCall(let base, let name, let arguments):
            given = arguments
            checkMethod(base, name)
            if let shown = uncallable(types.member(types[base], name.text)) {
                report(.call, "attempt to call a \(shown) value (method '\(name.text)')", at: name.range)
                return
            }
        default: return
        }
        guard let (item, shift) = types.calledItem(id) else { return }
        if shift == 1, checkSelf(id, item, given) { return }
        if item.path == "lorawb.args" { checkDeclarations(id, given) }
        let name = item.kind == .metamethod ? "call" : item.name
        let before = findings.count
        checkArguments(Array(given.dropFirst(shift)), of: item, name, call: id)
        if findings.count == before { checkTogether(Array(given.dropFirst(shift)), of: item, name) }
    }

    /// The type of a value that cannot be called, as Lua names it; nil where it can, or may be.
    private func uncallable(_ type: CheckedType) -> String? {
        switch type {
        case .boolean: "boolean"
        case .integer, .number: "number"
        case .text: "string"
        default: nil
        }
    }

    /// How Lua says which value it was.
    private func naming(_ callee: ExpressionID) -> String {
        switch tree[callee].kind {
        case .local(let variable): " (local '\(tree.variables[variable].name.text)')"
        case .global(let name): " (global '\(name)')"
        case .field(_, let name): " (field '\(name.text)')"
        default: ""
        }
    }

    /// Whether a method is called with a dot and without its object; then that is what is wrong.
    private mutating func checkSelf(_ id: ExpressionID, _ item: LuaDocumentation, _ given: [ExpressionID]) -> Bool {
        guard case .call(let callee, _) = tree[id].kind, case .field(_, let name) = tree[callee].kind else {
            return false
        }
        let got: String
        if let first = given.first {
            guard let all = types[first].alternatives, !all.isEmpty,
                all.allSatisfy({ if case .object = $0 { false } else { true } })
            else { return false }
            got = types[first].shown
        } else {
            got = "no value"
        }
        report(
            .call,
            "calling '\(name.text)' on bad self (\(item.owner) expected, got \(got)); a method is called with a colon: x:\(name.text)()",
            at: name.range.lowerBound - 1..<name.range.upperBound, suggestion: ":\(name.text)")
        return true
    }

    // MARK: Arguments

    private mutating func checkArguments(
        _ given: [ExpressionID], of item: LuaDocumentation, _ name: String, call: ExpressionID
    ) {
        let isOpen = given.last.map { LiteralValue.mayBeSeveral($0, tree) } ?? false
        let parameters = item.signature.parameters
        for (place, parameter) in parameters.enumerated() {
            if parameter.name == "..." {
                checkRest(Array(given.dropFirst(place)), parameters.dropFirst(place), name, from: place, isOpen)
                return
            }
            guard place < given.count else {
                guard !parameter.isOptional, !isOpen else { continue }
                report(
                    .argument, typeError(place, parameter, name, "no value"), at: end(of: call))
                continue
            }
            // The last argument may be any number of values.
            if isOpen, place == given.count - 1, types[given[place]] == .nil { continue }
            check(given[place], parameter, place, name)
        }
        let certain = isOpen ? given.count - 1 : given.count
        guard certain > parameters.count else { return }
        let surplus = given[parameters.count..<certain].filter { types[$0].isCertainlySomething }
        guard let first = surplus.first else { return }
        let most = parameters.isEmpty ? "takes no arguments" : "takes at most \(parameters.count)"
        report(.argument, "\(name): \(most), got \(given.count)", at: tree[first].range)
    }

    /// Arguments of a function that takes any number of them, and perhaps a table of options at the end.
    private mutating func checkRest(
        _ given: [ExpressionID], _ parameters: ArraySlice<LuaParameter>, _ name: String, from place: Int, _ isOpen: Bool
    ) {
        guard let rest = parameters.first else { return }
        let last = parameters.dropFirst().first
        for (index, argument) in given.enumerated() {
            if let last, let table = last.options, index == given.count - 1, types[argument].isTable,
                !LiteralValue(argument, tree, types).fits(rest.type)
            {
                checkOptions(argument, table, "\(name): ")
                continue
            }
            let isLast = index == given.count - 1
            if last == nil || !isLast, types[argument].isCertainlySomething {
                check(argument, rest, place + index, name)
            }
        }
    }

    private func typeError(_ place: Int, _ parameter: LuaParameter, _ name: String, _ got: String) -> String {
        "bad argument #\(place + 1) '\(parameter.name)' to '\(name)' (\(parameter.type.plainName) expected, got \(got))"
    }

    /// The bracket that ends the arguments of a call.
    private func end(of call: ExpressionID) -> Range<Int> {
        let range = tree[call].range
        return max(range.lowerBound, range.upperBound - 1)..<range.upperBound
    }

    private mutating func check(_ argument: ExpressionID, _ parameter: LuaParameter, _ place: Int, _ name: String) {
        let value = LiteralValue(argument, tree, types)
        if value.isAbsent {
            if !parameter.isOptional {
                report(.argument, typeError(place, parameter, name, "nil"), at: tree[argument].range)
            }
            return
        }
        guard value.fits(parameter.type) else {
            let shown = parameter.name == "..." ? "" : " '\(parameter.name)'"
            let head = "bad argument #\(place + 1)\(shown) to '\(name)'"
            var (what, near) = ("\(parameter.type.plainName) expected, got \(value.shown)", String?.none)
            if case .integer = parameter.type, value.asInteger == nil, let number = value.asNumber {
                what = "number \(number) has no integer representation"
            } else if isRange(parameter.type, value) {
                what = "\(parameter.type.phrase) expected, got \(value.plain)"
                near = value.asString.flatMap { parameter.type.nearestChoice(to: $0) }
                if let near { what += "; did you mean '\(near)'?" }
            }
            report(
                .value, "\(head) (\(what))", at: tree[argument].range, suggestion: near.map { "\"\($0)\"" })
            return
        }
        if let table = parameter.options { checkOptions(argument, table, "\(name): ") }
    }

    // MARK: Options that do not go together

    /// Reads the options of some calls as these would, where all of their values are known.
    private mutating func checkTogether(_ given: [ExpressionID], of item: LuaDocumentation, _ name: String) {
        guard let first = given.first else { return }
        switch item.path {
        case "lorawb.trainer":
            guard let arguments = entry("args", of: first) else { return }
            checkTogether(arguments, "\(name): args: ", TrainingArguments.options) { _ = try TrainingArguments($0) }
        case "lorawb.Model:add_adapter", "lorawb.nn.Module:add_adapter":
            checkTogether(first, "\(name): ", LoraConfig.options) { _ = try LoraConfig($0) }
        default: break
        }
    }

    private mutating func checkTogether(
        _ id: ExpressionID, _ prefix: String, _ declared: OptionTable, read: (OptionReader<LiteralValue>) throws -> Void
    ) {
        var usesDefaults = false
        let value = LiteralValue(id, tree, types) { part in
            guard case .field(let base, let field) = tree[part].kind, case .arguments(let call) = types[base],
                let type = defaultValue(of: field.text, call)
            else { return nil }
            usesDefaults = true
            return type
        }
        guard value.isWhole, let members = value.asMembers else { return }
        do {
            try read(try OptionReader(members, declared, place: prefix))
        } catch {
            let message = "\(error)"
            report(
                .option, message.hasPrefix(prefix) ? message : prefix + message.replacing("args: ", with: ""),
                at: tree[id].range, severity: usesDefaults ? .warning : .error)
        }
    }

    /// Whether a value is of the right kind, and out of its range or none of those allowed.
    private func isRange(_ type: OptionType, _ value: LiteralValue) -> Bool {
        switch type {
        case .integer: value.asInteger != nil
        case .number: value.asNumber != nil
        case .oneOf: value.asString != nil
        case .either(let types): types.contains { isRange($0, value) }
        default: false
        }
    }

    // MARK: Options

    /// A table of options where it is written: in place, or as the value of a local variable that nothing changes unseen.
    mutating func checkOptions(_ id: ExpressionID, _ declared: OptionTable, _ prefix: String) {
        guard case .table(let table) = types[id], case .table(let entries) = tree[table].kind,
            table == id || types.isQuiet(table)
        else { return }
        var (seen, isWhole, elements) = (Set<String>(), true, 0)
        for entry in entries {
            switch entry.key {
            case .name(let name):
                // What is written again later has that value.
                if mentions.writes[name.text] != nil, table != id {
                    seen.insert(name.text)
                } else {
                    check(name, entry.value, declared, prefix, &seen)
                }
            case .computed: isWhole = false
            case .next:
                elements += 1
                if LiteralValue.mayBeSeveral(entry.value, tree) { isWhole = false }
                checkElement(entry.value, elements, declared, prefix)
            }
        }
        if declared.positional == nil, elements > 0 {
            report(
                .option, "\(prefix)options expected as name = value, got a list of \(elements)", at: tree[table].range)
            return
        }
        guard isWhole, table == id || !types.isWritten(table) else { return }
        for option in declared.options where option.isRequired && !seen.contains(option.name) {
            report(.option, "\(prefix)option '\(option.name)' is missing", at: tree[id].range)
        }
    }

    private mutating func checkElement(_ value: ExpressionID, _ place: Int, _ declared: OptionTable, _ prefix: String) {
        guard let positional = declared.positional else { return }
        let literal = LiteralValue(value, tree, types)
        guard !literal.isAbsent, !literal.fits(positional) else { return }
        report(
            .value, "\(prefix)entry \(place) expected \(positional.phrase), got \(literal.shown)", at: tree[value].range
        )
    }

    private mutating func check(
        _ name: Name, _ id: ExpressionID, _ declared: OptionTable, _ prefix: String, _ seen: inout Set<String>
    ) {
        let value = LiteralValue(id, tree, types)
        guard let option = declared.option(name.text) else {
            // Some names may be given with the values that change nothing.
            guard declared.inert[name.text] == nil || value.isWhole else { return }
            do {
                try OptionReader.checkUndeclared(name.text, value, declared, prefix)
            } catch {
                let isUnknown = !declared.knows(name.text)
                report(
                    .option, "\(error)", at: name.range, suggestion: isUnknown ? declared.nearest(to: name.text) : nil)
            }
            return
        }
        guard !value.isAbsent else { return }
        if !seen.insert(option.name).inserted, option.name != name.text {
            report(
                .option, "\(prefix)options '\(option.name)' and '\(name.text)' mean the same; give one", at: name.range)
        }
        guard value.fits(option.type) else {
            let near = value.asString.flatMap { option.type.nearestChoice(to: $0) }
            report(
                .value, "\(OptionReader.refusal(name.text, option.type, value, prefix))", at: tree[id].range,
                suggestion: near.map { "\"\($0)\"" })
            return
        }
        if let inner = option.type.table { checkOptions(id, inner, "\(prefix)\(name.text): ") }
    }

    // MARK: Tables

    /// A name that a constructor gives twice: the first value is lost.
    mutating func checkKeys(_ entries: [TableEntry]) {
        var seen: Set<String> = []
        for entry in entries {
            guard case .name(let name) = entry.key, !seen.insert(name.text).inserted else { continue }
            report(
                .unused, "'\(name.text)' is given twice in this table, so the first value is lost", at: name.range,
                severity: .warning)
        }
    }

    mutating func checkStatements() {
        for range in mentions.unreachable {
            report(.unreachable, "this is never reached", at: range, severity: .warning)
        }
    }
}

extension CheckedType {
    /// Whether it is anything but nil, for certain.
    var isCertainlySomething: Bool {
        switch self {
        case .none, .unknown, .nil, .either: false
        default: true
        }
    }
}

extension OptionType {
    /// The type in a word or two, as Lua's own errors name it.
    fileprivate var plainName: String {
        switch self {
        case .options: "table"
        case .oneOf: "string"
        case .function: "function"
        default: annotation
        }
    }

    /// The choice that a text was probably meant to be.
    fileprivate func nearestChoice(to text: String) -> String? { nearestName(to: text, in: choices) }
}

extension LiteralValue {
    /// The value as errors about ranges tell it.
    fileprivate var plain: String {
        asString.map { "'\($0)'" } ?? asNumber.map { Int(exactly: $0).map { "\($0)" } ?? "\($0)" } ?? shown
    }
}
