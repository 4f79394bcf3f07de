/// Breaks a line of text into lines that are no longer than a width, as Python's `textwrap.wrap` does with `expand_tabs` and
/// `replace_whitespace` off.
struct TextWrapper {
    private let width: Int
    private let breaksWords: Bool
    private let breaksHyphens: Bool

    init(width: Int, breaksWords: Bool, breaksHyphens: Bool) throws {
        guard width > 0 else { throw TemplateError.value("invalid width \(width) (must be > 0)") }
        (self.width, self.breaksWords, self.breaksHyphens) = (width, breaksWords, breaksHyphens)
    }

    /// What textwrap takes for space, which is less than what `str.isspace` does.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\t", "\n", "\u{B}", "\u{C}", "\r", " ": true
        default: false
        }
    }

    func lines(_ text: Text) -> [Text] {
        var chunks = ArraySlice(chunks(text.scalars[...]))
        var lines: [Text] = []
        while !chunks.isEmpty {
            var line: [ArraySlice<Unicode.Scalar>] = []
            var length = 0
            if let first = chunks.first, !lines.isEmpty, first.allSatisfy(\.isSpace) { chunks.removeFirst() }
            while let chunk = chunks.first, length + chunk.count <= width {
                line.append(chunk)
                length += chunk.count
                chunks.removeFirst()
            }
            if let chunk = chunks.first, chunk.count > width {
                let space = width - length
                if breaksWords {
                    var end = space
                    if breaksHyphens, chunk.count > space,
                        let hyphen = chunk.prefix(space).lastIndex(of: "-"), hyphen > chunk.startIndex,
                        chunk[..<hyphen].contains(where: { $0 != "-" })
                    {
                        end = hyphen - chunk.startIndex + 1
                    }
                    if end > 0 {
                        line.append(chunk.prefix(end))
                        chunks[chunks.startIndex] = chunk.dropFirst(end)
                    } else if line.isEmpty {
                        line.append(chunk)
                        chunks.removeFirst()
                    }
                } else if line.isEmpty {
                    line.append(chunk)
                    chunks.removeFirst()
                }
            }
            if let last = line.last, last.allSatisfy(\.isSpace) { line.removeLast() }
            if !line.isEmpty { lines.append(Text(Array(line.joined()))) }
        }
        return lines
    }

    /// Space and words by turns; a word ends after a hyphen between letters where hyphens break.
    private func chunks(_ scalars: ArraySlice<Unicode.Scalar>) -> [ArraySlice<Unicode.Scalar>] {
        var chunks: [ArraySlice<Unicode.Scalar>] = []
        var rest = scalars
        while let first = rest.first {
            let isSpace = Self.isSpace(first)
            let end = rest.firstIndex { Self.isSpace($0) != isSpace } ?? rest.endIndex
            let run = rest[..<end]
            chunks += isSpace || !breaksHyphens ? [run] : parts(of: run)
            rest = rest[end...]
        }
        return chunks
    }

    private func parts(of word: ArraySlice<Unicode.Scalar>) -> [ArraySlice<Unicode.Scalar>] {
        func isLetter(_ index: Int) -> Bool {
            word.indices.contains(index) && (word[index].isAlphanumeric || word[index] == "_") && !word[index].isDecimal
        }
        var parts: [ArraySlice<Unicode.Scalar>] = []
        var start = word.startIndex
        var index = start
        while index < word.endIndex {
            // Two letters before a hyphen and one after it, as in "well-known": `[^\d\W]-(?=\w+-?…)`.
            if word[index] == "-", isLetter(index - 1), isLetter(index + 1), isLetter(index - 2), isLetter(index + 2) {
                parts.append(word[start...index])
                start = index + 1
            }
            index += 1
        }
        if start < word.endIndex { parts.append(word[start...]) }
        return parts
    }
}
