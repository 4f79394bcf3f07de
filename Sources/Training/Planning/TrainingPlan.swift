import Formats

/// What a training will do and take, found without training.
public struct TrainingPlan: Sendable {
    /// Trained tensors that differ by the layer alone.
    public struct Part: Sendable, Equatable {
        /// Their name with `*` for what differs.
        public let name: String
        /// The shape of each.
        public let shape: [Int]
        /// How many there are.
        public let count: Int
        /// Their parameters together.
        public var parameters: Int { shape.reduce(count, *) }
    }

    /// What is trained, in the order of the model.
    public let parts: [Part]
    /// Class of the model.
    public let model: String
    /// Parameters that are trained, and all of them.
    public let trainable, all: Int
    /// Steps, epochs, batches: as the trainer counts them.
    public let steps: StepPlan
    /// Rows that are trained on.
    public let rows: Int
    /// Rows of the largest batch of a step, accumulated ones apart.
    public let rowsPerBatch: Int
    /// Tokens of the batches of all steps; 0 where rows have none.
    public let tokens: Int
    /// Tokens that batches padded to their longest row would have.
    public let paddedTokens: Int
    /// Tokens of the longest row.
    public let longestRow: Int
    /// Bytes at the peak, by part.
    public let memory: PlannedMemory
    /// Additions and multiplications of a mean step.
    public let flopsPerStep: Double
    /// Seconds; nil where nothing was measured.
    public let time: PlannedTime?
    /// States that are, or could be, kept from epoch to epoch; nil where nothing is the same in every epoch.
    public let keptStates: PlannedStates?
    /// Steps after which a checkpoint is written.
    public let checkpoints: PlannedEvents
    /// Whether a checkpoint is also written after evaluations that nobody can foretell.
    public let savesBest: Bool
    /// Bytes of a checkpoint.
    public let checkpointBytes: Int
    /// The most checkpoints that are kept; nil keeps all.
    public let checkpointLimit: Int?
    /// Evaluations in all.
    public let evaluations: Int
    /// What would take less memory, each planned; only where the training does not fit.
    public let advice: [PlanAdvice]

    /// Names of the checkpoints, at most the first 1,000.
    public var checkpointNames: [String] { (0..<min(1000, checkpoints.count)).map(checkpointName) }
    /// Name of a checkpoint, counted from 0.
    public func checkpointName(_ place: Int) -> String { Checkpoint(step: checkpoints[place]).name }
    /// Additions and multiplications of all steps.
    public var flops: Double { flopsPerStep * Double(steps.totalSteps) }
}

/// The most memory that a training will have in use, as `--max-memory` counts it.
public struct PlannedMemory: Sendable {
    /// A part of it.
    public struct Part: Sendable {
        /// Its name for programs.
        public let key: String
        /// What it is.
        public let name: String
        /// Bytes.
        public let bytes: Int
    }

    /// The key of what lies between blocks.
    public static let idleKey = "idle"

    /// What makes it up.
    public let parts: [Part]
    /// The most that was in use before the training.
    public let before: Int
    /// Bytes that lie between blocks, which are given back where memory is short.
    public let idle: Int

    /// Bytes at the peak.
    public var total: Int { max(before, parts.reduce(0) { $0 + $1.bytes }) }
    /// Bytes without which it cannot be done.
    public var least: Int { parts.reduce(0) { $0 + $1.bytes } - idle }
}

/// How long a training will take, in seconds.
public struct PlannedTime: Sendable {
    /// A mean step.
    public let step: Double
    /// All steps, with packing and, where they are kept, the states that are computed once.
    public let training: Double
    /// All evaluations.
    public let evaluations: Double
    /// All checkpoints.
    public let saving: Double
    /// How many steps were measured; 0 where it follows from the speed of products alone.
    public let measured: Int

    /// Everything.
    public var total: Double { training + evaluations + saving }
}

/// States that are the same in every epoch, since nothing below them is trained.
public struct PlannedStates: Sendable {
    /// The layer that they enter, of how many.
    public let layer, layers: Int
    /// Bytes.
    public let bytes: Int
    /// Whether they go to a file.
    public let isInFile: Bool
    /// How a number is kept.
    public let precision: String
    /// Why they are not kept, and what would have them kept; nil where they are.
    public let obstacle: String?
}

/// A change that takes less memory.
public struct PlanAdvice: Sendable {
    /// What to write: `gradient_checkpointing = true`.
    public let change: String
    /// Bytes at the peak then.
    public let total: Int
    /// Bytes without which it cannot be done then.
    public let least: Int
}
