import Formats
import Memory

/// The values of one column, stored as compactly as their kind allows.
public enum Column: Sendable, Equatable {
    case integers([Int])
    case floats([Double])
    case booleans([Bool])
    case strings([String])
    /// Lists of whole numbers: row i is `flat[offsets[i]..<offsets[i + 1]]`.
    case integerLists(flat: [Int32], offsets: [Int])
    /// Anything else, or rows of different kinds.
    case values([JSON])

    /// Lists of ids or places.
    public init(lists: [[Int]]) {
        self = .integerLists(
            flat: lists.flatMap { $0.map { Int32(clamping: $0) } },
            offsets: lists.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) })
    }

    /// Number of rows.
    public var count: Int {
        switch self {
        case .integers(let values): values.count
        case .floats(let values): values.count
        case .booleans(let values): values.count
        case .strings(let values): values.count
        case .integerLists(_, let offsets): max(0, offsets.count - 1)
        case .values(let values): values.count
        }
    }

    /// Value of a row; `row` must be below `count`.
    public subscript(row: Int) -> JSON {
        switch self {
        case .integers(let values): .integer(values[row])
        case .floats(let values): .number(values[row])
        case .booleans(let values): .bool(values[row])
        case .strings(let values): .string(values[row])
        case .integerLists(let flat, let offsets): .integers(flat[offsets[row]..<offsets[row + 1]])
        case .values(let values): values[row]
        }
    }

    /// The whole numbers of a row of lists of them, without a value for each; nil for other columns.
    public func integers(row: Int) -> ArraySlice<Int32>? {
        guard case .integerLists(let flat, let offsets) = self else { return nil }
        return flat[offsets[row]..<offsets[row + 1]]
    }

    /// What the column holds, as errors say it.
    public var kind: String {
        switch self {
        case .integers: "integers"
        case .floats: "numbers"
        case .booleans: "booleans"
        case .strings: "strings"
        case .integerLists: "lists of integers"
        case .values: "values of several kinds"
        }
    }

    /// The rows `rows` of this column, in that order.
    func gathered(_ rows: [UInt32]) throws -> Column {
        switch self {
        case .integers(let values): return .integers(try Column.gathered(values, rows))
        case .floats(let values): return .floats(try Column.gathered(values, rows))
        case .booleans(let values): return .booleans(try Column.gathered(values, rows))
        case .strings(let values): return .strings(try Column.gathered(values, rows))
        case .values(let values): return .values(try Column.gathered(values, rows))
        case .integerLists(let flat, let offsets):
            let ranges = rows.lazy.map { offsets[Int($0)]..<offsets[Int($0) + 1] }
            let total = ranges.reduce(0) { $0 + $1.count }
            try MemoryBudget.reserve(total * 4 + rows.count * 8)
            var (newFlat, newOffsets): ([Int32], [Int]) = ([], [0])
            newFlat.reserveCapacity(total)
            newOffsets.reserveCapacity(rows.count + 1)
            for range in ranges {
                newFlat.append(contentsOf: flat[range])
                newOffsets.append(newFlat.count)
            }
            return .integerLists(flat: newFlat, offsets: newOffsets)
        }
    }

    private static func gathered<Element>(_ values: [Element], _ rows: [UInt32]) throws -> [Element] {
        try MemoryBudget.reserve(rows.count, of: MemoryLayout<Element>.stride)
        return rows.map { values[Int($0)] }
    }
}

/// Gathers values into the most compact column that holds them all: integers become numbers where a number follows.
struct ColumnBuilder {
    private enum Kind { case none, integers, floats, booleans, strings, integerLists, values }

    // One array a kind, so that appending works in place.
    private var kind = Kind.none
    private var integers: [Int] = []
    private var floats: [Double] = []
    private var booleans: [Bool] = []
    private var strings: [String] = []
    private var flat: [Int32] = []
    private var offsets = [0]
    private var values: [JSON] = []

    /// The column so far; without rows, one of strings.
    var built: Column {
        switch kind {
        case .none, .strings: .strings(strings)
        case .integers: .integers(integers)
        case .floats: .floats(floats)
        case .booleans: .booleans(booleans)
        case .integerLists: .integerLists(flat: flat, offsets: offsets)
        case .values: .values(values)
        }
    }

    /// Adds a row; throws where there is no memory for it.
    mutating func append(_ value: JSON) throws {
        try MemoryBudget.reserve(value.size)
        if kind == .none { kind = ColumnBuilder.kind(of: value) }
        switch (kind, value) {
        case (.integers, .integer(let new)): integers.append(Int(new))
        case (.floats, .number(let new)): floats.append(new)
        case (.floats, .integer(let new)): floats.append(Double(new))
        case (.integers, .number(let new)):
            floats = integers.map(Double.init) + [new]
            (kind, integers) = (.floats, [])
        case (.booleans, .bool(let new)): booleans.append(new)
        case (.strings, .string(let new)): strings.append(new)
        case (.integerLists, .array(let elements)) where appendIds(elements): break
        case (.values, let new): values.append(new)
        case (_, let new):
            let mixed = built
            values = (0..<mixed.count).map { mixed[$0] } + [new]
            kind = .values
        }
    }

    /// Appends a list of whole numbers that fit 32 bits; false, without having done so, where it is another.
    private mutating func appendIds(_ elements: [JSON]) -> Bool {
        let count = flat.count
        for element in elements {
            guard case .integer(let integer) = element, let id = Int32(exactly: integer) else {
                flat.removeSubrange(count...)
                return false
            }
            flat.append(id)
        }
        offsets.append(flat.count)
        return true
    }

    private static func kind(of value: JSON) -> Kind {
        switch value {
        case .integer: .integers
        case .number: .floats
        case .bool: .booleans
        case .string: .strings
        case .array: .integerLists  // until one of them is another list
        case .null, .object: .values
        }
    }
}

extension JSON {
    /// Bytes that it takes in memory, more or less.
    fileprivate var size: Int {
        switch self {
        case .null, .bool, .integer, .number: 16
        case .string(let text): 16 + (text.utf8.count < 16 ? 0 : text.utf8.count + 32)
        case .array(let elements): elements.reduce(48) { $0 + $1.size }
        case .object(let members): members.reduce(48) { $0 + 32 + $1.value.size }
        }
    }
}
