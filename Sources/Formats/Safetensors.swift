import OrderedCollections
import Words

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
        public var count: Int { range.count * 8 / dtype.bitCount }
    }

    /// The mapped file.
    public let file: MappedFile
    /// Tensors by name, in the order of the header.
    public let entries: OrderedDictionary<String, Entry>
    /// Texts of `__metadata__`.
    public let metadata: OrderedDictionary<String, String>

    /// Opens and checks the file `name` of `folder`.
    public convenience init(_ folder: Folder, _ name: String) throws { try self.init(folder.map(name)) }

    /// Checks a mapped file: sizes, dtypes, and that the tensors fill it without overlap or hole.
    public init(_ file: MappedFile) throws {
        let header = try SafetensorsHeader(file)
        (self.file, entries, metadata) = (file, header.entries, header.metadata)
    }

    /// The entry called `name`; throws with the nearest name where there is none.
    public func entry(_ name: String) throws -> Entry {
        if let entry = entries[name] { return entry }
        let hint = nearestName(to: name, in: entries.keys).map { "; did you mean '\(FormatError.shown($0))'?" } ?? ""
        throw FormatError("\(file.path): no tensor '\(FormatError.shown(name))'\(hint)")
    }

    /// The bytes of an entry; valid while `file` lives.
    public func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    }

    /// Float32 or bfloat16 numbers without a copy; nil where they are of another type or not aligned.
    public func mappedNumbers(of entry: Entry) -> MappedNumbers? {
        guard entry.dtype == .f32 || entry.dtype == .bf16 else { return nil }
        return MappedNumbers(file, entry.range, isBfloat16: entry.dtype == .bf16)
    }

    /// Writes the numbers of an F32, F16, BF16 or F64 entry to `target`, which has room for `entry.count`.
    public func readFloats(of name: String, into target: UnsafeMutableBufferPointer<Float>) throws {
        let entry = try entry(name)
        try readFloats(entry, name, 0..<entry.count, into: target)
    }

    /// Writes these rows of an F32, F16, BF16 or F64 entry to `target`, row after row; a vector is one row.
    public func readFloats(
        of name: String, rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        let entry = try entry(name)
        // The shape's product is known to be a number: the entry's bytes are in the file.
        let (columns, count) = (entry.shape.last ?? 1, entry.shape.dropLast().reduce(1, *))
        guard rows.lowerBound >= 0, rows.upperBound <= count else {
            throw FormatError("\(place(name)) of shape \(entry.shape) has no rows \(rows)")
        }
        try readFloats(entry, name, rows.lowerBound * columns..<rows.upperBound * columns, into: target)
    }

    private func readFloats(
        _ entry: Entry, _ name: String, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        let count = elements.count
        guard target.count >= count else {
            throw FormatError("\(place(name)) has \(count) numbers, there is room for \(target.count)")
        }
        let all = bytes(of: entry)
        let bytes = UnsafeRawBufferPointer(
            rebasing: all[
                elements.lowerBound * entry.dtype.bitCount / 8..<elements.upperBound * entry.dtype.bitCount / 8])
        switch entry.dtype {
        case .f32: UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
        case .bf16:
            for i in 0..<count {
                target[i] = HalfFloats.float(bfloat16: bytes.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self))
            }
        case .f16:
            for i in 0..<count {
                target[i] = HalfFloats.float(float16: bytes.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self))
            }
        case .f64:
            for i in 0..<count {
                target[i] = Float(bytes.loadUnaligned(fromByteOffset: i * 8, as: Double.self))
            }
        default:
            throw FormatError("\(place(name)) has dtype \(entry.dtype.rawValue), expected F32, F16, BF16 or F64")
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
                guard let integer = Int64(exactly: value) else {
                    throw FormatError("\(place(name)) holds \(value), which is too large for 64 bits with a sign")
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
        default: throw FormatError("\(place(name)) has dtype \(entry.dtype.rawValue), expected integers")
        }
    }

    private func place(_ name: String) -> String { "\(file.path): tensor '\(FormatError.shown(name))'" }
}

#if _endian(big)
    #error("safetensors files are little-endian and are read as they are")
#endif
