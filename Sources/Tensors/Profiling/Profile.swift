import Kernels
import Synchronization

/// Says where time goes while somebody asks for it; otherwise each of these calls is one branch.
///
/// What takes time opens a span and closes it. Spans of one thread lie within one another, and a span's own time is what the spans within
/// it do not take, so that the times of a step's spans add up to the step:
///
///     let span = Profile.module(path)
///     defer { span.end() }
public enum Profile {
    private static let flag = Atomic<Bool>(false)
    static let recorder = Mutex(ProfileRecorder())

    /// Whether somebody asks.
    @inline(__always)
    public static var isOn: Bool { flag.load(ordering: .relaxed) }

    /// Begins to record; what was recorded before is dropped.
    ///
    /// - Parameters:
    ///   - skipping: steps at the beginning that are not counted.
    ///   - limit: counted steps after which the profile is complete; nil where it goes on to the end.
    ///   - keepsEvents: whether each span is kept, for a trace.
    public static func begin(skipping: Int = 1, limit: Int? = nil, keepsEvents: Bool = false) {
        recorder.withLock { $0 = ProfileRecorder(skipping: skipping, limit: limit, keepsEvents: keepsEvents) }
        ProductCounter.set(counting: true)
        flag.store(true, ordering: .relaxed)
    }

    /// Ends recording and gives what was recorded.
    public static func finish() -> ProfileResult {
        flag.store(false, ordering: .relaxed)
        ProductCounter.set(counting: false)
        return recorder.withLock {
            let result = $0.result()
            $0 = ProfileRecorder()
            return result
        }
    }

    /// Whether as many steps were counted as were asked for.
    @inline(__always)
    public static var isComplete: Bool { isOn && recorder.withLock { $0.isComplete } }

    // MARK: Steps

    /// Begins a step of training; one that was begun and not ended is dropped.
    @inline(__always)
    public static func beginStep() {
        if isOn { recorder.withLock { $0.beginStep() } }
    }

    /// Ends the step.
    @inline(__always)
    public static func endStep() {
        if isOn { recorder.withLock { $0.endStep() } }
    }

    /// Ends a step of a loop that is written by hand, which has no beginning but the end of the one before.
    @inline(__always)
    public static func nextStep() {
        if isOn { recorder.withLock { $0.nextStep() } }
    }

    // MARK: Spans

    /// A part of a step that is named: "data", "clipping".
    @inline(__always)
    public static func phase(_ name: StaticString) -> ProfileSpan {
        isOn ? open(.phase, name.description) : ProfileSpan(depth: -1)
    }

    /// What is done between steps: evaluations, checkpoints; it does not count as part of one.
    @inline(__always)
    public static func aside(_ name: StaticString) -> ProfileSpan {
        isOn ? open(.aside, name.description) : ProfileSpan(depth: -1)
    }

    /// The work of the module at this path.
    @inline(__always)
    public static func module(_ path: @autoclosure () -> String) -> ProfileSpan {
        isOn ? open(.module, path()) : ProfileSpan(depth: -1)
    }

    /// Forward of an operation.
    @inline(__always)
    static func forward(_ op: any Op, _ inputs: [Tensor]) -> ProfileSpan {
        isOn ? open(.forward, type(of: op).name, shapes: inputs.map(\.shape)) : ProfileSpan(depth: -1)
    }

    /// Backward of an operation that the module numbered `module` ran.
    @inline(__always)
    static func backward(_ op: any Op, _ dy: Tensor, module: Int) -> ProfileSpan {
        isOn ? open(.backward, type(of: op).name, module: module, shapes: [dy.shape]) : ProfileSpan(depth: -1)
    }

    /// Number of the module that is at work, 0 where nobody asks or it is none.
    @inline(__always)
    static var currentModule: Int { isOn ? recorder.withLock { $0.currentModule } : 0 }

    @inline(never)
    private static func open(
        _ kind: ProfileKind, _ name: String, module: Int? = nil, shapes: @autoclosure () -> [[Int]] = []
    ) -> ProfileSpan {
        recorder.withLock { recorder in
            ProfileSpan(
                depth: recorder.open(kind, name, module: module, shapes: recorder.keepsEvents ? shapes() : []))
        }
    }

    @inline(never)
    static func close(_ depth: Int) { recorder.withLock { $0.close(to: depth) } }
}

/// A span in progress.
public struct ProfileSpan {
    /// Number of spans that it lies within, -1 where nobody asks.
    let depth: Int

    /// Ends it, and what within it was not ended because of an error.
    @inline(__always)
    public func end() {
        if depth >= 0 { Profile.close(depth) }
    }
}

/// What a span of a profile is.
public enum ProfileKind: Int, Sendable, Hashable {
    /// A step of training; its own time is what no span within it takes.
    case step
    /// Something between steps.
    case aside
    /// A named part of a step.
    case phase
    /// A module's work outside of operations.
    case module
    /// An operation's forward.
    case forward
    /// An operation's backward.
    case backward
    /// A product within an operation.
    case product
}
