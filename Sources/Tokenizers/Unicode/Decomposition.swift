import Patterns

/// Canonical and compatibility decomposition and composition of scalars (UAX #15), as of Unicode 9 like the
/// reference's.
///
/// Each scalar that comes out carries the change that says how the text moved on: 0 takes the next scalar of the input,
/// 1 is a further scalar out of the one before, −n takes the next and drops n more that were composed into it.
struct Decomposition: Sendable {
    /// A scalar of the result and how the input moved on for it.
    struct Piece: Equatable {
        var scalar: UInt32
        var change: Int
    }

    static let shared = Decomposition()

    private let canonical: [UInt32: [UInt32]]
    private let compatible: [UInt32: [UInt32]]
    private let compositions: [UInt64: UInt32]

    private init() {
        let canonical = Self.parse(Self.canonicalTable)
        let excluded = Self.parse(Self.exclusionTable)
        var whole: [[UInt32]: UInt32] = [:]
        for (scalar, parts) in canonical where parts.count > 1 && excluded[scalar] == nil {
            whole[parts] = scalar
        }
        var compositions: [UInt64: UInt32] = [:]
        for (parts, scalar) in whole {
            guard let last = parts.last else { continue }
            let head = parts.count == 2 ? parts.first : whole[Array(parts.dropLast())]
            if let head { compositions[Self.key(head, last)] = scalar }
        }
        self.canonical = canonical
        self.compatible = Self.parse(Self.compatibilityTable)
        self.compositions = compositions
    }

    /// Reads a table: `first=seq,seq,...` gives successive scalars their replacement (hexadecimal, joined by dots),
    /// `first+count=target` gives `count` successive scalars one successive scalar each.
    private static func parse(_ table: String) -> [UInt32: [UInt32]] {
        var result: [UInt32: [UInt32]] = [:]
        for record in table.split(separator: " ") {
            let sides = record.split(separator: "=")
            guard sides.count == 2 else { continue }
            let head = sides[0].split(separator: "+")
            guard let first = head.first.flatMap({ UInt32($0, radix: 16) }) else { continue }
            if head.count == 2, let count = UInt32(head[1], radix: 16), let target = UInt32(sides[1], radix: 16) {
                for offset in 0..<count { result[first + offset] = [target + offset] }
                continue
            }
            for (offset, sequence) in sides[1].split(separator: ",").enumerated() {
                result[first + UInt32(offset)] = sequence.split(separator: ".").compactMap { UInt32($0, radix: 16) }
            }
        }
        return result
    }

    private static func key(_ first: UInt32, _ second: UInt32) -> UInt64 { UInt64(first) << 32 | UInt64(second) }

    /// The decomposed scalars of `bytes`, marks in canonical order.
    func decompose(_ bytes: [UInt8], compatibility: Bool) -> [Piece] {
        var result: [Piece] = []
        result.reserveCapacity(bytes.count)
        var pending: [(combining: UInt8, piece: Piece)] = []
        func flush() {
            if pending.count > 1 { Self.sortStably(&pending) }
            for mark in pending { result.append(mark.piece) }
            pending.removeAll(keepingCapacity: true)
        }
        func emit(_ scalar: UInt32, _ change: Int) {
            let combining = ScalarClass.combiningClass(scalar)
            if combining == 0 {
                flush()
                result.append(Piece(scalar: scalar, change: change))
            } else {
                pending.append((combining, Piece(scalar: scalar, change: change)))
            }
        }
        var index = 0
        while index < bytes.count {
            let (scalar, length) = bytes.scalar(at: index)
            index += length
            if scalar >= 0xAC00 && scalar <= 0xD7A3 {
                let syllable = scalar - 0xAC00
                emit(0x1100 + syllable / 588, 0)
                emit(0x1161 + syllable % 588 / 28, 1)
                if syllable % 28 != 0 { emit(0x11A7 + syllable % 28, 1) }
            } else if scalar >= 0xA0,
                let parts = compatibility ? compatible[scalar] ?? canonical[scalar] : canonical[scalar]
            {
                for (place, part) in parts.enumerated() { emit(part, place == 0 ? 0 : 1) }
            } else {
                emit(scalar, 0)
            }
        }
        flush()
        return result
    }

    /// Sorts marks by class, equal ones in the order of the text.
    private static func sortStably(_ marks: inout [(combining: UInt8, piece: Piece)]) {
        // `sorted` is stable in practice, not by contract, so the place takes part.
        marks = marks.enumerated()
            .sorted { ($0.element.combining, $0.offset) < ($1.element.combining, $1.offset) }
            .map(\.element)
    }

    /// The composed scalars of `bytes`.
    func compose(_ bytes: [UInt8], compatibility: Bool) -> [Piece] {
        let pieces = decompose(bytes, compatibility: compatibility)
        var result: [Piece] = []
        result.reserveCapacity(pieces.count)
        var starter: Int?
        var lastClass: UInt8?
        for piece in pieces {
            let combining = ScalarClass.combiningClass(piece.scalar)
            if let place = starter {
                // Blocked by a mark of the same or a higher class, or, for a starter, by any mark.
                let blocked = lastClass.map { $0 >= combining } ?? false
                if !blocked, let whole = composition(result[place].scalar, piece.scalar) {
                    result[place].scalar = whole
                    result[place].change += piece.change - 1
                    continue
                }
            }
            result.append(piece)
            if combining == 0 {
                starter = result.count - 1
                lastClass = nil
            } else if starter != nil {
                lastClass = combining
            }
        }
        return result
    }

    private func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if first >= 0x1100 && first < 0x1113 && second >= 0x1161 && second < 0x1176 {
            return 0xAC00 + ((first - 0x1100) * 21 + (second - 0x1161)) * 28
        }
        if first >= 0xAC00 && first <= 0xD7A3 && (first - 0xAC00) % 28 == 0 && second > 0x11A7 && second < 0x11C3 {
            return first + second - 0x11A7
        }
        return compositions[Self.key(first, second)]
    }
}
