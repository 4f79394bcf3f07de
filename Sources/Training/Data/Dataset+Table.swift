import Formats
import Memory

extension Dataset {
    /// The rows of a table.
    ///
    /// - Parameter source: what errors call the file that it was read from.
    public init(_ table: DataTable, source: String? = nil) throws {
        let columns = try table.columns.map { name, column -> (name: String, column: Column) in
            switch column {
            case .integers(let values):
                try MemoryBudget.reserve(values.count, of: MemoryLayout<Int>.stride)
                return (name, .integers(values.map { Int($0) }))
            case .floats(let values): return (name, .floats(values))
            case .strings(let values): return (name, .strings(values))
            case .json(let values):
                return (name, try values.reduce(into: ColumnBuilder()) { try $0.append($1) }.built)
            }
        }
        let origins = try source.flatMap { source in try table.lines.map { try RowOrigins(source: source, lines: $0) } }
        try self.init(columns.map { NamedColumn(name: $0.name, column: $0.column) }, origins: origins)
    }
}
