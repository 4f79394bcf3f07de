import Formats
import LuaBridge
import Memory

/// Values of Lua as JSON and back.
enum LuaJSON {
    /// A JSON value for Lua; null becomes nil, and an empty array an empty table.
    ///
    /// Where a name is given objects are strict: errors about a missing field call the outermost by it, and those within by their keys.
    static func value(_ json: JSON, strict name: String? = nil) throws -> LuaValue {
        switch json {
        case .null: return .nil
        case .bool(let flag): return .boolean(flag)
        case .integer(let integer): return .integer(integer)
        case .number(let number): return .number(number)
        case .string(let text): return .string(text)
        case .array(let elements):
            try LuaInterrupt.check()
            try MemoryBudget.reserve(elements.count, of: MemoryLayout<LuaValue>.stride)
            return try integers(elements) ?? .list(elements.map { try value($0, strict: name) })
        case .object(let members):
            try LuaInterrupt.check()
            try MemoryBudget.reserve(members.count, of: 2 * MemoryLayout<LuaValue>.stride)
            if let name {
                return .table(LuaTable(strict: name, try members.map { try field(.init($0.key, $0.value)) }))
            }
            return .table(LuaTable(entries: try members.map { (.string(LuaString($0.key)), try value($0.value)) }))
        }
    }

    /// A member for a strict table.
    static func field(_ member: JSON.Member) throws -> (String, LuaValue) {
        (member.key, try value(member.value, strict: member.key))
    }

    /// A list of whole numbers, such as token ids, which Lua is given at once; nil where it is not one.
    private static func integers(_ elements: [JSON]) -> LuaValue? {
        var integers: [Int64] = []
        integers.reserveCapacity(elements.count)
        for element in elements {
            guard case .integer(let integer) = element else { return nil }
            integers.append(integer)
        }
        return integers.isEmpty ? nil : .integers(integers)
    }

    /// A Lua value as JSON; throws for what JSON cannot say.
    static func json(_ value: LuaValue) throws -> JSON {
        switch value {
        case .nil: return .null
        case .boolean(let flag): return .bool(flag)
        case .integer(let integer): return .integer(integer)
        case .number(let number):
            guard number.isFinite else { throw LuaFault("\(number) cannot be written as json") }
            return .number(number)
        case .string(let string):
            guard let text = string.validText else {
                throw LuaFault("bytes that are not UTF-8 cannot be written as json")
            }
            try MemoryBudget.reserve(text.utf8.count)
            return .string(text)
        case .table(let table):
            try LuaInterrupt.check()
            try MemoryBudget.reserve((table.count + table.fields.count) * MemoryLayout<JSON>.stride)
            if table.fields.isEmpty { return .array(try table.values.map(json)) }
            // Ids that count from 0, such as those of classes, are keys, as Python writes them.
            let isById = table.fields.allSatisfy { if case .integer = $0.key { true } else { false } }
            guard table.count == 0 || isById else {
                throw LuaFault("a table with both positions and names cannot be written as json")
            }
            var members = JSONObject()
            for (key, value) in table.fields { members[key.description] = try json(value) }
            for (index, value) in table.values.enumerated() { members["\(index + 1)"] = try json(value) }
            return .object(members)
        default: throw LuaFault("\(value.shown) cannot be written as json")
        }
    }
}
