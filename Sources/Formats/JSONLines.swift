/// One JSON value a line (jsonlines.org).
public enum JSONLines {
    /// The values, each with its place for messages, `<source>:<line>`; lines of spaces are passed over.
    public static func parse(_ bytes: [UInt8], source: String) throws -> [(place: String, value: JSON)] {
        try bytes.withUnsafeBufferPointer { try parse($0, source: source) }
    }

    /// The values of bytes that need not be copied.
    public static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, source: String
    ) throws -> [(place: String, value: JSON)] {
        var rows: [(place: String, value: JSON)] = []
        try forEach(bytes, source: source) { line, value in rows.append(("\(source):\(line)", value)) }
        return rows
    }

    /// Calls `body` with the number of each line, from 1, and its value.
    public static func forEach(
        _ bytes: UnsafeBufferPointer<UInt8>, source: String, _ body: (_ line: Int, _ value: JSON) throws -> Void
    ) throws {
        var (start, line) = (bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0, 0)
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 10) ?? bytes.count
            let text = UnsafeBufferPointer(rebasing: bytes[start..<end])
            (start, line) = (end + 1, line + 1)
            guard text.contains(where: { $0 != 32 && $0 != 9 && $0 != 13 }) else { continue }
            try body(line, JSON(parsing: text, source: source, line: line))
        }
    }

    /// A value as a line of its own, its end included: what a log appends.
    public static func line(_ value: JSON) -> String { value.serialized(asciiOnly: false) + "\n" }

    /// Adds a value as a line to the end of a file of a folder.
    public static func append(_ value: JSON, to folder: Folder, _ name: String) throws {
        try folder.append(name, text: line(value))
    }
}
