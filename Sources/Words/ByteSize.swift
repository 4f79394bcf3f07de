/// Numbers of bytes as people write and read them.
public enum ByteSize {
    private static let units: [(suffix: String, scale: Double)] = [
        ("KiB", 0x1p10), ("MiB", 0x1p20), ("GiB", 0x1p30), ("TiB", 0x1p40), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9),
        ("TB", 1e12), ("K", 0x1p10), ("M", 0x1p20), ("G", 0x1p30), ("T", 0x1p40), ("B", 1), ("", 1),
    ]

    /// The forms that are read, in words.
    public static let forms = "KB, MB, GB and TB by thousands; KiB, MiB, GiB and TiB, or K, M, G and T, by 1024"

    /// The bytes of "512MB", "4GiB" or "1000"; nil for anything else, and for less than one.
    public static func bytes(_ text: String) -> Int? {
        for (suffix, scale) in units where text.uppercased().hasSuffix(suffix.uppercased()) {
            let digits = text.dropLast(suffix.count).filter { $0 != " " }
            guard let size = Double(digits), let bytes = Int(exactly: (size * scale).rounded()), bytes > 0 else {
                continue
            }
            return bytes
        }
        return nil
    }

    /// As disks and memory are sold: "2.69 GB".
    public static func text(_ bytes: Int) -> String {
        let shown = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)].first { Double(bytes) >= $0.1 }
        guard let (unit, scale) = shown else { return bytes == 1 ? "1 byte" : "\(bytes) bytes" }
        let scaled = Double(bytes) / scale
        return "\(Figures.plain(Figures.rounded(scaled, scaled < 10 ? 2 : 0))) \(unit)"
    }

    /// As memory is counted, rounded up: "12 KiB", "35 MiB".
    public static func memory(_ bytes: Int) -> String {
        bytes < 1 << 20 ? "\((bytes + 1023) >> 10) KiB" : "\((bytes >> 20) + (bytes & 0xF_FFFF > 0 ? 1 : 0)) MiB"
    }
}
