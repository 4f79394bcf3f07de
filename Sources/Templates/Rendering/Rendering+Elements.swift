/// Going through values, measuring and asking them.
extension Rendering {
    /// The elements of a value in turn.
    func elements(of value: Value, unpacking: Bool = false) throws -> Elements {
        switch value {
        case .undefined: return Elements([])
        case .text(let text):
            return Elements(text.scalars.lazy.map { .text(Text([$0], isMarkup: text.isMarkup)) })
        case .list(let list), .tuple(let list): return Elements(list.items)
        case .dict(let dict): return Elements(dict.entries.lazy.map(\.key))
        case .object(let object):
            if let elements = object.elements() { return elements }
        default: break
        }
        throw TemplateError.type(
            unpacking
                ? "cannot unpack non-iterable \(value.typeName) object" : "'\(value.typeName)' object is not iterable")
    }

    /// The elements as a list.
    func list(of value: Value) throws -> [Value] {
        switch value {
        case .list(let list), .tuple(let list): return list.items
        default: break
        }
        let elements = try elements(of: value)
        var values: [Value] = []
        while let element = try elements.next() {
            if values.count & 0xFF == 0 { try expect(values: values.count + 256) }
            try spend()
            values.append(element)
        }
        return values
    }

    /// How many elements a value has; nil where it has no length.
    func count(of value: Value) -> Int? {
        switch value {
        case .undefined: 0
        case .text(let text): text.count
        case .list(let list), .tuple(let list): list.items.count
        case .dict(let dict): dict.count
        case .object(let object): object.count
        default: nil
        }
    }

    /// `len`.
    func length(of value: Value) throws -> Int {
        guard let count = count(of: value) else {
            throw TemplateError.type("object of type '\(value.typeName)' has no len()")
        }
        return count
    }

    func isTrue(_ value: Value) throws -> Bool { value.isTrue }

    // MARK: attributes and items

    private static let unsafe: [String: Set<String>] = [
        "list": ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"],
        "dict": ["clear", "pop", "popitem", "setdefault", "update"],
    ]
    /// What every object of Python has, and the sandbox keeps to itself.
    private static let internals: Set<String> = [
        "__class__", "__delattr__", "__dir__", "__doc__", "__eq__", "__format__", "__ge__", "__getattribute__",
        "__getstate__", "__gt__", "__hash__", "__init__", "__init_subclass__", "__le__", "__lt__", "__ne__", "__new__",
        "__reduce__", "__reduce_ex__", "__repr__", "__setattr__", "__sizeof__", "__str__", "__subclasshook__",
    ]
    private static let containers: Set<String> = [
        "__contains__", "__getitem__", "__iter__", "__len__", "__add__", "__mul__", "__rmul__", "__reversed__",
        "__setitem__", "__delitem__", "__iadd__", "__imul__", "__mod__", "__rmod__", "__or__", "__ror__", "__ior__",
        "__class_getitem__", "__getnewargs__",
    ]

    /// What Python's `getattr` gives, or that it is not safe; nil where there is nothing.
    private func native(_ name: String, of value: Value) throws -> Value? {
        let type = value.typeName
        if name.hasPrefix("__") {
            let isInternal: Bool
            switch value {
            case .text, .list, .tuple, .dict:
                isInternal = Self.internals.contains(name) || Self.containers.contains(name)
            default: isInternal = Self.internals.contains(name)
            }
            return isInternal ? unsafe(name, type) : nil
        }
        if Self.unsafe[type]?.contains(name) == true { return unsafe(name, type) }
        if case .object(let object) = value { return try object.attribute(name, self) }
        if case .tuple(let list) = value, let place = list.names?.firstIndex(of: name) { return list.items[place] }
        if Methods.has(name, value) { return .object(Method(value, name)) }
        switch (value, name) {
        case (.integer, "real"), (.integer, "numerator"), (.float, "real"): return value
        case (.bool(let flag), "real"), (.bool(let flag), "numerator"): return .integer(flag ? 1 : 0)
        case (.integer, "imag"), (.bool, "imag"): return .integer(0)
        case (.integer, "denominator"), (.bool, "denominator"): return .integer(1)
        case (.float, "imag"): return .float(0)
        default: return nil
        }
    }

