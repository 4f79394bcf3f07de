import Formats
import Memory

extension Dataset {
    /// A column to sort by.
    public struct SortOrder: Sendable {
        /// Name of the column.
        public let column: String
        /// Whether the largest comes first.
        public let isDescending: Bool

        /// Sorting by this column.
        public init(_ column: String, descending: Bool = false) { (self.column, isDescending) = (column, descending) }
    }

    /// A view of the rows by the values of one column, equal ones by those of the next; equal rows keep their order.
    ///
    /// Numbers by size, texts by their bytes of UTF-8, false before true. NaN and then what is missing come last whichever the
    /// direction, as in the datasets library.
    public func sorted(by orders: [SortOrder]) throws -> Dataset {
        let keys = try orders.map { order in
            try check(order.column, "sort")
            return try SortKey(gathered(columns.filter { $0.name == order.column })[0].column, order)
        }
        try MemoryBudget.reserve(count, of: 2 * MemoryLayout<UInt32>.stride)
        var rows = (0..<count).map { UInt32(truncatingIfNeeded: $0) }
        var comparisons = 0
        try rows.sort { a, b in
            comparisons &+= 1
            if comparisons & 0xFFFF == 0 { try MemoryBudget.check() }
            for key in keys {
                let order = key.compare(Int(a), Int(b))
                if order != 0 { return order < 0 }
            }
            return a < b
        }
        return try viewing(rows)
    }
}

/// The values of a column as what can be compared.
private struct SortKey {
    fileprivate enum Values {
        case integers([Int])
        case floats([Double])
        case texts([String])
    }

    private let values: Values
    /// Whether a row has no value; nil where all have one.
    private let isAbsent: [Bool]?
    private let isDescending: Bool

    init(_ column: Column, _ order: Dataset.SortOrder) throws {
        isDescending = order.isDescending
        var absent: [Bool]?
        switch column {
        case .integers(let values): self.values = .integers(values)
        case .floats(let values): self.values = .floats(values)
        case .strings(let values): self.values = .texts(values)
        case .booleans(let values):
            try MemoryBudget.reserve(values.count, of: MemoryLayout<Int>.stride)
            self.values = .integers(values.map { $0 ? 1 : 0 })
        case .integerLists:
            throw TrainingError("sort: column '\(order.column)' holds lists, which have no order")
        case .values(let values):
            var builder = ColumnBuilder()
            for value in values where !value.isNull { try builder.append(value) }
            guard let found = try Values(builder.built, at: values) else {
                throw TrainingError(
                    "sort: column '\(order.column)' holds values of several kinds, or lists, which have no order")
            }
            self.values = found
            absent = values.map(\.isNull)
        }
        isAbsent = absent
    }

    /// Below 0 where row a comes before row b, above 0 where after.
    func compare(_ a: Int, _ b: Int) -> Int {
        let (first, second) = (rank(a), rank(b))
        if first != second || first > 0 { return first - second }
        let order =
            switch values {
            case .integers(let values): values[a] == values[b] ? 0 : values[a] < values[b] ? -1 : 1
            case .floats(let values): values[a] == values[b] ? 0 : values[a] < values[b] ? -1 : 1
            case .texts(let values):
                values[a].utf8.elementsEqual(values[b].utf8)
                    ? 0 : values[a].utf8.lexicographicallyPrecedes(values[b].utf8) ? -1 : 1
            }
        return isDescending ? -order : order
    }

    /// 0 for what has a place among others, 1 for NaN, 2 for nothing.
    private func rank(_ row: Int) -> Int {
        if isAbsent?[row] == true { return 2 }
        if case .floats(let values) = values, values[row].isNaN { return 1 }
        return 0
    }
}

extension SortKey.Values {
    /// Values of one kind, at the places of those of `all` that are none; nil where they are of several.
    fileprivate init?(_ present: Column, at all: [JSON]) throws {
        try MemoryBudget.reserve(all.count, of: MemoryLayout<String>.stride)
        switch present {
        case .integers: self = .integers(all.map { $0.int ?? 0 })
        case .floats: self = .floats(all.map { $0.double ?? 0 })
        case .strings: self = .texts(all.map { $0.string ?? "" })
        case .booleans: self = .integers(all.map { $0 == .bool(true) ? 1 : 0 })
        case .integerLists, .values: return nil
        }
    }
}
