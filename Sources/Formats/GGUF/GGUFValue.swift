import Memory

/// Types of GGUF's metadata (`gguf_metadata_value_type` of its specification).
public enum GGUFValueType: UInt32, Sendable {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// Bytes of a value; nil where they differ from value to value.
    var size: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }

    /// Fewest bytes that a value takes: a string has a length, an array a type and a length.
    var leastSize: Int { size ?? (self == .string ? 8 : 12) }
}

/// A value of GGUF's metadata; texts and arrays stay in the file until they are asked for.
public enum GGUFValue: Sendable {
    case unsigned(UInt64)
    case integer(Int64)
    case float(Float)
    case double(Double)
    case bool(Bool)
    case string(GGUFText)
    case array(GGUFArray)

    /// The value of an integer of any type; nil where it does not fit or is none.
    public var int: Int? {
        switch self {
        case .unsigned(let value): Int(exactly: value)
        case .integer(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The value of any number.
    ///
    /// A float32 gives the shortest decimal that is read as it: 0.00001, where the model's own configuration said so, and not 9.99999975e-06.
    public var number: Double? {
        switch self {
        case .unsigned(let value): Double(value)
        case .integer(let value): Double(value)
        case .float(let value): Double(value.description) ?? Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The truth value of a boolean.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The text of a string; nil where it is not UTF-8.
    public var text: String? { if case .string(let value) = self { value.text } else { nil } }
    /// The elements of an array.
    public var array: GGUFArray? { if case .array(let value) = self { value } else { nil } }

    /// What kind of value this is, for messages: "integer 3", "string 'x'", "an array of 5 float32".
    public var kind: String {
        switch self {
        case .unsigned(let value): "integer \(value)"
        case .integer(let value): "integer \(value)"
        case .float(let value): "number \(value)"
        case .double(let value): "number \(value)"
        case .bool(let value): value ? "true" : "false"
        case .string(let value): value.text.map { "string '\(FormatError.shown($0))'" } ?? "a string that is not UTF-8"
        case .array(let value): "an array of \(value.count) \(value.type)"
        }
    }
}

/// A string of GGUF's metadata as the bytes that it has in the file, which need not be UTF-8.
public struct GGUFText: Sendable {
    let file: MappedFile
    let range: Range<Int>

    /// The bytes; valid while the file is mapped.
    public var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: file.text[range]) }
    /// The text; nil where the bytes are not UTF-8.
    public var text: String? { String(validating: bytes, as: UTF8.self) }
}

/// An array of GGUF's metadata, checked when the file was opened and read when it is asked for.
public struct GGUFArray: Sendable {
    /// Type of the elements.
    public let type: GGUFValueType
    /// Number of elements.
    public let count: Int
    let file: MappedFile
    /// Where the elements lie.
    let range: Range<Int>
    /// File and key, for messages.
    let place: String

    /// Calls `body` with the bytes of each string in turn, which need not be UTF-8; throws where the elements are no strings.
    public func forEachString(_ body: (UnsafeBufferPointer<UInt8>) throws -> Void) throws {
        guard type == .string else { throw expected("strings") }
        var cursor = GGUFCursor(file, at: range.lowerBound)
        for index in 0..<count {
            if index & 0xFFFF == 0 { try MemoryBudget.check() }
            try body(UnsafeBufferPointer(rebasing: file.text[cursor.string("a string of \(place)")]))
        }
    }

    /// The strings as bytes; throws where the elements are no strings.
    public func strings() throws -> [[UInt8]] {
        // An array of bytes has a header of 32 bytes and 8 for the reference to it.
        try MemoryBudget.reserve(count, of: 40)
        try MemoryBudget.reserve(range.count)
        var strings: [[UInt8]] = []
        strings.reserveCapacity(type == .string ? count : 0)
        try forEachString { strings.append(Array($0)) }
        return strings
    }

    /// The numbers, those of float32 exactly; throws where the elements are none.
    public func numbers() throws -> [Double] {
        try scalars("numbers") {
            if case .float(let value) = $0 { return Double(value) }
            return $0.number
        }
    }

    /// The integers; throws where the elements are none, or do not fit into 64 bits with a sign.
    public func integers() throws -> [Int] { try scalars("integers", \.int) }

    /// The truth values; throws where the elements are none.
    public func booleans() throws -> [Bool] { try scalars("booleans", \.bool) }

    /// The elements, whatever they are; those that are arrays can be asked in turn.
    public func values() throws -> [GGUFValue] {
        try MemoryBudget.reserve(count, of: MemoryLayout<GGUFValue>.stride)
        var values: [GGUFValue] = []
        values.reserveCapacity(count)
        var cursor = GGUFCursor(file, at: range.lowerBound)
        for index in 0..<count {
            if index & 0xFFFF == 0 { try MemoryBudget.check() }
            values.append(try cursor.value(type, place: place))
        }
        return values
    }

    private func scalars<Value>(_ what: String, _ convert: (GGUFValue) -> Value?) throws -> [Value] {
        guard let size = type.size else { throw expected(what) }
        try MemoryBudget.reserve(count, of: MemoryLayout<Value>.stride)
        var cursor = GGUFCursor(file, at: range.lowerBound)
        var values: [Value] = []
        values.reserveCapacity(min(count, range.count / size))
        for index in 0..<count {
            if index & 0xFFFF == 0 { try MemoryBudget.check() }
            let element = try cursor.value(type, place: place)
            guard let value = convert(element) else {
                throw FormatError("\(place) expected \(what), got \(element.kind) as element \(index)")
            }
            values.append(value)
        }
        return values
    }

    private func expected(_ what: String) -> FormatError {
        FormatError("\(place) expected an array of \(what), got an array of \(count) \(type)")
    }
}
