import Formats
import LuaBridge
import Training

/// Values of data sets and of Lua, each as the other.
enum LuaRows {
    /// A row, or metrics, for Lua; errors about a field that it has not call it `name`.
    static func table(
        _ entries: [JSON.Member], _ name: String, _ strictness: LuaTable.Strictness = .reading
    ) throws -> LuaValue {
        .table(LuaTable(strict: name, try entries.map(LuaJSON.field), strictness))
    }

    /// The row of a data set whose number, from 0, is given.
    static func row(_ row: Int, of dataset: Dataset) throws -> LuaValue {
        let place = dataset.place(ofRow: row)
        return .table(
            LuaTable(strict: "the row", try dataset.columns.map { ($0.name, try value(of: $0.column, place, $0.name)) })
        )
    }

    /// Rows of one column of a data set, nil for each where it has none of that name.
    static func column(_ name: String, of dataset: Dataset, _ rows: some Sequence<Int>) throws -> LuaValue {
        let column = dataset.column(name)
        return .list(
            try rows.map { row in try column.map { try value(of: $0, dataset.place(ofRow: row), name) } ?? .nil })
    }

    private static func value(of column: Column, _ place: Int, _ name: String) throws -> LuaValue {
        // Token ids are given as they lie.
        try column.integers(row: place).map { .integers($0.map(Int64.init)) }
            ?? LuaJSON.value(column[place], strict: name)
    }

    /// Rows of the log: what other rows have, or may come to have, is nil in one that has it not.
    static func log(_ rows: [[JSON.Member]]) throws -> [LuaValue] {
        let names = Set(rows.flatMap { $0.map(\.key) } + TrainerState.logged)
        return try rows.map { row in
            let others = names.subtracting(row.map(\.key)).sorted() + ["eval_*", "test_*"]
            return .table(
                LuaTable(strict: "the log row", try row.map(LuaJSON.field) + others.map { ($0, .nil) }))
        }
    }

    /// A Lua value for a data set; throws for what a data set cannot hold.
    static func value(_ value: LuaValue) throws -> JSON {
        switch value {
        case .nil: return .null
        case .boolean(let flag): return .bool(flag)
        case .integer(let integer): return .integer(integer)
        case .number(let number): return .number(number)
        case .string(let string):
            guard let text = string.validText else {
                throw LuaFault("a data set holds text, got bytes that are not UTF-8")
            }
            return .string(text)
        case .table(let table):
            if let integers = table.integers() { return .integers(integers) }
            if table.fields.isEmpty { return .array(try table.values.map(self.value)) }
            return JSON(try entries(table))
        default: throw LuaFault("a data set cannot hold \(value.shown)")
        }
    }

    /// A table with string keys as entries in sorted order.
    static func entries(_ table: LuaTable) throws -> [JSON.Member] {
        guard table.count == 0, let names = table.names else {
            throw LuaFault("expected a table with names, got a list")
        }
        return try names.map { name in
            do { return JSON.Member(name, try value(table[name])) } catch { throw LuaFault("'\(name)': \(error)") }
        }
    }
}
