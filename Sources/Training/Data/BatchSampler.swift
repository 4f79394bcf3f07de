import Kernels

/// Which rows make up which batch: a pure function of (seed, epoch), so a run continues anywhere without replaying.
public struct BatchSampler: Sendable, Equatable {
    /// How an epoch is ordered; names as in train_sampling_strategy.
    public enum Strategy: String, CaseIterable, Sendable {
        /// Every epoch shuffled anew.
        case random
        /// As the rows stand.
        case sequential
        /// Shuffled, then sorted by length within megabatches, the longest row first of all.
        case groupByLength = "group_by_length"
    }

    /// Number of rows.
    public let count: Int
    /// Rows in a batch; the last of an epoch may have fewer.
    public let batchSize: Int
    /// How an epoch is ordered.
    public let strategy: Strategy
    /// Whether an incomplete last batch is left out.
    public let dropLast: Bool
    private let seed: UInt64
    private let lengths: [Int32]
    private let accumulation: Int

    /// A sampler over `count` rows; `lengths` (one a row) are asked for by group_by_length.
    ///
    /// `accumulation` is the number of batches in one optimizer step, over which group_by_length groups.
    public init(
        count: Int, batchSize: Int, strategy: Strategy = .random, seed: Int = 42, dropLast: Bool = false,
        lengths: [Int32] = [], accumulation: Int = 1
    ) throws {
        guard batchSize > 0 else { throw TrainingError("batch_size is \(batchSize); expected at least 1") }
        guard strategy != .groupByLength || lengths.count == count else {
            throw TrainingError("group_by_length: \(lengths.count) lengths for \(count) rows")
        }
        (self.count, self.batchSize, self.strategy, self.dropLast) = (count, batchSize, strategy, dropLast)
        (self.seed, self.lengths) = (UInt64(bitPattern: Int64(seed)), lengths)
        self.accumulation = max(1, accumulation)
    }

    /// Batches in an epoch.
    public var batchesPerEpoch: Int { dropLast ? count / batchSize : count.dividedUp(by: batchSize) }

    /// All rows in the order of epoch `epoch`, counted from 0.
    public func order(epoch: Int) -> [Int] {
        switch strategy {
        case .sequential: Array(0..<count)
        case .random: key(epoch).permutation(count)
        case .groupByLength: groupedByLength(key(epoch).permutation(count))
        }
    }

    /// Places in the epoch's order that batch `index` takes; empty beyond the last.
    public func places(ofBatch index: Int) -> Range<Int> {
        guard index >= 0, index < batchesPerEpoch else { return 0..<0 }
        let first = index * batchSize
        return first..<first + min(batchSize, count - first)
    }

    private func key(_ epoch: Int) -> RandomKey { RandomKey(seed: seed).child("batches").child(epoch) }

    /// The reference's `get_length_grouped_indices` (transformers 5.23, `trainer_pt_utils.py`): megabatches of 50 batches, or
    /// fewer so that there are four, each sorted from long to short; the longest row of all comes first.
    private func groupedByLength(_ shuffled: [Int]) -> [Int] {
        let (product, overflow) = batchSize.multipliedReportingOverflow(by: accumulation)
        // A step that takes all rows is as good as any larger one.
        let stepSize = overflow ? count : min(product, max(1, count))
        let size = max(1, min(count / (stepSize * 4), 50)) * stepSize
        var order: [Int] = []
        order.reserveCapacity(count)
        var longest = 0
        for piece in (0..<count).pieces(of: size) {
            let megabatch = shuffled[piece].enumerated().sorted { a, b in
                let (x, y) = (lengths[a.element], lengths[b.element])
                return x != y ? x > y : a.offset < b.offset
            }
            if let head = megabatch.first?.element, order.isEmpty || lengths[head] > lengths[order[longest]] {
                longest = order.count
            }
            order.append(contentsOf: megabatch.map(\.element))
        }
        if longest > 0 { order.swapAt(0, longest) }
        return order
    }
}
