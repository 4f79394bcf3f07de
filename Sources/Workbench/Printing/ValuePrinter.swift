import LuaBridge
import Words

/// Any Lua value as text that a person can read.
///
/// Tables are read without metamethods, so that nothing of a recipe's runs; a `__tostring` that a recipe gave a table is asked for the text,
/// protected and for a second at most in all. What is long is cut, and a last line says how to see it.
final class ValuePrinter {
    let style: PrintStyle
    private let host: LuaHost
    /// Tables that the one being printed lies in.
    private var path: [UInt] = []
    /// Whether anything was left out.
    private(set) var isCut = false
    /// Seconds that texts made by the recipe may still take.
    private var patience = 1.0
    /// Entries that may still be printed in all.
    private var budget: Int

    init(host: LuaHost, style: PrintStyle) {
        (self.host, self.style) = (host, style)
        budget = style.isFull ? 10_000_000 : 2_000
    }

    /// The values of a line: beside one another where they are short.
    func text(of values: [LuaReference?]) -> String {
        let texts = values.map { $0.map(text) ?? "nil" }
        let isFlat = texts.count == 1 || !texts.contains { $0.contains("\n") }
        return texts.joined(separator: isFlat ? "\t" : "\n") + (isCut ? "\n(cut; :full shows all)" : "")
    }

    /// A value by itself: a text is not quoted, a number as Lua has it.
    func text(of value: LuaReference) -> String {
        guard let look = value.look() else { return value.text(within: 1) }
        switch look.kind {
        case .other: return plainText(value)
        case .object:
            guard case .object(let object)? = try? value.value() else { return value.text(within: 1) }
            return text(of: object) ?? value.text(within: patience)
        case .function(let function): return FunctionText.text(function, host)
        case .table(let table):
            if let module = ModuleListing(table, host) { return module.text(style) }
            return self.table(value, look.identity, table, indent: 0, column: 0)
        }
    }

    /// A number as Lua has it, a text without quotes; the beginning of a long one.
    private func plainText(_ value: LuaReference) -> String {
        let text = value.text(within: 1)
        let limit = 8192
        guard !style.isFull, text.utf8.count > limit else { return text }
        isCut = true
        return text.prefix(limit) + "... (\(Figures.grouped(text.utf8.count)) bytes)"
    }

    /// A value in one line, for lists of variables.
    func summary(_ item: LuaListing.Item) -> String {
        let text: String
        if case .plain(.object(let object)) = item {
            text = (object as? any Printed)?.headline ?? LuaHost.typeName(of: object)
        } else {
            text = self.text(of: item, indent: 0, column: 0)
        }
        return Columns.cut(text.split(whereSeparator: \.isWhitespace).joined(separator: " "), to: style.width)
    }

    /// The text of an object of the host's; nil where it has none but its type's.
    private func text(of object: AnyObject) -> String? {
        guard let printed = object as? any Printed else { return nil }
        let (text, isCut) = printed.printed(style)
        if isCut { self.isCut = true }
        return text
    }

    // MARK: Within tables

    /// Items that a table holds, at `column` of a line that is indented by `indent`.
    private func text(of item: LuaListing.Item, indent: Int, column: Int) -> String {
        switch item {
        case .plain(let value): return plain(value)
        case .cut(let string, let bytes):
            isCut = isCut || !style.isFull
            return TextLiteral.quoted(string.text, limit: style.characters) + " (\(bytes) bytes)"
        case .reference(let reference):
            guard let look = reference.look() else { return "?" }
            switch look.kind {
            case .function(let function): return FunctionText.short(function)
            case .table(let table): return self.table(reference, look.identity, table, indent: indent, column: column)
            default: return reference.text(within: 1)
            }
        }
    }

    private func plain(_ value: LuaValue) -> String {
        switch value {
        case .nil: return "nil"
        case .boolean(let boolean): return "\(boolean)"
        case .integer(let integer): return "\(integer)"
        case .number(let number): return NumberText.lua(number)
        case .string(let string):
            let text = string.text
            if text.utf8.count > style.characters { isCut = true }
            return TextLiteral.quoted(text, limit: style.characters)
        case .object(let object): return (object as? any Printed)?.headline ?? LuaHost.typeName(of: object)
        case .other(let name): return name
        default: return "?"
        }
    }

