import Foundation
import LuaBridge
import Testing

/// Signals that are no wish of the user's.
struct GuardTests {
    @Test func aMappedFileThatShrinksEndsTheProcess() async {
        await #expect(processExitsWith: .exitCode(74)) {
            LuaGuards.install()
            let path = NSTemporaryDirectory() + "shrinks-\(getpid())"
            let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
            unlink(path)
            let length = 1 << 16
            guard ftruncate(file, off_t(length)) == 0, let start = mmap(nil, length, PROT_READ, MAP_SHARED, file, 0)
            else { exit(1) }
            let range = UnsafeRawBufferPointer(start: start, count: length)
            guard LuaGuards.registerMapping(range, file: "model.safetensors"), range[5] == 0, ftruncate(file, 0) == 0
            else { exit(2) }
            exit(range[length - 1] == 1 ? 3 : 4)
        }
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
