/// The tests of jinja2 3.1 (tests.py).
enum Tests {
    /// All of them by name.
    static let all: [String: Filter] = {
        var all = plain
        let comparisons: [(Expression.Comparison, [String])] = [
            (.equal, ["==", "eq", "equalto"]), (.unequal, ["!=", "ne"]), (.greater, [">", "gt", "greaterthan"]),
            (.greaterOrEqual, [">=", "ge"]), (.less, ["<", "lt", "lessthan"]), (.lessOrEqual, ["<=", "le"]),
        ]
        for (comparison, names) in comparisons {
            let name = names.count > 1 ? names[1] : names[0]
            let test = Filter(
                name,
                any: { rendering, arguments in
                    let values = arguments.positional
                    guard values.count == 2 else {
                        throw TemplateError.type("\(name) expected 2 arguments, got \(values.count)")
                    }
                    return .bool(try rendering.compare(comparison, values[0], values[1]))
                })
            for alias in names { all[alias] = test }
        }
        return all
    }()

    private static func test(
        _ name: String, _ holds: @escaping @Sendable (Value) throws -> Bool
    ) -> Filter { Filter(name, "value") { _, values in .bool(try holds(values.value(0))) } }

    private static func rest(_ rendering: Rendering, _ value: Value, _ divisor: Value) throws -> Value {
        try rendering.compute(.modulo, value, divisor)
    }

    private static let plain: [String: Filter] = [
        "odd": Filter("test_odd", "value") {
            .bool(try $0.isEqual(try rest($0, $1.value(0), .integer(2)), .integer(1)))
        },
        "even": Filter("test_even", "value") {
            .bool(try $0.isEqual(try rest($0, $1.value(0), .integer(2)), .integer(0)))
        },
        "divisibleby": Filter("test_divisibleby", "value num") {
            .bool(try $0.isEqual(try rest($0, $1.value(0), $1.value(1)), .integer(0)))
        },
        "defined": test("test_defined") { !$0.isUndefined },
        "undefined": test("test_undefined") { $0.isUndefined },
        "filter": Filter("test_filter", "value", hidden: 1) { _, values in
            .bool(try contains(Filters.all, values.value(0)))
        },
        "test": Filter("test_test", "value", hidden: 1) { _, values in .bool(try contains(all, values.value(0))) },
        "none": test("test_none") { $0.isNone },
        "boolean": test("test_boolean") { if case .bool = $0 { true } else { false } },
        "false": test("test_false") { if case .bool(false) = $0 { true } else { false } },
        "true": test("test_true") { if case .bool(true) = $0 { true } else { false } },
        "integer": test("test_integer") { if case .integer = $0 { true } else { false } },
        "float": test("test_float") { if case .float = $0 { true } else { false } },
        "number": test("test_number") { $0.number != nil },
        "string": test("test_string") { $0.text != nil },
        "mapping": test("test_mapping") { if case .dict = $0 { true } else { false } },
        "lower": Filter("test_lower", "value") { .bool(try $0.text(of: $1.value(0)).isLower) },
        "upper": Filter("test_upper", "value") { .bool(try $0.text(of: $1.value(0)).isUpper) },
        "sequence": Filter("test_sequence", "value") { rendering, values in
            switch values.value(0) {
            case .object(let object): .bool(object is IntegerRange)
            // Undefined has a length, and asking it for its items is an error only when it is done.
            case let value: .bool(rendering.count(of: value) != nil)
            }
        },
        "iterable": Filter("test_iterable", "value") { rendering, values in
            .bool((try? rendering.elements(of: values.value(0))) != nil)
        },
        "callable": Filter("callable", "obj") { _, values in
            // Undefined has a method that refuses each call.
            if case .object(let object) = values.value(0) { return .bool(object.isCallable) }
            return .bool(values.value(0).isUndefined)
        },
        "sameas": Filter("test_sameas", "value other") { _, values in
            .bool(isSame(values.value(0), values.value(1)))
        },
        "escaped": test("test_escaped") { $0.text?.isMarkup ?? false },
        "in": Filter("test_in", "value seq") { .bool(try $0.contains($1.value(1), $1.value(0))) },
    ]

    private static func contains(_ all: [String: Filter], _ name: Value) throws -> Bool {
        switch name {
        case .list, .dict: throw TemplateError.type("unhashable type: '\(name.typeName)'")
        default: return name.text.map { all[$0.string] != nil } ?? false
        }
    }

    /// Whether both are the same object; small numbers and texts are one object in Python.
    private static func isSame(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.none, .none): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.float(let a), .float(let b)): a == b
        case (.text(let a), .text(let b)): a == b
        case (.list(let a), .list(let b)): a === b
        case (.tuple(let a), .tuple(let b)): a === b || (a.items.isEmpty && b.items.isEmpty)
        case (.dict(let a), .dict(let b)): a === b
        case (.object(let a), .object(let b)): a === b
        default: false
        }
    }
}
