import CProcessor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Keeps sleeping threads of a pool off the processor of the thread that wakes them.
///
/// Linux often wakes a thread on the processor of its waker, which goes on computing: the two share it until the system next
/// spreads threads, tens of milliseconds later, and each job takes two to three times as long meanwhile.
struct ThreadPlacement {
    /// Where the threads may not run at present.
    private var avoided: Int32 = -1

    /// Sees to it that `threads` do not wake on the processor of the calling thread.
    mutating func clear(of threads: [pthread_t]) {
        let here = processor_current()
        guard here != avoided else { return }
        avoided = processor_keep_off(threads, Int32(threads.count), here) != 0 ? here : -1
    }
}
