/// A Lua string: bytes, usually text.
public struct LuaString: Hashable, Comparable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    private enum Storage: Hashable, Sendable {
        case text(String)
        case bytes([UInt8])
    }

    private let storage: Storage

    /// Makes a Lua string of text.
    public init(_ text: String) { storage = .text(text) }

    /// Makes a Lua string of text.
    public init(stringLiteral text: String) { storage = .text(text) }

    /// Makes a Lua string of any bytes.
    public init(bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        storage = String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .bytes(bytes)
    }

    init(_ buffer: UnsafeBufferPointer<UInt8>) {
        storage = String(validating: buffer, as: UTF8.self).map { .text($0) } ?? .bytes(Array(buffer))
    }

    /// The text, or nil where the bytes are not UTF-8.
    public var validText: String? {
        if case .text(let text) = storage { text } else { nil }
    }

    /// The text, with replacement characters where the bytes are not UTF-8.
    public var text: String {
        switch storage {
        case .text(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The bytes as they are.
    public var utf8: [UInt8] {
        switch storage {
        case .text(let text): Array(text.utf8)
        case .bytes(let bytes): bytes
        }
    }

    /// The text, with replacement characters where the bytes are not UTF-8.
    public var description: String { text }

    /// Orders by bytes, as Lua does in the C locale.
    public static func < (a: LuaString, b: LuaString) -> Bool {
        if case .text(let x) = a.storage, case .text(let y) = b.storage {
            return x.utf8.lexicographicallyPrecedes(y.utf8)
        }
        return a.utf8.lexicographicallyPrecedes(b.utf8)
    }

    func withBytes(_ body: (UnsafePointer<CChar>?, Int) -> Void) {
        func pass(_ buffer: UnsafeBufferPointer<UInt8>) {
            buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress, $0.count) }
        }
        switch storage {
        case .text(var text): text.withUTF8(pass)
        case .bytes(let bytes): bytes.withUnsafeBufferPointer(pass)
        }
    }
}
