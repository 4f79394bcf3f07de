import Tensors

/// Keys and values of the tokens that went through a model before, for each layer and sequence.
///
/// Each sequence has room of its own, so that a growing cache is copied only where the room doubles. One pass at a time uses
/// a cache: its layers append, and the model moves on once all of them have.
public final class KeyValueCache: @unchecked Sendable {
    // Sendable since a pass carries it; passes that share one run one after the other.

    private struct Layer {
        var keys: Tensor
        var values: Tensor
    }

    /// Tokens of each sequence that are kept.
    public private(set) var counts: [Int]
    private var capacity: Int
    private var layers: [Int: Layer] = [:]

    /// An empty cache of `sequences`, with room for `capacity` tokens of each to begin with.
    public init(sequences: Int, capacity: Int = 64) {
        counts = Array(repeating: 0, count: max(0, sequences))
        self.capacity = max(1, capacity)
    }

    /// Tokens that are kept of each of so many sequences.
    func counts(of sequences: Int) throws -> [Int] {
        guard sequences == counts.count else {
            throw ModelError("the cache holds \(counts.count) sequences, the pass has \(sequences)")
        }
        return counts
    }

    /// Adds keys and values [T, width] of a pass in one layer, and gives all of the layer's with the rows of each sequence.
    func append(
        layer: Int, keys: Tensor, values: Tensor, boundaries: [Int]
    ) throws -> (keys: Tensor, values: Tensor, rows: [Range<Int>]) {
        let needed = zip(counts.indices, counts).map { $1 + boundaries[$0 + 1] - boundaries[$0] }
        try grow(to: needed.max() ?? 0)
        let store = try layers[layer] ?? Layer(keys: room(like: keys), values: room(like: values))
        layers[layer] = store
        for (sequence, count) in counts.enumerated() {
            let place = sequence * capacity + count
            let new = boundaries[sequence]..<boundaries[sequence + 1]
            try store.keys.copyRows(from: keys, new, to: place)
            try store.values.copyRows(from: values, new, to: place)
        }
        return (store.keys, store.values, needed.enumerated().map { $0 * capacity..<$0 * capacity + $1 })
    }

    /// Counts the tokens of a pass that all layers have appended.
    func advance(_ boundaries: [Int]) {
        for sequence in counts.indices { counts[sequence] += boundaries[sequence + 1] - boundaries[sequence] }
    }

    /// Forgets all but the first tokens of each sequence.
    public func keepFirst(_ count: Int) { counts = counts.map { min($0, max(0, count)) } }

    /// Forgets a whole sequence.
    public func forget(_ sequence: Int) { counts[sequence] = 0 }

    /// The sequences at these places, in this order, each as often as it is named: a beam goes on from another, or one is done.
    public func select(_ sequences: [Int]) throws {
        guard sequences != Array(counts.indices) else { return }
        let longest = counts.max() ?? 0
        for (index, layer) in layers {
            layers[index] = Layer(
                keys: try rows(of: layer.keys, sequences, longest),
                values: try rows(of: layer.values, sequences, longest))
        }
        counts = sequences.map { counts[$0] }
    }

    private func room(like tensor: Tensor) throws -> Tensor {
        try Tensor(uninitialized: [counts.count * capacity, tensor.shape.last ?? 1])
    }

    private func rows(of tensor: Tensor, _ sequences: [Int], _ longest: Int) throws -> Tensor {
        let moved = try Tensor(uninitialized: [sequences.count * capacity, tensor.shape[1]])
        for (place, sequence) in sequences.enumerated() {
            let first = sequence * capacity
            try moved.copyRows(from: tensor, first..<first + counts[sequence], to: place * capacity)
        }
        return moved
    }

    private func grow(to needed: Int) throws {
        guard needed > capacity else { return }
        let old = capacity
        while capacity < needed { capacity *= 2 }
        for (index, layer) in layers {
            let larger = Layer(keys: try room(like: layer.keys), values: try room(like: layer.values))
            for (sequence, count) in counts.enumerated() {
                let rows = sequence * old..<sequence * old + count
                try larger.keys.copyRows(from: layer.keys, rows, to: sequence * capacity)
                try larger.values.copyRows(from: layer.values, rows, to: sequence * capacity)
            }
            layers[index] = larger
        }
    }
}
