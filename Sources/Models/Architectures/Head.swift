import Tensors

/// A head: hidden states to logits.
protocol Head: AnyObject {
    /// The rows that it reads: all, or one of each sequence.
    var reads: ReadRows { get }
    /// Modules by name, as they stand in the model beside the backbone.
    var parts: [(name: String, module: any Module)] { get }
    /// Logits [R, labels] of hidden [R, d], the states of the rows of `pass`; `pooled` [B, d] where the backbone has a pooler.
    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor
}

/// Dropout and one linear: BERT's head on its pooled output, and encoders' heads on tokens.
final class LinearHead: Head {
    let reads: ReadRows
    private let dropout: Dropout
    private let classifier: Linear

    init(_ scope: Scope, _ config: ModelConfig, dropout p: Double, reads: ReadRows) throws {
        self.reads = reads
        dropout = try Dropout(scope.child("dropout"), p: p)
        classifier = try Linear(scope.child("classifier"), config, outFeatures: config.numLabels)
    }

    var parts: [(name: String, module: any Module)] { [("dropout", dropout), ("classifier", classifier)] }

    func logits(_ hidden: Tensor, pooled: Tensor?, _ pass: Pass) throws -> Tensor {
        try classifier(dropout(pooled ?? hidden, pass), pass)
    }
}
