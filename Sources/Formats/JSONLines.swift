/// One JSON value a line (jsonlines.org).
public enum JSONLines {
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
}
