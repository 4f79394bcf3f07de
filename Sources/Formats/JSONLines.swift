import Memory

/// One JSON value a line (jsonlines.org).
public enum JSONLines {
    /// Calls `body` with the number of each line, from 1, and its value.
    public static func forEach(
        _ bytes: UnsafeBufferPointer<UInt8>, source: String, _ body: (_ line: Int, _ value: JSON) throws -> Void
    ) throws {
        var (start, line) = (bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0, 0)
        while start < bytes.count {
            let end = LineEnd.next(from: start, in: bytes)
            let text = UnsafeBufferPointer(rebasing: bytes[start..<end])
            (start, line) = (end + LineEnd.length(at: end, in: bytes), line + 1)
            guard text.contains(where: { $0 != 32 && $0 != 9 }) else { continue }
            try body(line, JSON(parsing: text, source: source, line: line))
        }
    }
}

extension Folder {
    /// Writes values one a line, whole or not at all; no more of them are in memory than are written at a time.
    ///
    /// - Parameter value: gives the value of each line, counted from 0.
    public func write(_ name: String, lines count: Int, _ value: (Int) throws -> JSON) throws {
        try write(name) { file in
            var writer = JSONWriter<any Error>(indent: nil, sortsKeys: false, asciiOnly: false) { bytes in
                try MemoryBudget.check()
                try file.append(bytes)
            }
            for line in 0..<count { try writer.writeLine(try value(line)) }
            try writer.finish("")
        }
    }
}
