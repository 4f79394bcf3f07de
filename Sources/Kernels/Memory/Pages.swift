import Memory

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Memory straight from the system, zero at first, in large pages where the system has them.
///
/// A large page is 2 MiB: one fault instead of 512 when it is first touched, and products that stream over hundreds of
/// megabytes miss fewer translations.
enum Pages {
    private static let large = 2 << 20

    /// `byteCount` rounded up to whole large pages.
    static func rounded(_ byteCount: Int) -> Int { (byteCount + large - 1) / large * large }

    /// `byteCount` bytes, a multiple of a large page, aligned to one; nil where there is no more memory.
    static func map(byteCount: Int) -> UnsafeMutableRawPointer? {
        let whole = byteCount + large
        guard
            let raw = mmap(nil, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            raw != UnsafeMutableRawPointer(bitPattern: -1)
        else { return nil }
        let before = (large - Int(UInt(bitPattern: raw) % UInt(large))) % large
        let start = raw + before
        if before > 0 { munmap(raw, before) }
        munmap(start + byteCount, large - before)
        #if os(Linux)
            madvise(start, byteCount, MADV_HUGEPAGE)
        #endif
        MemoryBudget.mapped(byteCount)
        return start
    }

    /// `byteCount` addresses, a multiple of a large page, behind which there is no memory before somebody writes there; nil where there are none.
    static func imagine(byteCount: Int) -> UnsafeMutableRawPointer? {
        #if os(Linux)
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        #else
            let flags = MAP_PRIVATE | MAP_ANON
        #endif
        guard let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0),
            start != UnsafeMutableRawPointer(bitPattern: -1)
        else { return nil }
        #if os(Linux)
            // A number written there is to take one small page.
            madvise(start, byteCount, MADV_NOHUGEPAGE)
        #endif
        return start
    }

    /// Gives back what `imagine` gave.
    static func forget(_ start: UnsafeMutableRawPointer, byteCount: Int) { munmap(start, byteCount) }

    /// Gives back what `map` gave.
    static func unmap(_ start: UnsafeMutableRawPointer, byteCount: Int) {
        munmap(start, byteCount)
        MemoryBudget.mapped(-byteCount)
    }
}
