/// A token of a template, with the line that it begins in.
struct Token: Sendable {
    /// What kinds there are; operators are named by what is written.
    enum Kind: Sendable, Equatable {
        case data, blockBegin, blockEnd, variableBegin, variableEnd, name, string, integer, float, end
        case symbol(StaticText)
    }

    let kind: Kind
    let line: Int
    /// The text of data, names and strings; the digits of numbers.
    var text: Text = Text()

    /// Whether this is a certain operator.
    func isSymbol(_ symbol: StaticText) -> Bool { kind == .symbol(symbol) }
    /// Whether this is a certain word.
    func isName(_ name: String) -> Bool { kind == .name && text.string == name }

    /// How messages call it.
    var described: String {
        switch kind {
        case .name: text.string
        case .symbol(let symbol): symbol
        case .data: "template data / text"
        case .blockBegin: "begin of statement block"
        case .blockEnd: "end of statement block"
        case .variableBegin: "begin of print statement"
        case .variableEnd: "end of print statement"
        case .string: "string"
        case .integer: "integer"
        case .float: "float"
        case .end: "end of template"
        }
    }
}

/// The spelling of an operator.
typealias StaticText = String
