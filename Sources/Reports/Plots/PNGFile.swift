#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Pictures as PNG files (W3C, Portable Network Graphics, third edition): red, green and blue with 8 bits each.
enum PNGFile {
    /// The file of a picture whose pixels lie row after row, three bytes each.
    static func bytes(width: Int, height: Int, _ pixels: [UInt8]) -> [UInt8] {
        var rows: [UInt8] = []
        rows.reserveCapacity(height * (3 * width + 1))
        for row in 0..<height {
            // Each row begins with its filter; 0 is none.
            rows.append(0)
            rows += pixels[3 * width * row..<3 * width * (row + 1)]
        }
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        file += chunk("IHDR", bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0])
        file += chunk("IDAT", compressed(rows) ?? stored(rows))
        return file + chunk("IEND", [])
    }

    private static func bigEndian(_ value: Int) -> [UInt8] {
        let value = UInt32(truncatingIfNeeded: value)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + content
        return bigEndian(content.count) + body + bigEndian(Int(checksum(body)))
    }

    /// CRC-32 as PNG has it (annex D).
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { sum, byte in table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ (sum >> 8) }
    }

    private static let table: [UInt32] = (0..<256).map { number in
        (0..<8).reduce(UInt32(number)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }

    /// A zlib stream by the system's zlib; nil where there is none.
    private static func compressed(_ bytes: [UInt8]) -> [UInt8]? {
        typealias Compress =
            @convention(c) (
                UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt>?, UnsafePointer<UInt8>?, UInt
            ) -> Int32
        #if canImport(Glibc)
            let library = unsafe dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL)
        #else
            let library = unsafe dlopen("libz.dylib", RTLD_NOW | RTLD_LOCAL)
        #endif
        guard let library = unsafe library, let symbol = unsafe dlsym(library, "compress") else { return nil }
        let compress = unsafe unsafeBitCast(symbol, to: Compress.self)
        var result = [UInt8](repeating: 0, count: bytes.count + bytes.count / 1000 + 64)
        var count = UInt(result.count)
        guard unsafe compress(&result, &count, bytes, UInt(bytes.count)) == 0, count <= result.count else { return nil }
        return Array(result[..<Int(count)])
    }

    /// The same as it is, in stored blocks (RFC 1950 and 1951).
    static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [0x78, 0x01]
        var start = 0
        repeat {
            let end = min(bytes.count, start + 0xFFFF)
            let count = UInt16(end - start)
            result.append(end == bytes.count ? 1 : 0)
            for value in [count, ~count] {
                result += [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
            }
            result += bytes[start..<end]
            start = end
        } while start < bytes.count
        var (a, b) = (UInt32(1), UInt32(0))
        for byte in bytes {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return result + bigEndian(Int(b << 16 | a))
    }
}
