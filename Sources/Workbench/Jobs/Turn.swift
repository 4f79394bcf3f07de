import LuaBridge

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Whose turn it is to use Lua and all that it holds: the session's, or that of a job, which works while the session waits for keys.
///
/// Lua, tensors and trainers belong to one thread at a time. The session has the turn while it evaluates, completes and prints, and gives
/// it away while it waits for a line; a job takes it for one step at a time and stands back as soon as the session wants it. So typing
/// waits for nothing, and a line at most for the step in progress.
///
/// While a job has the turn, Ctrl-C is deferred: it is meant for the line that is being typed.
@safe final class Turn: @unchecked Sendable {
    private var mutex = unsafe pthread_mutex_t()
    private var changed = pthread_cond_t()
    /// All three are read and written under the mutex.
    private var isSessions = true
    private var isJobs = false
    private var isWanted = false

    init() {
        unsafe pthread_mutex_init(&mutex, nil)
        unsafe pthread_cond_init(&changed, nil)
    }

    /// The session gives its turn away.
    func give() {
        unsafe pthread_mutex_lock(&mutex)
        isSessions = false
        unsafe pthread_cond_broadcast(&changed)
        unsafe pthread_mutex_unlock(&mutex)
    }

    /// The session takes its turn back, once the step in progress is done.
    func take() {
        unsafe pthread_mutex_lock(&mutex)
        isWanted = true
        while isJobs { unsafe pthread_cond_wait(&changed, &mutex) }
        (isWanted, isSessions) = (false, true)
        unsafe pthread_mutex_unlock(&mutex)
    }

    /// Runs `body` within a turn of the session's while it waits for keys; nil where the step in progress takes longer than `milliseconds`.
    func borrow<Result>(within milliseconds: Int, _ body: () -> Result) -> Result? {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        unsafe pthread_mutex_lock(&mutex)
        isWanted = true
        while isJobs, ContinuousClock.now < end {
            unsafe pthread_mutex_unlock(&mutex)
            usleep(1_000)
            unsafe pthread_mutex_lock(&mutex)
        }
        isWanted = false
        let isMine = !isJobs
        isSessions = isMine
        unsafe pthread_cond_broadcast(&changed)
        unsafe pthread_mutex_unlock(&mutex)
        guard isMine else { return nil }
        defer { give() }
        return body()
    }

    /// A job takes the turn, once the session has given it away and no other job has it.
    func beginStep() {
        unsafe pthread_mutex_lock(&mutex)
        while isSessions || isJobs || isWanted { unsafe pthread_cond_wait(&changed, &mutex) }
        isJobs = true
        LuaInterrupt.deferInterrupts(true)
        unsafe pthread_mutex_unlock(&mutex)
    }

    /// A job gives the turn back.
    func endStep() {
        unsafe pthread_mutex_lock(&mutex)
        isJobs = false
        LuaInterrupt.deferInterrupts(false)
        unsafe pthread_cond_broadcast(&changed)
        unsafe pthread_mutex_unlock(&mutex)
    }
}
