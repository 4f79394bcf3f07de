/// A table as a value: a sequence from 1 to n and fields, those of a script's table in sorted order.
///
/// Lists of integers only, and of floats only, are kept flat: reading a batch of token ids costs one copy.
public final class LuaTable {
    /// A key other than the positions of the sequence.
    public enum Key: Hashable, Comparable, Sendable, CustomStringConvertible {
        /// An integer outside 1 to n.
        case integer(Int64)
        /// A float that is no integer.
        case number(Double)
        /// true or false.
        case boolean(Bool)
        /// A string.
        case string(LuaString)

        private var rank: Int {
            switch self {
            case .integer: 0
            case .number: 1
            case .string: 2
            case .boolean: 3
            }
        }

        /// Orders integers before floats before strings before booleans.
        public static func < (a: Key, b: Key) -> Bool {
            switch (a, b) {
            case (.integer(let x), .integer(let y)): x < y
            case (.number(let x), .number(let y)): x < y
            case (.string(let x), .string(let y)): x < y
            case (.boolean(let x), .boolean(let y)): !x && y
            default: a.rank < b.rank
            }
        }

        /// The text of a string key.
        public var text: String? {
            if case .string(let string) = self { string.validText } else { nil }
        }

        /// The key as it would be read aloud.
        public var description: String {
            switch self {
            case .integer(let value): "\(value)"
            case .number(let value): "\(value)"
            case .boolean(let value): "\(value)"
            case .string(let value): value.text
            }
        }
    }

    enum Sequence {
        case values([LuaValue])
        case integers([Int64])
        case numbers([Double])
    }

    /// How strict a table is against mistakes.
    public enum Strictness: Sendable {
        /// Reading a field that it has not is an error; writing one is not, as for rows and batches that a recipe adds to.
        case reading
        /// Writing a field that it has not is an error too, as for the values of declared names.
        case closed
        /// Writing is an error, since the table is a copy and would be all that changes; the text says what to do instead.
        case frozen(instead: String)
    }

    let sequence: Sequence
    /// What is not in the sequence; in the order of the keys, but for tables that the host makes strict.
    public let fields: [(key: Key, value: LuaValue)]
    /// The Lua name of the `LuaTableType` whose methods the table has.
    public let typeName: String?
    /// What errors call the table where reading a field that it has not is one; fields that are nil are known to be absent.
    public let strictName: String?
    /// How strict it is, where it has such a name.
    public let strictness: Strictness
    /// Places of the names; made at the first question about a table of many.
    private lazy var places: [LuaString: Int] = {
        var places: [LuaString: Int] = [:]
        for (place, field) in fields.enumerated() {
            if case .string(let name) = field.key { places[name] = place }
        }
        return places
    }()

    init(
        sequence: Sequence, fields: [(key: Key, value: LuaValue)], typeName: String? = nil, strictName: String? = nil,
        strictness: Strictness = .reading
    ) {
        self.strictness = strictness
        self.sequence = sequence
        // What a script gives has no order of its own; rows of data sets, which are strict, go one way and by the million.
        self.fields = fields.count > 1 && strictName == nil ? fields.sorted { $0.key < $1.key } : fields
        (self.typeName, self.strictName) = (typeName, strictName)
    }

    /// Makes a table of a sequence and of fields with string keys; `type` names a registered `LuaTableType`.
    public convenience init(_ values: [LuaValue] = [], fields: [String: LuaValue] = [:], type: String? = nil) {
        let named = fields.map { (key: Key.string(LuaString($0.key)), value: $0.value) }
        self.init(sequence: .values(values), fields: named, typeName: type)
    }

    /// Makes a table with any keys.
    public convenience init(entries: [(key: Key, value: LuaValue)], type: String? = nil) {
        self.init(sequence: .values([]), fields: entries, typeName: type)
    }

    /// Makes a table with string keys that a script cannot misread: a missing field is an error that calls it `name`.
    public convenience init(
        strict name: String, _ fields: [(key: String, value: LuaValue)], _ strictness: Strictness = .reading
    ) {
        self.init(
            strict: name, entries: fields.map { (Key.string(LuaString($0.key)), $0.value) }, strictness)
    }

    /// Makes a strict table with any keys.
    public convenience init(
        strict name: String, entries: [(key: Key, value: LuaValue)], _ strictness: Strictness = .reading
    ) {
        self.init(sequence: .values([]), fields: entries, strictName: name, strictness: strictness)
    }

    /// Makes a list of integers.
    public convenience init(integers: [Int64]) { self.init(sequence: .integers(integers), fields: []) }

    /// Makes a list of floats.
    public convenience init(numbers: [Double]) { self.init(sequence: .numbers(numbers), fields: []) }

    /// The length of the sequence.
    public var count: Int {
        switch sequence {
        case .values(let values): values.count
        case .integers(let values): values.count
        case .numbers(let values): values.count
        }
    }

    /// Whether it has neither a sequence nor fields.
    public var isEmpty: Bool { count == 0 && fields.isEmpty }

    /// The values of the sequence.
    public var values: [LuaValue] {
        switch sequence {
        case .values(let values): values
        case .integers(let values): values.map { .integer($0) }
        case .numbers(let values): values.map { .number($0) }
        }
    }

    /// The value of the sequence at a position from 1, nil outside.
    public subscript(position: Int) -> LuaValue {
        guard position >= 1, position <= count else {
            return fields.first { $0.key == .integer(Int64(position)) }?.value ?? .nil
        }
        return switch sequence {
        case .values(let values): values[position - 1]
        case .integers(let values): .integer(values[position - 1])
        case .numbers(let values): .number(values[position - 1])
        }
    }

    /// The value of a field, nil where there is none.
    public subscript(name: String) -> LuaValue {
        if fields.isEmpty { return .nil }
        let wanted = Key.string(LuaString(name))
        // Rows and options have a few fields each, and there are many such tables: looking at each costs less than hashing.
        if fields.count <= 12 { return fields.first { $0.key == wanted }?.value ?? .nil }
        return places[LuaString(name)].map { fields[$0].value } ?? .nil
    }

    /// The string keys, sorted; nil where another kind of key is among the fields.
    public var names: [String]? {
        var names: [String] = []
        for field in fields {
            guard let name = field.key.text else { return nil }
            names.append(name)
        }
        return names
    }
}
