/// Cuts a template into tokens, one at a time, with `trim_blocks` and `lstrip_blocks` (jinja2 3.1's lexer.py).
///
/// Tokens are made when they are asked for, so that of two mistakes the one is reported that the reference reports.
struct Lexer {
    private enum State { case root, comment, block, variable, raw }

    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private var state = State.root
    private var brackets: [Unicode.Scalar] = []
    private var newlinesStripped = 0
    /// Whether the last token ended a line: a tag that begins the next one may lose the space before it.
    private var isLineStart = true
    private var pending: Token?

    init(_ text: String) {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(text.utf8.count)
        var wasReturn = false
        for scalar in text.unicodeScalars {
            if scalar == "\r" {
                scalars.append("\n")
            } else if !(scalar == "\n" && wasReturn) {
                scalars.append(scalar)
            }
            wasReturn = scalar == "\r"
        }
        // One line end at the end of a template is no part of it.
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    /// The next token; an `end` where there is none.
    mutating func next() throws -> Token {
        while true {
            if let token = pending {
                pending = nil
                return token
            }
            guard position < source.count else {
                // A tag that is not closed reads as one that goes on: the parser says what it misses.
                return Token(kind: .end, line: line)
            }
            let token: Token?
            switch state {
            case .root: token = try root()
            case .comment: token = try comment()
            case .raw: token = try raw()
            case .block, .variable: token = try expression()
            }
            if let token { return token }
        }
    }

    private func at(_ index: Int) -> Unicode.Scalar? { index < source.count ? source[index] : nil }
    private func skippingSpace(_ index: Int) -> Int {
        var index = index
        while index < source.count, source[index].isSpace { index += 1 }
        return index
    }
    private func stands(_ text: String, at index: Int) -> Bool {
        var index = index
        for scalar in text.unicodeScalars {
            guard at(index) == scalar else { return false }
            index += 1
        }
        return true
    }

    private mutating func move(to end: Int) {
        if end > position { isLineStart = source[end - 1] == "\n" }
        position = end
    }

    private func newlines(_ range: Range<Int>) -> Int { source[range].count { $0 == "\n" } }

    /// Text up to the next tag, and the tag's beginning.
    private mutating func root() throws -> Token? {
        var start = position
        while start < source.count {
            if source[start] == "{", let kind = at(start + 1), kind == "%" || kind == "{" || kind == "#" { break }
            start += 1
        }
        guard start < source.count else {
            let token = Token(kind: .data, line: line, text: Text(source[position...]))
            move(to: source.count)
            return token
        }
        let isVariable = source[start + 1] == "{"
        var afterTag = start + 2
        var sign: Unicode.Scalar?
        if let scalar = at(afterTag), scalar == "-" || scalar == "+" { (sign, afterTag) = (scalar, afterTag + 1) }
        let rawEnd = source[start + 1] == "%" ? endOfRawTag(afterTag) : nil
        let text = strip(position..<start, sign: sign, isVariable: isVariable)
        let data = Token(kind: .data, line: line, text: Text(text))
        line += newlines(text.startIndex..<text.endIndex) + newlinesStripped
        newlinesStripped = 0
        let tagLine = line
        if let rawEnd {
            line += newlines(start..<rawEnd)
            move(to: rawEnd)
            state = .raw
        } else {
            move(to: afterTag)
            switch source[start + 1] {
            case "%":
                state = .block
                pending = Token(kind: .blockBegin, line: tagLine)
            case "{":
                state = .variable
                pending = Token(kind: .variableBegin, line: tagLine)
            default: state = .comment
            }
        }
        return text.isEmpty ? nil : data
    }

    /// Where `raw %}` ends that begins at `index`.
    private func endOfRawTag(_ index: Int) -> Int? {
        let word = skippingSpace(index)
        guard stands("raw", at: word) else { return nil }
        let end = skippingSpace(word + 3)
        if stands("-%}", at: end) { return skippingSpace(end + 3) }
        return stands("%}", at: end) ? end + 2 : nil
    }

    /// The text before a tag, without the space that the tag removes.
    private mutating func strip(
        _ range: Range<Int>, sign: Unicode.Scalar?, isVariable: Bool
    ) -> ArraySlice<Unicode.Scalar> {
        var end = range.upperBound
        if sign == "-" {
            while end > range.lowerBound, source[end - 1].isSpace { end -= 1 }
            newlinesStripped = newlines(end..<range.upperBound)
        } else if sign != "+", !isVariable {
            var lineStart = end
            while lineStart > range.lowerBound, source[lineStart - 1] != "\n" { lineStart -= 1 }
            if lineStart > range.lowerBound || isLineStart, source[lineStart..<end].allSatisfy(\.isSpace) {
                end = lineStart
            }
        }
        return source[range.lowerBound..<end]
    }

    /// Where a tag ends whose end, such as `%}`, may stand at `index`; nil where it does not.
    ///
    /// A plus keeps the line end after it, a minus removes all space.
    private func endOfTag(_ close: String, at index: Int) -> Int? {
        if stands("+" + close, at: index) { return index + 3 }
        if stands("-" + close, at: index) { return skippingSpace(index + 3) }
        guard stands(close, at: index) else { return nil }
        return at(index + 2) == "\n" ? index + 3 : index + 2
    }

    private mutating func comment() throws -> Token? {
        for index in position..<source.count {
            guard let end = endOfTag("#}", at: index) else { continue }
            line += newlines(position..<end)
            move(to: end)
            state = .root
            return nil
        }
        throw TemplateError.syntax("Missing end of comment tag", line: line)
    }

    private mutating func raw() throws -> Token? {
        for index in position..<source.count where stands("{%", at: index) {
            var word = index + 2
            var sign: Unicode.Scalar?
            if let scalar = at(word), scalar == "-" || scalar == "+" { (sign, word) = (scalar, word + 1) }
            word = skippingSpace(word)
            guard stands("endraw", at: word), let end = endOfTag("%}", at: skippingSpace(word + 6)) else { continue }
            let text = strip(position..<index, sign: sign, isVariable: false)
            let data = Token(kind: .data, line: line, text: Text(text))
            line += newlines(text.startIndex..<text.endIndex) + newlinesStripped + newlines(index..<end)
            newlinesStripped = 0
            move(to: end)
            state = .root
            return text.isEmpty ? nil : data
        }
        throw TemplateError.syntax("Missing end of raw directive", line: line)
    }

    /// A token within a tag; nil after space.
    private mutating func expression() throws -> Token? {
        if brackets.isEmpty, let end = state == .block ? endOfTag("%}", at: position) : endOfVariable() {
            let token = Token(kind: state == .block ? .blockEnd : .variableEnd, line: line)
            line += newlines(position..<end)
            move(to: end)
            state = .root
            return token
        }
        let scalar = source[position]
        if scalar.isSpace {
            let end = skippingSpace(position)
            line += newlines(position..<end)
            move(to: end)
            return nil
        }
        if let end = endOfFloat() { return take(.float, to: end) }
        if let end = endOfInteger() { return take(.integer, to: end) }
        if scalar.isWord { return try name() }
        if scalar == "'" || scalar == "\"", let end = endOfString(scalar) { return try string(to: end) }
        return try symbol()
    }

    private func endOfVariable() -> Int? {
        if stands("-}}", at: position) { return skippingSpace(position + 3) }
        return stands("}}", at: position) ? position + 2 : nil
    }

    private mutating func take(_ kind: Token.Kind, to end: Int) -> Token {
        let token = Token(kind: kind, line: line, text: Text(source[position..<end]))
        line += newlines(position..<end)
        move(to: end)
        return token
    }

    /// Where digits end, each of which may have an underscore before it.
    private func endOfDigits(_ index: Int, _ isDigit: (Unicode.Scalar) -> Bool) -> Int {
        var index = index
        while true {
            if let scalar = at(index), isDigit(scalar) {
                index += 1
            } else if at(index) == "_", let scalar = at(index + 1), isDigit(scalar) {
                index += 2
            } else {
                return index
            }
        }
    }

    private func endOfFloat() -> Int? {
        guard source[position].isDigit, position == 0 || source[position - 1] != "." else { return nil }
        var end = endOfDigits(position, \.isDigit)
        var isFloat = false
        if at(end) == ".", let digit = at(end + 1), digit.isDigit {
            end = endOfDigits(end + 1, \.isDigit)
            isFloat = true
        }
        if at(end) == "e" || at(end) == "E" {
            let sign = at(end + 1) == "+" || at(end + 1) == "-" ? 1 : 0
            if let digit = at(end + 1 + sign), digit.isDigit {
                return endOfDigits(end + 1 + sign, \.isDigit)
            }
        }
        return isFloat ? end : nil
    }

    private func endOfInteger() -> Int? {
        guard source[position].isDigit else { return nil }
        guard source[position] == "0" else { return endOfDigits(position, \.isDigit) }
        let isDigit: ((Unicode.Scalar) -> Bool)? =
            switch at(position + 1) {
            case "b", "B": { $0 == "0" || $0 == "1" }
            case "o", "O": { "0"..."7" ~= $0 }
            case "x", "X": { $0.hexDigit != nil }
            default: nil
            }
        if let isDigit {
            let end = endOfDigits(position + 2, isDigit)
            if end > position + 2 { return end }
        }
        return endOfDigits(position + 1) { $0 == "0" }
    }

    private mutating func name() throws -> Token {
        var end = position
        while end < source.count, source[end].isWord { end += 1 }
        let first = source[position]
        guard first == "_" || first.properties.isXIDStart else {
            throw TemplateError.syntax("Invalid character in identifier", line: line)
        }
        return take(.name, to: end)
    }

    private func endOfString(_ quote: Unicode.Scalar) -> Int? {
        var index = position + 1
        while index < source.count {
            if source[index] == quote { return index + 1 }
            index += source[index] == "\\" ? 2 : 1
        }
        return nil
    }

    private mutating func string(to end: Int) throws -> Token {
        let text = try StringEscapes.decoded(source[(position + 1)..<(end - 1)], line: line)
        let token = Token(kind: .string, line: line, text: text)
        line += newlines(position..<end)
        move(to: end)
        return token
    }

    private static let symbols = [
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
        ".",
        ":", "|", ",", ";",
    ]

    private mutating func symbol() throws -> Token {
        guard let symbol = Self.symbols.first(where: { stands($0, at: position) }) else {
            let character = Text(source[position..<(position + 1)]).represented
            throw TemplateError.syntax("unexpected char \(character) at \(position)", line: line)
        }
        switch symbol {
        case "{": brackets.append("}")
        case "(": brackets.append(")")
        case "[": brackets.append("]")
        case "}", ")", "]":
            guard let expected = brackets.popLast() else {
                throw TemplateError.syntax("unexpected '\(symbol)'", line: line)
            }
            guard symbol.unicodeScalars.first == expected else {
                throw TemplateError.syntax("unexpected '\(symbol)', expected '\(expected)'", line: line)
            }
        default: break
        }
        return take(.symbol(symbol), to: position + symbol.utf8.count)
    }
}
