import Kernels
import Tensors

/// What one pass through a model carries: how rows are cut into sequences, and where their random numbers come from.
///
/// No layer stores any of it.
/// A batch is one matrix [T, d], T the tokens of all sequences one after another; there is no padding.
public struct Pass: Sendable {
    /// Where sequences begin, and T at the end: [B + 1], starting with 0 (`cu_seqlens`).
    public let boundaries: [Int]
    /// Position of each matrix row in its sequence, from 0: [T].
    public let positions: [Int]
    /// Place of each matrix row's sequence in the whole batch of the optimizer's step: [T].
    public let rows: [Int]
    /// Segment of each token; nil where all are 0: [T].
    public let tokenTypes: [Int]?
    /// Matrix rows that the head reads: [B] for a head on sequences.
    public let headRows: [Int]
    /// Whether dropout acts.
    public let isTraining: Bool
    /// Seed of the run.
    public let seed: UInt64
    /// The optimizer's step.
    public let step: Int
    /// Embeddings and layers below this one draw no random numbers; nil where every part may.
    public let quietBelow: Int?

    /// Pass over sequences of these lengths.
    ///
    /// - Parameter rows: place of each sequence in the whole batch of the step: [B]; 0, 1, … where nil.
    public init(
        lengths: [Int], tokenTypes: [Int]? = nil, rows: [Int]? = nil, isTraining: Bool = false, seed: UInt64 = 0,
        step: Int = 0, quietBelow: Int? = nil
    ) throws {
        var boundaries = [0]
        var positions: [Int] = []
        var places: [Int] = []
        if let rows, rows.count != lengths.count {
            throw ModelError("\(rows.count) places in the batch were given for \(lengths.count) sequences")
        }
        for (index, length) in lengths.enumerated() {
            guard length >= 0 else { throw ModelError("sequence \(index + 1) has length \(length)") }
            let (end, overflow) = (boundaries[index]).addingReportingOverflow(length)
            guard !overflow, end <= 1 << 40 else { throw ModelError("the batch has too many tokens") }
            boundaries.append(end)
            positions.append(contentsOf: 0..<length)
            places.append(contentsOf: repeatElement(rows?[index] ?? index, count: length))
        }
        if let tokenTypes, tokenTypes.count != positions.count {
            throw ModelError("\(tokenTypes.count) token types were given for \(positions.count) tokens")
        }
        (self.boundaries, self.positions, self.rows) = (boundaries, positions, places)
        (self.tokenTypes, self.isTraining, self.seed, self.step) = (tokenTypes, isTraining, seed, step)
        self.quietBelow = quietBelow
        headRows = lengths.indices.compactMap { lengths[$0] > 0 ? boundaries[$0] : nil }
    }

    private init(heads pass: Pass) {
        let heads = pass.headRows
        boundaries = Array(0...heads.count)
        positions = heads.map { pass.positions[$0] }
        rows = heads.map { pass.rows[$0] }
        tokenTypes = nil
        headRows = Array(heads.indices)
        (isTraining, seed, step, quietBelow) = (pass.isTraining, pass.seed, pass.step, pass.quietBelow)
    }

    private init(quiet pass: Pass) {
        (boundaries, positions, rows) = (pass.boundaries, pass.positions, pass.rows)
        (tokenTypes, headRows) = (pass.tokenTypes, pass.headRows)
        (isTraining, seed, step, quietBelow) = (false, pass.seed, pass.step, pass.quietBelow)
    }

    /// Number of matrix rows, T.
    public var tokenCount: Int { positions.count }
    /// Number of sequences, B.
    public var sequenceCount: Int { boundaries.count - 1 }

    /// The pass that goes on with the rows that the head reads, each with the place that it had: [B, d].
    public func atHeads() -> Pass { Pass(heads: self) }

    /// The pass as a layer sees it, or the embeddings where nil: without dropout where that is asked for.
    func inside(layer: Int?) -> Pass {
        guard isTraining, let quietBelow, layer.map({ $0 < quietBelow }) ?? true else { return self }
        return Pass(quiet: self)
    }

    /// Keys of the random numbers that the named stream draws for each matrix row: [T].
    ///
    /// They are a function of seed, stream, step, place in the step's batch and position alone.
    public func keys(stream: String) -> [RandomKey] {
        let base = RandomKey(seed: seed).child(stream).child(step)
        var keys: [RandomKey] = []
        keys.reserveCapacity(rows.count)
        var (row, rowKey) = (-1, base)
        for (place, position) in zip(rows, positions) {
            if place != row { (row, rowKey) = (place, base.child(place)) }
            keys.append(rowKey.child(position))
        }
        return keys
    }
}

/// The rows of a pass for which a layer's output is asked: all, or those that the head reads.
///
/// Keys and values are computed for all rows in any case; everything else of a layer whose output nobody but a head on
/// sequences reads is computed for these rows alone, with the same numbers.
struct AskedRows {
    /// The pass of these rows, each with the place that it has in the whole one.
    let pass: Pass
    /// Where sequences begin among them, and their number at the end: [B + 1].
    let boundaries: [Int]
    private let indices: [Int]?

    /// All rows.
    init(allOf pass: Pass) { (self.pass, boundaries, indices) = (pass, pass.boundaries, nil) }

    /// The rows that the head reads.
    init(headsOf pass: Pass) {
        (self.pass, indices) = (pass.atHeads(), pass.headRows)
        boundaries = zip(pass.boundaries, pass.boundaries.dropFirst()).reduce(into: [0]) { starts, bounds in
            starts.append((starts.last ?? 0) + (bounds.0 < bounds.1 ? 1 : 0))
        }
    }

    /// Whether these are all rows.
    var isAll: Bool { indices == nil }

    /// These rows of x[T, d].
    func of(_ x: Tensor) throws -> Tensor { try indices.map { try x.gatherRows($0) } ?? x }
}

/// Where a loop stands: the optimizer's step, and how many rows of its batch have been taken.
///
/// A training-mode forward takes the next rows of the step; the optimizer begins the next one. The trainer and loops
/// written by hand so draw the same numbers.
public final class StepClock {
    /// The optimizer's step, from 0.
    public private(set) var step = 0
    /// The next row of the step.
    public private(set) var nextRow = 0

    /// Clock at the first row of the first step.
    public init() {}

    /// Takes the next `count` rows of the step and gives their places.
    public func take(_ count: Int) -> [Int] {
        defer { nextRow += count }
        return Array(nextRow..<nextRow + count)
    }

    /// Begins the step after the present one.
    public func beginNextStep() { set(step: step + 1) }

    /// Goes to the first row of a step.
    public func set(step: Int) { (self.step, nextRow) = (step, 0) }
}
