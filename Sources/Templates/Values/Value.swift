/// A value of a template while it is rendered, with Python's meaning.
///
/// The sandbox lets nothing be changed, so lists and dictionaries are shared; only a `Namespace`, an iterator and what counts have a state.
enum Value {
    case undefined(Undefined)
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case text(Text)
    case list(List)
    case tuple(List)
    case dict(Dict)
    /// What only some templates meet: functions, macros, ranges, iterators, namespaces, loops.
    case object(any Object)

    static func string(_ string: String) -> Value { .text(Text(string)) }
    static func list(_ items: [Value]) -> Value { .list(List(items)) }
    static func tuple(_ items: [Value]) -> Value { .tuple(List(items)) }

    /// The name of its type in Python.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .float: "float"
        case .text(let text): text.isMarkup ? "Markup" : "str"
        case .list: "list"
        case .tuple(let list): list.names == nil ? "tuple" : "_GroupTuple"
        case .dict: "dict"
        case .object(let object): object.typeName
        }
    }

    /// How messages about missing attributes call it: "dict object", "None".
    var described: String {
        switch self {
        case .none: "None"
        case .undefined: "jinja2.runtime.Undefined object"
        case .text(let text) where text.isMarkup: "markupsafe.Markup object"
        case .tuple(let list) where list.names != nil: "jinja2.filters._GroupTuple object"
        case .object(let object): (object.module.map { $0 + "." } ?? "") + object.typeName + " object"
        default: typeName + " object"
        }
    }

    /// Whether a condition takes it for true.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let flag): flag
        case .integer(let integer): integer != 0
        case .float(let number): number != 0
        case .text(let text): !text.isEmpty
        case .list(let list), .tuple(let list): !list.items.isEmpty
        case .dict(let dict): dict.count > 0
        case .object(let object): object.count.map { $0 > 0 } ?? true
        }
    }

    /// How deeply values lie within it.
    ///
    /// What is assigned has a bound on it: values that hold one another are freed one within the other, on the stack.
    var depth: Int {
        switch self {
        case .list(let list), .tuple(let list): list.depth
        case .dict(let dict): dict.depth
        case .object(let object): object.depth
        default: 0
        }
    }
    /// The largest depth that a value which is assigned may have; JSON is read to 512.
    static let maxDepth = 1000

    /// Itself; throws where values lie too deeply within it.
    func shallow() throws -> Value {
        guard depth <= Self.maxDepth else {
            throw TemplateError(
                "RecursionError", "maximum recursion depth exceeded: values nested deeper than \(Self.maxDepth)")
        }
        return self
    }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }
    var isNone: Bool { if case .none = self { true } else { false } }
    var text: Text? { if case .text(let text) = self { text } else { nil } }
    /// The integer that it is: a boolean is one, too.
    var integer: Int? {
        switch self {
        case .integer(let integer): integer
        case .bool(let flag): flag ? 1 : 0
        default: nil
        }
    }
    /// The number that it is.
    var number: Double? { if case .float(let number) = self { number } else { integer.map(Double.init) } }
}

/// The elements of a list or tuple.
final class List {
    let items: [Value]
    /// Names of the elements, of a tuple that `groupby` made.
    let names: [String]?
    let depth: Int

    init(_ items: [Value], names: [String]? = nil) {
        (self.items, self.names) = (items, names)
        depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
    }
}

/// A dictionary, in the order of its keys.
final class Dict {
    let entries: [(key: Value, value: Value)]
    private let places: [Key: Int]
    let depth: Int

    /// Of equal keys the last value counts, in the place of the first.
    init(_ members: some Sequence<(Value, Value)>) throws {
        var entries: [(key: Value, value: Value)] = []
        var places: [Key: Int] = [:]
        for (key, value) in members {
            let name = try Key(key)
            if let place = places[name] {
                entries[place].value = value
            } else {
                places[name] = entries.count
                entries.append((key, value))
            }
        }
        (self.entries, self.places) = (entries, places)
        depth = 1 + (entries.lazy.map { max($0.key.depth, $0.value.depth) }.max() ?? 0)
    }

    var count: Int { entries.count }
    var keys: [Value] { entries.map(\.key) }

