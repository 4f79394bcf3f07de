import Patterns

/// A decoder of `Decoder` at work on tokens that come one by one.
struct StreamingDecoder: Sendable {
    /// How a decoder's result hangs together with what comes later.
    private enum Way: Sendable {
        /// Each token by itself; the first may differ.
        case each(Decoder)
        /// A run of tokens that stand for bytes is one piece of work.
        case byteFallback
        /// Byte-level tokens are one text, of which incomplete characters wait.
        case byteLevel
        /// All tokens become one.
        case fuse
        /// The last token differs.
        case last(Decoder)
        /// A token that is equal to the one before is dropped.
        case distinct(CTC)
        /// Takes characters off both ends of the one token that all became.
        case stripWhole(content: [UInt8], start: Int, stop: Int)
        /// Replaces a string in the one token that all became.
        case replaceWhole(StreamingReplace)
        /// Whatever needs to see everything first.
        case all(Decoder)
    }

    private var way: Way
    private var count = 0
    private var held: [[UInt8]] = []
    /// What is still to be taken off at the beginning, and how many characters at the end may be taken off.
    private var leading = 0
    private var trailing = 0

    private init(_ way: Way) {
        self.way = way
        if case .stripWhole(_, let start, _) = way { leading = start }
    }

    /// The decoders that a decoder is made of, in order.
    static func stages(of decoder: Decoder) -> [StreamingDecoder] {
        var isWhole = false
        return flat(decoder).map { StreamingDecoder(way(of: $0, &isWhole)) }
    }

    private static func flat(_ decoder: Decoder) -> [Decoder] {
        if case .sequence(let decoders) = decoder { decoders.flatMap(flat) } else { [decoder] }
    }

    /// The way of a decoder; `isWhole` says whether what came before made one token of all.
    private static func way(of decoder: Decoder, _ isWhole: inout Bool) -> Way {
        if isWhole {
            switch decoder {
            case .fuse: return .fuse
            case .strip(let content, let start, let stop):
                var bytes: [UInt8] = []
                bytes.append(scalar: content)
                return .stripWhole(content: bytes, start: start, stop: stop)
            case .replace(.literal(let literal), let content) where !literal.bytes.isEmpty:
                return .replaceWhole(StreamingReplace(literal, by: content))
            default: return .all(decoder)
            }
        }
        switch decoder {
        case .wordPiece, .strip, .replace, .metaspace: return .each(decoder)
        case .byteFallback: return .byteFallback
        case .byteLevel:
            isWhole = true
            return .byteLevel
        case .fuse:
            isWhole = true
            return .fuse
        case .bpe: return .last(decoder)
        case .ctc(let ctc): return .distinct(ctc)
        case .sequence: return .all(decoder)
        }
    }

    /// Takes tokens, and gives those that are certain.
    mutating func push(_ tokens: [[UInt8]], _ journey: Journey) throws -> [[UInt8]] {
        switch way {
        case .each(let decoder):
            return try tokens.flatMap { token in
                defer { count += 1 }
                // Behind a first token, which is dropped again, it is not the first.
                if count == 0 { return try decoder.decode([token], journey) }
                return Array(try decoder.decode([[], token], journey).dropFirst())
            }
        case .byteFallback:
            var result: [[UInt8]] = []
            for token in tokens {
                if ByteFallback.byte(token) == nil {
                    result += try release(.byteFallback, journey)
                    result.append(token)
                } else {
                    held.append(token)
                }
            }
            return result
        case .byteLevel:
            let bytes = held.joined() + tokens.flatMap(ByteLevel.unmap)
            let end = bytes.count - TokenStream.incomplete(Array(bytes))
            held = [Array(bytes[end...])]
            return [Array(String(decoding: bytes[..<end], as: UTF8.self).utf8)]
        case .fuse: return tokens
        case .last(let decoder):
            held += tokens
            guard let last = held.popLast() else { return [] }
            // Before another token none of them is the last.
            let result = Array(try decoder.decode(held + [[]], journey).dropLast())
            held = [last]
            return result
        case .distinct(let ctc):
            return tokens.compactMap { token in
                defer { held = [token] }
                return held.first == token ? nil : ctc.decode(token)
            }
        case .stripWhole(let content, _, let stop):
            return [tokens.reduce(into: []) { $0 += strip($1, content, stop) }]
        case .replaceWhole(var replace):
            let result = tokens.map { replace.push($0) }
            way = .replaceWhole(replace)
            return result
        case .all:
            held += tokens
            return []
        }
    }

    /// Gives what was held back.
    mutating func end(_ journey: Journey) throws -> [[UInt8]] {
        switch way {
        case .each, .fuse, .distinct: return []
        case .byteFallback: return try release(.byteFallback, journey)
        case .byteLevel: return [Array(String(decoding: held.joined(), as: UTF8.self).utf8)]
        case .last(let decoder): return try release(decoder, journey)
        case .stripWhole(let content, _, let stop):
            return [Array(repeatElement(content, count: max(0, trailing - stop)).joined())]
        case .replaceWhole(var replace): return [replace.end()]
        case .all(let decoder):
            guard !held.isEmpty else { return [] }
            let whole = [Array(held.joined())]
            held = []
            return try decoder.decode(whole, journey)
        }
    }

    private mutating func release(_ decoder: Decoder, _ journey: Journey) throws -> [[UInt8]] {
        guard !held.isEmpty else { return [] }
        defer { held = [] }
        return try decoder.decode(held, journey)
    }

    /// A piece without what is taken off at the beginning; of the characters that may be taken off at the end, those wait that
    /// would be.
    private mutating func strip(_ piece: [UInt8], _ content: [UInt8], _ stop: Int) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < piece.count {
            let length = min(piece.scalar(at: index).length, piece.count - index)
            let isContent = piece[index..<index + length].elementsEqual(content)
            if leading > 0, isContent {
                leading -= 1
            } else if isContent, stop > 0 {
                trailing += 1
                if trailing > stop {
                    trailing -= 1
                    result += content
                }
            } else {
                leading = 0
                for _ in 0..<trailing { result += content }
                trailing = 0
                result += piece[index..<index + length]
            }
            index += length
        }
        return result
    }
}
