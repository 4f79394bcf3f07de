import Kernels
import Models
import Tensors

/// Rows of a table that one adapter trains in place of the base's: PEFT's trainable_token_indices (peft/tuners/trainable_tokens/layer.py,
/// version 0.21.2).
///
/// The values replace rows of the base, they are not added to them: an adapter means the same on a base whose new rows started otherwise.
final class TokenRows {
    /// Adapter that they belong to.
    let adapter: String
    /// Rows of the table that are replaced, each once.
    let indices: [Int]
    /// The values, [indices.count, width].
    let rows: Weight
    private let places: [Int: Int]

    /// The present rows of `table`, at `path`, as values of an adapter's own.
    init(adapter: String, path: String, table: Weight, indices: [Int]) throws {
        (self.adapter, self.indices) = (adapter, indices)
        places = Dictionary(uniqueKeysWithValues: indices.enumerated().map { ($0.element, $0.offset) })
        let (name, shape) = ("\(path).\(TokenRows.localName).\(adapter)", [indices.count, table.shape.last ?? 0])
        switch table.value {
        case .absent: rows = Weight(name: name, shape: shape, value: .absent, origin: .shapeOnly)
        case .matrix(let matrix):
            rows = Weight(
                name: name, shape: shape, value: .tensor(try Tensor.gather(matrix, indices)), origin: .initialised)
        case .tensor(let tensor):
            let values = try Recording.off { try tensor.gatherRows(indices) }
            rows = Weight(name: name, shape: shape, value: .tensor(values), origin: .initialised)
        }
    }

    /// What PEFT calls the values, from the table's module on.
    static let localName = "token_adapter.trainable_tokens_delta"

    /// Where a row of the table stands among the values.
    func place(of index: Int) -> Int? { places[index] }
}

/// The rows of every adapter that trains some of one table, of which some act; on the table itself, and on a language head.
///
/// The head's matrix is multiplied as it is, and its outputs for these rows are computed by the values: a frozen matrix stays packed.
final class TokenRowsSeat: EmbeddingSeat, LinearSeat {
    /// One adapter's rows, and whether this seat lists them: a head that is tied to a table has the table's.
    struct Entry {
        let tokens: TokenRows
        let isOwner: Bool
    }

    /// Rows by adapter, in the order in which they were added.
    var entries: [Entry] = []
    /// Adapters that act, in the order in which they were activated.
    var active: [String] = []

    var weights: [(name: String, weight: Weight)] {
        entries.filter(\.isOwner).map { ("\(TokenRows.localName).\($0.tokens.adapter)", $0.tokens.rows) }
    }

    var isRandom: Bool { false }

    var state: String { acting.map { "rows of \($0.adapter)" }.joined(separator: ", ") }

    /// The rows of `adapter`.
    func tokens(of adapter: String) -> TokenRows? { entries.first { $0.tokens.adapter == adapter }?.tokens }

    private var acting: [TokenRows] { active.compactMap(tokens(of:)) }

    func adapt(_ y: Tensor, ids: [Int], of embedding: Models.Embedding) throws -> Tensor {
        try acting.reduce(y) { y, tokens in
            var (places, sources): ([Int], [Int]) = ([], [])
            for (place, id) in ids.enumerated() {
                guard let source = tokens.place(of: id) else { continue }
                places.append(place)
                sources.append(source)
            }
            let rows = try tokens.rows.currentTensor()
            // A trained row that no id asks for has a gradient of zeros, as in the reference: optimizers then treat it alike.
            guard !places.isEmpty || rows.isTracked else { return y }
            // As in the reference, the padding entry gets no gradient as an input, but does as an output.
            return try y.replacingRows(
                places, with: rows, sources,
                frozen: embedding.paddingIndex.flatMap(tokens.place(of:)))
        }
    }

    func adapt(_ y: Tensor, input x: Tensor, of linear: Models.Linear, _ pass: Pass) throws -> Tensor {
        try acting.reduce(y) { try $0.replacingColumns($1.indices, with: $1.rows.currentTensor(), of: x) }
    }

    func replacedRows() throws -> Tensor.ReplacedRows? {
        let rows = try acting.map { try $0.rows.currentTensor() }
        return Tensor.ReplacedRows(
            ids: acting.flatMap(\.indices), rows: rows.count > 1 ? try Tensor.cat(rows) : rows.first)
    }
}

/// A module with rows of tokens: a table of embeddings, or the product of a language head.
enum TokenTable {
    case embedding(Models.Embedding)
    case head(Models.Linear)

    /// The table, a row for each token.
    var weight: Weight {
        switch self {
        case .embedding(let embedding): embedding.weight
        case .head(let linear): linear.weight
        }
    }

    /// The seat of rows on it.
    var seat: TokenRowsSeat? {
        switch self {
        case .embedding(let embedding): embedding.seats.lazy.compactMap { $0 as? TokenRowsSeat }.first
        case .head(let linear): linear.seats.lazy.compactMap { $0 as? TokenRowsSeat }.first
        }
    }

    /// Lists rows in the seat, which is made where there is none.
    func add(_ tokens: TokenRows, isOwner: Bool) {
        let seat = self.seat ?? TokenRowsSeat()
        if seat.entries.isEmpty {
            switch self {
            case .embedding(let embedding): embedding.seats.append(seat)
            case .head(let linear): linear.seats.append(seat)
            }
        }
        seat.entries.append(.init(tokens: tokens, isOwner: isOwner))
    }

    /// Forgets the rows of `adapter`, or of all where nil, and the seat with the last of them.
    func remove(adapter: String?) {
        guard let seat = self.seat else { return }
        seat.entries.removeAll { adapter == nil || $0.tokens.adapter == adapter }
        seat.active.removeAll { adapter == nil || $0 == adapter }
        guard seat.entries.isEmpty else { return }
        switch self {
        case .embedding(let embedding): embedding.seats.removeAll { $0 === seat }
        case .head(let linear): linear.seats.removeAll { $0 === seat }
        }
    }

    /// Every table of a model that has a seat of rows.
    static func seated(in model: any Module) -> [TokenTable] {
        model.namedModules().compactMap { _, module in
            let table: TokenTable? =
                (module as? Models.Embedding).map(TokenTable.embedding)
                ?? (module as? Models.Linear).map(TokenTable.head)
            return table?.seat == nil ? nil : table
        }
    }
}
