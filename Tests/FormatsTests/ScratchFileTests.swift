import Formats
import Testing

@Test("a scratch file holds what was written at a place, and has no name")
func scratchFile() throws {
    let temporary = try TemporaryFolder()
    let file = try temporary.folder.scratchFile(byteCount: 3 << 20)
    #expect(try temporary.folder.list() == [])
    let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    try bytes.withUnsafeBytes { try file.write($0, at: (3 << 20) - 5000) }
    var back = [UInt8](repeating: 1, count: 5004)
    try back.withUnsafeMutableBytes { try file.read(into: $0, at: (3 << 20) - 5004) }
    #expect(back == [0, 0, 0, 0] + bytes)
    #expect(
        message { try bytes.withUnsafeBytes { try file.write($0, at: (3 << 20) - 4999) } }
            == "\(temporary.path): cannot write 5000 bytes at 3140729 of a scratch file of 3145728 bytes")
    #expect(message { try back.withUnsafeMutableBytes { try file.read(into: $0, at: -1) } }.contains("at -1 of"))
    #expect(try #require(temporary.folder.freeBytes) > 0)
    let readable = try Folder(path: temporary.path, access: .read)
    #expect(
        message { _ = try readable.scratchFile(byteCount: 1) }
            == "\(temporary.path): cannot write a scratch file: the folder may only be read")
    #expect(message { _ = try temporary.folder.scratchFile(byteCount: 1 << 60) }.contains("cannot reserve"))
}
