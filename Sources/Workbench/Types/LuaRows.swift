import LuaBridge
import Training

/// Values of data sets and of Lua, each as the other.
enum LuaRows {
    /// A value of a data set for Lua.
    static func value(_ value: Value) -> LuaValue {
        switch value {
        case .null: .nil
        case .boolean(let flag): .boolean(flag)
        case .integer(let integer): .integer(integer)
        case .float(let number): .number(number)
        case .string(let text): .string(text)
        case .integers(let values): .integers(values.map(Int64.init))
        case .list(let values): .list(values.map(self.value))
        case .object(let entries): table(entries, "the value")
        }
    }

    /// A row, or metrics, for Lua; errors about a field that it has not call it `name`.
    static func table(_ entries: [Value.Entry], _ name: String) -> LuaValue {
        .table(LuaTable(strict: name, entries.map { ($0.key, value($0.value)) }))
    }

    /// Rows of the log: what other rows have, or may come to have, is nil in one that has it not.
    static func log(_ rows: [[Value.Entry]]) -> [LuaValue] {
        let names = Set(rows.flatMap { $0.map(\.key) } + TrainerState.logged)
        return rows.map { row in
            let others = names.subtracting(row.map(\.key)).sorted() + ["eval_*", "test_*"]
            return .table(
                LuaTable(strict: "the log row", row.map { ($0.key, value($0.value)) } + others.map { ($0, .nil) }))
        }
    }

    /// A Lua value for a data set; throws for what a data set cannot hold.
    static func value(_ value: LuaValue) throws -> Value {
        switch value {
        case .nil: return .null
        case .boolean(let flag): return .boolean(flag)
        case .integer(let integer): return .integer(Int(integer))
        case .number(let number): return .float(number)
        case .string(let string):
            guard let text = string.validText else {
                throw LuaFault("a data set holds text, got bytes that are not UTF-8")
            }
            return .string(text)
        case .table(let table):
            if let integers = table.integers() {
                let small = integers.compactMap(Int32.init(exactly:))
                return small.count == integers.count ? .integers(small) : .list(integers.map { .integer(Int($0)) })
            }
            if table.fields.isEmpty { return .list(try table.values.map(self.value)) }
            return .object(try entries(table))
        default: throw LuaFault("a data set cannot hold \(value.shown)")
        }
    }

    /// A table with string keys as entries in sorted order.
    static func entries(_ table: LuaTable) throws -> [Value.Entry] {
        guard table.count == 0, let names = table.names else {
            throw LuaFault("expected a table with names, got a list")
        }
        return try names.map { name in
            do { return Value.Entry(name, try value(table[name])) } catch { throw LuaFault("'\(name)': \(error)") }
        }
    }
}
