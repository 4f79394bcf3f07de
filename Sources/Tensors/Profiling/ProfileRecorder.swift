import Kernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Gathers spans of all threads.
///
/// What a span costs is paid within the step that is measured, some two hundred times a step of a small model: so spans are only
/// written down there, and summed when the step has ended.
struct ProfileRecorder {
    private struct Span {
        let kind: ProfileKind
        let name: String
        let module: Int
        let phase: String
        let start: UInt64
        var end: UInt64 = 0
        /// Time of the spans within it.
        var inner: UInt64 = 0
        /// Products within it, those of spans within it left out.
        var count = ProductCounter.Count()
        let shapes: [[Int]]
        /// Its own time.
        var own: UInt64 { end - start - min(end - start, inner) }
    }

    private struct Key: Hashable {
        let kind: ProfileKind
        let name: String
        let module: Int
        let phase: String
    }

    /// Spans of one thread.
    private struct Lane {
        let thread: UInt
        let number: Int
        /// Spans in progress, each within the one before.
        var spans: [Span] = []
        /// Spans of the step in progress that have ended and are not in its sums yet.
        var ended: [Span] = []
        /// Sums of the step in progress; it is not known before its end whether it counts.
        var sums: [Key: ProfileSums] = [:]
        var order: [Key] = []
        /// Time within the step in progress that is not the step's.
        var aside: UInt64 = 0
        /// Spans in progress that are not the step's.
        var asides = 0
        var isInStep: Bool { spans.first?.kind == .step }
    }

    /// Spans that are kept for a trace at most: some hundred steps, 100 MB of text.
    static let mostEvents = 400_000
    /// Spans that are only written down: what follows the last step of a loop written by hand may go on for hours.
    private static let mostEnded = 1 << 14

    let skipping: Int
    let limit: Int?
    let keepsEvents: Bool
    private var steps: [ProfileResult.Step] = []
    private var skipped = 0
    private let origin = ProductCounter.now()
    private var lanes: [Lane] = []
    private var modules: [String] = [""]
    private var numbers: [String: Int] = ["": 0]
    private var sizes: [ProductSize] = []
    private var indices: [ProductSize: Int] = [:]
    private var sums: [Key: ProfileSums] = [:]
    private var order: [Key] = []
    private var asides: [(name: String, calls: Int, nanoseconds: UInt64)] = []
    private var events: [ProfileResult.Event] = []
    private var isCut = false

    init(skipping: Int = 1, limit: Int? = nil, keepsEvents: Bool = false) {
        (self.skipping, self.limit, self.keepsEvents) = (skipping, limit, keepsEvents)
    }

    var isComplete: Bool { limit.map { steps.count >= $0 } ?? false }

    private static var thread: UInt {
        #if canImport(Darwin)
            UInt(bitPattern: pthread_self())
        #else
            pthread_self()
        #endif
    }

    /// Place of the present thread among the lanes; nil where it has opened nothing yet.
    private var here: Int? {
        let thread = ProfileRecorder.thread
        return lanes.firstIndex { $0.thread == thread }
    }

    var currentModule: Int { here.flatMap { lanes[$0].spans.last?.module } ?? 0 }

    // MARK: Spans

    /// Opens a span and gives the number of those that it lies within.
    mutating func open(_ kind: ProfileKind, _ name: String, module: Int? = nil, shapes: [[Int]] = []) -> Int {
        let lane = here ?? lanes.count
        if lane == lanes.count { lanes.append(Lane(thread: ProfileRecorder.thread, number: lane + 1)) }
        drain(lane)
        let above = lanes[lane].spans.last
        let place = kind == .module ? number(of: name) : module ?? above?.module ?? 0
        let phase = kind == .phase || kind == .aside ? name : above?.phase ?? ""
        let leavesStep = kind == .aside && lanes[lane].asides == 0
        if kind == .aside { lanes[lane].asides += 1 }
        lanes[lane].spans.append(
            Span(
                kind: kind, name: kind == .module ? "" : name, module: place, phase: phase,
                start: ProductCounter.now(), shapes: shapes))
        // Within the aside's own time: so that a trace has the spans in the order in which they began.
        if leavesStep { sumEnded(lane) }
        return lanes[lane].spans.count - 1
    }

    /// Closes spans until `depth` are left.
    mutating func close(to depth: Int) {
        let now = ProductCounter.now()
        guard let lane = here else { return }
        while lanes[lane].spans.count > depth { closeLast(lane, now) }
    }

    private mutating func closeLast(_ lane: Int, _ now: UInt64) {
        drain(lane)
        let isInStep = lanes[lane].isInStep
        guard var span = lanes[lane].spans.popLast() else { return }
        span.end = now
        let elapsed = now - span.start
        if let above = lanes[lane].spans.indices.last { lanes[lane].spans[above].inner += elapsed }
        if span.kind == .aside {
            lanes[lane].asides -= 1
            if lanes[lane].asides == 0 { note(aside: span.name, elapsed, lane) }
            keep(span, lane)
        } else if isInStep, lanes[lane].asides == 0 {
            lanes[lane].ended.append(span)
            if lanes[lane].ended.count == ProfileRecorder.mostEnded { sumEnded(lane) }
        } else {
            keep(span, lane)
        }
    }

