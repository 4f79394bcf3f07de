import Foundation
import LuaBridge
import Testing

/// Signals that are no wish of the user's.
struct GuardTests {
    /// A mapping of a file without a name, the file, or nil.
    private static func mapping(_ length: Int) -> (range: UnsafeRawBufferPointer, file: Int32)? {
        let path = NSTemporaryDirectory() + "shrinks-\(getpid())"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        unlink(path)
        guard ftruncate(file, off_t(length)) == 0, let start = mmap(nil, length, PROT_READ, MAP_SHARED, file, 0)
        else { return nil }
        return (UnsafeRawBufferPointer(start: start, count: length), file)
    }

    @Test func aMappedFileThatShrinksEndsTheProcess() async {
        await #expect(processExitsWith: .exitCode(74)) {
            LuaGuards.install()
            guard let (range, file) = GuardTests.mapping(1 << 16) else { exit(1) }
            guard LuaGuards.registerMapping(range, file: "model.safetensors") != nil, range[5] == 0,
                ftruncate(file, 0) == 0
            else { exit(2) }
            exit(range[range.count - 1] == 1 ? 3 : 4)
        }
    }

    /// As many mappings as there may be are guarded, also after some have ended.
    @Test func everyMappingIsGuarded() async {
        let result = await #expect(processExitsWith: .exitCode(74), observing: [\.standardErrorContent]) {
            LuaGuards.install()
            let elsewhere = UnsafeRawPointer(bitPattern: 1 << 20)
            func fill() -> [UInt] {
                (0..<4999).compactMap { index in
                    LuaGuards.registerMapping(
                        UnsafeRawBufferPointer(start: elsewhere.map { $0 + index }, count: 1), file: "another")
                }
            }
            for number in fill() { LuaGuards.unregisterMapping(number) }
            guard fill().count == 4999, let (range, file) = GuardTests.mapping(1 << 16) else { exit(1) }
            let name = String(repeating: "é/", count: 200) + "the last"
            guard LuaGuards.registerMapping(range, file: name) != nil, ftruncate(file, 0) == 0 else { exit(2) }
            exit(range[range.count - 1] == 1 ? 3 : 4)
        }
        let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(said.hasSuffix("é/é/the last: changed while in use\n"), "\(said)")
    }

    @Test func aClosedPipeIsSilent() async {
        await #expect(processExitsWith: .exitCode(7)) {
            LuaGuards.install()
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { exit(1) }
            close(ends[0])
            dup2(ends[1], STDOUT_FILENO)
            let world = try World()
            world.host.output = LuaOutput.standard
            try world.run("for i = 1, 100000 do print('into the void', i) end")
            exit(7)
        }
    }
}
