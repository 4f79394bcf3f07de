import Kernels
import Synchronization
import Tensors

/// What dropout draws its random numbers by in a pass.
public struct DropoutDraws: Sendable, Equatable {
    /// Seed of the run.
    public var seed: UInt64
    /// The optimizer's step.
    public var step: Int
    /// Place of each sequence in the whole batch of the step: [B]; 0, 1, … where nil.
    public var rows: [Int]?
    /// Embeddings and layers below this one draw nothing; nil where every part may.
    public var quietBelow: Int?

    /// Draws of these rows.
    public init(seed: UInt64 = 0, step: Int = 0, rows: [Int]? = nil, quietBelow: Int? = nil) {
        (self.seed, self.step, self.rows, self.quietBelow) = (seed, step, rows, quietBelow)
    }
}

/// Which matrix rows of a pass are read behind the last layer; the last layer is computed for these alone.
public enum ReadRows: Sendable, Equatable {
    /// All.
    case all
    /// The first of each sequence.
    case first
    /// The last of each sequence.
    case last
    /// These, in ascending order: those that bear a label.
    case rows([Int])
}

/// What one pass through a model carries: how rows are cut into sequences, which of them are read, and where their random
/// numbers come from.
///
/// Neither a layer nor a model stores any of it, so a second pass changes nothing of the first.
/// A batch is one matrix [T, d], T the tokens of all sequences one after another; there is no padding.
public struct Pass: Sendable {
    /// Where sequences begin, and T at the end: [B + 1], starting with 0 (`cu_seqlens`).
    public let boundaries: [Int]
    /// Position of each matrix row in its sequence, from where the sequence starts: [T].
    public let positions: [Int]
    /// Place of each matrix row among the keys of its sequence: its position, but where a sequence starts elsewhere and none of
    /// what came before is kept: [T].
    public let places: [Int]
    /// Place of each matrix row's sequence in the whole batch of the optimizer's step: [T].
    public let rows: [Int]
    /// Segment of each token; nil where all are 0: [T].
    public let tokenTypes: [Int]?
    /// The matrix rows that are read; nil where the head decides.
    public let read: ReadRows?
    /// What dropout draws by; nil where nothing is dropped.
    public let draws: DropoutDraws?
    /// Keys and values of what came before, to which those of this pass are added; nil where none are kept.
    public let cache: KeyValueCache?
    /// Which layers are run again in backward; none where nil.
    public let checkpointing: Checkpointing?
    /// How often the layer at hand was used before in this pass: its random numbers are then others.
    private var use = 0
    /// What an architecture makes once for a pass and its layers share.
    private let shared: SharedSlot

    /// Pass over sequences of these lengths.
    ///
    /// - Parameters:
    ///   - starts: position of the first token of each sequence: [B]; 0 where nil, and where a cache is, what it holds of each.
    ///   - draws: what dropout draws by; nothing is dropped without.
    ///   - checkpointing: which layers are run again in backward; none with a cache, to which they would add again.
    public init(
        lengths: [Int], tokenTypes: [Int]? = nil, starts: [Int]? = nil, read: ReadRows? = nil,
        draws: DropoutDraws? = nil, cache: KeyValueCache? = nil, checkpointing: Checkpointing? = nil
    ) throws {
        var boundaries = [0]
        var positions: [Int] = []
        var (places, rows): ([Int], [Int]) = ([], [])
        if let rows = draws?.rows, rows.count != lengths.count {
            throw ModelError("\(rows.count) places in the batch were given for \(lengths.count) sequences")
        }
        let starts = try starts ?? cache?.counts(of: lengths.count)
        if let starts, starts.count != lengths.count || starts.contains(where: { !(0...1 << 40).contains($0) }) {
            throw ModelError("positions \(starts) do not fit \(lengths.count) sequences")
        }
        for (index, length) in lengths.enumerated() {
            guard length >= 0 else { throw ModelError("sequence \(index + 1) has length \(length)") }
            let (end, overflow) = (boundaries[index]).addingReportingOverflow(length)
            guard !overflow, end <= 1 << 40 else { throw ModelError("the batch has too many tokens") }
            boundaries.append(end)
            let start = starts?[index] ?? 0
            positions.append(contentsOf: start..<start + length)
            if cache == nil, starts != nil { places.append(contentsOf: 0..<length) }
            rows.append(contentsOf: repeatElement(draws?.rows?[index] ?? index, count: length))
        }
        if let tokenTypes, tokenTypes.count != positions.count {
            throw ModelError("\(tokenTypes.count) token types were given for \(positions.count) tokens")
        }
        if case .rows(let rows)? = read {
            guard rows.allSatisfy({ positions.indices.contains($0) }), zip(rows, rows.dropFirst()).allSatisfy(<) else {
                throw ModelError("the rows that are read must ascend within the \(positions.count) rows of the pass")
            }
        }
        (self.boundaries, self.positions, self.rows) = (boundaries, positions, rows)
        self.places = cache == nil && starts != nil ? places : positions
        (self.tokenTypes, self.read, self.draws, self.cache) = (tokenTypes, read, draws, cache)
        self.checkpointing = cache == nil ? checkpointing : nil
        shared = SharedSlot()
    }

    /// The pass over `input`.
    public init(
        over input: ModelInput, read: ReadRows? = nil, draws: DropoutDraws? = nil, cache: KeyValueCache? = nil,
        checkpointing: Checkpointing? = nil
    ) throws {
        try self.init(
            lengths: input.inputIds.map(\.count), tokenTypes: input.tokenTypeIds?.flatMap { $0 }, read: read,
            draws: draws, cache: cache, checkpointing: checkpointing)
    }

