import Formats

/// A JSON document whose parts may be anything, equal keys and malformed numbers included.
indirect enum Node {
    /// A value as its bytes stand in the file.
    case raw([UInt8])
    case list([Node])
    /// Keys with their quotes.
    case object([(key: [UInt8], value: Node)])

    init(_ json: JSON) {
        switch json {
        case .array(let elements): self = .list(elements.map(Node.init))
        case .object(let members):
            self = .object(members.map { (Array(JSON.string($0.key).compact().utf8), Node($0.value)) })
        default: self = .raw(Array(json.compact().utf8))
        }
    }

    init(_ text: String) { self = .raw(Array(text.utf8)) }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    private func append(to bytes: inout [UInt8]) {
        switch self {
        case .raw(let raw): bytes += raw
        case .list(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes += member.key
                bytes.append(UInt8(ascii: ":"))
                member.value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// Whether this is a text that begins so.
    private func isText() -> Bool { if case .raw(let raw) = self { raw.first == UInt8(ascii: "\"") } else { false } }

    /// One thing changed somewhere.
    func mutated(_ dice: inout Dice) -> Node {
        let pieces = [piece(&dice), piece(&dice)]
        return mutated(&dice, pieces)
    }

    /// A part taken from anywhere.
    private func piece(_ dice: inout Dice) -> Node {
        switch self {
        case .list(let elements) where !elements.isEmpty && !dice.oneIn(4): return dice.pick(elements).piece(&dice)
        case .object(let members) where !members.isEmpty && !dice.oneIn(4):
            return dice.pick(members).value.piece(&dice)
        default: return self
        }
    }

    private func mutated(_ dice: inout Dice, _ pieces: [Node]) -> Node {
        switch self {
        case .raw(let raw):
            if isText(), dice.oneIn(2) { return .raw(Texts.changed(raw, &dice)) }
            return Node.value(&dice, pieces)
        case .list(var elements):
            guard !elements.isEmpty, !dice.oneIn(12) else { return Node.value(&dice, pieces) }
            let place = dice.below(elements.count)
            switch dice.below(12) {
            case 0: elements.remove(at: place)
            case 1: elements.append(elements[place])
            case 2: elements.insert(Node.value(&dice, pieces), at: place)
            case 3: elements.swapAt(place, dice.below(elements.count))
            case 4: elements = []
            default: elements[place] = elements[place].mutated(&dice, pieces)
            }
            return .list(elements)
        case .object(var members):
            guard !members.isEmpty, !dice.oneIn(16) else { return Node.value(&dice, pieces) }
            let place = dice.below(members.count)
            switch dice.below(14) {
            case 0: members.remove(at: place)
            case 1: members.append((members[place].key, Node.value(&dice, pieces)))
            case 2: members.insert((dice.pick(members).key, dice.pick(members).value), at: place)
            case 3: members[place].key = Texts.changed(members[place].key, &dice)
            case 4:
                let other = dice.below(members.count)
                (members[place].value, members[other].value) = (members[other].value, members[place].value)
            default: members[place].value = members[place].value.mutated(&dice, pieces)
            }
            return .object(members)
        }
    }

    /// A value that may stand where another was expected.
    private static func value(_ dice: inout Dice, _ pieces: [Node]) -> Node {
        switch dice.below(20) {
        case 0...4: return Node(dice.pick(Numbers.texts))
        case 5...9: return Node(dice.pick(Numbers.extremes))
        case 10: return Node("null")
        case 11: return Node(dice.pick(["true", "false"]))
        case 12, 13: return .raw(Texts.changed(Array("\"\(dice.pick(Texts.words))\"".utf8), &dice))
        case 14: return .list([])
        case 15: return .object([])
        case 16:
            let depth = dice.pick([2, 30, 200, 600, 20_000])
            let (open, close) = dice.oneIn(2) ? ("[", "]") : ("{\"a\":", "}")
            return Node(
                String(repeating: open, count: depth) + (open == "[" ? "" : "1")
                    + String(repeating: close, count: depth))
        case 17: return .list([dice.pick(pieces), dice.pick(pieces)])
        case 18: return .list(Array(repeating: dice.pick(pieces), count: dice.pick([3, 9, 40])))
        default: return dice.pick(pieces)
        }
    }
}

/// Numbers at which arithmetic breaks.
enum Numbers {
    /// Those at which it breaks most often.
    static let extremes = [
        "-9223372036854775808", "-1", "0", "1", "2147483648", "9007199254740992", "9223372036854775807", "1e300",
        "1e999",
        "NaN",
    ]
    static let texts = [
        "0", "1", "-1", "2", "3", "7", "8", "16", "100", "1000", "65536", "1048576", "16777216", "16777217",
        "2147483647",
        "2147483648", "4294967296", "-2147483648", "9007199254740992", "9007199254740993", "4611686018427387904",
        "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615",
        "340282366920938463463374607431768211456", "0.5", "-0.0", "1e-320", "1e16", "1e18", "1e19", "1e300", "-1e300",
        "1e999", "-1e999", "NaN", "Infinity", "-Infinity", "3.4028235677973366e38", "1e-46",
        "1" + String(repeating: "0", count: 400), "0." + String(repeating: "3", count: 3000), "-", "01", "1.", "1e",
        "+1", "0x10", "1_000",
    ]
}
