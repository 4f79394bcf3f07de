import Kernels
import Tensors

/// A table of vectors [entries, width] and its rows for given ids.
public final class Embedding: Module {
    /// Class name.
    public let kind = "Embedding"
    /// Path from the root of the model.
    public var path: String
    /// The table [entries, width].
    public let weight: Weight
    /// Entry whose gradient stays zero.
    public internal(set) var paddingIndex: Int?
    /// What sits here, in the order in which it acts.
    public var seats: [any EmbeddingSeat] = []

    /// New table; N(0, 1) as torch starts it where no deviation is given, the padding entry zero; with a `cutoff` no number is farther out
    /// than so many deviations, and the padding entry is drawn as others are.
    public init(
        _ scope: Scope, entries: Int, width: Int, paddingIndex: Int? = nil, deviation: Double = 1,
        cutoff: Double? = nil
    ) throws {
        guard entries > 0, width > 0 else {
            throw ModelError("an embedding needs at least 1 entry of width 1, got shape [\(entries), \(width)]")
        }
        if let paddingIndex, !(0..<entries).contains(paddingIndex) {
            throw ModelError("padding_idx \(paddingIndex) is outside of the \(entries) entries of an embedding")
        }
        (path, self.paddingIndex) = (scope.path, paddingIndex)
        weight = try scope.weight(
            "weight", [entries, width],
            .normal(deviation: Float(deviation), zeroRow: cutoff == nil ? paddingIndex : nil, cutoff: cutoff))
    }

    /// Number of entries.
    public var entries: Int { weight.shape[0] }
    /// Width of a vector.
    public var width: Int { weight.shape[1] }

    /// The table.
    public var weights: [(name: String, weight: Weight)] { [("weight", weight)] }

    /// Weights of what sits here.
    public var seatWeights: [(name: String, weight: Weight)] { seats.flatMap(\.weights) }

    /// Sizes, as the reference prints them.
    public var summary: String {
        "\(entries), \(width)" + (paddingIndex.map { ", padding_idx=\($0)" } ?? "")
    }

    /// Vectors of the ids: [ids.count, width].
    public func callAsFunction(_ ids: [Int]) throws -> Tensor {
        let span = Profile.module(path)
        defer { span.end() }
        if let wrong = ids.first(where: { !(0..<entries).contains($0) }) {
            throw ModelError("id \(wrong) is outside of the \(entries) entries of \(place)")
        }
        let vectors =
            switch try weight.current() {
            case .matrix(let matrix): try Tensor.gather(matrix, ids)
            case .tensor(let tensor):
                try tensor.embedding(Tensor(ids.map(Int64.init)), paddingIndex: paddingIndex)
            case .absent: throw ModelError("\(place) has no values")
            }
        return try seats.reduce(vectors) { try $1.adapt($0, ids: ids, of: self) }
    }
}