    /// The value of a key; throws where the key cannot be one.
    func value(of key: Value) throws -> Value? { try places[Key(key)].map { entries[$0].value } }
    func value(of key: Text) -> Value? { places[.text(key)].map { entries[$0].value } }
}

/// What a dictionary finds a value by: equal numbers are the same key, whatever their type.
enum Key: Hashable {
    case none, undefined
    case integer(Int)
    case float(Double)
    case text(Text)
    case tuple([Key])
    case object(ObjectIdentifier)

    init(_ value: Value) throws {
        switch value {
        case .undefined: self = .undefined
        case .none: self = .none
        case .bool(let flag): self = .integer(flag ? 1 : 0)
        case .integer(let integer): self = .integer(integer)
        case .float(let number): self = Int(exactly: number).map(Key.integer) ?? .float(number)
        case .text(let text): self = .text(text)
        case .tuple(let list): self = .tuple(try list.items.map(Key.init))
        case .list, .dict: throw TemplateError.type("unhashable type: '\(value.typeName)'")
        case .object(let object): self = .object(ObjectIdentifier(object))
        }
    }
}

/// What stands for something that is not there: it prints as nothing, and most else that is done with it is an error.
struct Undefined {
    /// Why nothing is there.
    enum Reason {
        case name(String)
        case attribute(of: String, String)
        case element(of: String, String)
        case hint(String)
        case unsafe(String)
    }
    let reason: Reason

    /// The error of using it.
    var error: TemplateError {
        let message =
            switch reason {
            case .name(let name): "\(Text(name).represented) is undefined"
            case .attribute(let object, let name):
                "\(Text(object).represented) has no attribute \(Text(name).represented)"
            case .element(let object, let name): "\(object) has no element \(name)"
            case .hint(let hint), .unsafe(let hint): hint
            }
        if case .unsafe = reason { return TemplateError("SecurityError", message) }
        return TemplateError("UndefinedError", message)
    }
}

/// A value of a kind that few templates meet.
protocol Object: AnyObject {
    /// The name of its type in Python.
    var typeName: String { get }
    /// The module of its type; nil for Python's own.
    var module: String? { get }
    /// How many elements it has; nil where it has no length.
    var count: Int? { get }
    /// How deeply values lie within it; see `Value.depth`.
    var depth: Int { get }
    /// Whether it can be called.
    var isCallable: Bool { get }
    /// As `repr` writes it.
    func represented(_ rendering: Rendering) throws -> String
    /// Its attribute; nil where it has none of the name.
    func attribute(_ name: String, _ rendering: Rendering) throws -> Value?
    /// Its element; nil where it takes none.
    func element(_ key: Value) throws -> Value?
    /// Its elements in turn; nil where there are none to go through.
    func elements() -> Elements?
    /// What it gives when called.
    func call(_ arguments: Arguments, _ rendering: Rendering) throws -> Value
}

extension Object {
    var module: String? { nil }
    var count: Int? { nil }
    var depth: Int { 1 }
    var isCallable: Bool { false }
    func attribute(_ name: String, _ rendering: Rendering) throws -> Value? { nil }
    func element(_ key: Value) throws -> Value? { nil }
    func elements() -> Elements? { nil }
    func call(_ arguments: Arguments, _ rendering: Rendering) throws -> Value {
        throw TemplateError.type("'\(typeName)' object is not callable")
    }
    func represented(_ rendering: Rendering) throws -> String { "<\(module.map { $0 + "." } ?? "")\(typeName) object>" }
}

/// Goes through the elements of something once.
struct Elements {
    /// The next element; nil after the last.
    let next: () throws -> Value?

    init(_ next: @escaping () throws -> Value?) { self.next = next }
    init(_ values: some Sequence<Value>) {
        var iterator = values.makeIterator()
        next = { iterator.next() }
    }
}

/// What a call is given.
struct Arguments {
    var positional: [Value] = []
    var named: [(name: String, value: Value)] = []

    init(_ positional: [Value] = [], named: [(name: String, value: Value)] = []) {
        (self.positional, self.named) = (positional, named)
    }
    func named(_ name: String) -> Value? { named.first { $0.name == name }?.value }
}
