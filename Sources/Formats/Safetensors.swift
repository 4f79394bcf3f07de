import OrderedCollections

/// Element types of safetensors files.
public enum SafetensorsDType: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case u8 = "U8"
    case i8 = "I8"
    case f8e5m2 = "F8_E5M2"
    case f8e4m3 = "F8_E4M3"
    case i16 = "I16"
    case u16 = "U16"
    case f16 = "F16"
    case bf16 = "BF16"
    case i32 = "I32"
    case u32 = "U32"
    case f32 = "F32"
    case f64 = "F64"
    case i64 = "I64"
    case u64 = "U64"

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .bool, .u8, .i8, .f8e5m2, .f8e4m3: 1
        case .i16, .u16, .f16, .bf16: 2
        case .i32, .u32, .f32: 4
        case .f64, .i64, .u64: 8
        }
    }
}

/// A safetensors file (format of the `safetensors` library, version 0.8): checked when opened, read when asked for.
public final class SafetensorsFile: Sendable {
    /// One tensor of the file.
    public struct Entry: Sendable, Equatable {
        /// Element type.
        public let dtype: SafetensorsDType
        /// Sizes of the dimensions.
        public let shape: [Int]
        /// Place of the bytes in the file.
        public let range: Range<Int>
        /// Number of elements.
        public var count: Int { range.count / dtype.byteCount }
    }

    /// The mapped file.
    public let file: MappedFile
    /// Tensors by name, in the order of the header.
    public let entries: OrderedDictionary<String, Entry>
    /// Texts of `__metadata__`.
    public let metadata: OrderedDictionary<String, String>

    private static let headerLimit = 100_000_000

    /// Opens and checks the file `name` of `folder`.
    public convenience init(_ folder: Folder, _ name: String) throws { try self.init(folder.map(name)) }

    /// Checks a mapped file: sizes, dtypes, and that the tensors fill it without overlap or hole.
    public init(_ file: MappedFile) throws {
        self.file = file
        let source = file.path
        guard file.count >= 8 else {
            throw FormatError(
                "\(source): not a safetensors file: \(file.count) bytes, the header's length alone takes 8")
        }
        let length = file.bytes.loadUnaligned(as: UInt64.self).littleEndian
        guard length <= UInt64(SafetensorsFile.headerLimit) else {
            throw FormatError("\(source): not a safetensors file: its header would be \(length) bytes long")
        }
        let dataStart = 8 + Int(length)
        guard dataStart <= file.count else {
            throw FormatError(
                "\(source): truncated: the header needs \(dataStart) bytes, the file has \(file.count)")
        }
        let header = try JSON(parsing: Array(file.bytes[8..<dataStart]), source: "\(source) (header)")
        guard case .object(let members) = header else {
            throw FormatError("\(source): the header is \(header.kind), expected an object")
        }
        var entries: OrderedDictionary<String, Entry> = [:]
        var metadata: OrderedDictionary<String, String> = [:]
        for (name, value) in members {
            if name == "__metadata__" {
                guard case .object(let texts) = value else {
                    throw FormatError("\(source): '__metadata__' is no object")
                }
                for (key, text) in texts {
                    guard let text = text.string else { throw FormatError("\(source): metadata '\(key)' is no string") }
                    metadata[key] = text
                }
            } else {
                entries[name] = try SafetensorsFile.entry(
                    value, name: name, dataStart: dataStart, fileCount: file.count, source: source)
            }
        }
        var end = dataStart
        for (name, entry) in entries.sorted(by: {
            ($0.value.range.lowerBound, $0.value.range.upperBound) < (
                $1.value.range.lowerBound, $1.value.range.upperBound
            )
        }) {
            guard entry.range.lowerBound == end else {
                let what = entry.range.lowerBound < end ? "overlaps the tensor before it" : "leaves a hole before it"
                throw FormatError("\(source): tensor '\(name)' \(what)")
            }
            end = entry.range.upperBound
        }
        guard end == file.count else {
            throw FormatError("\(source): the tensors end at byte \(end), the file at \(file.count)")
        }
        (self.entries, self.metadata) = (entries, metadata)
    }

