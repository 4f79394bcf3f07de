import Kernels
import LuaBridge
import Training
import Words

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A training that goes on between the lines of a session, on a thread of its own.
///
/// What it does is `trainer:step()`, step after step, each in a turn of its own (`Turn`): the bits are those of a training that runs
/// through. All that is said of it here is read and changed by whoever has the turn.
final class TrainingJob {
    /// Where a job stands.
    enum State: String {
        case running, paused, finished, failed
    }

    let box: TrainerBox
    private let context: RecipeContext
    private var isPaused = true
    /// Why it failed.
    private(set) var failure: String?
    /// Whether what became of it was told to the user.
    private var isTold = false
    /// Which of the threads that it had so far may still work.
    private var thread = 0

    init(_ box: TrainerBox, _ context: RecipeContext) { (self.box, self.context) = (box, context) }

    var trainer: Trainer { box.trainer }

    /// Where it stands; a training that was ended by its trainer is finished too.
    var state: State {
        if failure != nil { return .failed }
        if trainer.isOver { return .finished }
        return isPaused ? .paused : .running
    }

    /// Whether it may still train.
    var isOpen: Bool { state == .running || state == .paused }

    /// The loss of its last step.
    var loss: Double? { box.reporter?.last?.loss }

    // MARK: What a session asks of it

    /// Goes on between the lines; in a recipe, which has no lines, `wait` does all the work.
    func resume() throws {
        try checkIsOpen()
        if context.isInteractive, let other = context.jobs.first(where: { $0 !== self && $0.state == .running }) {
            throw LuaFault(
                "a job is running already (\(other.place)); job:pause() or job:wait() of it first, two at once would share the processor"
            )
        }
        guard isPaused else { return }
        (isPaused, isTold) = (false, false)
        thread += 1
        if context.isInteractive { try JobThread(self, thread, context.turn).start() }
    }

    /// Stands still after its last finished step; nothing is written.
    func pause() throws {
        try checkIsOpen()
        isPaused = true
    }

    /// Trains in the foreground to the end.
    ///
    /// Ctrl-C in a session gives the prompt back and the job goes on between the lines.
    func wait() throws -> TrainOutput {
        if let failure { throw LuaFault("the job failed: \(failure)") }
        guard !trainer.isOver else { return try trainer.output() }
        if isPaused { try resume() }
        let usual = trainer.shouldStop
        defer { trainer.shouldStop = usual }
        if context.isInteractive {
            // Nothing is left here: what goes on needs no checkpoint.
            trainer.shouldStop = {
                usual?().map {
                    $0.reason == LuaInterrupt.Reason.interrupt.rawValue
                        ? Interruption($0.reason, savesState: false) : $0
                }
            }
        }
        do {
            while try advance() {}
        } catch is TrainingInterrupted where context.isInteractive {
            context.resumeHint = "the job goes on, \(place); job:wait() shows it, job:pause() stops it"
            throw LuaInterrupted()
        } catch let stop as TrainingInterrupted {
            return try box.training { throw stop }
        } catch {
            note(error)
            isTold = true
            throw error
        }
        isTold = true
        return try trainer.output()
    }

    /// Ends the training where it is.
    func stop() throws {
        try checkIsOpen()
        isTold = true
        try box.training { try trainer.stop() }
    }

    /// Leaves a checkpoint of a training that is not over, and says how to go on; for the end of a session.
    func leave() {
        guard isOpen, trainer.state.globalStep > 0 else { return }
        isPaused = true
        do {
            let stop = try trainer.pause("the session ended")
            context.output.complain("\(stop)")
            if stop.checkpoint != nil { context.output.complain(context.lineToGoOn(in: try box.runPath)) }
        } catch {
            context.output.complain("the job's training could not be saved: \(error)")
        }
    }

    /// What became of it since the user was told last, in one line; nil for nothing.
    func news() -> String? {
        guard !isTold else { return nil }
        switch state {
        case .failed:
            isTold = true
            return "the job failed: \(failure ?? "")"
        case .finished:
            isTold = true
            return "the job finished: \(place)"
        case .running, .paused: return nil
        }
    }

    private func checkIsOpen() throws {
        switch state {
        case .failed:
            throw LuaFault("the job failed: \(failure ?? ""); trainer:start() goes on after its last finished step")
        case .finished: throw LuaFault("the job is finished, \(place)")
        case .running, .paused: return
        }
    }

    // MARK: Working

    /// One step; false where the training is over.
    private func advance() throws -> Bool {
        guard !trainer.isOver else { return false }
        try box.resumeIfAsked()
        return try trainer.step()
    }

    /// One step between the lines; false where this thread has nothing more to do.
    fileprivate func work(_ number: Int) -> Bool {
        guard number == thread, state == .running else { return false }
        do {
            return try advance()
        } catch let stop as TrainingInterrupted {
            // The time limit, which ends the session too.
            isPaused = true
            if stop.checkpoint != nil { context.resumeHint = (try? box.runPath).map(context.lineToGoOn) }
        } catch {
            note(error)
        }
        return false
    }

    private func note(_ error: any Error) {
        failure = (error as? LuaError)?.failure.message ?? "\(error)"
        isPaused = true
    }

    // MARK: Telling

    /// `step 12 of 400`, with the loss where there was a step.
    var place: String {
        let state = trainer.state
        let steps = "step \(state.globalStep)" + (state.maxSteps > 0 ? " of \(state.maxSteps)" : "")
        return steps + (loss.map { ", loss \(Figures.fixed($0, 4))" } ?? "")
    }
}

/// The thread of a job: takes turns until there is nothing more to do.
private final class JobThread: @unchecked Sendable {
    private let job: TrainingJob
    private let number: Int
    private let turn: Turn
    /// Backward of a deep model nests calls; a thread's usual stack may be smaller than the main one's.
    private static let stack = 16 << 20

    init(_ job: TrainingJob, _ number: Int, _ turn: Turn) { (self.job, self.number, self.turn) = (job, number, turn) }

    func start() throws {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setstacksize(&attributes, JobThread.stack)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let me = unsafe Unmanaged.passRetained(self)
        // Signals are for the thread that talks with the user; those of faults always come to their own.
        var (all, before) = (sigset_t(), sigset_t())
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_BLOCK, &all, &before)
        let code = unsafe pthread_create(
            &thread, &attributes,
            { raw in
                if let raw = unsafe raw { unsafe Unmanaged<JobThread>.fromOpaque(raw).takeRetainedValue().run() }
                return nil
            }, me.toOpaque())
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        guard code == 0 else {
            unsafe me.release()
            throw LuaFault("no thread for the job: \(unsafe String(cString: strerror(code)))")
        }
    }

    private func run() {
        var goesOn = true
        while goesOn {
            turn.beginStep()
            goesOn = job.work(number)
            turn.endStep()
        }
    }
}
