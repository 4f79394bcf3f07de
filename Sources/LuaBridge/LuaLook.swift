import CLuaShim

/// What a value is, found out without running anything of the script's.
public struct LuaLook {
    /// A table.
    public struct Table {
        /// Length of its sequence.
        public let length: Int
        /// The `__name` of its metatable, or of the host's type of tables that it is.
        public let name: String?
        /// Whether it is of a type of the host's.
        public let isHost: Bool
        /// Whether its metatable has a `__tostring`.
        public let hasText: Bool
    }

    /// A function.
    public struct Function {
        /// The path of its documentation, where it is the host's.
        public let path: String?
        /// The name by which errors call it, where it is the host's.
        public let name: String?
        /// Where a script's was written, and its parameters: `stdin:1 (a, b)`.
        public let origin: String
    }

    /// Kinds of values.
    public enum Kind {
        /// A table.
        case table(Table)
        /// A function.
        case function(Function)
        /// An object of the host's, by the name of its type.
        case object(String)
        /// Anything else: a number, a text, a coroutine.
        case other
    }

    /// What it is.
    public let kind: Kind
    /// Equal for the same table or function, as long as it is kept.
    public let identity: UInt
}

/// What a table holds: the beginning of its sequence, and fields.
public struct LuaListing {
    /// A value of a table.
    public enum Item {
        /// Nothing that holds more: a number, a text, a boolean.
        case plain(LuaValue)
        /// A string of so many bytes, of which the first are given.
        case cut(LuaString, bytes: Int)
        /// A table or function.
        case reference(LuaReference)
    }

    /// The first values of the sequence.
    public let items: [Item]
    /// Fields outside the sequence, in the table's own order; no more than were asked for.
    public let fields: [(key: Item, value: Item)]
    /// Number of fields that there are.
    public let fieldCount: Int
}

extension LuaReference {
    /// What the value is; nil between states.
    public func look() -> LuaLook? {
        var found = lw_look()
        guard lw_is_open(state.raw), lw_look_at(state.raw, key, &found) else { return nil }
        let name = state.message
        let kind: LuaLook.Kind
        switch Int(found.kind) {
        case LW_LOOK_TABLE:
            kind = .table(
                LuaLook.Table(
                    length: Int(found.length), name: name.isEmpty ? nil : name, isHost: found.is_host,
                    hasText: found.has_text))
        case LW_LOOK_FUNCTION:
            let host = found.function.map { Unmanaged<HostFunction>.fromOpaque($0).takeUnretainedValue() }
            kind = .function(LuaLook.Function(path: host?.path, name: host?.name, origin: name))
        case LW_LOOK_OBJECT: kind = .object(name)
        default: kind = .other
        }
        return LuaLook(kind: kind, identity: UInt(bitPattern: found.identity))
    }

    /// What a table holds, nil where the value is none: at most `items` values of the sequence and `fields` fields.
    public func listing(items: Int, fields: Int) -> LuaListing? {
        guard let host = state.host, lw_is_open(state.raw) else { return nil }
        let count = lw_list(state.raw, key, Int64(items), Int64(fields))
        guard count >= 0 else { return nil }
        var total = 0
        guard let start = lw_inbox(state.raw, &total) else {
            return LuaListing(items: [], fields: [], fieldCount: Int(count))
        }
        let all = UnsafeBufferPointer(start: start, count: total).map { item($0, host) }
        let pairs = min(Int(count), fields)
        let sequence = all.dropLast(2 * pairs)
        let rest = Array(all.suffix(2 * pairs))
        return LuaListing(
            items: Array(sequence), fields: (0..<pairs).map { (rest[2 * $0], rest[2 * $0 + 1]) }, fieldCount: Int(count)
        )
    }

    private func item(_ value: lw_value, _ host: LuaHost) -> LuaListing.Item {
        switch Int(value.tag) {
        case LW_REFERENCE: return .reference(LuaReference(state: state, key: value.integer))
        case LW_BOOLEAN: return .plain(.boolean(value.integer != 0))
        case LW_INTEGER: return .plain(.integer(value.integer))
        case LW_NUMBER: return .plain(.number(value.number))
        case LW_OBJECT: return .plain(host.object(value))
        case LW_OTHER: return .plain(.other(LuaHost.typeName(value)))
        case LW_STRING:
            let bytes = LuaHost.bytes(value)
            guard bytes.count > 4096 else { return .plain(.string(LuaString(bytes))) }
            return .cut(LuaString(bytes: bytes.prefix(4096)), bytes: bytes.count)
        default: return .plain(.nil)
        }
    }

    /// A field of a table, without metamethods; nil where there is none.
    public func field(_ name: String) -> LuaReference? {
        var name = name
        let found = name.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { lw_raw_field(state.raw, key, $0.baseAddress, $0.count) }
        }
        return found > 0 ? LuaReference(state: state, key: found) : nil
    }
}

extension LuaHost {
    /// The table of globals.
    public var globals: LuaReference? { kept(lw_globals(state.raw)) }

    /// A table of the session's local variables as they are now.
    public var locals: LuaReference? { kept(lw_locals(state.raw)) }

    private func kept(_ key: Int64) -> LuaReference? { key > 0 ? LuaReference(state: state, key: key) : nil }
}
