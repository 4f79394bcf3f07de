import Models

/// What an objective runs the model with: a place in a step, from which every pass over the batch draws the same numbers.
public struct StepContext {
    /// What is trained: a model, or a module of the caller's own.
    public let model: any Module
    /// How much all that is labelled weighs in the whole step, over its micro-batches; without weights it is their number.
    public let total: Double
    /// Which layers are run again in backward; none where nil.
    public let checkpointing: Checkpointing?
    private let draws: DropoutDraws?
    private let firstRow: Int

    /// A place in an evaluation, where nothing is dropped.
    public init(evaluating model: any Module, total: Double) {
        self.init(model, total: total, draws: nil, firstRow: 0, checkpointing: nil)
    }

    /// A place in training: the batch's rows follow `firstRow` others of the step.
    public init(
        training model: any Module, total: Double, draws: DropoutDraws, firstRow: Int = 0,
        checkpointing: Checkpointing? = nil
    ) {
        self.init(model, total: total, draws: draws, firstRow: firstRow, checkpointing: checkpointing)
    }

    private init(
        _ model: any Module, total: Double, draws: DropoutDraws?, firstRow: Int, checkpointing: Checkpointing?
    ) {
        (self.model, self.total, self.draws, self.firstRow) = (model, total, draws, firstRow)
        self.checkpointing = checkpointing
    }

    /// Whether dropout acts.
    public var isTraining: Bool { draws != nil }

    /// What sequences draw by that stand at these rows of the batch; its rows in order where nil.
    public func draws(_ count: Int, rows: [Int]? = nil) -> DropoutDraws? {
        guard var draws else { return nil }
        draws.rows = rows.map { $0.map { firstRow + $0 } } ?? Array(firstRow..<firstRow + count)
        return draws
    }

    /// Runs the model on the batch's rows, as often as the objective likes; throws for a module that takes no ids.
    ///
    /// - Parameter rows: the row that each sequence of the input belongs to; one each, in order, where nil.
    public func forward(_ input: ModelInput, rows: [Int]? = nil, read: ReadRows? = nil) throws -> ModelOutput {
        guard let model = model as? any Model else {
            throw TrainingError("a module of one's own takes no ids by itself; compute_loss calls it")
        }
        let draws = draws(input.inputIds.count, rows: rows)
        return try model.forward(
            input, Pass(over: input, read: read, draws: draws, checkpointing: checkpointing))
    }
}
