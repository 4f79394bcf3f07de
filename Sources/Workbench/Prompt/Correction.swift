import LuaBridge

/// A line with the name that an error suggested in place of the one that is not there.
struct Correction {
    let line: String

    /// The correction of `line`, where `message` suggests a name and names the one that was typed, and that stands in the line once.
    init?(_ line: String, message: String) {
        guard !line.contains("\n"), let hint = message.firstRange(of: "did you mean '") else { return nil }
        let suggested = String(message[hint.upperBound...].prefix { $0 != "'" })
        let quoted = message[..<hint.lowerBound].split(separator: "'", omittingEmptySubsequences: false)
        guard !suggested.isEmpty else { return nil }
        // Texts between quotes are those at odd places; the last one is most likely the name.
        for wrong in quoted.indices.filter({ $0 % 2 == 1 && $0 < quoted.count - 1 }).reversed().map({
            String(quoted[$0])
        }) {
            if wrong.hasPrefix(":"), line.hasPrefix(wrong) {
                self.line = suggested + line.dropFirst(wrong.count)
                return
            }
            let places = LuaToken.scan(Array(line.utf8)).filter { token in
                token.kind == .name && token.text == wrong
                    || token.kind == .string && !token.isOpen && token.text.dropFirst().dropLast() == wrong
            }
            guard places.count == 1, let token = places.first, wrong != suggested else { continue }
            let bytes = Array(line.utf8)
            let isText = token.kind == .string ? 1 : 0
            let (start, end) = (token.range.lowerBound + isText, token.range.upperBound - isText)
            self.line = String(decoding: bytes[..<start] + Array(suggested.utf8) + bytes[end...], as: UTF8.self)
            return
        }
        return nil
    }
}