    private func unsafe(_ name: String, _ type: String) -> Value {
        .undefined(
            Undefined(
                reason: .unsafe("access to attribute \(Text(name).represented) of '\(type)' object is unsafe.")))
    }

    /// `value.name`.
    func attribute(_ name: String, of value: Value) throws -> Value {
        if case .undefined(let undefined) = value { throw undefined.error }
        if let value = try native(name, of: value) { return value }
        switch value {
        case .dict(let dict): if let value = dict.value(of: Text(name)) { return value }
        case .object(let object): if let value = try object.element(.string(name)) { return value }
        default: break
        }
        return .undefined(Undefined(reason: .attribute(of: value.described, name)))
    }

    /// `value[key]`.
    func item(of value: Value, _ key: Value) throws -> Value {
        if case .undefined(let undefined) = value { throw undefined.error }
        switch value {
        case .dict(let dict):
            // A key that cannot be one is not there.
            if let found = try? dict.value(of: key) { return found }
        case .list(let list), .tuple(let list):
            if let index = key.integer, let place = Self.place(index, list.items.count) { return list.items[place] }
        case .text(let text):
            if let index = key.integer, let place = Self.place(index, text.count) {
                return .text(Text([text.scalars[place]], isMarkup: text.isMarkup))
            }
        case .object(let object): if let found = try object.element(key) { return found }
        default: break
        }
        guard let name = key.text?.string else {
            return .undefined(Undefined(reason: .element(of: value.described, try represented(key))))
        }
        return try native(name, of: value) ?? .undefined(Undefined(reason: .attribute(of: value.described, name)))
    }

    /// The place of an index, which counts from the end where it is below 0.
    static func place(_ index: Int, _ count: Int) -> Int? {
        let place = index < 0 ? index + count : index
        return place >= 0 && place < count ? place : nil
    }

    /// `value[start:stop:step]`.
    func slice(of value: Value, start: Value, stop: Value, step: Value) throws -> Value {
        func bound(_ value: Value) throws -> Int? {
            if value.isNone { return nil }
            guard let integer = value.integer else {
                throw TemplateError.type("slice indices must be integers or None or have an __index__ method")
            }
            return integer
        }
        func places(_ count: Int) throws -> [Int] {
            let step = try bound(step) ?? 1
            guard step != 0 else { throw TemplateError.value("slice step cannot be zero") }
            try expect(values: count)
            return try Self.places(count, bound(start), bound(stop), step)
        }
        switch value {
        case .undefined(let undefined): throw undefined.error
        case .text(let text):
            return .text(Text(try places(text.count).map { text.scalars[$0] }, isMarkup: text.isMarkup))
        case .list(let list): return .list(try places(list.items.count).map { list.items[$0] })
        case .tuple(let list): return .tuple(try places(list.items.count).map { list.items[$0] })
        case .dict: throw TemplateError.type("unhashable type: 'slice'")
        case .object(let range as IntegerRange):
            return .object(try range.sliced(bound(start), bound(stop), bound(step) ?? 1))
        default: throw TemplateError.type("'\(value.typeName)' object is not subscriptable")
        }
    }

    /// The places that a slice takes out of `count` (Python's `slice.indices`).
    static func places(_ count: Int, _ start: Int?, _ stop: Int?, _ step: Int) -> [Int] {
        func clamped(_ bound: Int, _ low: Int, _ high: Int) -> Int {
            min(max(bound < 0 ? bound + count : bound, low), high)
        }
        // A longer step goes no further, and could pass the largest integer.
        let step = min(max(step, -count - 1), count + 1)
        if step > 0 {
            let (first, last) = (clamped(start ?? 0, 0, count), clamped(stop ?? count, 0, count))
            return Array(stride(from: first, to: last, by: step))
        }
        let first = start.map { clamped($0, -1, count - 1) } ?? (count - 1)
        let last = stop.map { clamped($0, -1, count - 1) } ?? -1
        return Array(stride(from: first, to: last, by: step))
    }
}
