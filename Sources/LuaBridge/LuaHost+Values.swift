import CLuaShim
import Memory

extension LuaHost {
    // MARK: to Lua

    func encode(_ values: [LuaValue]) throws {
        lw_out_reset(state.raw)
        do {
            for value in values { try encode(value) }
        } catch {
            lw_out_reset(state.raw)
            throw error
        }
    }

    /// Adds a value to the outbox.
    func encode(_ value: LuaValue) throws {
        var item = lw_value()
        switch value {
        case .nil, .other: item.tag = Int32(LW_NIL)
        case .boolean(let boolean):
            item.tag = Int32(LW_BOOLEAN)
            item.integer = boolean ? 1 : 0
        case .integer(let integer):
            item.tag = Int32(LW_INTEGER)
            item.integer = integer
        case .number(let number):
            item.tag = Int32(LW_NUMBER)
            item.number = number
        case .string(let string): return string.withBytes { lw_out_string(state.raw, $0, $1) }
        case .table(let table): return try encode(table)
        case .function(let function): return try encode(.reference(function.reference))
        case .object(let object):
            item.type = try typeNumber(of: object)
            item.tag = Int32(LW_OBJECT)
            item.pointer = UnsafeRawPointer(Unmanaged.passRetained(object).toOpaque())
        case .callable(let callable):
            item.tag = Int32(LW_CALLABLE)
            item.pointer = UnsafeRawPointer(
                Unmanaged.passRetained(
                    HostFunction(
                        callable.name, path: callable.path, parameters: callable.parameters, callable.body)
                ).toOpaque())
        case .reference(let reference):
            guard reference.state === state else { throw LuaFault("a value of another lua state") }
            item.tag = Int32(LW_REFERENCE)
            item.integer = reference.key
        }
        lw_out_value(state.raw, item)
    }

    private func encode(_ table: LuaTable) throws {
        try LuaInterrupt.check()
        if table.fields.isEmpty && table.typeName == nil && table.strictName == nil {
            switch table.sequence {
            case .integers(let values): return lw_out_integers(state.raw, values, values.count)
            case .numbers(let values): return lw_out_numbers(state.raw, values, values.count)
            case .values: break
            }
        }
        var item = lw_value()
        item.tag = Int32(LW_TABLE)
        item.integer = Int64(table.count)
        item.length = table.fields.count
        if let name = table.typeName {
            guard let type = tableTypes[name] else { throw LuaFault("no table type '\(name)' is registered") }
            item.type = type
        }
        if let name = table.strictName {
            switch table.strictness {
            case .reading: item.type = Int32(LW_STRICT)
            case .closed: item.type = Int32(LW_CLOSED)
            case .frozen: item.type = Int32(LW_FROZEN)
            }
            lw_out_value(state.raw, item)
            try encode(.string(name))
            if case .frozen(let instead) = table.strictness { try encode(.string(instead)) }
        } else {
            lw_out_value(state.raw, item)
        }
        for value in table.values { try encode(value) }
        for field in table.fields {
            try encode(field.key.value)
            try encode(field.value)
        }
    }

    func typeNumber(of object: AnyObject) throws -> Int32 {
        let id = ObjectIdentifier(type(of: object))
        if let number = typeOfClass[id] { return number }
        let fitting = entries.filter { $0.value.accepts(object) }.keys.sorted()
        guard let number = fitting.last else {
            throw LuaFault("objects of class \(type(of: object)) have no registered lua type")
        }
        typeOfClass[id] = number
        return number
    }

    // MARK: from Lua

    func read(_ value: lw_value, thread: OpaquePointer, place: Int32) throws -> LuaValue {
        switch Int(value.tag) {
        case LW_BOOLEAN: return .boolean(value.integer != 0)
        case LW_INTEGER: return .integer(value.integer)
        case LW_NUMBER: return .number(value.number)
        case LW_STRING: return .string(LuaString(LuaHost.bytes(value)))
        case LW_OBJECT: return object(value)
        case LW_FUNCTION: return .function(LuaFunction(try reference(thread: thread, place: place)))
        case LW_TABLE:
            guard lw_snapshot(state.raw, thread, place) == LW_OK else { throw state.fault }
            return try inboxValue()
        case LW_OTHER: return .other(LuaHost.typeName(value))
        default: return .nil
        }
    }

    func read(_ results: lw_results) throws -> [LuaValue] {
        guard let thread = results.thread, results.count > 0 else { return [] }
        return try (1...results.count).map { index in
            let place = results.base + index
            return try read(lw_read(thread, place), thread: thread, place: place)
        }
    }

    func reference(thread: OpaquePointer, place: Int32) throws -> LuaReference {
        let key = lw_reference(state.raw, thread, place)
        guard key > 0 else { throw MemoryRefusal.lua }
        return LuaReference(state: state, key: key)
    }

