import Patterns

/// A place in the original text, as byte offsets.
struct SourceSpan: Equatable, Sendable {
    var start: Int32
    var end: Int32
}

/// Normalized text that knows where each of its bytes came from.
///
/// The reference's NormalizedString: every byte of a scalar carries the span of the original text that the scalar
/// stands for; inserted scalars share the span of a neighbour, so offsets of tokens always point into what the caller
/// gave.
struct NormalizedText: Sendable {
    /// The text after all changes so far, UTF-8.
    var bytes: [UInt8]
    /// The span of every byte; empty while the text is a piece of the original, byte by byte.
    var spans: [SourceSpan]
    /// Where the piece begins in the original while `spans` is empty.
    var base: Int

    /// The original text itself, or the piece of it that begins at `base`.
    init(original bytes: [UInt8], base: Int = 0) {
        self.bytes = bytes
        self.spans = []
        self.base = base
    }

    /// An empty text with room for `capacity` bytes that will carry spans.
    init(capacity: Int) {
        bytes = []
        spans = []
        base = 0
        bytes.reserveCapacity(capacity)
        spans.reserveCapacity(capacity)
    }

    /// Whether each byte stands for itself in the original.
    var isIdentity: Bool { spans.isEmpty }

    /// The range of the original that `range` of the text came from.
    @inline(__always)
    func original(of range: Range<Int>) -> Range<Int> {
        guard !spans.isEmpty else { return base + start(range.lowerBound)..<base + end(range.upperBound) }
        guard range.lowerBound < range.upperBound, range.upperBound <= spans.count else { return 0..<0 }
        let start = Int(spans[range.lowerBound].start)
        return start..<max(start, Int(spans[range.upperBound - 1].end))
    }

    /// Where the scalar begins that the byte at `index` belongs to: a token may be a byte within one.
    @inline(__always)
    private func start(_ index: Int) -> Int {
        var index = index
        while index > 0, index < bytes.count, bytes[index] & 0xC0 == 0x80 { index -= 1 }
        return index
    }

    /// Where the scalar ends whose bytes are cut at `index`.
    @inline(__always)
    private func end(_ index: Int) -> Int {
        var index = index
        while index < bytes.count, bytes[index] & 0xC0 == 0x80 { index += 1 }
        return index
    }

    /// The span of the scalar of `length` bytes at `index`.
    @inline(__always)
    func span(at index: Int, length: Int) -> SourceSpan {
        guard spans.isEmpty else { return spans[index] }
        return SourceSpan(
            start: Int32(truncatingIfNeeded: base + index), end: Int32(truncatingIfNeeded: base + index + length))
    }

    /// Appends a scalar that stands for `span`.
    @inline(__always)
    mutating func append(_ scalar: UInt32, span: SourceSpan) {
        let before = bytes.count
        bytes.append(scalar: scalar)
        for _ in before..<bytes.count { spans.append(span) }
    }

    /// Appends `range` of another text, whose bytes keep their spans.
    mutating func append(_ range: Range<Int>, of other: NormalizedText) {
        bytes.append(contentsOf: other.bytes[range])
        guard other.spans.isEmpty else {
            spans.append(contentsOf: other.spans[range])
            return
        }
        var index = range.lowerBound
        while index < range.upperBound {
            let length = other.bytes.scalar(at: index).length
            let span = other.span(at: index, length: length)
            for _ in 0..<length { spans.append(span) }
            index += length
        }
    }

    /// `range` of the text as a text of its own.
    func slice(_ range: Range<Int>) -> NormalizedText {
        if range == 0..<bytes.count { return self }
        var piece = NormalizedText(original: Array(bytes[range]), base: base + range.lowerBound)
        if !spans.isEmpty { piece.spans = Array(spans[range]) }
        return piece
    }

    /// The same text with its spans written out.
    func withSpans() -> NormalizedText {
        guard spans.isEmpty, !bytes.isEmpty else { return self }
        var result = NormalizedText(capacity: bytes.count)
        result.append(0..<bytes.count, of: self)
        return result
    }

    /// Replaces every scalar by what `emit` is called with, all of it standing for that scalar.
    @inline(__always)
    mutating func mapScalars(_ transform: (_ scalar: UInt32, _ emit: (UInt32) -> Void) -> Void) {
        var result = NormalizedText(capacity: bytes.count + 8)
        var index = 0
        while index < bytes.count {
            let (scalar, length) = bytes.scalar(at: index)
            let span = span(at: index, length: length)
            transform(scalar) { result.append($0, span: span) }
            index += length
        }
        self = result
    }

    /// Rewrites the text as a sequence of pieces; see `Decomposition.Piece`.
    mutating func rewrite(_ pieces: [Decomposition.Piece]) {
        var result = NormalizedText(capacity: bytes.count + 8)
        var index = 0
        var last = SourceSpan(start: 0, end: 0)
        for piece in pieces {
            guard piece.change <= 0 else {
                result.append(piece.scalar, span: last)
                continue
            }
            // The reference moves on by whole scalars of the input, in the order in which they stand there.
            var span = last
            var isFirst = true
            for _ in 0...(-piece.change) where index < bytes.count {
                let length = bytes.scalar(at: index).length
                last = self.span(at: index, length: length)
                if isFirst { span = last }
                isFirst = false
                index += length
            }
            result.append(piece.scalar, span: span)
        }
        self = result
    }
}
