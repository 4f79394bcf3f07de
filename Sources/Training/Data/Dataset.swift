import Formats
import Kernels
import Memory

/// Rows under named columns.
///
/// Selecting and shuffling give views that share the columns.
public struct Dataset: Sendable {
    /// A column under its name.
    public struct NamedColumn: Sendable {
        /// Name of the column.
        public let name: String
        /// Its values, before any selection.
        public let column: Column
    }

    /// The columns before any selection, in order.
    public let columns: [NamedColumn]
    private let places: [String: Int]
    /// Rows of the columns that this view shows, in order; nil where it shows all.
    private let selection: [UInt32]?
    /// Number of rows.
    public let count: Int
    /// The files and lines that the rows of the columns come from, where that is known.
    let origins: RowOrigins?

    /// A dataset of whole columns; they must be equally long and their names differ.
    public init(columns: [(name: String, column: Column)]) throws {
        try self.init(columns.map { NamedColumn(name: $0.name, column: $0.column) })
    }

    /// The most rows: a view says of each in 32 bits which row of the columns it is.
    private static let largest = Int(UInt32.max)

    init(_ columns: [NamedColumn], selection: [UInt32]? = nil, origins: RowOrigins? = nil) throws {
        let length = columns.first?.column.count ?? 0
        guard length <= Dataset.largest else {
            throw TrainingError("dataset: \(length) rows; there are at most \(Dataset.largest)")
        }
        var places: [String: Int] = [:]
        for (place, named) in columns.enumerated() {
            guard places.updateValue(place, forKey: named.name) == nil else {
                throw TrainingError("dataset: there are two columns '\(named.name)'")
            }
            guard named.column.count == length else {
                throw TrainingError(
                    "dataset: column '\(named.name)' has \(named.column.count) rows; '\(columns[0].name)' has \(length)"
                )
            }
        }
        (self.columns, self.places, self.selection, self.origins) = (columns, places, selection, origins)
        count = selection?.count ?? length
    }

    /// A dataset of rows; each must have the keys of the first.
    public init(rows: [[JSON.Member]]) throws {
        var builder = RowBuilder(operation: "dataset")
        for (index, row) in rows.enumerated() { try builder.append(row, row: index) }
        self = try Dataset(builder.columns)
    }

    /// Names of the columns, in order.
    public var columnNames: [String] { columns.map(\.name) }

    /// Whether there is a column of that name.
    public func has(_ name: String) -> Bool { places[name] != nil }

    /// The column of that name, before selection; nil where there is none.
    public func column(_ name: String) -> Column? { places[name].map { columns[$0].column } }

    /// Row of the columns that row `row` of this view shows.
    public func place(ofRow row: Int) -> Int { selection.map { Int($0[row]) } ?? row }

    /// What errors call a row of this view, counted from 0: "row 4 (train.csv:5)".
    public func name(ofRow row: Int) -> String {
        guard row >= 0, row < count, let origin = origins?.name(ofPlace: place(ofRow: row)) else {
            return "row \(row + 1)"
        }
        return "row \(row + 1) (\(origin))"
    }

    /// Value of a column in a row of this view.
    public func value(_ name: String, row: Int) -> JSON? {
        guard let column = column(name), row >= 0, row < count else { return nil }
        return column[place(ofRow: row)]
    }

    /// A row of this view as an object of JSON.
    public func object(row: Int) -> JSON {
        .object(JSONObject(columnNames.map { ($0, value($0, row: row) ?? .null) }))
    }

    /// A view of the rows `rows`, in that order.
    public func selecting(_ rows: [Int]) throws -> Dataset {
        if let row = rows.first(where: { $0 < 0 || $0 >= count }) {
            throw TrainingError("dataset: row \(row &+ 1) is outside 1 to \(count)")
        }
        try MemoryBudget.reserve(rows.count, of: 4)
        return try viewing(places: rows.map { UInt32(truncatingIfNeeded: place(ofRow: $0)) })
    }

    /// A view of these rows.
    public func selecting(_ rows: Range<Int>) throws -> Dataset {
        guard rows.lowerBound >= 0, rows.upperBound <= count else {
            throw TrainingError("dataset: rows \(rows) are outside 0..<\(count)")
        }
        try MemoryBudget.reserve(rows.count, of: 4)
        return try viewing(rows.map { UInt32(truncatingIfNeeded: $0) })
    }

    /// A view of rows that stand for `order` of this one's.
    func viewing(_ order: consuming [UInt32]) throws -> Dataset {
        if let selection { for place in order.indices { order[place] = selection[Int(order[place])] } }
        return try viewing(places: order)
    }

