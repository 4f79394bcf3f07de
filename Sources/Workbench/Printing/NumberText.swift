#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Numbers as text.
enum NumberText {
    /// A float as Lua's tostring has it.
    static func lua(_ value: Double) -> String {
        if value.isNaN { return value.sign == .minus ? "-nan" : "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        let text = formatted(value, "%.14g")
        return text.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "e") } ? text : text + ".0"
    }

    /// A float with four significant digits, as people compare them.
    static func short(_ value: Double) -> String {
        value.isFinite ? formatted(value, "%.4g") : lua(value)
    }

    private static func formatted(_ value: Double, _ format: String) -> String {
        var bytes = [CChar](repeating: 0, count: 48)
        let length = unsafe withVaList([value]) { list in
            unsafe bytes.withUnsafeMutableBufferPointer { unsafe vsnprintf($0.baseAddress, $0.count, format, list) }
        }
        return String(decoding: bytes.prefix(Int(max(0, length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
