import Formats
import Memory

extension Dataset {
    /// The rows of a table that was read from a file.
    public init(_ table: DataTable) throws {
        try self.init(
            columns: try table.columns.map { name, column in
                switch column {
                case .integers(let values):
                    try MemoryBudget.reserve(values.count, of: MemoryLayout<Int>.stride)
                    return (name, .integers(values.map { Int($0) }))
                case .floats(let values): return (name, .floats(values))
                case .strings(let values): return (name, .strings(values))
                case .json(let values):
                    return (name, try values.reduce(into: ColumnBuilder()) { try $0.append($1) }.built)
                }
            })
    }
}
