/// Where a loop over a model stands: the optimizer's step, and how many rows of its batch have been taken.
///
/// Whoever runs the loop keeps it; a model holds none. A forward in training takes the next rows of the step, the optimizer
/// begins the next one. The trainer and loops written by hand so draw the same numbers.
public final class StepClock {
    /// Seed of the run.
    public var seed: UInt64
    /// The optimizer's step, from 0.
    public private(set) var step = 0
    /// The next row of the step.
    public private(set) var nextRow = 0

    /// Clock at the first row of the first step.
    public init(seed: UInt64 = 0) { self.seed = seed }

    /// Takes the next `count` rows of the step and gives their places.
    public func take(_ count: Int) -> [Int] {
        defer { nextRow += count }
        return Array(nextRow..<nextRow + count)
    }

    /// What the next `count` rows of the step draw by.
    public func draws(_ count: Int) -> DropoutDraws { DropoutDraws(seed: seed, step: step, rows: take(count)) }

    /// Begins the step after the present one.
    public func beginNextStep() { set(step: step + 1) }

    /// Goes to the first row of a step.
    public func set(step: Int) { (self.step, nextRow) = (step, 0) }
}
