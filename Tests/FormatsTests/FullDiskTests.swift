import Formats
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A limit on the size of files takes writes away as a full disk does.
///
/// It holds for a process, so each test has a process of its own.
@Suite struct FullDiskTests {
    /// Ends the process unless what holds.
    private static func check(_ holds: Bool, _ code: Int32) { if !holds { exit(code) } }

    private static func limitFiles(to bytes: UInt64) {
        signal(SIGXFSZ, SIG_IGN)
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
        #else
            let resource = RLIMIT_FSIZE
        #endif
        var limit = rlimit()
        check(getrlimit(resource, &limit) == 0, 90)
        limit.rlim_cur = rlim_t(bytes)
        check(setrlimit(resource, &limit) == 0, 91)
    }

    @Test func refusedWritesLeaveNothing() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let temporary = try TemporaryFolder()
            let (folder, path) = (temporary.folder, temporary.path)
            let refused = "cannot write: the file would be larger than the limit set for files"
            try folder.write("kept", text: "kept")
            FullDiskTests.limitFiles(to: 4096)
            let large = [UInt8](repeating: 1, count: 5000)
            FullDiskTests.check(message { try folder.write("kept", large) } == "\(path)/kept: \(refused)", 1)
            FullDiskTests.check(message { try folder.write("new", large) } == "\(path)/new: \(refused)", 2)
            FullDiskTests.check(try folder.list() == ["kept"] && folder.readText("kept") == "kept", 3)

            let floats = [Float](repeating: 1, count: 2000)
            let safetensors = message {
                let item = SafetensorsWriter.Item(name: "a", shape: [2000], floats: floats)
                try SafetensorsWriter.write([item], to: folder, "m.safetensors")
            }
            FullDiskTests.check(safetensors == "\(path)/m.safetensors: \(refused)", 4)
            FullDiskTests.check(try folder.list() == ["kept"], 6)

            let line = String(repeating: "x", count: 1499) + "\n"
            try folder.append("log", text: line)
            try folder.append("log", text: line)
            FullDiskTests.check(message { try folder.append("log", text: line) } == "\(path)/log: \(refused)", 7)
            FullDiskTests.check(try folder.readText("log") == line + line, 8)
            withExtendedLifetime(temporary) {}
            try Folder(path: "/").remove(String(path.dropFirst()))
            exit(0)
        }
    }
}
