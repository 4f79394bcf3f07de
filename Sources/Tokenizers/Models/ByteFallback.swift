/// The tokens that stand for single bytes of what no other token has: `<0x00>` to `<0xFF>`.
enum ByteFallback {
    /// The token of every byte.
    static let names: [[UInt8]] = {
        let digits = Array("0123456789ABCDEF".utf8)
        return (0..<256).map { Array("<0x".utf8) + [digits[$0 >> 4], digits[$0 & 15]] + Array(">".utf8) }
    }()

    /// The byte for which a token stands, its digits in either case; nil for any other token.
    static func byte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: Array("<0x".utf8)), token[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
    }
}
