#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Facts about the machine and this process.
package enum Machine {
    /// Bytes of memory that the machine has.
    package static var memory: Int {
        let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        return pages > 0 && size > 0 ? pages * size : 8 << 30
    }

    /// Seconds on a clock that never goes back.
    package static var seconds: Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Seconds since 1970.
    package static var time: Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Name and version of the operating system, and the processor's architecture: "Linux 6.1.0 x86_64".
    package static var system: String {
        var names = utsname()
        guard unsafe uname(&names) == 0 else { return "unknown" }
        func text(_ bytes: UnsafeRawBufferPointer) -> String {
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let parts = unsafe [
            withUnsafeBytes(of: &names.sysname, text), withUnsafeBytes(of: &names.release, text),
            withUnsafeBytes(of: &names.machine, text),
        ]
        return parts.joined(separator: " ")
    }

    /// Number of processors.
    package static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Bytes of memory that this process holds now.
    package static var residentBytes: Int { status("VmRSS:") }

    /// The most bytes of memory that this process has held.
    package static var peakBytes: Int { status("VmHWM:") }

    /// Name of the processor.
    package static var processorName: String {
        for line in text("/proc/cpuinfo").split(separator: "\n") where line.hasPrefix("model name") {
            if let colon = line.firstIndex(of: ":") {
                return String(line[line.index(after: colon)...].drop { $0 == " " })
            }
        }
        return "unknown"
    }

    /// Instruction sets of the processor, as Linux lists them.
    package static var processorFlags: Set<Substring> {
        let content = text("/proc/cpuinfo")
        for line in content.split(separator: "\n") where line.hasPrefix("flags") {
            return Set(line.split(separator: " "))
        }
        return []
    }

    private static func status(_ key: String) -> Int {
        for line in text("/proc/self/status").split(separator: "\n") where line.hasPrefix(key) {
            let words = line.split { $0 == "\t" || $0 == " " }
            return (words.dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
        }
        return 0
    }

    /// A small file of the system's.
    private static func text(_ path: String) -> String {
        guard let file = unsafe fopen(path, "r") else { return "" }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// The working folder.
    package static var workingFolder: String {
        guard let path = unsafe getcwd(nil, 0) else { return "/" }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }
}
