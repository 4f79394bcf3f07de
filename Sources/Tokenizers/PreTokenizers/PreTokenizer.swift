import Patterns

/// How a normalized text is cut into words: one case per type of the section "pre_tokenizer" of tokenizer.json.
indirect enum PreTokenizer: Sendable {
    case bert
    case whitespace
    case whitespaceSplit
    case metaspace(Metaspace)
    case byteLevel(addPrefixSpace: Bool, useRegex: Bool)
    case split(SplitPattern, SplitBehavior, invert: Bool)
    case punctuation(SplitBehavior)
    case digits(individually: Bool)
    case unicodeScripts
    case fixedLength(Int)
    case sequence([PreTokenizer])

    /// Cuts `text` further.
    ///
    /// - Throws: `TokenizerError` with the stage's path in this one where it makes too much of the text, or takes too long.
    func preTokenize(_ text: inout PreTokenizedText, _ journey: Journey) throws {
        if case .sequence(let preTokenizers) = self {
            for (place, preTokenizer) in preTokenizers.enumerated() {
                try TokenizerError.placing(".pretokenizers[\(place)]") { try preTokenizer.preTokenize(&text, journey) }
            }
            return
        }
        try journey.beginStage(text.text.bytes.count + text.splits.count)
        try apply(to: &text, journey)
    }

    private func apply(to text: inout PreTokenizedText, _ journey: Journey) throws {
        switch self {
        case .bert: text.split(Self.splitBert)
        case .whitespace: text.split(Self.splitWords)
        case .unicodeScripts: text.split(UnicodeScripts.split)
        case .fixedLength(let length):
            text.split { FixedLength.split($0, $1, length: length, &$2) }
        case .metaspace(let metaspace): try metaspace.preTokenize(&text, journey)
        case .whitespaceSplit:
            try Self.cut(&text, .scalars(ScalarClass.isWhitespace), .removed, journey)
        case .byteLevel(let addPrefixSpace, let useRegex):
            try Self.byteLevel(&text, addPrefixSpace: addPrefixSpace, useRegex: useRegex, journey)
        case .split(let pattern, let behavior, let invert):
            try Self.cut(&text, pattern, behavior, invert: invert, journey)
        case .punctuation(let behavior):
            try Self.cut(&text, .scalars(ScalarClass.isBertPunctuation), behavior, journey)
        case .digits(let individually):
            try Self.cut(&text, .scalars(ScalarClass.isNumeric), individually ? .isolated : .contiguous, journey)
        case .sequence: break
        }
    }

    private static func cut(
        _ text: inout PreTokenizedText, _ pattern: SplitPattern, _ behavior: SplitBehavior, invert: Bool = false,
        _ journey: Journey
    ) throws {
        try text.split { bytes, range, splits in
            var parts = try pattern.matches(in: bytes, range: range, journey)
            if invert { for index in parts.indices { parts[index].isMatch.toggle() } }
            for range in behavior.ranges(of: parts) { splits.append(range) }
        }
    }

    /// Cuts at whitespace, which is dropped, and around every punctuation mark.
    private static func splitBert(_ bytes: [UInt8], _ range: Range<Int>, _ result: inout [PreTokenizedText.Split]) {
        var start = range.lowerBound
        var index = start
        while index < range.upperBound {
            let (scalar, length) = bytes.scalar(at: index)
            let isWhitespace = ScalarClass.isWhitespace(scalar)
            if isWhitespace || ScalarClass.isBertPunctuation(scalar) {
                result.append(start..<index)
                if !isWhitespace { result.append(index..<index + length) }
                start = index + length
            }
            index += length
        }
        result.append(start..<range.upperBound)
    }

    /// The matches of `\w+|[^\w\s]+`.
    private static func splitWords(_ bytes: [UInt8], _ range: Range<Int>, _ result: inout [PreTokenizedText.Split]) {
        enum Kind { case word, space, other }
        func kind(_ scalar: UInt32) -> Kind {
            ScalarClass.isWord(scalar) ? .word : ScalarClass.isWhitespace(scalar) ? .space : .other
        }
        var start = range.lowerBound
        while start < range.upperBound {
            let first = kind(bytes.scalar(at: start).value)
            var end = start
            while end < range.upperBound {
                let (scalar, length) = bytes.scalar(at: end)
                guard kind(scalar) == first else { break }
                end += length
            }
            if first != .space { result.append(start..<end) }
            start = end
        }
    }

    private static func byteLevel(
        _ text: inout PreTokenizedText, addPrefixSpace: Bool, useRegex: Bool, _ journey: Journey
    ) throws {
        if addPrefixSpace,
            text.splits.contains(where: { $0.token == nil && text.text.bytes[$0.range.lowerBound] != 0x20 })
        {
            try text.rewrite(journey) { piece in
                if piece.bytes.first != 0x20 { Normalizer.prepend(&piece, [0x20]) }
            }
        }
        if useRegex { text.split(ByteLevel.split) }
        var result = NormalizedText(capacity: text.text.bytes.count * 2)
        for index in text.splits.indices {
            let start = result.bytes.count
            if text.splits[index].token == nil {
                ByteLevel.map(text.splits[index].range, of: text.text, to: &result)
            } else {
                result.append(text.splits[index].range, of: text.text)
            }
            text.splits[index].range = start..<result.bytes.count
            try journey.check(result.bytes.count)
        }
        text.text = result
    }
}
