/// One word or sign of a Lua text.
struct Token {
    enum Kind: Equatable {
        /// A name that is no keyword.
        case name(String)
        /// A text, its escapes read.
        case string([UInt8])
        case integer(Int64)
        case number(Double)
        /// A keyword or a sign; a byte that is neither is a sign of its own.
        case symbol(String)
        /// The end of the text.
        case end
    }

    var kind: Kind
    /// Its bytes.
    var range: Range<Int>
    /// How errors quote it; empty where they do not.
    var shown: String

    static let keywords: Set<String> = [
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
        "not", "or", "repeat", "return", "then", "true", "until", "while",
    ]

    func isSymbol(_ text: String) -> Bool {
        if case .symbol(let symbol) = kind { symbol == text } else { false }
    }

    var name: String? { if case .name(let name) = kind { name } else { nil } }
}
