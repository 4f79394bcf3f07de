import Patterns

/// SentencePiece's normalizer: a map from short texts to others, compiled into one block (`precompiled_charsmap`).
///
/// The block is the size of a double-array trie in bytes (32 bits, little endian), the trie (darts-clone: 32-bit units),
/// and the replacements, each ended by a zero byte. A text is replaced grapheme by grapheme as the library does
/// (normalizers/precompiled.rs, spm_precompiled): a grapheme of fewer than 6 bytes by the replacement of the shortest entry
/// that begins it, else each of its scalars by itself.
struct Precompiled: Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]

    /// Longest grapheme, in bytes, that is looked up as a whole.
    private static let maxLength = 5

    /// The map of a block.
    ///
    /// - Throws: `TokenizerError` where the block is none.
    init(charsmap block: [UInt8]) throws {
        guard block.count >= 4 else {
            throw TokenizerError("precompiled_charsmap has \(block.count) bytes, expected 4 or more")
        }
        let size = Int(Self.word(block, at: 0))
        guard size % 4 == 0, size <= block.count - 4 else {
            throw TokenizerError("precompiled_charsmap: a trie of \(size) bytes does not fit into \(block.count - 4)")
        }
        units = stride(from: 4, to: 4 + size, by: 4).map { Self.word(block, at: $0) }
        replacements = Array(block[(4 + size)...])
        guard Array(String(decoding: replacements, as: UTF8.self).utf8) == replacements else {
            throw TokenizerError("precompiled_charsmap: the replacements are not UTF-8")
        }
    }

    private static func word(_ bytes: [UInt8], at index: Int) -> UInt32 {
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1) }
    }

    func normalize(_ text: inout NormalizedText) {
        var pieces: [Decomposition.Piece] = []
        pieces.reserveCapacity(text.bytes.count)
        var isModified = false
        Self.forEachGrapheme(text.bytes) { range in
            if range.count <= Self.maxLength, let replacement = replacement(text.bytes, range) {
                isModified = true
                append(replacement, for: range, of: text.bytes, to: &pieces)
                return
            }
            var index = range.lowerBound
            while index < range.upperBound {
                let (scalar, length) = text.bytes.scalar(at: index)
                if let replacement = replacement(text.bytes, index..<index + length) {
                    isModified = true
                    append(replacement, for: index..<index + length, of: text.bytes, to: &pieces)
                } else {
                    pieces.append(Decomposition.Piece(scalar: scalar, change: 0))
                }
                index += length
            }
        }
        if isModified { text.rewrite(pieces) }
    }

    /// The scalars of a replacement: each takes a scalar of what is replaced; those beyond it stand for the last one, and what
    /// is replaced beyond them is taken in by the last of all that there is.
    private func append(
        _ replacement: Range<Int>, for range: Range<Int>, of bytes: [UInt8], to pieces: inout [Decomposition.Piece]
    ) {
        var left = bytes[range].reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
        var index = replacement.lowerBound
        while index < replacement.upperBound {
            let (scalar, length) = replacements.scalar(at: index)
            pieces.append(Decomposition.Piece(scalar: scalar, change: left > 0 ? 0 : 1))
            left -= 1
            index += length
        }
        if left > 0, !pieces.isEmpty { pieces[pieces.count - 1].change -= left }
    }

    /// Where the replacement lies of the shortest entry that begins a range, or nil.
    private func replacement(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int>? {
        guard var unit = units.first else { return nil }
        var node = Self.offset(unit)
        for index in range {
            let byte = UInt32(bytes[index])
            guard byte != 0 else { return nil }
            node ^= byte
            guard node < UInt32(units.count) else { return nil }
            unit = units[Int(node)]
            // A label with its sign bit is a value's, which is no byte's.
            guard unit & 0x8000_00FF == byte else { return nil }
            node ^= Self.offset(unit)
            guard unit >> 8 & 1 == 1 else { continue }
            guard node < UInt32(units.count) else { return nil }
            let start = Int(units[Int(node)] & 0x7FFF_FFFF)
            guard start < replacements.count, replacements[start] & 0xC0 != 0x80 else { return nil }
            return start..<(replacements[start...].firstIndex(of: 0) ?? replacements.count)
        }
        return nil
    }

    @inline(__always)
    private static func offset(_ unit: UInt32) -> UInt32 { (unit >> 10) << ((unit & 1 << 9) >> 6) }

    /// Gives the range of each extended grapheme cluster (UAX #29).
    private static func forEachGrapheme(_ bytes: [UInt8], _ body: (Range<Int>) -> Void) {
        // Between two characters of ASCII there is always a border, but within CR LF.
        func isBorder(_ index: Int) -> Bool {
            bytes[index - 1] < 0x80 && bytes[index] < 0x80 && !(bytes[index - 1] == 13 && bytes[index] == 10)
        }
        var start = 0
        while start < bytes.count {
            var end = start + 1
            while end < bytes.count, !isBorder(end) { end += 1 }
            if end == start + 1 {
                body(start..<end)
            } else {
                var index = start
                for character in String(decoding: bytes[start..<end], as: UTF8.self) {
                    let length = character.utf8.count
                    body(index..<index + length)
                    index += length
                }
            }
            start = end
        }
    }
}