    func takeFailure(_ status: Int32) -> LuaFailure { LuaFailure(status: status, state: state) }

    /// How an argument is told in an error.
    func shown(_ value: lw_value, thread: OpaquePointer, place: Int32) -> String {
        switch Int(value.tag) {
        case LW_NIL where value.length == 1: return "no value"
        case LW_STRING: return LuaValue.string(LuaString(LuaHost.bytes(value))).shown
        case LW_TABLE, LW_OBJECT: return lw_type_name(thread, place).map { String(cString: $0) } ?? "table"
        case LW_FUNCTION: return "function"
        default: return ((try? read(value, thread: thread, place: place)) ?? .nil).shown
        }
    }

    /// The value that the last snapshot put into the inbox.
    func inboxValue() throws -> LuaValue {
        var (count, bytes) = (0, 0)
        guard let items = lw_inbox(state.raw, &count) else { return .nil }
        _ = lw_inbox_bytes(state.raw, &bytes)
        // Lists of numbers are one item each: their bytes are copied once more.
        // So is each text, once for each time that it occurs.
        for item in UnsafeBufferPointer(start: items, count: count) where Int(item.tag) == LW_STRING {
            bytes += item.length
        }
        try MemoryBudget.reserve(count * MemoryLayout<LuaValue>.stride + bytes)
        var reader = InboxReader(host: self, items: UnsafeBufferPointer(start: items, count: count))
        return try reader.next()
    }

    func object(_ value: lw_value) -> LuaValue {
        guard let pointer = value.pointer else { return .other("closed \(entries[value.type]?.name ?? "object")") }
        return .object(Unmanaged<AnyObject>.fromOpaque(pointer).takeUnretainedValue())
    }

    static func bytes(_ value: lw_value) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: value.pointer?.assumingMemoryBound(to: UInt8.self), count: value.length)
    }

    static func typeName(_ value: lw_value) -> String {
        value.pointer.map { String(cString: $0.assumingMemoryBound(to: CChar.self)) } ?? "value"
    }
}

/// Makes values of the shim's list, which is in preorder.
private struct InboxReader {
    let host: LuaHost
    let items: UnsafeBufferPointer<lw_value>
    var position = 0

    mutating func next() throws -> LuaValue {
        guard position < items.count else { return .nil }
        let item = items[position]
        position += 1
        switch Int(item.tag) {
        case LW_BOOLEAN: return .boolean(item.integer != 0)
        case LW_INTEGER: return .integer(item.integer)
        case LW_NUMBER: return .number(item.number)
        case LW_STRING: return .string(LuaString(LuaHost.bytes(item)))
        case LW_OBJECT: return host.object(item)
        case LW_FUNCTION: return .function(LuaFunction(LuaReference(state: host.state, key: item.integer)))
        case LW_INTEGERS: return .table(LuaTable(integers: numbers(item, of: Int64.self)))
        case LW_NUMBERS: return .table(LuaTable(numbers: numbers(item, of: Double.self)))
        case LW_TABLE: return .table(try table(item))
        case LW_OTHER: return .other(LuaHost.typeName(item))
        default: return .nil
        }
    }

    private func numbers<T>(_ item: lw_value, of type: T.Type) -> [T] {
        guard let bytes = lw_inbox_bytes(host.state.raw, nil), item.length > 0 else { return [] }
        let start = (bytes + Int(item.integer)).assumingMemoryBound(to: type)
        return Array(UnsafeBufferPointer(start: start, count: item.length))
    }

    private mutating func table(_ item: lw_value) throws -> LuaTable {
        try LuaInterrupt.check()
        var values: [LuaValue] = []
        values.reserveCapacity(Int(item.integer))
        for _ in 0..<item.integer { values.append(try next()) }
        var fields: [(key: LuaTable.Key, value: LuaValue)] = []
        fields.reserveCapacity(item.length)
        for _ in 0..<item.length {
            let key = try next()
            let value = try next()
            if let key = LuaTable.Key(key) { fields.append((key, value)) }
        }
        return LuaTable(sequence: .values(values), fields: fields, typeName: host.entries[item.type]?.name)
    }
}

extension LuaTable.Key {
    init?(_ value: LuaValue) {
        switch value {
        case .integer(let integer): self = .integer(integer)
        case .number(let number): self = .number(number)
        case .boolean(let boolean): self = .boolean(boolean)
        case .string(let string): self = .string(string)
        default: return nil
        }
    }

    var value: LuaValue {
        switch self {
        case .integer(let integer): .integer(integer)
        case .number(let number): .number(number)
        case .boolean(let boolean): .boolean(boolean)
        case .string(let string): .string(string)
        }
    }
}