    private mutating func note(aside name: String, _ elapsed: UInt64, _ lane: Int) {
        if lanes[lane].isInStep { lanes[lane].aside += elapsed }
        if let index = asides.firstIndex(where: { $0.name == name }) {
            asides[index].calls += 1
            asides[index].nanoseconds += elapsed
        } else {
            asides.append((name, 1, elapsed))
        }
    }

    /// Gives the products since the last call to the span in progress.
    private mutating func drain(_ lane: Int) {
        let count = ProductCounter.take()
        guard count.flops > 0, let last = lanes[lane].spans.indices.last else { return }
        lanes[lane].spans[last].count.flops += count.flops
        lanes[lane].spans[last].count.entries += count.entries
    }

    private mutating func index(of size: ProductSize) -> Int {
        if let index = indices[size] { return index }
        sizes.append(size)
        indices[size] = sizes.count - 1
        return sizes.count - 1
    }

    private mutating func number(of path: String) -> Int {
        if let number = numbers[path] { return number }
        modules.append(path)
        numbers[path] = modules.count - 1
        return modules.count - 1
    }

    // MARK: Steps

    mutating func beginStep() {
        abandon()
        _ = open(.step, "step")
    }

    mutating func endStep() {
        let now = ProductCounter.now()
        guard let lane = here, lanes[lane].isInStep else { return }
        let start = lanes[lane].spans[0].start
        while !lanes[lane].spans.isEmpty { closeLast(lane, now) }
        finish(now - start, lane)
    }

    mutating func nextStep() {
        endStep()
        beginStep()
    }

    /// Drops the step in progress from all sums.
    private mutating func abandon() {
        guard let lane = here else { return }
        sumEnded(lane)
        (lanes[lane].spans, lanes[lane].asides) = ([], 0)
        (lanes[lane].sums, lanes[lane].order, lanes[lane].aside) = ([:], [], 0)
    }

    /// Adds what has ended to the sums of its step.
    private mutating func sumEnded(_ lane: Int) {
        let ended = lanes[lane].ended
        lanes[lane].ended = []
        for span in ended {
            keep(span, lane)
            let key = Key(kind: span.kind, name: span.name, module: span.module, phase: span.phase)
            if lanes[lane].sums[key] == nil { lanes[lane].order.append(key) }
            lanes[lane].sums[key, default: ProfileSums()].add(own: span.own, span.count)
        }
    }

    /// Ends the step, which took so long.
    private mutating func finish(_ elapsed: UInt64, _ lane: Int) {
        sumEnded(lane)
        let (stepSums, keys, aside) = (lanes[lane].sums, lanes[lane].order, lanes[lane].aside)
        (lanes[lane].sums, lanes[lane].order, lanes[lane].aside) = ([:], [], 0)
        guard skipped >= skipping else {
            skipped += 1
            return
        }
        var whole = ProfileSums()
        for key in keys {
            guard let part = stepSums[key] else { continue }
            if sums[key] == nil { order.append(key) }
            sums[key, default: ProfileSums()] += part
            whole += part
        }
        steps.append(
            ProfileResult.Step(
                nanoseconds: elapsed - min(elapsed, aside),
                productNanoseconds: whole.products.values.reduce(0) { $0 + $1.nanoseconds },
                products: whole.products.map { (size: index(of: $0.key), flops: $0.value.flops) }))
    }

    // MARK: Results

    private mutating func keep(_ span: Span, _ lane: Int) {
        guard keepsEvents else { return }
        guard events.count + span.count.entries.count < ProfileRecorder.mostEvents else {
            isCut = true
            return
        }
        for entry in span.count.entries where entry.start > 0 {
            let product = entry.product
            events.append(
                ProfileResult.Event(
                    kind: .product, name: "product", module: modules[span.module], thread: lanes[lane].number,
                    start: entry.start - min(entry.start, origin), duration: entry.end - entry.start,
                    flops: product.flops, shapes: [[product.m, product.n, product.k]]))
        }
        events.append(
            ProfileResult.Event(
                kind: span.kind, name: span.kind == .module ? modules[span.module] : span.name,
                module: modules[span.module], thread: lanes[lane].number, start: span.start - min(span.start, origin),
                duration: span.end - span.start, flops: span.count.flops, shapes: span.shapes))
    }

    mutating func result() -> ProfileResult {
        for lane in lanes.indices { sumEnded(lane) }
        return ProfileResult(
            rows: order.map {
                ProfileResult.Row(
                    kind: $0.kind, name: $0.name, module: modules[$0.module], phase: $0.phase,
                    sums: sums[$0] ?? ProfileSums())
            }, steps: steps, sizes: sizes, skipped: skipped, asides: asides, events: events, isCut: isCut)
    }
}
