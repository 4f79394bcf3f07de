/// Numbers of bytes as people write and read them.
enum ByteSize {
    private static let units: [(suffix: String, scale: Double)] = [
        ("KiB", 0x1p10), ("MiB", 0x1p20), ("GiB", 0x1p30), ("TiB", 0x1p40), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9),
        ("TB", 1e12), ("K", 0x1p10), ("M", 0x1p20), ("G", 0x1p30), ("T", 0x1p40), ("B", 1), ("", 1),
    ]

    /// The bytes of "512MB", "4GiB" or "1000"; nil for anything else.
    static func bytes(_ text: String) -> Int? {
        for (suffix, scale) in units where text.uppercased().hasSuffix(suffix.uppercased()) {
            let digits = text.dropLast(suffix.count).filter { $0 != " " }
            guard let size = Double(digits), let bytes = Int(exactly: (size * scale).rounded()), bytes > 0 else {
                continue
            }
            return bytes
        }
        return nil
    }

    /// "2.69 GB".
    static func text(_ bytes: Int) -> String {
        let shown = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)].first { Double(bytes) >= $0.1 }
        guard let (unit, scale) = shown else { return bytes == 1 ? "1 byte" : "\(bytes) bytes" }
        let tenths = Trainer.rounded(Double(bytes) / scale, Double(bytes) / scale < 10 ? 2 : 0)
        return "\(Int(exactly: tenths).map(String.init) ?? "\(tenths)") \(unit)"
    }
}
