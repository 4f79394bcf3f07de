import Tokenizers

struct TokenStream {
    let tokenizer: Tokenizer
    var ids: [Int] = []
    var given = 0
    mutating func push(_ id: Int) throws -> String {
        ids.append(id)
        let text = Array(try tokenizer.decode(ids, skipSpecialTokens: true))
        defer { given = text.last == "\u{FFFD}" ? given : text.count }
        return text.last == "\u{FFFD}" ? "" : String(text[given...])
    }
    mutating func end() throws -> String { String(Array(try tokenizer.decode(ids, skipSpecialTokens: true))[given...]) }
}
extension Tokenizer {
    func stream(skipSpecialTokens: Bool) -> TokenStream { TokenStream(tokenizer: self) }
}
struct StandInTemplates { var all: [(name: String, text: String)] = []; subscript(_ name: String) -> String? { nil } }
extension Tokenizer { var chatTemplates: StandInTemplates { StandInTemplates() } }
