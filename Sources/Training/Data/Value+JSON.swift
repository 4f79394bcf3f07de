import Formats

extension Value {
    /// The value as JSON.
    public var json: JSON {
        switch self {
        case .null: .null
        case .boolean(let flag): .bool(flag)
        case .integer(let value): .integer(Int64(value))
        case .float(let value): .number(value)
        case .string(let text): .string(text)
        case .integers(let ids): .array(ids.map { .integer(Int64($0)) })
        case .list(let values): .array(values.map(\.json))
        case .object(let entries): entries.json
        }
    }

    /// The value that JSON holds; lists of whole numbers that fit 32 bits become compact.
    public init(_ json: JSON) {
        switch json {
        case .null: self = .null
        case .bool(let flag): self = .boolean(flag)
        case .integer(let value): self = Int(exactly: value).map(Value.integer) ?? .float(Double(value))
        case .number(let value): self = .float(value)
        case .string(let text): self = .string(text)
        case .array(let elements): self = .list(elements.map { Value($0) })
        case .object(let members): self = .object(members.map { Entry($0.key, Value($0.value)) })
        }
    }
}

extension [Value.Entry] {
    /// The entries as a JSON object; of equal keys the last counts.
    public var json: JSON {
        var members: JSON = .object([:])
        for entry in self { members.set(entry.key, entry.value.json) }
        return members
    }
}

extension JSON {
    /// Sets a member of an object.
    mutating func set(_ key: String, _ value: JSON) {
        guard case .object(var members) = self else { return }
        members[key] = value
        self = .object(members)
    }
}
