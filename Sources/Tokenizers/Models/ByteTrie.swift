import Memory

/// A tree of byte strings that is walked along a text: all strings that begin at a place in one go.
struct ByteTrie: Sendable {
    /// A step from a node by a byte, and where it leads; to the root, whither no step leads, where the slot is free.
    private struct Slot {
        var step: UInt32
        var node: Int32
    }

    /// Most nodes: a node and a byte are one 32-bit number.
    static let maxNodes = 1 << 24

    private var slots: [Slot]
    /// The value of the string that ends at each node, or -1.
    private var values: [Int32] = [-1]

    /// Drawn for each process, so that nobody can write a file whose steps all collide.
    private static let seed = UInt32.random(in: .min ... .max)

    init() { slots = Array(repeating: Slot(step: 0, node: 0), count: 1 << 10) }

    /// Adds a string, or gives it a new value; an empty one is nowhere.
    ///
    /// - Throws: `TokenizerError` where the strings have too many beginnings, `MemoryRefusal` where the memory is not there.
    mutating func insert(_ bytes: [UInt8], value: Int32) throws {
        guard !bytes.isEmpty else { return }
        var node: Int32 = 0
        for byte in bytes {
            if let next = next(node, byte) {
                node = next
                continue
            }
            guard values.count < Self.maxNodes else {
                throw TokenizerError("the tokens of the vocabulary have more than \(Self.maxNodes) beginnings")
            }
            if values.count * 2 > slots.count { try grow() }
            let new = Int32(truncatingIfNeeded: values.count)
            let step = Self.step(node, byte)
            slots[slot(step)] = Slot(step: step, node: new)
            values.append(-1)
            node = new
        }
        values[Int(node)] = value
    }

    /// The node that a byte leads to from a node (0 is the root), or nil.
    @inline(__always)
    func next(_ node: Int32, _ byte: UInt8) -> Int32? {
        let found = slots[slot(Self.step(node, byte))].node
        return found == 0 ? nil : found
    }

    /// The value of the string that ends at a node, or -1.
    @inline(__always)
    func value(_ node: Int32) -> Int32 { values[Int(node)] }

    @inline(__always)
    private static func step(_ node: Int32, _ byte: UInt8) -> UInt32 { UInt32(bitPattern: node) << 8 | UInt32(byte) }

    @inline(__always)
    private func slot(_ step: UInt32) -> Int {
        let mask = slots.count - 1
        let mixed = UInt64(step ^ Self.seed) &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: mixed >> 32) & mask
        while slots[slot].node != 0, slots[slot].step != step { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func grow() throws {
        let old = slots
        try MemoryBudget.expect(old.count * 2 * MemoryLayout<Slot>.stride)
        slots = Array(repeating: Slot(step: 0, node: 0), count: old.count * 2)
        for item in old where item.node != 0 { slots[slot(item.step)] = item }
    }
}
