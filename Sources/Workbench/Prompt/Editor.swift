import Formats
import LuaBridge

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The user's editor: $VISUAL, else $EDITOR, else vi.
enum Editor {
    private static var command: String {
        for name in ["VISUAL", "EDITOR"] {
            if let command = ModelCache.environment(name), !command.allSatisfy(\.isWhitespace) { return command }
        }
        return "vi"
    }

    /// Lets the user edit a text; gives what it is when the editor is closed.
    static func edit(_ text: String) throws -> String {
        let folder = ModelCache.environment("TMPDIR").flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
        var template = Array("\(folder)/lorawb-XXXXXX.lua".utf8CString)
        let file = unsafe template.withUnsafeMutableBufferPointer {
            unsafe $0.baseAddress.map { unsafe mkstemps($0, 4) } ?? -1
        }
        guard file >= 0 else { throw LuaFault("\(Permissions.shown(folder)): cannot make a file to edit") }
        close(file)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unsafe unlink(path) }
        let (parent, name) = Permissions.parted(path)
        let place = try Folder(path: parent, linkRoot: "/")
        try place.write(name, text: text)
        try open(path)
        guard try place.size(name) <= largest else {
            throw LuaFault("what was edited is larger than 4 MB; nothing is run")
        }
        return try place.readText(name)
    }

    /// Bytes of a text that is run.
    static let largest = 4 << 20

    /// Opens a file in the editor and waits until that is closed; throws where it is not there or fails.
    static func open(_ path: String) throws {
        // Ctrl-C is the editor's while it is open.
        var (ignore, before) = (sigaction(), sigaction())
        unsafe ignore.__sigaction_handler.sa_handler = SIG_IGN
        unsafe sigaction(SIGINT, &ignore, &before)
        defer { unsafe sigaction(SIGINT, &before, nil) }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for signal in [SIGINT, SIGPIPE, SIGXFSZ] { unsafe sigaddset(&signals, signal) }
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        let words = ["/bin/sh", "-c", "\(command) \"$1\"", "sh", path]
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var process = pid_t()
        let code = unsafe posix_spawn(&process, "/bin/sh", nil, &attributes, &arguments, environ)
        guard code == 0 else { throw LuaFault("cannot start the editor: \(unsafe String(cString: strerror(code)))") }
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        let ended = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
        guard ended != 126, ended != 127 else {
            throw LuaFault("there is no editor '\(command)'; set EDITOR, as in: export EDITOR=nano")
        }
        guard ended == 0 else { throw LuaFault("the editor '\(command)' ended with \(ended); nothing is run") }
    }
}
