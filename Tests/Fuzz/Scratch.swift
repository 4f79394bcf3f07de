import Formats
import Foundation

/// Folders that inputs are written to, in memory where the system has such a place.
enum Scratch {
    /// Folder of this process.
    static let path: String = {
        let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
        return "\(parent)/lorawb-fuzz-\(getpid())"
    }()

    /// Makes the folder `name` beneath this process' own.
    static func folder(_ name: String) throws -> Folder {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
        return try Folder(path: "\(path)/\(name)")
    }

    /// Runs `body` with an empty folder, which is removed.
    static func with(_ body: (Folder) throws -> Void) throws {
        let top = try folder(".")
        defer { try? top.remove("copy") }
        try? top.remove("copy")
        try body(top.subfolder("copy", create: true))
    }

    /// Removes what this process, or the one of this number, wrote.
    static func clear(_ process: pid_t = getpid()) {
        for parent in ["/dev/shm", NSTemporaryDirectory()] {
            try? FileManager.default.removeItem(atPath: "\(parent)/lorawb-fuzz-\(process)")
        }
    }
}
