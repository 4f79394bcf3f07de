import Memory

/// Writes rows of fields as Python's csv module does by default (QUOTE_MINIMAL): a field is quoted that holds the delimiter, a
/// quote or a line end, and an empty one that is alone in its row, which would else be an empty line.
struct DelimitedWriter {
    private let delimiter: UInt8
    private let file: FileWriter
    private var bytes: [UInt8] = []
    /// Bytes after which they are handed on.
    private static let piece = 1 << 16

    init(_ file: FileWriter, delimiter: UInt8) { (self.file, self.delimiter) = (file, delimiter) }

    /// Writes a row and a line end.
    mutating func write(_ fields: [String]) throws {
        for (place, field) in fields.enumerated() {
            if place > 0 { bytes.append(delimiter) }
            let isSpecial = field.utf8.contains { $0 == delimiter || $0 == 34 || $0 == 10 || $0 == 13 }
            guard isSpecial || (fields.count == 1 && field.isEmpty) else {
                bytes.append(contentsOf: field.utf8)
                continue
            }
            bytes.append(34)
            for byte in field.utf8 {
                if byte == 34 { bytes.append(34) }
                bytes.append(byte)
            }
            bytes.append(34)
        }
        bytes.append(10)
        if bytes.count >= DelimitedWriter.piece { try finish() }
    }

    /// Hands on what was not yet.
    mutating func finish() throws {
        try MemoryBudget.check()
        try file.append(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}

extension Folder {
    /// Writes rows of fields between delimiters, whole or not at all; no more of them are in memory than are written at a time.
    ///
    /// - Parameter row: gives the fields of each row, counted from 0.
    public func write(
        _ name: String, header: [String], rows count: Int, delimiter: UInt8, _ row: (Int) throws -> [String]
    ) throws {
        try write(name) { file in
            var writer = DelimitedWriter(file, delimiter: delimiter)
            try writer.write(header)
            for index in 0..<count { try writer.write(try row(index)) }
            try writer.finish()
        }
    }
}
