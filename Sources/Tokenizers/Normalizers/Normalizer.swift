import Patterns

/// What is done to a text before it is cut: one case per type of the section "normalizer" of tokenizer.json.
indirect enum Normalizer: Sendable {
    case bert(BertNormalizer)
    case lowercase
    case nfc, nfd, nfkc, nfkd
    case stripAccents
    case strip(left: Bool, right: Bool)
    case replace(SplitPattern, with: [UInt32])
    case prepend([UInt32])
    case byteLevel
    case nmt
    case precompiled(Precompiled)
    case sequence([Normalizer])

    /// Normalizes `text` in place.
    ///
    /// - Throws: `TokenizerError` with the stage's path in this one where it makes too much of the text, or takes too long.
    func normalize(_ text: inout NormalizedText, _ journey: Journey) throws {
        if text.bytes.isEmpty { return }
        if case .sequence(let normalizers) = self {
            for (place, normalizer) in normalizers.enumerated() {
                try TokenizerError.placing(".normalizers[\(place)]") { try normalizer.normalize(&text, journey) }
            }
            return
        }
        try journey.beginStage(text.bytes.count)
        try apply(to: &text, journey)
        try journey.check(text.bytes.count)
    }

    private func apply(to text: inout NormalizedText, _ journey: Journey) throws {
        switch self {
        case .bert(let normalizer): normalizer.normalize(&text)
        case .lowercase: Self.lowercase(&text)
        case .nfd: Self.rewrite(&text) { Decomposition.shared.decompose($0, compatibility: false) }
        case .nfkd: Self.rewrite(&text) { Decomposition.shared.decompose($0, compatibility: true) }
        case .nfc: Self.rewrite(&text) { Decomposition.shared.compose($0, compatibility: false) }
        case .nfkc: Self.rewrite(&text) { Decomposition.shared.compose($0, compatibility: true) }
        case .stripAccents:
            if text.bytes.isASCII(in: text.bytes.indices) { return }
            text.mapScalars { scalar, emit in if !ScalarClass.isMark9(scalar) { emit(scalar) } }
        case .strip(let left, let right): Self.strip(&text, left: left, right: right)
        case .replace(let pattern, let content): try Self.replace(&text, pattern, with: content, journey)
        case .prepend(let content): Self.prepend(&text, content)
        case .byteLevel: ByteLevel.map(&text)
        case .nmt: Nmt.normalize(&text)
        case .precompiled(let map): map.normalize(&text)
        case .sequence: break
        }
    }

    private static func rewrite(_ text: inout NormalizedText, _ pieces: ([UInt8]) -> [Decomposition.Piece]) {
        if text.bytes.isASCII(in: text.bytes.indices) { return }
        text.rewrite(pieces(text.bytes))
    }

    static func lowercase(_ text: inout NormalizedText) {
        if text.bytes.isASCII(in: text.bytes.indices) {
            for index in text.bytes.indices where text.bytes[index] &- 0x41 < 26 { text.bytes[index] |= 0x20 }
            return
        }
        text.mapScalars { scalar, emit in
            if scalar < 0x80 {
                emit(scalar &- 0x41 < 26 ? scalar | 0x20 : scalar)
            } else if let properties = Unicode.Scalar(scalar)?.properties {
                for lower in properties.lowercaseMapping.unicodeScalars { emit(lower.value) }
            }
        }
    }

    private static func strip(_ text: inout NormalizedText, left: Bool, right: Bool) {
        let bytes = text.bytes
        var start = 0
        var end = bytes.count
        while left, start < end {
            let (scalar, length) = bytes.scalar(at: start)
            guard ScalarClass.isWhitespace(scalar) else { break }
            start += length
        }
        while right, end > start {
            let previous = bytes.scalarStart(before: end)
            guard ScalarClass.isWhitespace(bytes.scalar(at: previous).value) else { break }
            end = previous
        }
        if start > 0 || end < bytes.count { text = text.slice(start..<end) }
    }

    private static func replace(
        _ text: inout NormalizedText, _ pattern: SplitPattern, with content: [UInt32], _ journey: Journey
    ) throws {
        let parts = try pattern.matches(in: text.bytes, range: text.bytes.indices, journey)
        guard parts.contains(where: \.isMatch) else { return }
        var result = NormalizedText(capacity: text.bytes.count + 8)
        for part in parts {
            guard part.isMatch else {
                result.append(part.range, of: text)
                continue
            }
            // What replaces a match stands for the last scalar of it; what replaces nothing, for the scalar before.
            let origin = text.span(at: 0, length: 0).start
            var span = SourceSpan(start: origin, end: origin)
            if !part.range.isEmpty {
                let last = text.bytes.scalarStart(before: part.range.upperBound)
                span = text.span(at: last, length: part.range.upperBound - last)
            } else if let previous = result.spans.last {
                span = previous
            }
            for scalar in content { result.append(scalar, span: span) }
            try journey.check(result.bytes.count)
        }
        text = result
    }

    static func prepend(_ text: inout NormalizedText, _ content: [UInt32]) {
        guard !text.bytes.isEmpty else { return }
        let length = text.bytes.scalar(at: 0).length
        let first = text.span(at: 0, length: length)
        var result = NormalizedText(capacity: text.bytes.count + content.count)
        for scalar in content { result.append(scalar, span: first) }
        result.append(0..<text.bytes.count, of: text)
        text = result
    }
}
