import OrderedCollections

/// Reads and checks what stands before the tensors of a safetensors file.
///
/// Eight bytes of length, little-endian; a JSON object of that length, `{name: {dtype, shape, data_offsets}}` with the
/// offsets counted from its end, and `__metadata__`; then the tensors, which fill the file without overlap or hole.
struct SafetensorsHeader {
    private(set) var entries: OrderedDictionary<String, SafetensorsFile.Entry> = [:]
    private(set) var metadata: OrderedDictionary<String, String> = [:]

    /// The library's limit.
    private static let limit = 100_000_000
    /// Far above any tensor's number of dimensions.
    private static let maximumRank = 64

    private let source: String
    private let fileCount: Int
    private let dataStart: Int

    init(_ file: MappedFile) throws {
        (source, fileCount) = (file.path, file.count)
        guard fileCount >= 8 else {
            throw FormatError(
                "\(source): not a safetensors file: it has \(fileCount) bytes, the header's length alone takes 8")
        }
        let length = file.bytes.loadUnaligned(as: UInt64.self)
        guard length <= UInt64(SafetensorsHeader.limit) else {
            throw FormatError("\(source): not a safetensors file: its header would be \(length) bytes long")
        }
        dataStart = 8 + Int(length)
        guard dataStart <= fileCount else {
            throw FormatError("\(source): truncated: the header ends at byte \(dataStart), the file at \(fileCount)")
        }
        let text = UnsafeBufferPointer(rebasing: file.text[8..<dataStart])
        guard text.first == UInt8(ascii: "{") else {
            throw FormatError("\(source): not a safetensors file: its header does not begin with '{'")
        }
        let header = try JSON(parsing: text, source: "\(source): header", refusesEqualKeys: true)
        for (name, value) in header.object ?? [:] {
            if name == "__metadata__" {
                try readMetadata(value)
            } else if entries.updateValue(try entry(value, name), forKey: name) != nil {
                throw FormatError("\(place(name)): there is another of that name, written with other code points")
            }
        }
        try checkCover()
    }

    private func place(_ name: String) -> String { "\(source): tensor '\(FormatError.shown(name))'" }

    private mutating func readMetadata(_ value: JSON) throws {
        if value.isNull { return }
        guard case .object(let texts) = value else {
            throw FormatError("\(source): '__metadata__' expected an object, got \(value.kind)")
        }
        for (key, value) in texts {
            guard let text = value.string else {
                throw FormatError(
                    "\(source): '\(FormatError.shown(key))' of '__metadata__' expected a string, got \(value.kind)")
            }
            metadata[key] = text
        }
    }

    private func entry(_ value: JSON, _ name: String) throws -> SafetensorsFile.Entry {
        let place = place(name)
        let dtypeName = try value.required("dtype", "a string", source: place) { $0.string }
        guard let dtype = SafetensorsDType(rawValue: dtypeName) else {
            throw FormatError("\(place): unknown dtype '\(FormatError.shown(dtypeName))'")
        }
        let shape = try value.required("shape", "natural numbers", source: place, SafetensorsHeader.naturals)
        guard shape.count <= SafetensorsHeader.maximumRank else {
            throw FormatError(
                "\(place): has \(shape.count) dimensions; at most \(SafetensorsHeader.maximumRank) are read")
        }
        let offsets = try value.required("data_offsets", "two natural numbers", source: place) {
            SafetensorsHeader.naturals($0).flatMap { $0.count == 2 ? $0 : nil }
        }
        guard let bytes = dtype.byteCount(of: shape) else {
            throw FormatError("\(place): \(dtypeName) of shape \(shape) takes no whole number of bytes below 2^63")
        }
        guard offsets[0] <= offsets[1], offsets[1] - offsets[0] == bytes else {
            throw FormatError(
                "\(place): \(dtypeName) of shape \(shape) takes \(bytes) bytes, its data_offsets are \(offsets)")
        }
        guard offsets[1] <= fileCount - dataStart else {
            throw FormatError(
                "\(place): truncated: it ends at byte \(offsets[1]) of the tensors, the file at \(fileCount - dataStart)"
            )
        }
        return SafetensorsFile.Entry(
            dtype: dtype, shape: shape, range: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    private static func naturals(_ value: JSON) -> [Int]? {
        guard let elements = value.array else { return nil }
        let naturals = elements.compactMap { element -> Int? in
            guard case .integer(let integer) = element, integer >= 0 else { return nil }
            return Int(exactly: integer)
        }
        return naturals.count == elements.count ? naturals : nil
    }

    /// Throws unless each tensor begins where the one before it ends, from the header's end to the file's.
    private func checkCover() throws {
        var end = dataStart
        let sorted = entries.sorted { first, second in
            let (a, b) = (first.value.range, second.value.range)
            return (a.lowerBound, a.upperBound) < (b.lowerBound, b.upperBound)
        }
        for (name, entry) in sorted {
            guard entry.range.lowerBound == end else {
                let what = entry.range.lowerBound < end ? "overlaps the tensor before it" : "leaves a hole before it"
                throw FormatError("\(place(name)) \(what)")
            }
            end = entry.range.upperBound
        }
        guard end == fileCount else {
            throw FormatError("\(source): the tensors end at byte \(end), the file at \(fileCount)")
        }
    }
}
