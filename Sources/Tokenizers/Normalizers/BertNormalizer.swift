import Patterns

/// BERT's normalizer: cleaning, spaces around Chinese characters, accents, case, in this order.
struct BertNormalizer: Sendable {
    /// Whether controls are dropped and every whitespace becomes a space.
    var cleanText = true
    /// Whether Chinese characters are set apart by spaces.
    var handleChineseChars = true
    /// Whether accents are stripped; follows `lowercase` where it is not said.
    var stripAccents: Bool?
    /// Whether letters are lower-cased.
    var lowercase = true

    func normalize(_ text: inout NormalizedText) {
        if text.bytes.isASCII(in: text.bytes.indices) {
            normalizeASCII(&text)
            return
        }
        if cleanText || handleChineseChars {
            text.mapScalars { scalar, emit in
                if cleanText {
                    if ScalarClass.isBertControl(scalar) || scalar == 0xFFFD { return }
                    if ScalarClass.isWhitespace(scalar) { return emit(0x20) }
                }
                if handleChineseChars, ScalarClass.isChinese(scalar) {
                    emit(0x20)
                    emit(scalar)
                    emit(0x20)
                } else {
                    emit(scalar)
                }
            }
        }
        if stripAccents ?? lowercase {
            var pieces = Decomposition.shared.decompose(text.bytes, compatibility: false)
            text.rewrite(pieces)
            pieces.removeAll()
            text.mapScalars { scalar, emit in if !ScalarClass.isNonspacingMark(scalar) { emit(scalar) } }
        }
        if lowercase { Normalizer.lowercase(&text) }
    }

    /// The same for text without accents and Chinese characters, in one pass.
    private func normalizeASCII(_ text: inout NormalizedText) {
        if cleanText {
            let bytes = text.bytes
            if bytes.contains(where: { ScalarClass.isBertControl(UInt32($0)) }) {
                text = text.withSpans()
                var kept = 0
                for index in bytes.indices where !ScalarClass.isBertControl(UInt32(bytes[index])) {
                    text.bytes[kept] = bytes[index]
                    text.spans[kept] = text.spans[index]
                    kept += 1
                }
                text.bytes.removeLast(bytes.count - kept)
                text.spans.removeLast(bytes.count - kept)
            }
            // What is left below the space is whitespace.
            for index in text.bytes.indices where text.bytes[index] < 0x20 { text.bytes[index] = 0x20 }
        }
        if lowercase { Normalizer.lowercase(&text) }
    }
}
