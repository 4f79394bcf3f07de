import Memory

/// Reads what stands before the tensors of a GGUF file; nothing is looked at before it is known to lie in the file.
struct GGUFCursor {
    private let file: MappedFile
    /// Where the next value begins.
    private(set) var offset: Int

    /// Arrays within arrays: files have none, the specification allows any number.
    private static let deepest = 8

    init(_ file: MappedFile, at offset: Int = 0) { (self.file, self.offset) = (file, offset) }

    /// Bytes from here to the end of the file.
    var remaining: Int { file.count - offset }

    /// The place of the next `count` bytes, which are passed over.
    mutating func take(_ count: UInt64, _ what: @autoclosure () -> String) throws -> Range<Int> {
        guard count <= UInt64(remaining) else {
            throw FormatError(
                "\(file.path): truncated: \(what().trimmingPrefix("\(file.path): ")) at byte \(offset) takes \(count) bytes, the file ends after \(remaining)"
            )
        }
        defer { offset += Int(count) }
        return offset..<offset + Int(count)
    }

    /// A number of the file's byte order, which is this machine's.
    mutating func read<Value: BitwiseCopyable>(_ type: Value.Type, _ what: @autoclosure () -> String) throws -> Value {
        let place = try take(UInt64(MemoryLayout<Value>.size), what())
        return file.bytes.loadUnaligned(fromByteOffset: place.lowerBound, as: type)
    }

    /// The place of a string's bytes, behind its length.
    mutating func string(_ what: @autoclosure () -> String) throws -> Range<Int> {
        let length = try read(UInt64.self, "the length of \(what())")
        return try take(length, what())
    }

    /// A string that must be UTF-8 and have at most 65,535 bytes: a name.
    mutating func name(_ what: @autoclosure () -> String) throws -> String {
        let place = try string(what())
        guard place.count <= Int(UInt16.max) else {
            throw FormatError("\(file.path): \(what()) has \(place.count) bytes; at most \(UInt16.max) are read")
        }
        guard let name = String(validating: file.text[place], as: UTF8.self) else {
            throw FormatError("\(file.path): \(what()), at byte \(place.lowerBound), is not UTF-8")
        }
        return name
    }

    /// The type of a metadata value.
    mutating func valueType(place: @autoclosure () -> String) throws -> GGUFValueType {
        let raw = try read(UInt32.self, "the type of \(place())")
        guard let type = GGUFValueType(rawValue: raw) else { throw FormatError("\(place()) has unknown type \(raw)") }
        return type
    }

    /// A value of `type`; `place` is file and key.
    mutating func value(_ type: GGUFValueType, place: @autoclosure () -> String, depth: Int = 0) throws -> GGUFValue {
        switch type {
        case .uint8: return .unsigned(UInt64(try read(UInt8.self, place())))
        case .uint16: return .unsigned(UInt64(try read(UInt16.self, place())))
        case .uint32: return .unsigned(UInt64(try read(UInt32.self, place())))
        case .uint64: return .unsigned(try read(UInt64.self, place()))
        case .int8: return .integer(Int64(try read(Int8.self, place())))
        case .int16: return .integer(Int64(try read(Int16.self, place())))
        case .int32: return .integer(Int64(try read(Int32.self, place())))
        case .int64: return .integer(try read(Int64.self, place()))
        case .float32: return .float(try read(Float.self, place()))
        case .float64: return .double(try read(Double.self, place()))
        case .bool:
            let byte = try read(UInt8.self, place())
            guard byte <= 1 else { throw FormatError("\(place()) is a boolean of \(byte), expected 0 or 1") }
            return .bool(byte == 1)
        case .string: return .string(GGUFText(file: file, range: try string(place())))
        case .array:
            let element = try valueType(place: "the elements of \(place())")
            let count = try read(UInt64.self, "the length of \(place())")
            let start = offset
            try pass(count, of: element, place: place(), depth: depth + 1)
            return .array(
                GGUFArray(type: element, count: Int(count), file: file, range: start..<offset, place: place()))
        }
    }

    /// Passes over the elements of an array, checking each.
    private mutating func pass(
        _ count: UInt64, of type: GGUFValueType, place: @autoclosure () -> String, depth: Int
    ) throws {
        guard depth <= GGUFCursor.deepest else {
            throw FormatError("\(place()) holds arrays more than \(GGUFCursor.deepest) deep")
        }
        guard count <= UInt64(remaining / type.leastSize) else {
            throw FormatError(
                "\(place()) would have \(count) elements of type \(type), the file ends after \(remaining) bytes")
        }
        if let size = type.size, type != .bool {
            _ = try take(count * UInt64(size), place())
            return
        }
        for index in 0..<count {
            if index & 0xFFFF == 0 { try MemoryBudget.check() }
            switch type {
            case .array: _ = try value(type, place: place(), depth: depth)
            case .bool: _ = try value(type, place: place())
            default: _ = try string(place())
            }
        }
    }
}
