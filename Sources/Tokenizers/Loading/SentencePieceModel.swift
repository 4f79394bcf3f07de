import Formats
import Memory

/// What a tokenizer.model of SentencePiece holds: its ModelProto (sentencepiece_model.proto), the parts that matter.
///
/// A reader of protocol buffers' wire format for this one message: fields that it does not know are stepped over.
struct SentencePieceModel: Sendable {
    /// What a piece is for.
    enum Kind: Int, Sendable {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    /// A token.
    struct Piece: Sendable {
        var text: [UInt8] = []
        var score = 0.0
        var kind = Kind.normal
    }

    /// How the pieces were found, and are.
    enum Algorithm: Int, Sendable {
        case unigram = 1
        case bpe, word, char
    }

    private(set) var pieces: [Piece] = []
    private(set) var algorithm = Algorithm.unigram
    private(set) var byteFallback = false
    /// The ids of the named pieces; below 0 where there is none.
    private(set) var ids: [SpecialToken: Int] = [.unk: 0, .bos: 1, .eos: 2, .pad: -1]
    /// The block of `Precompiled`; empty where nothing is normalized.
    private(set) var charsmap: [UInt8] = []
    private(set) var addDummyPrefix = true
    private(set) var removeExtraWhitespaces = true
    private(set) var escapeWhitespaces = true

    /// The model in the bytes of a file.
    ///
    /// - Throws: `TokenizerError` with `source` where they are none, `MemoryRefusal` where the memory is not there.
    init(_ bytes: [UInt8], source: String) throws {
        try TokenizerError.placing(source) {
            var message = WireReader(bytes[...])
            while let field = try message.next() {
                switch (field.number, field.value) {
                case (1, .bytes(let piece)): try read(piece: piece)
                case (2, .bytes(let spec)): try read(trainer: spec)
                case (3, .bytes(let spec)): try read(normalizer: spec)
                default: break
                }
            }
            guard !pieces.isEmpty else {
                throw TokenizerError("there is no piece in it; expected a sentencepiece model")
            }
        }
    }

    private mutating func read(piece bytes: ArraySlice<UInt8>) throws {
        var message = WireReader(bytes)
        var piece = Piece()
        while let field = try message.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let text)): piece.text = Array(text)
            case (2, .fixed32(let bits)): piece.score = Double(Float(bitPattern: bits))
            case (3, .number(let kind)):
                guard let known = Int(exactly: kind).flatMap(Kind.init(rawValue:)) else {
                    throw TokenizerError("piece \(pieces.count) is of the unknown type \(kind)")
                }
                piece.kind = known
            default: break
            }
        }
        guard Array(String(decoding: piece.text, as: UTF8.self).utf8) == piece.text else {
            throw TokenizerError("piece \(pieces.count) is not UTF-8")
        }
        guard piece.score.isFinite else { throw TokenizerError("the score of piece \(pieces.count) is \(piece.score)") }
        try MemoryBudget.reserve(piece.text.count + MemoryLayout<Piece>.stride + 32)
        pieces.append(piece)
    }

    private mutating func read(trainer bytes: ArraySlice<UInt8>) throws {
        let names: [Int: SpecialToken] = [40: .unk, 41: .bos, 42: .eos, 43: .pad]
        var message = WireReader(bytes)
        while let field = try message.next() {
            guard case .number(let number) = field.value else { continue }
            switch field.number {
            case 3:
                guard let known = Int(exactly: number).flatMap(Algorithm.init(rawValue:)) else {
                    throw TokenizerError("the model is of the unknown type \(number)")
                }
                algorithm = known
            case 35: byteFallback = number != 0
            default:
                if let name = names[field.number] { ids[name] = Int(truncatingIfNeeded: Int64(bitPattern: number)) }
            }
        }
    }

    private mutating func read(normalizer bytes: ArraySlice<UInt8>) throws {
        var message = WireReader(bytes)
        while let field = try message.next() {
            switch (field.number, field.value) {
            case (2, .bytes(let block)): charsmap = Array(block)
            case (3, .number(let flag)): addDummyPrefix = flag != 0
            case (4, .number(let flag)): removeExtraWhitespaces = flag != 0
            case (5, .number(let flag)): escapeWhitespaces = flag != 0
            default: break
            }
        }
    }
}

/// The fields of a message of protocol buffers, one after another.
private struct WireReader {
    enum Value {
        case number(UInt64)
        case fixed64
        case bytes(ArraySlice<UInt8>)
        case fixed32(UInt32)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field; nil at the end.
    mutating func next() throws -> (number: Int, value: Value)? {
        if rest.isEmpty { return nil }
        let key = try number()
        guard let field = Int(exactly: key >> 3), field > 0, field < 1 << 29 else { throw broken }
        switch key & 7 {
        case 0: return (field, .number(try number()))
        case 1:
            _ = try take(8)
            return (field, .fixed64)
        case 2: return (field, .bytes(try take(Int(exactly: try number()) ?? .max)))
        case 5: return (field, .fixed32(try take(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }))
        default: throw broken
        }
    }

    private mutating func number() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw broken }
            if shift < 64 { value |= UInt64(byte & 0x7F) << shift }
            if byte < 0x80 { return value }
        }
        throw broken
    }

    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw broken }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private var broken: TokenizerError {
        TokenizerError("the file ends within a field, or is no sentencepiece model")
    }
}