    private func table(
        _ reference: LuaReference, _ identity: UInt, _ look: LuaLook.Table, indent: Int, column: Int
    ) -> String {
        if path.contains(identity) { return "(this table again)" }
        if look.hasText, !look.isHost {
            guard patience > 0 else { return look.name ?? "table" }
            let start = ContinuousClock.now
            let text = reference.text(within: patience)
            patience -= Double((ContinuousClock.now - start).components.attoseconds) * 1e-18
            if ContinuousClock.now - start > .seconds(1) { patience = 0 }
            return text
        }
        let head = look.name.map { Shown.name($0) + " " } ?? ""
        if path.count >= style.depth || budget <= 0 || LuaInterrupt.isPending {
            isCut = true
            return head + "{...}"
        }
        guard let listing = reference.listing(items: style.items + 1, fields: style.isFull ? style.items : 1000) else {
            return head + "{...}"
        }
        path.append(identity)
        defer { path.removeLast() }
        if path.count == 1, let rows = RowsText(listing, look.length, style) {
            if rows.isCut { isCut = true }
            return head + rows.text(indent: indent)
        }
        if path.count == 1, let predictions = PredictionsText(listing, style) {
            if predictions.isCut { isCut = true }
            return predictions.text
        }
        return head + entries(listing, look.length, indent: indent, column: column + head.count)
    }

    /// The entries of a table between braces: in one line where they fit, else a line each, and lists of short values filled.
    private func entries(_ listing: LuaListing, _ length: Int, indent: Int, column: Int) -> String {
        var parts: [String] = []
        var isList = true
        for item in listing.items.prefix(style.items) where budget > 0 {
            budget -= 1
            parts.append(text(of: item, indent: indent + 2, column: indent + 2))
        }
        let missing = length - parts.count
        let room = max(0, style.items - parts.count)
        let fields = ValuePrinter.sorted(listing.fields)
        var shown = 0
        for (key, value) in fields.prefix(room) where budget > 0 {
            budget -= 1
            isList = false
            let name = self.key(key) + " = "
            parts.append(name + text(of: value, indent: indent + 2, column: indent + 2 + name.count))
            shown += 1
        }
        let left = missing + listing.fieldCount - shown
        if left > 0 {
            isCut = true
            parts.append("... \(Figures.grouped(left)) more")
        }
        guard !parts.isEmpty else { return "{}" }
        let line = "{ " + parts.joined(separator: ", ") + " }"
        if !line.contains("\n"), column + Columns.width(of: line) <= style.width { return line }
        let inner = String(repeating: " ", count: indent + 2)
        let end = "\n" + String(repeating: " ", count: indent) + "}"
        guard isList, !parts.contains(where: { $0.contains("\n") || $0.count > 24 }) else {
            return "{\n" + parts.map { inner + $0 }.joined(separator: ",\n") + end
        }
        return "{\n" + ValuePrinter.filled(parts, inner, style.width) + end
    }

    /// Short parts in lines, numbers aligned at their ends.
    private static func filled(_ parts: [String], _ inner: String, _ width: Int) -> String {
        var lines: [String] = []
        var line = inner
        for (place, part) in parts.enumerated() {
            let piece = part + (place < parts.count - 1 ? "," : "")
            if line.count > inner.count, Columns.width(of: line) + piece.count + 1 > width {
                lines.append(line)
                line = inner
            }
            line += (line.count > inner.count ? " " : "") + piece
        }
        return (lines + [line]).joined(separator: "\n")
    }

    /// Fields in the order of their keys: numbers, then texts, then the rest.
    private static func sorted(_ fields: [(key: LuaListing.Item, value: LuaListing.Item)]) -> [(
        key: LuaListing.Item, value: LuaListing.Item
    )] {
        func rank(_ item: LuaListing.Item) -> (Int, Double, String) {
            guard case .plain(let value) = item else { return (3, 0, "") }
            switch value {
            case .integer(let integer): return (0, Double(integer), "")
            case .number(let number): return (0, number, "")
            case .string(let string): return (1, 0, string.text)
            case .boolean(let boolean): return (2, boolean ? 1 : 0, "")
            default: return (3, 0, "")
            }
        }
        return fields.map { (rank($0.key), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private func key(_ key: LuaListing.Item) -> String {
        if case .plain(.string(let string)) = key, let text = string.validText, TextLiteral.isName(text) { return text }
        return "[" + text(of: key, indent: 0, column: 0) + "]"
    }
}
