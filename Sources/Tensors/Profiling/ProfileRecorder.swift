import Kernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Gathers spans of all threads.
struct ProfileRecorder {
    private struct Span {
        let kind: ProfileKind
        let name: String
        let module: Int
        let phase: String
        let start: UInt64
        /// Time of the spans within it.
        var inner: UInt64 = 0
        /// Products within it, those of spans within it left out.
        var count = ProductCounter.Count()
        let shapes: [[Int]]
    }

    private struct Key: Hashable {
        let kind: ProfileKind
        let name: String
        let module: Int
        let phase: String
    }

    /// Spans of one thread.
    private struct Lane {
        let number: Int
        var spans: [Span] = []
        /// Sums of the step in progress; it is not known before its end whether it counts.
        var sums: [Key: ProfileSums] = [:]
        var order: [Key] = []
        /// Time within the step in progress that is not the step's.
        var aside: UInt64 = 0
        var asides: Int { spans.count { $0.kind == .aside } }
        var isInStep: Bool { spans.first?.kind == .step }
    }

    /// Spans that are kept for a trace at most: some hundred steps, 100 MB of text.
    static let mostEvents = 400_000

    let skipping: Int
    let limit: Int?
    let keepsEvents: Bool
    private var steps: [UInt64] = []
    private var skipped = 0
    private let origin = ProductCounter.now()
    private var lanes: [UInt: Lane] = [:]
    private var modules: [String] = [""]
    private var numbers: [String: Int] = ["": 0]
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

    private func lane(_ thread: UInt) -> Lane { lanes[thread] ?? Lane(number: lanes.count + 1) }

    var currentModule: Int { lanes[ProfileRecorder.thread]?.spans.last?.module ?? 0 }

    // MARK: Spans

    /// Opens a span and gives the number of those that it lies within.
    mutating func open(_ kind: ProfileKind, _ name: String, module: Int? = nil, shapes: [[Int]] = []) -> Int {
        let thread = ProfileRecorder.thread
        var lane = lane(thread)
        lanes[thread] = nil
        defer { lanes[thread] = lane }
        drain(into: &lane)
        let above = lane.spans.last
        let place = kind == .module ? number(of: name) : module ?? above?.module ?? 0
        let phase = kind == .phase || kind == .aside ? name : above?.phase ?? ""
        lane.spans.append(
            Span(
                kind: kind, name: kind == .module ? "" : name, module: place, phase: phase,
                start: ProductCounter.now(), shapes: shapes))
        return lane.spans.count - 1
    }

    /// Closes spans until `depth` are left.
    mutating func close(to depth: Int) {
        let thread = ProfileRecorder.thread
        guard var lane = lanes[thread] else { return }
        lanes[thread] = nil
        while lane.spans.count > depth { closeLast(&lane) }
        lanes[thread] = lane
    }

    private mutating func closeLast(_ lane: inout Lane) {
        drain(into: &lane)
        guard let span = lane.spans.popLast() else { return }
        let now = ProductCounter.now()
        let elapsed = now - span.start
        if !lane.spans.isEmpty { lane.spans[lane.spans.count - 1].inner += elapsed }
        keep(span, end: now, lane)
        if span.kind == .aside {
            if lane.asides == 0 { note(aside: span.name, elapsed, &lane) }
        } else if lane.isInStep, lane.asides == 0 {
            add(span, own: elapsed - min(elapsed, span.inner), to: &lane)
        }
    }

    private func add(_ span: Span, own: UInt64, to lane: inout Lane) {
        let key = Key(kind: span.kind, name: span.name, module: span.module, phase: span.phase)
        if lane.sums[key] == nil { lane.order.append(key) }
        var sums = ProfileSums()
        (sums.calls, sums.nanoseconds, sums.flops) = (1, own, span.count.flops)
        for entry in span.count.entries {
            let size = ProductSize(entry.product)
            sums.products[size, default: ProductSums()] += entry
        }
        lane.sums[key, default: ProfileSums()] += sums
    }

    private mutating func note(aside name: String, _ elapsed: UInt64, _ lane: inout Lane) {
        if lane.isInStep { lane.aside += elapsed }
        if let index = asides.firstIndex(where: { $0.name == name }) {
            asides[index].calls += 1
            asides[index].nanoseconds += elapsed
        } else {
            asides.append((name, 1, elapsed))
        }
    }

    /// Gives the products since the last call to the span in progress.
    private func drain(into lane: inout Lane) {
        let count = ProductCounter.take()
        guard count.flops > 0, let last = lane.spans.indices.last else { return }
        lane.spans[last].count.flops += count.flops
        lane.spans[last].count.entries += count.entries
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
        let thread = ProfileRecorder.thread
        guard var lane = lanes[thread], lane.isInStep else { return }
        lanes[thread] = nil
        defer { lanes[thread] = lane }
        while lane.spans.count > 1 { closeLast(&lane) }
        let start = lane.spans[0].start
        drain(into: &lane)
        let (span, now) = (lane.spans.removeLast(), ProductCounter.now())
        let elapsed = now - start
        keep(span, end: now, lane)
        add(span, own: elapsed - min(elapsed, span.inner), to: &lane)
        finish(elapsed - min(elapsed, lane.aside), &lane)
    }

    mutating func nextStep() {
        endStep()
        beginStep()
    }

    /// Drops the step in progress.
    private mutating func abandon() {
        let thread = ProfileRecorder.thread
        guard var lane = lanes[thread] else { return }
        (lane.spans, lane.sums, lane.order, lane.aside) = ([], [:], [], 0)
        lanes[thread] = lane
    }

    private mutating func finish(_ elapsed: UInt64, _ lane: inout Lane) {
        if skipped < skipping {
            skipped += 1
        } else {
            steps.append(elapsed)
            for key in lane.order {
                guard let part = lane.sums[key] else { continue }
                if sums[key] == nil { order.append(key) }
                sums[key, default: ProfileSums()] += part
            }
        }
        (lane.sums, lane.order, lane.aside) = ([:], [], 0)
    }

    // MARK: Results

    private mutating func keep(_ span: Span, end: UInt64, _ lane: Lane) {
        guard keepsEvents else { return }
        guard events.count + span.count.entries.count < ProfileRecorder.mostEvents else {
            isCut = true
            return
        }
        for entry in span.count.entries where entry.start > 0 {
            let product = entry.product
            events.append(
                ProfileResult.Event(
                    kind: .product, name: "product", module: modules[span.module], thread: lane.number,
                    start: entry.start - min(entry.start, origin), duration: entry.end - entry.start,
                    flops: product.flops, shapes: [[product.m, product.n, product.k]]))
        }
        events.append(
            ProfileResult.Event(
                kind: span.kind, name: span.kind == .module ? modules[span.module] : span.name,
                module: modules[span.module], thread: lane.number, start: span.start - min(span.start, origin),
                duration: end - span.start, flops: span.count.flops, shapes: span.shapes))
    }

    func result() -> ProfileResult {
        ProfileResult(
            rows: order.map {
                ProfileResult.Row(
                    kind: $0.kind, name: $0.name, module: modules[$0.module], phase: $0.phase,
                    sums: sums[$0] ?? ProfileSums())
            }, steps: steps, skipped: skipped, asides: asides, events: events, isCut: isCut)
    }
}
