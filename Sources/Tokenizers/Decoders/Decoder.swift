import Memory
import Patterns

/// How tokens become text again: one case per type of the section "decoder" of tokenizer.json.
indirect enum Decoder: Sendable {
    case wordPiece(prefix: [UInt8], cleanup: Bool)
    case byteLevel
    case byteFallback
    case fuse
    case ctc(CTC)
    case strip(content: UInt32, start: Int, stop: Int)
    case replace(SplitPattern, with: [UInt8])
    case bpe(suffix: Literal)
    case metaspace(Metaspace)
    case sequence([Decoder])

    /// Bytes that a short token takes in a list of them: its place, and what it is allocated with.
    static let tokenSize = 8 + 64

    /// The tokens, each as the next decoder takes it; what remains at the end is joined.
    ///
    /// - Throws: `TokenizerError` with the stage's path in this one where it makes too much of the text, or takes too long.
    func decode(_ tokens: [[UInt8]], _ journey: Journey) throws -> [[UInt8]] {
        if case .sequence(let decoders) = self {
            return try decoders.enumerated().reduce(tokens) { tokens, decoder in
                try TokenizerError.placing(".decoders[\(decoder.offset)]") {
                    try decoder.element.decode(tokens, journey)
                }
            }
        }
        let bytes = tokens.reduce(tokens.count) { $0 + $1.count }
        try journey.beginStage(bytes)
        // What a stage gives stands beside what it was given.
        try MemoryBudget.reserve(tokens.count * Self.tokenSize + bytes)
        let result = try apply(to: tokens, journey)
        try journey.check(result.reduce(result.count) { $0 + $1.count })
        return result
    }

    private func apply(to tokens: [[UInt8]], _ journey: Journey) throws -> [[UInt8]] {
        switch self {
        case .wordPiece(let prefix, let cleanup): Self.wordPiece(tokens, prefix, cleanup)
        case .byteLevel: [Self.repaired(tokens.flatMap(ByteLevel.unmap))]
        case .byteFallback: Self.byteFallback(tokens)
        case .fuse: [Array(tokens.joined())]
        case .ctc(let ctc): ctc.decode(tokens)
        case .strip(let content, let start, let stop): tokens.map { Self.strip($0, content, start, stop) }
        case .replace(let pattern, let content): try Self.replace(tokens, pattern, content, journey)
        case .bpe(let suffix): Self.bpe(tokens, suffix)
        case .metaspace(let metaspace): metaspace.decode(tokens)
        case .sequence: tokens
        }
    }

    /// Valid UTF-8: every broken sequence becomes U+FFFD.
    private static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    private static func wordPiece(_ tokens: [[UInt8]], _ prefix: [UInt8], _ cleanup: Bool) -> [[UInt8]] {
        tokens.enumerated().map { index, token in
            var token = token
            if index > 0 {
                if token.starts(with: prefix) {
                    token.removeFirst(prefix.count)
                } else {
                    token.insert(0x20, at: 0)
                }
            }
            return cleanup ? CleanUp.library.apply(token) : token
        }
    }

    /// Joins runs of `<0xXX>`; a run that is not UTF-8 becomes one U+FFFD for each byte.
    private static func byteFallback(_ tokens: [[UInt8]]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var run: [UInt8] = []
        func flush() {
            if run.isEmpty { return }
            if repaired(run) == run {
                result.append(run)
            } else {
                for _ in run { result.append(Array("\u{FFFD}".utf8)) }
            }
            run = []
        }
        for token in tokens {
            if let byte = ByteFallback.byte(token) {
                run.append(byte)
            } else {
                flush()
                result.append(token)
            }
        }
        flush()
        return result
    }

    private static func strip(_ token: [UInt8], _ content: UInt32, _ start: Int, _ stop: Int) -> [UInt8] {
        var from = 0
        var to = token.count
        for _ in 0..<min(start, token.count) where from < to {
            let (scalar, length) = token.scalar(at: from)
            guard scalar == content else { break }
            from += length
        }
        for _ in 0..<min(stop, token.count) where from < to {
            let previous = token.scalarStart(before: to)
            guard token.scalar(at: previous).value == content else { break }
            to = previous
        }
        return Array(token[from..<to])
    }

    private static func replace(
        _ tokens: [[UInt8]], _ pattern: SplitPattern, _ content: [UInt8], _ journey: Journey
    ) throws -> [[UInt8]] {
        var given = 0
        return try tokens.map { token in
            var result: [UInt8] = []
            for part in try pattern.matches(in: token, range: token.indices, journey) {
                if part.isMatch { result += content } else { result += token[part.range] }
                try journey.check(given + result.count)
            }
            given += result.count
            return result
        }
    }

    private static func bpe(_ tokens: [[UInt8]], _ suffix: Literal) -> [[UInt8]] {
        tokens.enumerated().map { index, token in
            suffix.replaced(in: token, by: index == tokens.count - 1 ? [] : [0x20])
        }
    }
}
