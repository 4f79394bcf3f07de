import Kernels

/// Which rows make up which batch: a pure function of (seed, epoch), so a run continues anywhere without replaying.
///
/// A batch takes rows in order up to a number of rows, and where `maxTokens` is given as long as their tokens together are no
/// more than that; a row with more tokens is a batch of its own. Batches by tokens are formed once, in the order of the first
/// epoch, so that every epoch has as many; the epochs that follow shuffle whole batches.
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

    /// The batches of one epoch.
    public struct Epoch: Sendable {
        /// All rows, counted from 0, batch after batch; those of a last batch that is left out at the end.
        public let rows: [Int]
        private let bounds: Bounds

        fileprivate init(rows: [Int], bounds: Bounds) { (self.rows, self.bounds) = (rows, bounds) }

        /// The rows of batch `index`; none beyond the last.
        public subscript(batch index: Int) -> ArraySlice<Int> { rows[bounds[index]] }
    }

    /// Where batches lie in the order of an epoch.
    fileprivate enum Bounds: Sendable, Equatable {
        /// Batches of so many rows, the last perhaps of fewer.
        case every(Int, batches: Int, rows: Int)
        /// Where each begins, and the last one ends.
        case at([Int])

        var count: Int {
            switch self {
            case .every(_, let batches, _): batches
            case .at(let starts): starts.count - 1
            }
        }

        subscript(index: Int) -> Range<Int> {
            guard index >= 0, index < count else { return 0..<0 }
            switch self {
            case .every(let size, _, let rows):
                let first = index * size
                return first..<first + min(size, rows - first)
            case .at(let starts): return starts[index]..<starts[index + 1]
            }
        }
    }

    /// Number of rows.
    public let count: Int
    /// Most rows of a batch.
    public let batchSize: Int
    /// Most tokens of a batch that has several rows; nil where rows alone bound it.
    public let maxTokens: Int?
    /// How an epoch is ordered.
    public let strategy: Strategy
    private let seed: UInt64
    private let lengths: [Int32]
    private let accumulation: Int
    private let tokenCounts: [Int32]
    /// The batches of the first epoch.
    private var bounds = Bounds.at([0])

    /// A sampler over `count` rows.
    ///
    /// - Parameters:
    ///   - dropLast: whether an incomplete last batch is left out: one that has room for another row, and fewer than `maxTokens` tokens.
    ///   - lengths: by what group_by_length groups, one a row.
    ///   - accumulation: batches of one optimizer step, over which group_by_length groups.
    ///   - maxTokens: most tokens of a batch.
    ///   - tokenCounts: tokens of each row, asked for with `maxTokens`.
    public init(
        count: Int, batchSize: Int, strategy: Strategy = .random, seed: Int = 42, dropLast: Bool = false,
        lengths: [Int32] = [], accumulation: Int = 1, maxTokens: Int? = nil, tokenCounts: [Int32] = []
    ) throws {
        guard batchSize > 0 else { throw TrainingError("batch_size is \(batchSize); expected at least 1") }
        guard strategy != .groupByLength || lengths.count == count else {
            throw TrainingError("group_by_length: \(lengths.count) lengths for \(count) rows")
        }
        guard maxTokens.map({ $0 > 0 && tokenCounts.count == count }) ?? true else {
            throw TrainingError("max_tokens_per_batch: \(tokenCounts.count) token counts for \(count) rows")
        }
        (self.count, self.batchSize, self.strategy, self.maxTokens) = (count, batchSize, strategy, maxTokens)
        (self.seed, self.lengths) = (UInt64(bitPattern: Int64(seed)), lengths)
        (self.accumulation, self.tokenCounts) = (max(1, accumulation), maxTokens == nil ? [] : tokenCounts)
        bounds = maxTokens.map { filled(upTo: $0, dropLast: dropLast) } ?? everySize(dropLast: dropLast)
    }

    /// Batches in an epoch.
    public var batchesPerEpoch: Int { bounds.count }

    /// The batches of epoch `index`, counted from 0.
    public func epoch(_ index: Int) -> Epoch {
        guard maxTokens != nil else { return Epoch(rows: order(epoch: index), bounds: bounds) }
        let first = order(epoch: 0)
        guard index > 0, strategy != .sequential else { return Epoch(rows: first, bounds: bounds) }
        var (rows, starts): ([Int], [Int]) = ([], [0])
        rows.reserveCapacity(count)
        for batch in batchOrder(epoch: index) {
            rows += first[bounds[batch]]
            starts.append(rows.count)
        }
        return Epoch(rows: rows + first[rows.count...], bounds: .at(starts))
    }

    /// All rows, in the order in which batches of epoch `epoch` take them where rows alone bound these.
    private func order(epoch: Int) -> [Int] {
        switch strategy {
        case .sequential: Array(0..<count)
        case .random: key(epoch).permutation(count)
        case .groupByLength: groupedByLength(key(epoch).permutation(count))
        }
    }

    /// The batches of the first epoch in another order; that of the longest row stays the first where lengths are grouped.
    private func batchOrder(epoch: Int) -> [Int] {
        let order = key(epoch).permutation(bounds.count)
        return strategy == .groupByLength ? [0] + order.filter { $0 != 0 } : order
    }

    private func key(_ epoch: Int) -> RandomKey { RandomKey(seed: seed).child("batches").child(epoch) }

    private func everySize(dropLast: Bool) -> Bounds {
        .every(batchSize, batches: dropLast ? count / batchSize : count.dividedUp(by: batchSize), rows: count)
    }

    private func filled(upTo most: Int, dropLast: Bool) -> Bounds {
        var (starts, tokens) = ([0], 0)
        for (place, row) in order(epoch: 0).enumerated() {
            let (more, rows) = (Int(tokenCounts[row]), place - starts[starts.count - 1])
            if rows == batchSize || (rows > 0 && more > most - tokens) {
                starts.append(place)
                tokens = 0
            }
            tokens += more
        }
        let isFull = tokens >= most || count - starts[starts.count - 1] == batchSize
        if count > 0, isFull || !dropLast { starts.append(count) }
        return .at(starts)
    }

    /// The reference's `get_length_grouped_indices` (transformers 5.23, `trainer_pt_utils.py`): megabatches of 50 batches, or
    /// fewer so that there are four, each sorted from long to short; the longest row of all comes first.
    private func groupedByLength(_ shuffled: [Int]) -> [Int] {
        let (product, overflow) = usualRows.multipliedReportingOverflow(by: accumulation)
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

    /// Rows of a batch, or as many as it takes where all are as long as the mean.
    private var usualRows: Int {
        guard let maxTokens else { return batchSize }
        let tokens = tokenCounts.reduce(0) { $0 + Int($1) }
        let rows = Double(maxTokens) * Double(count) / Double(max(1, tokens))
        return min(batchSize, max(1, Int(exactly: rows.rounded(.down)) ?? count))
    }
}
