import Formats
import Patterns

/// Byte-pair encoding: a split's symbols are merged pair by pair, the pair of the lowest rank first, the leftmost of
/// equals.
struct BPE: Sendable {
    /// The options of the section "model".
    struct Options: Sendable {
        var unknownToken: String?
        var continuingSubwordPrefix: [UInt8] = []
        var endOfWordSuffix: [UInt8] = []
        var fuseUnknown = false
        var byteFallback = false
        var ignoreMerges = false
    }

    let vocabulary: Vocabulary
    private let options: Options
    let merges: PairTable
    private let unknown: Int32?
    /// The tokens `<0x00>` to `<0xFF>`, with byte fallback.
    private let byteTokens: [Int32?]

    init(vocabulary: Vocabulary, merges: PairTable, options: Options) throws {
        self.vocabulary = vocabulary
        self.merges = merges
        self.options = options
        unknown = options.unknownToken.flatMap { vocabulary.id(Array($0.utf8)) }.map { Int32(truncatingIfNeeded: $0) }
        byteTokens = ByteFallback.names.map { vocabulary.id($0).map { Int32(truncatingIfNeeded: $0) } }
    }

    /// Appends the tokens of `range` of `bytes`.
    func tokenize(_ bytes: [UInt8], _ range: Range<Int>, scratch: Scratch, into tokens: inout [ModelToken]) throws {
        if options.ignoreMerges, let id = vocabulary.ids.value(bytes, range) {
            tokens.append(ModelToken(id: Int(id), range: range))
            return
        }
        if scratch.words.append(bytes, range, to: &tokens) { return }
        let before = tokens.count
        try symbols(bytes, range, &scratch.symbols, scratch.journey)
        try merge(&scratch.symbols, heap: &scratch.heap, scratch.journey)
        var start = range.lowerBound
        for symbol in scratch.symbols where symbol.length > 0 {
            // A prefix or suffix that is written in byte tokens stands nowhere in the text.
            let end = min(start + Int(symbol.length), range.upperBound)
            tokens.append(ModelToken(id: Int(symbol.id), range: start..<end))
            start = end
        }
        scratch.words.insert(bytes, range, tokens[before...])
    }

    /// Begins with one symbol for each scalar.
    private func symbols(
        _ bytes: [UInt8], _ range: Range<Int>, _ symbols: inout [Symbol], _ journey: Journey
    ) throws {
        symbols.removeAll(keepingCapacity: true)
        var pending: (id: Int32, length: Int32)?
        var index = range.lowerBound
        while index < range.upperBound {
            let length = bytes.scalar(at: index).length
            let start = index
            index += length
            let isFirst = start == range.lowerBound
            let isLast = index >= range.upperBound
            if let id = lookup(bytes, start..<index, isFirst: isFirst, isLast: isLast) {
                if let unknown = pending { Self.add(unknown.id, unknown.length, to: &symbols) }
                pending = nil
                Self.add(id, Int32(length), to: &symbols)
                continue
            }
            if options.byteFallback, appendBytes(bytes, start..<index, isFirst: isFirst, isLast: isLast, to: &symbols) {
                try journey.check(symbols.count)
                continue
            }
            guard let name = options.unknownToken else { continue }
            guard let unknown else {
                throw TokenizerError("the unknown token '\(FormatError.shown(name))' is not in the vocabulary")
            }
            if let before = pending, !options.fuseUnknown {
                Self.add(before.id, before.length, to: &symbols)
                pending = nil
            }
            pending = (unknown, (pending?.length ?? 0) + Int32(length))
        }
        if let unknown = pending { Self.add(unknown.id, unknown.length, to: &symbols) }
    }

    @inline(__always)
    private func lookup(_ bytes: [UInt8], _ range: Range<Int>, isFirst: Bool, isLast: Bool) -> Int32? {
        if options.continuingSubwordPrefix.isEmpty && options.endOfWordSuffix.isEmpty {
            return vocabulary.ids.value(bytes, range)
        }
        let name = dressed(bytes, range, isFirst: isFirst, isLast: isLast)
        return vocabulary.ids.value(name, name.indices)
    }

    private func dressed(_ bytes: [UInt8], _ range: Range<Int>, isFirst: Bool, isLast: Bool) -> [UInt8] {
        (isFirst ? [] : options.continuingSubwordPrefix) + bytes[range] + (isLast ? options.endOfWordSuffix : [])
    }

    private func appendBytes(
        _ bytes: [UInt8], _ range: Range<Int>, isFirst: Bool, isLast: Bool, to symbols: inout [Symbol]
    ) -> Bool {
        let ids = dressed(bytes, range, isFirst: isFirst, isLast: isLast).map { byteTokens[Int($0)] }
        guard !ids.contains(nil) else { return false }
        for case let id? in ids { Self.add(id, 1, to: &symbols) }
        return true
    }

    @inline(__always)
    private static func add(_ id: Int32, _ length: Int32, to symbols: inout [Symbol]) {
        let place = Int32(truncatingIfNeeded: symbols.count)
        if place > 0 { symbols[symbols.count - 1].next = place }
        symbols.append(Symbol(id: id, length: length, previous: place - 1, next: -1))
    }

    private func merge(_ symbols: inout [Symbol], heap: inout MergeHeap, _ journey: Journey) throws {
        guard symbols.count > 1 else { return }
        heap.removeAll()
        for index in 0..<symbols.count - 1 {
            push(symbols, index, &heap)
        }
        var pops = 0
        while let candidate = heap.popMin() {
            pops += 1
            if pops & 0xFFFF == 0 { try journey.spend(0x10000) }
            let place = Int(candidate.place)
            let left = symbols[place]
            guard left.length > 0, left.next >= 0 else { continue }
            let next = Int(left.next)
            let right = symbols[next]
            // The pair may have changed since the candidate was made.
            guard let merge = merges[left.id, right.id], merge.id == candidate.id else { continue }
            symbols[place].id = merge.id
            symbols[place].length += right.length
            symbols[place].next = right.next
            symbols[next].length = 0
            if right.next >= 0 { symbols[Int(right.next)].previous = candidate.place }
            if left.previous >= 0 { push(symbols, Int(left.previous), &heap) }
            push(symbols, place, &heap)
        }
    }

    @inline(__always)
    private func push(_ symbols: [Symbol], _ place: Int, _ heap: inout MergeHeap) {
        let next = symbols[place].next
        guard next >= 0, let merge = merges[symbols[place].id, symbols[Int(next)].id] else { return }
        heap.push(MergeCandidate(rank: merge.rank, place: Int32(truncatingIfNeeded: place), id: merge.id))
    }
}
