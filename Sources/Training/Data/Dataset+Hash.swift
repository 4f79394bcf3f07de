import Formats

extension Dataset {
    /// A number that changes when a name, a value or the order of the rows in `names` changes; the same on every machine.
    ///
    /// Columns that are absent are passed over. FNV-1a over words, mixed: it finds changes, not forgeries.
    public func contentHash(of names: [String]) -> UInt64 {
        var hash = ContentHash()
        hash.add(UInt64(count))
        for name in names {
            guard let column = column(name) else { continue }
            hash.add(name)
            for row in 0..<count { hash.add(column, row: place(ofRow: row)) }
        }
        return hash.value
    }
}

/// Running hash of a dataset's values.
private struct ContentHash {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    var value: UInt64 {
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func add(_ word: UInt64) {
        state = (state ^ word) &* 0x100_0000_01B3
        state ^= state >> 29
    }

    mutating func add(_ text: String) {
        add(UInt64(text.utf8.count))
        for byte in text.utf8 { add(UInt64(byte)) }
    }

    mutating func add(_ column: Column, row: Int) {
        switch column {
        case .integerLists(let flat, let offsets):
            add(UInt64(offsets[row + 1] - offsets[row]))
            for id in flat[offsets[row]..<offsets[row + 1]] { add(UInt64(bitPattern: Int64(id))) }
        case .strings(let values): add(values[row])
        case .integers(let values): add(UInt64(bitPattern: Int64(values[row])))
        case .floats(let values): add(values[row].bitPattern)
        case .booleans(let values): add(values[row] ? 1 : 0)
        case .values(let values): add(values[row])
        }
    }

    mutating func add(_ value: JSON) {
        switch value {
        case .null: add(2)
        case .bool(let value): add(value ? 1 : 0)
        case .integer(let value): add(UInt64(bitPattern: Int64(value)))
        case .number(let value): add(value.bitPattern)
        case .string(let value): add(value)
        case .array(let values):
            add(UInt64(values.count))
            for value in values { add(value) }
        case .object(let members):
            add(UInt64(members.count))
            for (key, value) in members {
                add(key)
                add(value)
            }
        }
    }
}