    private func viewing(places: [UInt32]) throws -> Dataset {
        try Dataset(columns, selection: places, origins: origins)
    }

    /// The same rows with other columns, which are those of before any selection.
    func with(_ columns: [NamedColumn]) throws -> Dataset {
        // Without columns there are no rows.
        try Dataset(columns, selection: columns.isEmpty ? nil : selection, origins: columns.isEmpty ? nil : origins)
    }

    /// The columns as this view shows them.
    func gathered(_ columns: [NamedColumn]) throws -> [NamedColumn] {
        guard let selection else { return columns }
        return try columns.map { NamedColumn(name: $0.name, column: try $0.column.gathered(selection)) }
    }

    /// Origins of the rows that this view shows.
    func visibleOrigins() throws -> RowOrigins? {
        guard let selection else { return origins }
        return try origins?.gathered(selection)
    }

    /// All rows in an order that `seed` and the stream's name determine.
    func permutation(seed: Int, _ stream: String) throws -> [UInt32] {
        try MemoryBudget.reserve(count, of: 4)
        return RandomKey(seed: UInt64(bitPattern: Int64(seed))).child(stream).permutation(count, of: UInt32.self)
    }

    /// A view of the rows in an order that `seed` alone determines.
    public func shuffled(seed: Int) throws -> Dataset {
        try viewing(permutation(seed: seed, "shuffle"))
    }

    /// A view of the rows for whose number, from 0, `isIncluded` answers true.
    public func filtered(_ isIncluded: (Int) throws -> Bool) throws -> Dataset {
        var kept: [UInt32] = []
        for index in 0..<count where try isIncluded(index) { kept.append(UInt32(truncatingIfNeeded: index)) }
        return try viewing(kept)
    }

    /// New rows: what `transform` returns replaces or joins the columns of the row whose number, from 0, it was given.
    ///
    /// Every row must return the keys that the first one returned.
    public func mapped(_ transform: (Int) throws -> [JSON.Member]) throws -> Dataset {
        guard count > 0 else { return self }
        var builder = RowBuilder(operation: "map")
        for index in 0..<count { try builder.append(try transform(index), row: index) }
        let new = builder.columns
        let replaced = Set(new.map(\.name))
        let kept = try gathered(columns.filter { !replaced.contains($0.name) })
        return try Dataset(kept + new, origins: try visibleOrigins())
    }

    /// New rows, any number for each: what `transform` returns for a row replaces or joins its columns, once for each new row.
    ///
    /// Every new row must have the keys of the first one.
    public func flatMapped(_ transform: (Int) throws -> [[JSON.Member]]) throws -> Dataset {
        var builder = RowBuilder(operation: "flat_map")
        var (sources, number): ([UInt32], Int) = ([], 0)
        for index in 0..<count {
            for row in try transform(index) {
                try MemoryBudget.reserve(8)
                try builder.append(row, row: number)
                sources.append(UInt32(truncatingIfNeeded: place(ofRow: index)))
                number += 1
            }
        }
        let new = builder.columns
        let replaced = Set(new.map(\.name))
        let kept = try columns.filter { !replaced.contains($0.name) }.map {
            NamedColumn(name: $0.name, column: try $0.column.gathered(sources))
        }
        return try Dataset(kept + new, origins: try origins?.gathered(sources))
    }
}

/// Gathers rows into columns and sees to it that all have the same keys.
private struct RowBuilder {
    let operation: String
    private var names: [String] = []
    private var builders: [ColumnBuilder] = []

    init(operation: String) { self.operation = operation }

    var columns: [Dataset.NamedColumn] {
        zip(names, builders).map { Dataset.NamedColumn(name: $0, column: $1.built) }
    }

    mutating func append(_ row: [JSON.Member], row index: Int) throws {
        if index == 0 {
            names = row.map(\.key)
            builders = names.map { _ in ColumnBuilder() }
            guard Set(names).count == names.count else { throw TrainingError("\(operation): row 1 has a key twice") }
        }
        for (place, entry) in row.enumerated() {
            // Rows nearly always have their keys in the same order.
            let isHere = place < names.count && names[place] == entry.key
            guard let column = isHere ? place : names.firstIndex(of: entry.key) else {
                throw TrainingError("\(operation): row \(index + 1) has a column '\(entry.key)' that row 1 has not")
            }
            try builders[column].append(entry.value)
        }
        guard row.count == names.count else {
            let keys = Set(row.map(\.key))
            let missing = names.first { !keys.contains($0) } ?? ""
            throw TrainingError("\(operation): row \(index + 1) has no '\(missing)', which row 1 has")
        }
    }
}
