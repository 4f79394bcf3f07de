import Formats

/// Changes of bytes that know little of what the bytes mean.
enum Bytes {
    /// A few changes.
    static func mutated(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<few(&dice) { bytes = changed(bytes, &dice) }
        return bytes
    }

    /// How many changes: one mostly, since the first mistake ends the reading of most files.
    private static func few(_ dice: inout Dice) -> Int { dice.oneIn(3) ? 2 + dice.below(3) : 1 }

    /// One change.
    static func changed(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
        guard !bytes.isEmpty else { return Array(dice.pick(Texts.words).utf8) }
        var bytes = bytes
        let place = dice.below(bytes.count)
        let end = min(bytes.count, place + 1 + dice.below(dice.pick([1, 4, 40, 400])))
        switch dice.below(11) {
        case 0: bytes[place] ^= 1 << UInt8(dice.below(8))
        case 1: bytes[place] = UInt8(truncatingIfNeeded: dice.next())
        case 2: bytes.removeSubrange(place...)
        case 3: bytes.removeSubrange(place..<end)
        case 4: bytes.insert(contentsOf: bytes[place..<end], at: dice.below(bytes.count))
        case 5: bytes.insert(contentsOf: Array(dice.pick(Numbers.texts).utf8), at: place)
        case 6: bytes.replaceSubrange(place..<end, with: Array(dice.pick(Numbers.texts).utf8))
        case 7:
            bytes.insert(
                contentsOf: dice.pick([[0xff], [0xc3], [0xed, 0xa0, 0x80], [0], [10], [13], [9], [34]]), at: place)
        case 8: for index in place..<end { bytes[index] = 0 }
        case 9:
            let words: [UInt64] = [
                0x7fff_ffff_ffff_ffff, 1 << 63, 0xffff_ffff, 0x7f80_0000_7f80_0000, 0x7fc0_0000, 1 << 40,
            ]
            let word = dice.pick(words)
            for (index, place) in (place..<min(bytes.count, place + 8)).enumerated() {
                bytes[place] = UInt8(truncatingIfNeeded: word >> UInt64(8 * index))
            }
        default: bytes.replaceSubrange(place..<end, with: Array(dice.pick(Texts.words).utf8))
        }
        return bytes
    }

    /// A JSON document with a few changes; most of them keep it one.
    static func mutatedJSON(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
        guard !dice.oneIn(10), let json = try? JSON(parsing: bytes, source: "", allowsNonFinite: true) else {
            return mutated(bytes, &dice)
        }
        var node = Node(json)
        for _ in 0..<few(&dice) { node = node.mutated(&dice) }
        return node.bytes
    }

    /// A safetensors file with a few changes: of its header as JSON, of its numbers, of its length.
    static func mutatedSafetensors(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
        guard bytes.count > 8, !dice.oneIn(8) else { return mutated(bytes, &dice) }
        let length = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        guard length > 1, length <= bytes.count - 8 else { return mutated(bytes, &dice) }
        var header = Array(bytes[8..<8 + length])
        var data = Array(bytes[(8 + length)...])
        switch dice.below(4) {
        case 0: data = mutated(data, &dice)
        case 1:
            header = mutatedJSON(header, &dice)
            data = mutated(data, &dice)
        default: header = mutatedJSON(header, &dice)
        }
        var count = UInt64(header.count)
        if dice.oneIn(20) { count = dice.pick([0, 1, count &+ 1, count &- 1, .max, 1 << 63, 1 << 40, 100_000_001]) }
        return (0..<8).map { UInt8(truncatingIfNeeded: count >> UInt64(8 * $0)) } + header + data
    }

    /// The change that fits a file's name.
    static func mutated(_ bytes: [UInt8], named name: String, _ dice: inout Dice) -> [UInt8] {
        if name.hasSuffix(".json") { return mutatedJSON(bytes, &dice) }
        if name.hasSuffix(".safetensors") { return mutatedSafetensors(bytes, &dice) }
        if name.hasSuffix(".jsonl") {
            var lines = bytes.split(separator: 10).map(Array.init)
            guard !lines.isEmpty, !dice.oneIn(6) else { return mutated(bytes, &dice) }
            for _ in 0...dice.below(2) {
                let place = dice.below(lines.count)
                lines[place] = mutatedJSON(lines[place], &dice)
            }
            return Array(lines.joined(separator: [10]))
        }
        guard !dice.oneIn(3) else { return mutated(bytes, &dice) }
        var lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
        let place = dice.below(lines.count)
        switch dice.below(6) {
        case 0: lines.remove(at: place)
        case 1: lines.insert(lines[dice.below(lines.count)], at: place)
        case 2: lines.swapAt(place, dice.below(lines.count))
        case 3: lines[place] = []
        default: lines[place] = Texts.changed(lines[place], &dice)
        }
        return Array(lines.joined(separator: [10]))
    }
}
