import Patterns

/// SentencePiece's way of writing spaces as a visible character at the beginning of words.
struct Metaspace: Sendable {
    /// Which pieces of a text begin with the character even where no space stands.
    enum Scheme: String, Sendable { case always, first, never }

    var replacement: UInt32
    var scheme: Scheme
    /// Whether the text is cut before each such character.
    var split: Bool

    func preTokenize(_ text: inout PreTokenizedText, _ journey: Journey) throws {
        try text.rewrite(journey) { piece in
            let isFirst = piece.original(of: piece.bytes.indices).lowerBound == 0
            piece.mapScalars { scalar, emit in emit(scalar == 0x20 ? replacement : scalar) }
            guard scheme == .always || (scheme == .first && isFirst), piece.bytes.scalar(at: 0).value != replacement
            else {
                return
            }
            Normalizer.prepend(&piece, [replacement])
        }
        guard split else { return }
        text.split { bytes, range, splits in
            var start = range.lowerBound
            var index = start
            while index < range.upperBound {
                let (scalar, length) = bytes.scalar(at: index)
                if scalar == replacement, index > start {
                    splits.append(start..<index)
                    start = index
                }
                index += length
            }
            splits.append(start..<range.upperBound)
        }
    }

    func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
        tokens.enumerated().map { index, token in
            var result: [UInt8] = []
            var position = 0
            while position < token.count {
                let (scalar, length) = token.scalar(at: position)
                if scalar != replacement {
                    result += token[position..<position + length]
                } else if index > 0 || scheme == .never {
                    result.append(0x20)
                }
                position += length
            }
            return result
        }
    }
}
