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
    /// Names that occur in it, each with a space behind.
    private(set) var used = ""

    private let bytes: [UInt8]
    private let tokens: [LuaToken]
    private var copied = 0

    /// Prepares a line.
    public init(_ line: LuaString) {
        bytes = line.utf8
        tokens = LuaToken.scan(bytes).filter { $0.kind != .comment }
        var depth = 0
        for (place, token) in tokens.enumerated() where token.kind == .keyword {
            switch token.text {
            case "local" where depth == 0: promote(at: place)
            case "function", "do", "if", "repeat": depth += 1
            case "end", "until": depth -= 1
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

    /// Rewrites the declaration whose word `local` is the token at `start`.
    private mutating func promote(at start: Int) {
        if text(start + 1) == "function" {
            guard isName(start + 2), Self.lives(text(start + 2)) else { return }
            blank(tokens[start].range)
            declared += text(start + 2) + " "
            return
        }
        var names: [(name: String, isConstant: Bool)] = []
        var attributes: [Range<Int>] = []
        var place = start + 1
        while isName(place) {
            var isConstant = false
            let name = text(place)
            place += 1
            if text(place) == "<" {
                guard text(place + 1) == "const", text(place + 2) == ">" else { return }
                isConstant = true
                attributes.append(tokens[place].range.lowerBound..<tokens[place + 2].range.upperBound)
                place += 3
            }
            names.append((name, isConstant))
            guard text(place) == "," else { break }
            place += 1
        }
        guard !names.isEmpty, !names.contains(where: { $0.name == "_ENV" }) else { return }
        blank(tokens[start].range)
        for range in attributes { blank(range) }
        if text(place) != "=" {
            copy(upTo: tokens[place - 1].range.upperBound)
            statement += Array(" = nil;".utf8)
        }
        for (name, isConstant) in names where Self.lives(name) { declared += (isConstant ? "!" : "") + name + " " }
    }

    private static func lives(_ name: String) -> Bool { name != "_" && name != "_ENV" }
}
