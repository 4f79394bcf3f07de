import Kernels
import Models

/// What would be otherwise in a training that is planned.
struct PlanChange {
    var checkpointing: Checkpointing.Mode?
    /// What the rows of a micro-batch are divided by; as many more are accumulated.
    var division = 1
    var dtype: FrozenMatrix.DType?
    var packing: FrozenMatrix.Packing?
    /// Most tokens of a row.
    var maxLength: Int?

    /// The arguments with the change.
    func arguments(_ arguments: TrainingArguments) -> TrainingArguments {
        var changed = arguments
        changed.gradientCheckpointing = checkpointing ?? arguments.gradientCheckpointing
        if division > 1 {
            changed.perDeviceTrainBatchSize = max(1, arguments.perDeviceTrainBatchSize / division)
            let (steps, overflow) = arguments.gradientAccumulationSteps.multipliedReportingOverflow(by: division)
            if !overflow { changed.gradientAccumulationSteps = steps }
            changed.maxTokensPerBatch = arguments.maxTokensPerBatch.map { max(1, $0 / division) }
        }
        return changed
    }

    /// The batch with rows of at most `maxLength` tokens.
    func cut(_ batch: Batch) -> Batch {
        guard let maxLength else { return batch }
        func cut<Value>(_ rows: [[Value]]) -> [[Value]] { rows.map { Array($0.prefix(maxLength)) } }
        var (input, labels) = (batch.input, batch.labels)
        input.inputIds = cut(input.inputIds)
        input.tokenTypeIds = input.tokenTypeIds.map { cut($0) }
        if case .tokens(let rows)? = labels { labels = .tokens(cut(rows)) }
        input.labels = labels
        return Batch(rows: batch.rows, input: input, labels: labels, sequences: batch.sequences, columns: batch.columns)
    }
}
