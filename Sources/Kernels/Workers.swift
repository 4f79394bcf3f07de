import COpenBLAS
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The threads that share one piece of work.
///
/// Work is cut into pieces by its shape alone, never by the number of threads, so results do not depend on it. OpenBLAS is
/// kept on one thread: products are cut here too (see `Matmul.swift`), and nothing waits for another pool in a spin loop.
public enum Workers {
    /// Number of threads that `run` uses, the calling one included.
    public static var count: Int { pool.count }

    /// Sets the number of threads, at least 1; waits for work that is running.
    public static func setCount(_ count: Int) { pool.resize(to: max(1, count)) }

    /// Calls `body` once for each piece 0..<pieces, on any thread, and returns when all are done.
    ///
    /// A call from inside a piece runs on its own thread.
    public static func run(pieces: Int, _ body: @Sendable (Int) -> Void) {
        if pieces <= 1 || pool.count == 1 || pool.isInside {
            for piece in 0..<pieces { body(piece) }
        } else {
            pool.run(pieces: pieces, body)
        }
    }

    /// Calls `body` with ranges that cover 0..<rows, each of about `costPerPiece` / `costPerRow` rows.
    ///
    /// Ranges depend on the two sizes alone.
    public static func run(rows: Int, costPerRow: Int, _ body: @Sendable (Range<Int>) -> Void) {
        guard rows > 0 else { return }
        let size = max(1, costPerPiece / max(1, costPerRow))
        run(pieces: (rows + size - 1) / size) { piece in body(piece * size..<min(rows, (piece + 1) * size)) }
    }

    /// Elements of a plain loop that make a piece: enough to outweigh waking a thread.
    static let costPerPiece = 1 << 15

    private static let pool = WorkerPool()
}

/// A fixed set of threads that sleep between jobs.
final class WorkerPool: @unchecked Sendable {
    private struct Job {
        let pieces: Int
        let body: @Sendable (Int) -> Void
    }

    private(set) var count = 1
    private var mutex = pthread_mutex_t()
    private var wake = pthread_cond_t()
    private var done = pthread_cond_t()
    private var job: Job?
    private var generation = 0
    private var active = 0
    private var stopping = false
    private var threads: [pthread_t] = []
    private let next = Atomic<Int>(0)
    private var insideKey = pthread_key_t()
    /// Held by the one caller whose work the threads share; another caller does its own work alone meanwhile.
    private let busy = Atomic<Bool>(false)

    init() {
        pthread_mutex_init(&mutex, nil)
        pthread_cond_init(&wake, nil)
        pthread_cond_init(&done, nil)
        pthread_key_create(&insideKey, nil)
        openblas_set_num_threads(1)
        resize(to: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    var isInside: Bool { pthread_getspecific(insideKey) != nil }

    /// Stops the threads and starts others; waits for whoever uses them.
    func resize(to count: Int) {
        while busy.exchange(true, ordering: .acquiring) { sched_yield() }
        defer { busy.store(false, ordering: .releasing) }
        pthread_mutex_lock(&mutex)
        stopping = true
        pthread_cond_broadcast(&wake)
        pthread_mutex_unlock(&mutex)
        for thread in threads { pthread_join(thread, nil) }
        threads = []
        stopping = false
        self.count = count
        for _ in 1..<max(count, 1) where count > 1 {
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
            pthread_mutex_lock(&mutex)
            next.store(0, ordering: .relaxed)
            self.job = job
            generation += 1
            pthread_cond_broadcast(&wake)
            pthread_mutex_unlock(&mutex)
            work(job)
            // Who has not woken up yet finds no job; only those who took part are waited for.
            pthread_mutex_lock(&mutex)
            self.job = nil
            while active > 0 { pthread_cond_wait(&done, &mutex) }
            pthread_mutex_unlock(&mutex)
        }
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

    private func loop() {
        pthread_mutex_lock(&mutex)
        var seen = 0
        while !stopping {
            guard let job, generation != seen else {
                pthread_cond_wait(&wake, &mutex)
                continue
            }
            seen = generation
            active += 1
            pthread_mutex_unlock(&mutex)
            work(job)
            pthread_mutex_lock(&mutex)
            active -= 1
            if active == 0 { pthread_cond_signal(&done) }
        }
        pthread_mutex_unlock(&mutex)
    }
}
