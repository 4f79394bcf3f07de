import LuaSyntax
import Options

/// A value as far as a recipe's text tells it, held to what an option or argument is declared to be.
indirect enum LiteralValue: OptionValue {
    /// A value of which only the type is known, or not even that.
    case typed(CheckedType)
    case list([LiteralValue])
    case members([(name: String, value: LiteralValue)])
    /// A table with a sequence and names, or with names that are computed.
    case table

    /// The value of an expression.
    ///
    /// - Parameter defaults: what stands for an expression whose value is not known, such as a parameter's default.
    init(
        _ id: ExpressionID, _ tree: SyntaxTree, _ types: TypeInference, depth: Int = 0,
        defaults: (ExpressionID) -> CheckedType? = { _ in nil }
    ) {
        let type = defaults(id) ?? types[id]
        guard case .table(let place) = type, case .table(let entries) = tree[place].kind else {
            self = .typed(type)
            return
        }
        let names = entries.compactMap { if case .name(let name) = $0.key { name.text } else { nil } }
        let values = entries.filter { if case .next = $0.key { true } else { false } }.map(\.value)
        let isPlain = place == id || types.isQuiet(place) && !types.isWritten(place)
        guard depth < 8, isPlain, names.count + values.count == entries.count, names.isEmpty || values.isEmpty,
            !values.contains(where: { LiteralValue.mayBeSeveral($0, tree) })
        else {
            self = .table
            return
        }
        if names.isEmpty {
            self = .list(values.map { LiteralValue($0, tree, types, depth: depth + 1, defaults: defaults) })
        } else {
            self = .members(
                zip(names, entries).map {
                    ($0, LiteralValue($1.value, tree, types, depth: depth + 1, defaults: defaults))
                })
        }
    }

    /// Whether an expression at the end of a list may give any number of values.
    static func mayBeSeveral(_ id: ExpressionID, _ tree: SyntaxTree) -> Bool {
        switch tree[id].kind {
        case .call, .methodCall, .varargs: true
        default: false
        }
    }

    private var type: CheckedType { if case .typed(let type) = self { type } else { .someTable } }

    /// Whether all of it is written out.
    var isWhole: Bool {
        switch self {
        case .typed(let type):
            switch type {
            case .nil, .boolean(.some), .integer, .number(.some), .text(.some): true
            case .object(_, let fields): fields == nil
            default: type.isFunction
            }
        case .list(let values): values.allSatisfy(\.isWhole)
        case .members(let members): members.allSatisfy { $0.value.isWhole }
        case .table: false
        }
    }

    /// Whether it may be of a type, as far as it is known.
    func fits(_ type: OptionType) -> Bool {
        if isWhole, !holdsObject { return type.accepts(self) }
        if case .typed(let known) = self {
            guard let alternatives = known.alternatives else { return true }
            if alternatives.count != 1 || alternatives[0] != known {
                return alternatives.isEmpty || alternatives.contains { LiteralValue.typed($0).fits(type) }
            }
        }
        switch type {
        case .integer, .number: return self.type.isNumber
        case .string, .path, .model, .oneOf: return isText
        case .boolean: if case .typed(.boolean) = self { return true } else { return false }
        case .table, .options: return isTable
        case .strings: return isText || fitsList(.string)
        case .integers(let range): return fitsList(.integer(range))
        case .numbers(let range): return fitsList(.number(range))
        case .list(let entry): return fitsList(entry)
        case .function: return isFunction
        case .object(let name): return LiteralValue.isKind(self.type, of: name)
        case .either(let types): return types.contains { fits($0) }
        case .any: return !isAbsent
        }
    }

    private func fitsList(_ entry: OptionType) -> Bool {
        guard case .list(let values) = self else { return isTable && !isMembers }
        return values.allSatisfy { $0.fits(entry) }
    }

    private var isMembers: Bool { if case .members(let members) = self { !members.isEmpty } else { false } }
    private var isText: Bool { if case .text = type { true } else { false } }

    private var holdsObject: Bool {
        switch self {
        case .typed(.object), .typed(.either): true
        case .list(let values): values.contains(where: \.holdsObject)
        case .members(let members): members.contains { $0.value.holdsObject }
        default: false
        }
    }

    /// Modules of all kinds pass for each other here: which of them is meant the call itself finds out.
    private static func isKind(_ type: CheckedType, of name: String) -> Bool {
        guard case .object(let own, _) = type else { return false }
        let modules = ["lorawb.Module", "lorawb.Model", "lorawb.nn.Module"]
        return own == name || (modules.contains(own) && modules.contains(name))
    }

    // MARK: As a value of an option

    var isAbsent: Bool { type == .nil }
    var asInteger: Int? {
        switch type {
        case .integer(let value): Int(exactly: value)
        case .number(let value?): Int(exactly: value)
        default: nil
        }
    }
    var asNumber: Double? {
        switch type {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
    var asString: String? { if case .text(let text) = type { text } else { nil } }
    var asBoolean: Bool? { if case .boolean(let flag) = type { flag } else { nil } }
    var asElements: [LiteralValue]? {
        switch self {
        case .list(let values): values
        case .members(let members): members.isEmpty ? [] : nil
        default: nil
        }
    }
    var asIntegers: [Int64]? { all { $0.asInteger.map(Int64.init) } }
    var asNumbers: [Double]? { all { $0.asNumber } }
    var asStrings: [String]? { all { $0.asString } }

    private func all<Element>(_ element: (LiteralValue) -> Element?) -> [Element]? {
        guard let values = asElements else { return nil }
        let found = values.compactMap(element)
        return found.count == values.count ? found : nil
    }

    var asMembers: [(name: String, value: LiteralValue)]? {
        switch self {
        case .members(let members): members
        case .list(let values): values.isEmpty ? [] : nil
        default: nil
        }
    }
    var isTable: Bool { if case .typed(let type) = self { type.isTable } else { true } }
    var isFunction: Bool { type.isFunction }
    var objectName: String? { if case .object(let name, _) = type { name } else { nil } }
    var shown: String { if case .typed(let type) = self { type.shown } else { "table" } }
}