    private static func entry(
        _ value: JSON, name: String, dataStart: Int, fileCount: Int, source: String
    ) throws -> Entry {
        let place = "\(source): tensor '\(name)'"
        let dtypeName = try value.required("dtype", "a string", source: place) { $0.string }
        guard let dtype = SafetensorsDType(rawValue: dtypeName) else {
            throw FormatError("\(place): unknown dtype '\(dtypeName)'")
        }
        let sizes = try value.required("shape", "an array", source: place) { $0.array }
        let offsets = try value.required("data_offsets", "two integers", source: place) { $0.array }
        var bytes = dtype.byteCount
        let shape = try sizes.map { size -> Int in
            guard let size = size.int, size >= 0 else {
                throw FormatError("\(place): its shape has a size that is no natural number")
            }
            let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
            guard !overflow else { throw FormatError("\(place): its shape is too large") }
            bytes = product
            return size
        }
        guard offsets.count == 2, let first = offsets[0].int, let last = offsets[1].int, first >= 0, first <= last,
            last <= fileCount
        else { throw FormatError("\(place): its data_offsets are not two ascending places in the file") }
        guard dataStart + last <= fileCount else {
            throw FormatError(
                "\(place): truncated: it ends at byte \(dataStart + last), the file at \(fileCount)")
        }
        guard last - first == bytes else {
            throw FormatError(
                "\(place): \(dtypeName) of shape \(shape) takes \(bytes) bytes, its data_offsets span \(last - first)")
        }
        return Entry(dtype: dtype, shape: shape, range: dataStart + first..<dataStart + last)
    }

    /// The entry called `name`; throws with the nearest name where there is none.
    public func entry(_ name: String) throws -> Entry {
        if let entry = entries[name] { return entry }
        let hint = nearestName(to: name, in: entries.keys).map { "; did you mean '\($0)'?" } ?? ""
        throw FormatError("\(file.path): no tensor '\(name)'\(hint)")
    }

    /// The bytes of an entry; valid while `file` lives.
    public func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    }

    /// The bytes as floats without a copy; nil unless they are float32 and aligned. Valid while `file` lives.
    public func mappedFloats(of entry: Entry) -> UnsafeBufferPointer<Float>? {
        let bytes = bytes(of: entry)
        guard entry.dtype == .f32, let base = bytes.baseAddress, UInt(bitPattern: base) % 4 == 0 else { return nil }
        return UnsafeBufferPointer(start: base.assumingMemoryBound(to: Float.self), count: entry.count)
    }

    /// Writes the numbers of an F32, F16, BF16 or F64 entry to `target`, which has room for `entry.count`.
    public func readFloats(of name: String, into target: UnsafeMutableBufferPointer<Float>) throws {
        let entry = try entry(name)
        guard target.count >= entry.count else {
            throw FormatError("\(file.path): tensor '\(name)': no room for its numbers")
        }
        let bytes = bytes(of: entry)
        switch entry.dtype {
        case .f32:
            for i in 0..<entry.count {
                target[i] = Float(bitPattern: bytes.loadUnaligned(fromByteOffset: i * 4, as: UInt32.self).littleEndian)
            }
        case .bf16:
            for i in 0..<entry.count {
                target[i] = HalfFloats.float(
                    bfloat16: bytes.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self).littleEndian)
            }
        case .f16:
            for i in 0..<entry.count {
                target[i] = HalfFloats.float(
                    float16: bytes.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self).littleEndian)
            }
        case .f64:
            for i in 0..<entry.count {
                target[i] = Float(
                    Double(bitPattern: bytes.loadUnaligned(fromByteOffset: i * 8, as: UInt64.self).littleEndian))
            }
        default:
            throw FormatError(
                "\(file.path): tensor '\(name)' has dtype \(entry.dtype.rawValue), expected F32, F16, BF16 or F64")
        }
    }

    /// The numbers of an F32, F16, BF16 or F64 entry.
    public func floats(_ name: String) throws -> [Float] {
        let count = try entry(name).count
        return try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            try readFloats(of: name, into: buffer)
            initialized = count
        }
    }

    /// The numbers of an integer or boolean entry.
    public func integers(_ name: String) throws -> [Int64] {
        let entry = try entry(name)
        let bytes = bytes(of: entry)
        func read<Element: FixedWidthInteger>(_: Element.Type) throws -> [Int64] {
            try (0..<entry.count).map { i in
                let value = bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<Element>.size, as: Element.self)
                    .littleEndian
                guard let integer = Int64(exactly: value) else {
                    throw FormatError("\(file.path): tensor '\(name)' holds \(value), which is too large")
                }
                return integer
            }
        }
        switch entry.dtype {
        case .i64: return try read(Int64.self)
        case .u64: return try read(UInt64.self)
        case .i32: return try read(Int32.self)
        case .u32: return try read(UInt32.self)
        case .i16: return try read(Int16.self)
        case .u16: return try read(UInt16.self)
        case .i8: return try read(Int8.self)
        case .u8, .bool: return try read(UInt8.self)
        default:
            throw FormatError("\(file.path): tensor '\(name)' has dtype \(entry.dtype.rawValue), expected integers")
        }
    }
}

/// Conversions between float32 and the two 16-bit formats.
public enum HalfFloats {
    /// Exact value of a bfloat16.
    @inlinable public static func float(bfloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

    /// Nearest bfloat16, ties to even; NaN stays NaN.
    @inlinable public static func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }

    /// Exact value of an IEEE half.
    @inlinable public static func float(float16 bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 0x1F
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            return Float(bitPattern: magnitude.bitPattern | sign)
        case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
