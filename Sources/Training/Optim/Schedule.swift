import Formats
import Words

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How the learning rate changes with the step, by the names and formulas of transformers 5.23 (`optimization.py`).
///
/// A pure function: the multiplier at step s, counted from 0, is applied to the initial learning rate for the update with that
/// index.
public struct Schedule: Sendable, Equatable {
    /// Names of the schedules.
    public enum Kind: String, CaseIterable, Sendable {
        case linear, cosine
        case cosineWithRestarts = "cosine_with_restarts"
        case polynomial, constant
        case constantWithWarmup = "constant_with_warmup"
        case inverseSqrt = "inverse_sqrt"

        /// The kind of that name; another one is an error that says what there is.
        public init(named name: String) throws {
            if let kind = Kind(rawValue: name) {
                self = kind
                return
            }
            let known = Kind.allCases.map(\.rawValue)
            let hint = nearestNameHint(for: name, in: known)
            throw TrainingError(
                hint.isEmpty
                    ? "lr_scheduler_type '\(name)' is not supported; there are \(known.joined(separator: ", "))"
                    : "lr_scheduler_type '\(name)' is not supported\(hint)")
        }

        /// Names of the options that this kind takes in lr_scheduler_kwargs.
        public var optionNames: [String] {
            switch self {
            case .linear, .constant, .constantWithWarmup: []
            case .cosine, .cosineWithRestarts: ["num_cycles"]
            case .polynomial: ["lr_end", "power"]
            case .inverseSqrt: ["timescale"]
            }
        }
    }

    /// Which schedule it is.
    public let kind: Kind
    /// Steps over which the rate rises from 0.
    public let warmupSteps: Int
    /// Step at which decaying schedules end.
    public let totalSteps: Int
    private let initialLearningRate: Double
    private let options: [String: Double]

    /// A schedule; `options` are those of lr_scheduler_kwargs, and one that this kind does not take is an error.
    ///
    /// `initialLearningRate` matters to `polynomial` alone, whose `lr_end` must be smaller.
    public init(
        _ kind: Kind, warmupSteps: Int, totalSteps: Int, initialLearningRate: Double = 1,
        options: [String: Double] = [:]
    ) throws {
        guard warmupSteps >= 0 else { throw TrainingError("warmup_steps is \(warmupSteps); expected at least 0") }
        for name in options.keys.sorted() where !kind.optionNames.contains(name) {
            throw TrainingError(
                "lr_scheduler_kwargs: '\(kind.rawValue)' takes no '\(name)'"
                    + nearestNameHint(for: name, in: kind.optionNames))
        }
        (self.kind, self.warmupSteps, self.totalSteps) = (kind, warmupSteps, totalSteps)
        (self.initialLearningRate, self.options) = (initialLearningRate, options)
        if kind == .polynomial, options["lr_end"] ?? 1e-7 >= initialLearningRate {
            throw TrainingError(
                "lr_scheduler_kwargs: lr_end is \(options["lr_end"] ?? 1e-7); expected less than the learning rate \(initialLearningRate)"
            )
        }
        if let timescale = options["timescale"], timescale <= 0 {
            throw TrainingError("lr_scheduler_kwargs: timescale is \(timescale); expected a number above 0")
        }
    }

    /// What the initial learning rate is multiplied with for the update with index `step`, counted from 0.
    public func multiplier(at step: Int) -> Double {
        if kind == .constant { return 1 }
        if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
        switch kind {
        case .constant, .constantWithWarmup: return 1
        case .linear: return max(0, (Double(totalSteps) - Double(step)) / stepsBehindWarmup)
        case .cosine: return max(0, 0.5 * (1 + cos(.pi * (options["num_cycles"] ?? 0.5) * 2 * progress(step))))
        case .cosineWithRestarts:
            let progress = progress(step)
            if progress >= 1 { return 0 }
            let phase = ((options["num_cycles"] ?? 1) * progress).truncatingRemainder(dividingBy: 1)
            return max(0, 0.5 * (1 + cos(.pi * phase)))
        case .polynomial: return polynomial(step)
        case .inverseSqrt:
            let timescale = options["timescale"] ?? Double(warmupSteps == 0 ? 10_000 : warmupSteps)
            return 1 / ((Double(step) + timescale - Double(warmupSteps)) / timescale).squareRoot()
        }
    }

    /// Share of the decay that is done at `step`.
    private func progress(_ step: Int) -> Double {
        (Double(step) - Double(warmupSteps)) / stepsBehindWarmup
    }

    // Subtracted as Double: whole numbers of steps are exact, and none is too large.
    private var stepsBehindWarmup: Double { max(1, Double(totalSteps) - Double(warmupSteps)) }

    private func polynomial(_ step: Int) -> Double {
        let end = options["lr_end"] ?? 1e-7
        guard step <= totalSteps else { return end / initialLearningRate }
        let left = 1 - progress(step)
        return ((initialLearningRate - end) * pow(left, options["power"] ?? 1) + end) / initialLearningRate
    }
}

/// Sets an optimizer's learning rates by a schedule, for loops written by hand.
///
/// As torch's LambdaLR: made before the first update, which it prepares; `step` prepares the next.
public final class Scheduler {
    /// Updates that were prepared so far.
    public private(set) var lastStep = 0
    /// The schedule.
    public let schedule: Schedule
    private let optimizer: any Optimizer

    /// Sets the learning rates of the first update.
    public init(_ optimizer: any Optimizer, _ schedule: Schedule) {
        (self.optimizer, self.schedule) = (optimizer, schedule)
        apply()
    }

    /// Sets the learning rates of the next update.
    public func step() {
        lastStep += 1
        apply()
    }

    /// Learning rate of the first group.
    public var learningRate: Double { optimizer.groups.first?.learningRate ?? 0 }

    private func apply() {
        let multiplier = schedule.multiplier(at: lastStep)
        for index in optimizer.groups.indices {
            optimizer.groups[index].learningRate = optimizer.groups[index].initialLearningRate * multiplier
        }
    }
}
