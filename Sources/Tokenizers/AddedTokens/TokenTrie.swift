/// Finds the leftmost and there the longest of some byte strings.
struct TokenTrie: Sendable {
    /// A place in the tree and the byte that leads on from it.
    private struct Step: Hashable {
        var node: Int32
        var byte: UInt8
    }

    /// Where each step leads.
    private var steps: [Step: Int32] = [:]
    /// The id of the string that ends at each node, or -1.
    private var ids: [Int] = [-1]
    private var begins = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { ids.count == 1 }

    /// Adds a string; one that is there already keeps its id.
    mutating func insert(_ bytes: [UInt8], id: Int) {
        guard let first = bytes.first else { return }
        begins[Int(first)] = true
        var node: Int32 = 0
        for byte in bytes {
            let step = Step(node: node, byte: byte)
            if let next = steps[step] {
                node = next
            } else {
                node = Int32(truncatingIfNeeded: ids.count)
                steps[step] = node
                ids.append(-1)
            }
        }
        if ids[Int(node)] < 0 { ids[Int(node)] = id }
    }

    /// The first match between two places; what is looked at more than once is taken from the steps of `journey`.
    func first(in bytes: [UInt8], from start: Int, to end: Int, _ journey: Journey) throws -> (
        range: Range<Int>, id: Int
    )? {
        var position = start
        while position < end {
            if begins[Int(bytes[position])], let match = try longest(bytes, position, end, journey) { return match }
            position += 1
        }
        return nil
    }

    private func longest(_ bytes: [UInt8], _ start: Int, _ end: Int, _ journey: Journey) throws -> (
        range: Range<Int>, id: Int
    )? {
        var node: Int32 = 0
        var index = start
        var found: (range: Range<Int>, id: Int)?
        while index < end, let next = steps[Step(node: node, byte: bytes[index])] {
            node = next
            index += 1
            if ids[Int(node)] >= 0 { found = (start..<index, ids[Int(node)]) }
        }
        if index > start + 16 { try journey.spend(index - start) }
        return found
    }
}
