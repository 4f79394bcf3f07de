/// What an option or an argument may hold, with its range.
public indirect enum OptionType: Sendable {
    /// An integer in a range, or a float with such a value.
    case integer(ClosedRange<Int>)
    /// A number in a range.
    case number(NumberRange)
    /// A text.
    case string
    /// A path of a file or folder, as text.
    case path
    /// A model: a folder, or a name in the Hugging Face cache, as text.
    case model
    /// true or false.
    case boolean
    /// A table of any kind.
    case table
    /// A table whose keys are declared in turn.
    case options(OptionTable)
    /// A list of texts; one text is a list of one.
    case strings
    /// A list of integers in a range.
    case integers(ClosedRange<Int>)
    /// A list of numbers in a range.
    case numbers(NumberRange)
    /// A function; the text says what it is called with and gives: `fun(row: table): table`.
    case function(String)
    /// A host object, by its Lua name.
    case object(String)
    /// A list of values of one type.
    case list(OptionType)
    /// One of several texts.
    case oneOf([String])
    /// Any of several types.
    case either([OptionType])
    /// Anything but nil.
    case any

    /// An integer of any size, such as a seed.
    public static let integer = OptionType.integer(.any)
    /// A number of something of which there may be none.
    public static let count = OptionType.integer(.count)
    /// A number of something of which there is at least one.
    public static let positive = OptionType.integer(.positive)
    /// A finite number.
    public static let number = OptionType.number(.finite)
    /// A list of integers of any size.
    public static let integers = OptionType.integers(.any)
    /// A list of finite numbers.
    public static let numbers = OptionType.numbers(.finite)

    /// The type with its article and range, as errors name it: `an integer of at least 1`.
    public var phrase: String {
        switch self {
        case .integer(let range): range.phrase
        case .number(let range):
            "\(range == .any ? "a" : "a finite") number\(range.suffix)".replacing("a finite number ", with: "a number ")
        case .string: "a string"
        case .path: "a path"
        case .model: "a model's folder or name"
        case .boolean: "true or false"
        case .table, .options: "a table"
        case .strings: "a string or a list of strings"
        case .integers(let range): "a list of integers\(range.suffix)"
        case .numbers(let range): "a list of numbers\(range.suffix)"
        case .function: "a function"
        case .object(let name): name
        case .list(let type): "a list of \(type.annotation)"
        case .oneOf(let choices): "one of \(choices.map { "'\($0)'" }.joined(separator: ", "))"
        case .either(let types): types.map(\.phrase).joined(separator: " or ")
        case .any: "a value"
        }
    }

    /// The type in the notation of the Lua language server: `integer`, `string[]`.
    public var annotation: String {
        switch self {
        case .integer: "integer"
        case .number: "number"
        case .string, .path, .model: "string"
        case .boolean: "boolean"
        case .table, .options: "table"
        case .strings: "string|string[]"
        case .integers: "integer[]"
        case .numbers: "number[]"
        case .function(let signature): signature
        case .object(let name): name
        case .list(let type): type.isUnion ? "(\(type.annotation))[]" : "\(type.annotation)[]"
        case .oneOf(let choices): choices.map { "\"\($0)\"" }.joined(separator: "|")
        case .either(let types): types.map(\.annotation).joined(separator: "|")
        case .any: "any"
        }
    }

    private var isUnion: Bool { annotation.contains("|") || annotation.hasPrefix("fun") }

    /// The range in words, where it has one: `from 0 to 1`; nil where every value of the type is taken.
    public var range: String? {
        let words =
            switch self {
            case .integer(let range), .integers(let range): range.told
            case .number(let range), .numbers(let range): range.suffix
            case .either(let types): types.lazy.compactMap(\.range).first ?? ""
            default: ""
            }
        return words.isEmpty ? nil : String(words.trimmingPrefix(" "))
    }

    /// The texts that it may be, of all its alternatives.
    public var choices: [String] {
        switch self {
        case .oneOf(let choices): choices
        case .either(let types): types.flatMap(\.choices)
        default: []
        }
    }

    /// The declared keys, where it is a table of options.
    public var table: OptionTable? {
        switch self {
        case .options(let table): table
        case .either(let types): types.lazy.compactMap(\.table).first
        default: nil
        }
    }

    /// The function among its alternatives, as it is called.
    public var function: OptionType? {
        switch self {
        case .function: self
        case .either(let types): types.lazy.compactMap(\.function).first
        default: nil
        }
    }

    /// The first entry of a list that a list of this type cannot hold, with its place from 1; nil for what is no list, and where there is none.
    func wrongEntry<Value: OptionValue>(of value: Value) -> (place: Int, shown: String)? {
        let entry: OptionType
        switch self {
        case .strings: entry = .string
        case .integers(let range): entry = .integer(range)
        case .numbers(let range): entry = .number(range)
        case .list(let type): entry = type
        case .either(let types): return types.lazy.compactMap { $0.wrongEntry(of: value) }.first
        default: return nil
        }
        guard let elements = value.asElements, let place = elements.firstIndex(where: { !entry.accepts($0) }) else {
            return nil
        }
        return (place + 1, elements[place].shown)
    }

    /// Whether a value is of this type and in its range; the keys of a table of options are read by a reader of their own.
    @inlinable public func accepts<Value: OptionValue>(_ value: Value) -> Bool {
        switch self {
        case .integer(let range): value.asInteger.map(range.contains) ?? false
        case .number(let range): value.asNumber.map(range.contains) ?? false
        case .string, .path, .model: value.asString != nil
        case .boolean: value.asBoolean != nil
        case .table: value.isTable
        case .options: value.isTable
        case .strings: value.asString != nil || value.asStrings != nil
        case .integers(let range): value.asIntegers?.allSatisfy { range.contains(Int($0)) } ?? false
        case .numbers(let range): value.asNumbers?.allSatisfy(range.contains) ?? false
        case .function: value.isFunction
        case .object(let name): value.objectName == name
        case .list(let type): value.asElements?.allSatisfy(type.accepts) ?? false
        case .oneOf(let choices): value.asString.map(choices.contains) ?? false
        case .either(let types): types.contains { $0.accepts(value) }
        case .any: !value.isAbsent
        }
    }
}

extension ClosedRange<Int> {
    /// Every integer.
    public static let any = Int.min...Int.max
    /// Numbers of things: sums and products of two of them stay far from what an integer holds.
    public static let count = 0...(1 << 31)
    /// Numbers of things of which there is at least one.
    public static let positive = 1...(1 << 31)
    /// Numbers of steps, rows and tokens over a whole run.
    public static let total = 0...(1 << 53)

    /// Places, which may be counted from the end by negative numbers.
    public static let position = -(1 << 53)...(1 << 53)

    /// How the range ends a phrase: ` of at least 1`, ` from 0 to 7`.
    var suffix: String {
        switch (lowerBound, upperBound) {
        case (.min, .max): ""
        case (let lowest, .max): " of at least \(lowest)"
        case (.min, let highest): " of at most \(highest)"
        default: " from \(lowerBound) to \(upperBound)"
        }
    }

    /// The suffix for documentation: bounds that are only there for the sake of arithmetic are left out.
    var told: String {
        if self == .position { return "" }
        return upperBound >= 1 << 31 ? (lowerBound...Int.max).suffix : suffix
    }

    /// `an integer from 0 to 7`.
    public var phrase: String { "an integer\(suffix)" }
}
