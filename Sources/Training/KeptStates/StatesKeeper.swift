import Models
import Tensors

/// Gives the batches of one dataset the states that are kept of their rows, and computes and keeps those that are not.
///
/// A row's states are always computed together with the same other rows, whichever row is asked for first: products of
/// another number of rows may differ in their last bits, and a run that goes on from a checkpoint gives the bits of one that
/// ran through.
final class StatesKeeper {
    /// Bytes of all states.
    let byteCount: Int
    /// Whether the states lie in a file.
    let isInFile: Bool
    private let cache: StatesCache
    private let reader: BatchReader
    private let model: any Model
    private let identity: KeptStatesIdentity
    private let order: [Int]
    private let places: [Int]
    private let groupSize: Int

    /// A keeper of the rows of `reader`.
    ///
    /// - Parameters:
    ///   - order: all rows; those that are computed together lie together in it.
    ///   - groupSize: how many are computed together.
    init(
        _ reader: BatchReader, _ model: any Model, cache: StatesCache, byteCount: Int, isInFile: Bool, order: [Int],
        groupSize: Int
    ) {
        (self.reader, self.model, self.cache, self.byteCount) = (reader, model, cache, byteCount)
        (self.isInFile, self.order, self.groupSize) = (isInFile, order, groupSize)
        identity = KeptStatesIdentity(model, below: cache.layer)
        var places = Array(repeating: 0, count: order.count)
        for (place, row) in order.enumerated() { places[row] = place }
        self.places = places
    }

    /// Whether the model's lower part is the one that the states were computed with.
    var holds: Bool { identity.holds }

    /// The batch with the states of its rows; `computed` is told of every group whose states were not kept yet.
    func complete(
        _ batch: Batch, computed: (_ group: Batch, _ exact: KeptStates, _ kept: KeptStates) throws -> Void
    ) throws -> Batch {
        for row in batch.rows where !cache.keeps(row) {
            let first = places[row] / groupSize * groupSize
            let group = try reader.batch(Array(order[first..<min(order.count, first + groupSize)]))
            let exact = try model.keptStates(of: group.input, below: cache.layer)
            try cache.keep(exact.states, of: group.rows)
            try computed(group, exact, cache.states(of: group.rows))
        }
        return batch.with(states: try cache.states(of: batch.rows))
    }
}
