/// A line of a session, prepared so that what it declares as local at its top level lives on in later lines.
///
/// `local x = 5` becomes `x = 5`, where x is a variable that the session keeps (CLuaShim/locals.c). Nothing else changes, and no byte
/// moves to another line. `local f <close> = ...` stays what it is: it is closed at the end of its line. So do `_`, which is the last
/// value, and `_ENV`.
public struct SessionLine {
    /// The line with assignments in place of declarations.
    public private(set) var statement: [UInt8] = []
    /// Names that it declares, each with a space behind; constant ones with ! in front.
    public private(set) var declared = ""
    /// The byte where a name is declared for the second time; nil where there is none, or where the entry cannot be parted there.
    ///
    /// What stands before it is an entry of its own: functions that it makes keep the first variable.
    public var second: Int? { isOne ? nil : again }
    /// Names that occur in it, each with a space behind.
    private(set) var used = ""

    private let bytes: [UInt8]
    private let tokens: [LuaToken]
    private var copied = 0
    private var isOne = false
    private var again: Int?

    /// Prepares a line.
    public init(_ line: LuaString) {
        bytes = line.utf8
        tokens = LuaToken.scan(bytes).filter { $0.kind != .comment }
        var blocks: [String] = []
        for (place, token) in tokens.enumerated() where token.kind == .keyword {
            switch token.text {
            case "local" where blocks.isEmpty: if !promote(at: place) { isOne = true }
            case "function", "do", "if", "repeat": blocks.append(token.text)
            case "end", "until": _ = blocks.popLast()
            case "return": if !blocks.isEmpty, !blocks.contains("function") { isOne = true }
            case "goto": isOne = true
            default: break
            }
        }
        copy(upTo: bytes.count)
        var seen: Set<String> = []
        for token in tokens where token.kind == .name && seen.insert(token.text).inserted { used += token.text + " " }
    }

    private mutating func copy(upTo end: Int) {
        if end > copied { statement += bytes[copied..<end] }
        copied = max(copied, end)
    }

    /// Leaves bytes out, but for the ends of lines.
    private mutating func blank(_ range: Range<Int>) {
        copy(upTo: range.lowerBound)
        statement += bytes[range].map { $0 == 0x0A ? 0x0A : 0x20 }
        copied = range.upperBound
    }

    private func text(_ place: Int) -> String { place < tokens.count ? tokens[place].text : "" }

    private func isName(_ place: Int) -> Bool { place < tokens.count && tokens[place].kind == .name }

    /// Rewrites the declaration whose word `local` is the token at `start`; false where it stays what it is.
    private mutating func promote(at start: Int) -> Bool {
        if text(start + 1) == "function" {
            guard isName(start + 2), Self.lives(text(start + 2)) else { return false }
            blank(tokens[start].range)
            declare(text(start + 2), isConstant: false, at: start)
            return true
        }
        var names: [(name: String, isConstant: Bool)] = []
        var attributes: [Range<Int>] = []
        var place = start + 1
        while isName(place) {
            var isConstant = false
            let name = text(place)
            place += 1
            if text(place) == "<" {
                guard text(place + 1) == "const", text(place + 2) == ">" else { return false }
                isConstant = true
                attributes.append(tokens[place].range.lowerBound..<tokens[place + 2].range.upperBound)
                place += 3
            }
            names.append((name, isConstant))
            guard text(place) == "," else { break }
            place += 1
        }
        guard !names.isEmpty, !names.contains(where: { $0.name == "_ENV" }) else { return false }
        blank(tokens[start].range)
        for range in attributes { blank(range) }
        if text(place) != "=" {
            copy(upTo: tokens[place - 1].range.upperBound)
            statement += Array(" = nil;".utf8)
        }
        for (name, isConstant) in names where Self.lives(name) { declare(name, isConstant: isConstant, at: start) }
        return true
    }

    private mutating func declare(_ name: String, isConstant: Bool, at start: Int) {
        let isKnown = declared.split(separator: " ").contains { $0 == name || $0 == "!" + name }
        if isKnown, again == nil, tokens[start].range.lowerBound > 0 { again = tokens[start].range.lowerBound }
        declared += (isConstant ? "!" : "") + name + " "
    }

    private static func lives(_ name: String) -> Bool { name != "_" && name != "_ENV" }
}
