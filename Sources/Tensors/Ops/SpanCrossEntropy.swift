import Kernels

/// L = −Σ_c Σ_b log softmax(x[rows of b, c])[p_cb]: which row of each sequence is meant, one choice a column.
///
/// Shapes: x [T, C], the sequences' rows one after another, `boundaries` [B + 1]; positions p [C][B] count from 0 within a sequence, one
/// outside of it bears no loss; L a number. Backward: dx = (softmax − onehot(p)) · dL in the rows of labelled sequences, 0 elsewhere. Keeps dx
/// for dL = 1, computed in the forward pass, where a gradient will be asked for.
///
/// It is the loss of transformers' heads for question answering (ForQuestionAnsweringLoss), C = 2: first and last token of an answer.
package final class SpanCrossEntropy: Op {
    package static let name = "span_cross_entropy"
    private let positions: [[Int]]
    private let boundaries: [Int]
    private let reduction: Reduction
    private var gradient: Tensor?

    /// Loss against `positions`.
    package init(_ positions: [[Int]], boundaries: [Int], reduction: Reduction = .mean) {
        (self.positions, self.boundaries, self.reduction) = (positions, boundaries, reduction)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        let x = inputs[0]
        let (rows, columns) = try x.matrixShape("span_cross_entropy")
        let sequences = zip(boundaries, boundaries.dropFirst()).map { $0..<max($0, $1) }
        guard boundaries.first == 0, sequences.reduce(0, { $0 + $1.count }) == rows, positions.count == columns,
            positions.allSatisfy({ $0.count == sequences.count })
        else {
            throw TensorError(
                "span_cross_entropy: \(positions.map(\.count)) positions in sequences from \(boundaries) do not fit scores of shape \(x.shape)"
            )
        }
        let labelled = positions.joined().enumerated().count { place, position in
            (0..<sequences[place % sequences.count].count).contains(position)
        }
        let factor = try reduction.factor(labelled)
        // A column's scores of a sequence side by side are a row of classes.
        let turned = try x.detach().t()
        let slope = needs[0] ? try Tensor.zeros([columns, rows]) : nil
        var loss = 0.0
        for (column, places) in positions.enumerated() {
            for (sequence, position) in zip(sequences, places) where (0..<sequence.count).contains(position) {
                let start = column * rows + sequence.lowerBound
                loss += unsafe Losses.crossEntropy(
                    x: try turned.floats() + start, labels: [position], ignoring: -1, smoothing: 0,
                    classes: sequence.count, factor: factor, gradient: try slope.map { try $0.mutableFloats() + start })
            }
        }
        gradient = try slope?.t()
        return try Tensor.full([], Float(loss * Double(factor)))
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        guard let gradient else { return [nil] }
        return [try Loss.scaled(gradient, by: dy)]
    }

    package func keeps(_ shapes: [[Int]], needs: [Bool]) -> [[Int]] { needs[0] ? [shapes[0]] : [] }
}

extension Tensor {
    /// Cross entropy of scores [T, C] over the rows of each sequence; see `SpanCrossEntropy`.
    public func spanCrossEntropy(_ positions: [[Int]], boundaries: [Int], reduction: Reduction = .mean) throws -> Tensor
    {
        try Tensor.apply(SpanCrossEntropy(positions, boundaries: boundaries, reduction: reduction), [self])
    }
}