    private init(of pass: Pass, at rows: [Int], boundaries: [Int]) {
        self.boundaries = boundaries
        positions = rows.map { pass.positions[$0] }
        places = rows.map { pass.places[$0] }
        self.rows = rows.map { pass.rows[$0] }
        tokenTypes = nil
        (read, draws, cache, checkpointing) = (.all, pass.draws, pass.cache, pass.checkpointing)
        (use, shared) = (pass.use, SharedSlot())
    }

    private init(quiet pass: Pass) {
        (boundaries, positions, places, rows) = (pass.boundaries, pass.positions, pass.places, pass.rows)
        (tokenTypes, read, draws, cache) = (pass.tokenTypes, pass.read, nil, pass.cache)
        (checkpointing, shared) = (pass.checkpointing, SharedSlot())
    }

    /// Number of matrix rows, T.
    public var tokenCount: Int { positions.count }
    /// Number of sequences, B.
    public var sequenceCount: Int { boundaries.count - 1 }
    /// Whether dropout acts.
    public var isTraining: Bool { draws != nil }

    /// The matrix rows that `read` names, in ascending order; nil for all.
    public func indices(of read: ReadRows) -> [Int]? {
        let sequences = zip(boundaries, boundaries.dropFirst()).filter { $0 < $1 }
        return switch read {
        case .all: nil
        case .first: sequences.map { $0.0 }
        case .last: sequences.map { $0.1 - 1 }
        case .rows(let rows): rows
        }
    }

    /// The pass that goes on with some rows, in ascending order, each with the place that it had.
    public func at(_ rows: [Int]) -> Pass {
        // Rows of a sequence stay together: where each begins is where its first remaining row lies.
        var (counts, row) = ([0], 0)
        for end in boundaries.dropFirst() {
            while row < rows.count, rows[row] < end { row += 1 }
            counts.append(row)
        }
        return Pass(of: self, at: rows, boundaries: counts)
    }

    /// The pass as a layer sees it, or the embeddings where nil: without dropout where that is asked for.
    ///
    /// - Parameter use: how often the layer was used before in this pass.
    func inside(layer: Int?, use: Int = 0) -> Pass {
        if let quietBelow = draws?.quietBelow, layer.map({ $0 < quietBelow }) ?? true { return Pass(quiet: self) }
        guard use > 0 else { return self }
        var pass = self
        pass.use = use
        return pass
    }

    /// A pass over rows of a table in place of tokens, with random numbers that are no token's: those of each place in the table.
    func overTable(rows: Range<Int>) throws -> Pass {
        var pass = try Pass(
            lengths: [rows.count], starts: [rows.lowerBound],
            draws: draws.map { DropoutDraws(seed: $0.seed, step: $0.step) })
        pass.use = -1 - use
        return pass
    }

    /// What `make` gives, made once for all layers of this pass and kept by its type and name: the angles by which layers
    /// rotate queries and keys.
    func shared<Value: Sendable>(_ name: String = "", _ make: () throws -> Value) rethrows -> Value {
        try shared.value(name, make)
    }

    /// Keys of the random numbers that the named stream draws for each matrix row: [T]; nil where nothing is drawn.
    ///
    /// They are a function of seed, stream, step, place in the step's batch and position alone.
    public func keys(stream: String) -> [RandomKey]? {
        guard let draws else { return nil }
        var base = RandomKey(seed: draws.seed).child(stream).child(draws.step)
        if use != 0 { base = base.child("use").child(use) }
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

/// Values that the layers of one pass share, by type and name.
private final class SharedSlot: Sendable {
    private struct Key: Hashable {
        let type: ObjectIdentifier
        let name: String
    }

    private let values = Mutex<[Key: any Sendable]>([:])

    func value<Value: Sendable>(_ name: String, _ make: () throws -> Value) rethrows -> Value {
        let key = Key(type: ObjectIdentifier(Value.self), name: name)
        if let known = values.withLock({ $0[key] as? Value }) { return known }
        let value = try make()
        values.withLock { $0[key] = value }
        return value
    }
}

/// The rows of a pass for which a layer's output is asked: all, or those that are read.
///
/// Keys and values are computed for all rows in any case; everything else of a layer whose output nobody but the head
/// reads is computed for these rows alone, with the same numbers.
struct AskedRows {
    /// The pass of these rows, each with the place that it has in the whole one.
    let pass: Pass
    /// Which these are, in ascending order; nil for all.
    let indices: [Int]?

    /// All rows.
    init(allOf pass: Pass) { (self.pass, indices) = (pass, nil) }

    /// Some rows, in ascending order; all where nil.
    init(_ rows: [Int]?, of pass: Pass) { (self.pass, indices) = (rows.map(pass.at) ?? pass, rows) }

    /// Where sequences begin among them, and their number at the end: [B + 1].
    var boundaries: [Int] { pass.boundaries }

    /// Whether these are all rows.
    var isAll: Bool { indices == nil }

    /// These rows of x[T, d].
    func of(_ x: Tensor) throws -> Tensor { try indices.map { try x.gatherRows($0) } ?? x }

    /// Each sequence's asked rows over all rows of `whole`, as encoders attend.
    func layout(over whole: Pass, heads: Int, scale: Float? = nil, dropout: DropoutMask?) -> AttentionLayout {
        AttentionLayout(
            heads: heads, queryStarts: boundaries, keyStarts: whole.boundaries, positions: pass.positions, scale: scale,
            dropout: dropout)
    }
}
