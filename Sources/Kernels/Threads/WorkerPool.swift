import CProcessor
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A fixed set of threads that take pieces of one job at a time.
///
/// Waking a sleeping thread costs tens of microseconds, and a training step has hundreds of jobs with a few microseconds
/// between them: a thread that has nothing to do looks for the next job for a short while before it sleeps.
final class WorkerPool: @unchecked Sendable {
    private struct Job {
        let pieces: Int
        let body: @Sendable (Int) -> Void
    }

    private(set) var count = 1
    /// The job in progress; written only while no thread is inside.
    private var job: Job?
    private let next = Atomic<Int>(0)
    /// Number of the job << 32 | whether threads may enter << 16 | threads inside.
    private let gate = Atomic<UInt64>(0)
    private static let open: UInt64 = 1 << 16
    private static let insideMask: UInt64 = 0xFFFF

    private var mutex = pthread_mutex_t()
    private var wake = pthread_cond_t()
    private var done = pthread_cond_t()
    private let sleepers = Atomic<Int>(0)
    private let callerSleeps = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)
    private var threads: [pthread_t] = []
    private var insideKey = pthread_key_t()
    /// Held by the one caller whose work the threads share; another caller does its own work alone meanwhile.
    private let busy = Atomic<Bool>(false)

    init() {
        pthread_mutex_init(&mutex, nil)
        pthread_cond_init(&wake, nil)
        pthread_cond_init(&done, nil)
        pthread_key_create(&insideKey, nil)
        resize(to: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    var isInside: Bool { pthread_getspecific(insideKey) != nil }

    /// Stops the threads and starts others; waits for whoever uses them.
    func resize(to count: Int) {
        while busy.exchange(true, ordering: .acquiring) { sched_yield() }
        defer { busy.store(false, ordering: .releasing) }
        stopping.store(true, ordering: .sequentiallyConsistent)
        pthread_mutex_lock(&mutex)
        pthread_cond_broadcast(&wake)
        pthread_mutex_unlock(&mutex)
        for thread in threads { pthread_join(thread, nil) }
        threads = []
        stopping.store(false, ordering: .sequentiallyConsistent)
        for _ in 1..<min(max(count, 1), Int(WorkerPool.insideMask)) where count > 1 {
            var thread = pthread_t()
            let me = Unmanaged.passUnretained(self).toOpaque()
            let failed = pthread_create(
                &thread, nil,
                { raw in
                    if let raw { Unmanaged<WorkerPool>.fromOpaque(raw).takeUnretainedValue().loop() }
                    return nil
                }, me)
            if failed == 0 { threads.append(thread) }
        }
        self.count = threads.count + 1
    }

    func run(pieces: Int, _ body: @Sendable (Int) -> Void) {
        guard !busy.exchange(true, ordering: .acquiring) else {
            for piece in 0..<pieces { body(piece) }
            return
        }
        defer { busy.store(false, ordering: .releasing) }
        withoutActuallyEscaping(body) { body in
            let job = Job(pieces: pieces, body: body)
            self.job = job
            next.store(0, ordering: .relaxed)
            let number = gate.load(ordering: .relaxed) >> 32 &+ 1
            gate.store(number << 32 | WorkerPool.open, ordering: .sequentiallyConsistent)
            wakeSleepers(atMost: pieces - 1)
            work(job)
            // Who comes now finds the gate closed; only those inside are waited for.
            gate.bitwiseAnd(~WorkerPool.open, ordering: .sequentiallyConsistent)
            waitForOthers()
            self.job = nil
        }
    }

    private func wakeSleepers(atMost most: Int) {
        let asleep = sleepers.load(ordering: .sequentiallyConsistent)
        guard asleep > 0 else { return }
        pthread_mutex_lock(&mutex)
        if asleep <= most {
            pthread_cond_broadcast(&wake)
        } else {
            for _ in 0..<most { pthread_cond_signal(&wake) }
        }
        pthread_mutex_unlock(&mutex)
    }

    private var isEmpty: Bool { gate.load(ordering: .sequentiallyConsistent) & WorkerPool.insideMask == 0 }

    private func waitForOthers() {
        if WorkerPool.spin(for: WorkerPool.patience, until: { self.isEmpty }) { return }
        pthread_mutex_lock(&mutex)
        callerSleeps.store(true, ordering: .sequentiallyConsistent)
        while !isEmpty { pthread_cond_wait(&done, &mutex) }
        callerSleeps.store(false, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(&mutex)
    }

    private func work(_ job: Job) {
        pthread_setspecific(insideKey, UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()))
        while true {
            let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
            if piece >= job.pieces { break }
            job.body(piece)
        }
        pthread_setspecific(insideKey, nil)
    }

    /// Whether a job that this thread has not seen may be entered, or the threads are to stop.
    private func hasNews(since seen: UInt64) -> Bool {
        let state = gate.load(ordering: .sequentiallyConsistent)
        return state & WorkerPool.open != 0 && state >> 32 != seen
            || stopping.load(ordering: .sequentiallyConsistent)
    }

    private func loop() {
        var seen: UInt64 = 0
        while true {
            if !WorkerPool.spin(for: WorkerPool.patience, until: { self.hasNews(since: seen) }) { sleep(since: seen) }
            if stopping.load(ordering: .sequentiallyConsistent) { return }
            let state = gate.load(ordering: .sequentiallyConsistent)
            guard state & WorkerPool.open != 0, state >> 32 != seen,
                gate.compareExchange(expected: state, desired: state + 1, ordering: .sequentiallyConsistent).exchanged
            else { continue }
            seen = state >> 32
            if let job { work(job) }
            let left = gate.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue
            if left & WorkerPool.insideMask == 0, callerSleeps.load(ordering: .sequentiallyConsistent) {
                pthread_mutex_lock(&mutex)
                pthread_cond_signal(&done)
                pthread_mutex_unlock(&mutex)
            }
        }
    }

    private func sleep(since seen: UInt64) {
        pthread_mutex_lock(&mutex)
        sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
        while !hasNews(since: seen) { pthread_cond_wait(&wake, &mutex) }
        sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(&mutex)
    }

    /// Nanoseconds for which a thread looks for news before it sleeps: about what waking it costs.
    private static let patience: UInt64 = 50_000

    /// Waits until `condition` holds, for about `nanoseconds` at most; gives whether it holds.
    private static func spin(for nanoseconds: UInt64, until condition: () -> Bool) -> Bool {
        if condition() { return true }
        let end = ProductCounter.now() + nanoseconds
        repeat {
            for _ in 0..<16 {
                if condition() { return true }
                processor_pause()
            }
        } while ProductCounter.now() < end
        return condition()
    }
}
