import LuaBridge
import Words

/// What is said of the call that a cursor is in: how it is called, with the present argument marked, and what that or the present option is.
struct CallHint {
    private let before, current, after, returns: String
    /// What the call, the argument or the option means.
    private let detail: String
    /// Whether it is an option's.
    private let isOption: Bool
    /// The options that the present argument may have.
    private let options: [String]

    /// The hint before token `end`; nil outside of a documented call, or of a function of the user's.
    init?(_ code: CodeContext, endingAt end: Int) {
        guard let call = code.call(around: end) else { return nil }
        let item = call.item
        let names = item.signature.parameters.map { $0.name == "..." || !$0.isOptional ? $0.name : $0.name + "?" }
        let place = min(call.argument, names.count - 1)
        let isWithin = names.indices.contains(place) && (call.argument < names.count || names[place] == "...")
        let head = item.kind == .metamethod ? item.owner : item.path
        before = head + "(" + names.prefix(isWithin ? place : names.count).map { $0 + ", " }.joined()
        current = isWithin ? names[place] : ""
        let rest = isWithin ? names.dropFirst(place + 1).map { ", " + $0 }.joined() : ""
        after = rest + ")"
        returns = item.signature.returns.isEmpty ? "" : " -> \(item.signature.returns)"
        let option = CallHint.option(code, call, end)
        isOption = option != nil
        options = call.parameter?.options?.options.map(\.name) ?? []
        detail = option ?? CallHint.argument(call) ?? item.sentence
    }

    /// What is said of the option whose value is being typed.
    private static func option(_ code: CodeContext, _ call: CallSite, _ end: Int) -> String? {
        var place = end
        while place > call.bracket {
            if code.text(place - 1) == "=", let slot = code.slot(at: place) {
                return "\(slot.name): \(slot.facts). \(slot.doc)"
            }
            guard let open = code.openBracket(before: place), open > call.bracket else { break }
            place = open
        }
        return nil
    }

    /// What is said of the argument that is being typed; an option table's options say more than it does.
    private static func argument(_ call: CallSite) -> String? {
        guard let parameter = call.parameter, parameter.options == nil, call.item.signature.parameters.count > 0 else {
            return nil
        }
        return "\(parameter.name): \(parameter.facts). \(parameter.doc)"
    }

    /// The call and what is said of it below, in lines of at most `width` columns.
    func text(width: Int, marks: Bool) -> String {
        before + marked(marks, resuming: "") + after + returns + "\n" + Columns.wrapped(detail, width: width, indent: 2)
    }

    /// What fits into one line of less than `width` columns; of an option's value what is said of the option.
    func line(width: Int, marks: Bool) -> String {
        guard !isOption else { return Columns.cut(detail, to: max(10, width - 1)) }
        let said = options.isEmpty ? detail : options.joined(separator: ", ")
        let most = max(10, width - 1)
        guard before.count + current.count + 6 < most else { return Columns.cut(before + current + after, to: most) }
        let room = most - before.count - current.count - (marks || current.isEmpty ? 0 : 2)
        return before + marked(marks, resuming: "\u{1b}[2m") + Columns.cut(after + "  " + said, to: room)
    }

    /// The present argument, bold on terminals that have it.
    private func marked(_ marks: Bool, resuming: String) -> String {
        guard !current.isEmpty else { return "" }
        return marks ? "\u{1b}[0;1m\(current)\u{1b}[0m\(resuming)" : "<\(current)>"
    }
}
