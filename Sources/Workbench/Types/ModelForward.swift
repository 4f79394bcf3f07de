import LuaBridge
import Models
import Tensors

/// One forward pass that a recipe asked for: lists of any lengths, or a padded tensor, whose padding never reaches the model.
struct ModelForward {
    private let box: ModelBox
    private let input: ModelInput
    /// Columns [batch, length] of a padded tensor; nil for lists.
    private let grid: (batch: Int, length: Int)?
    /// Tokens of each row: where they begin and end in the padded row.
    private let spans: [Range<Int>]

    init(_ box: ModelBox, _ options: LuaOptions) throws {
        self.box = box
        let ids = try ModelForward.rows(options, "input_ids") ?? []
        var grid: (batch: Int, length: Int)?
        if let tensor = options["input_ids"]?.asObject(Tensor.self) { grid = (tensor.shape[0], tensor.shape[1]) }
        self.grid = grid
        let masks = try ModelForward.rows(options, "attention_mask")
        let spans = try ids.indices.map { row -> Range<Int> in
            guard let masks else { return 0..<ids[row].count }
            guard row < masks.count, masks[row].count == ids[row].count else {
                throw LuaFault("attention_mask has not the shape of input_ids (row \(row + 1))")
            }
            return try ModelForward.span(masks[row], row: row)
        }
        self.spans = spans
        func cut(_ rows: [[Int]], _ name: String) throws -> [[Int]] {
            guard rows.count == ids.count else {
                throw LuaFault("\(name) has \(rows.count) rows, input_ids \(ids.count)")
            }
            return try rows.indices.map { row in
                guard rows[row].count == ids[row].count else {
                    throw LuaFault(
                        "\(name) has \(rows[row].count) entries in row \(row + 1), input_ids \(ids[row].count)")
                }
                return Array(rows[row][spans[row]])
            }
        }
        var labels: Labels?
        if options.has("labels") {
            guard box.model.taskType != .questionAnswering else {
                throw LuaFault("a model for question answering takes start_positions and end_positions, no labels")
            }
            labels = try ModelForward.labels(options["labels"] ?? .nil, box.model)
            if case .tokens(let rows)? = labels { labels = .tokens(try cut(rows, "labels")) }
        }
        let (starts, ends) = (
            try ModelForward.positions(options, "start_positions"), try ModelForward.positions(options, "end_positions")
        )
        if let starts, let ends {
            guard labels == nil else { throw LuaFault("labels do not go with start_positions and end_positions") }
            guard starts.count == ids.count, ends.count == ids.count else {
                throw LuaFault(
                    "start_positions has \(starts.count) and end_positions \(ends.count) entries, input_ids \(ids.count) rows"
                )
            }
            // A position in a padded row, where its tokens begin elsewhere.
            func placed(_ positions: [Int]) -> [Int] {
                zip(positions, spans).map { $1.contains($0) ? $0 - $1.lowerBound : $1.count }
            }
            labels = .answers(starts: placed(starts), ends: placed(ends))
        } else if let missing = starts != nil ? "end_positions" : ends != nil ? "start_positions" : nil {
            throw LuaFault("\(missing) is missing: an answer begins somewhere and ends somewhere")
        }
        input = ModelInput(
            inputIds: try cut(ids, "input_ids"),
            tokenTypeIds: try ModelForward.rows(options, "token_type_ids").map { try cut($0, "token_type_ids") },
            labels: labels, outputHiddenStates: try options.boolean("output_hidden_states"))
    }

    func run() throws -> LuaReturn {
        let span = Profile.phase("forward")
        defer { span.end() }
        let output = try box.run(input)
        // What was not asked for is nil, what there never is an error.
        var fields: [String: LuaValue] = [
            "cu_seqlens": .integers(output.boundaries), "last_hidden_state": .nil, "loss": .nil, "logits": .nil,
            "pooler_output": .nil, "hidden_states": .nil, "start_logits": .nil, "end_logits": .nil,
        ]
        if let hidden = output.lastHiddenState { fields["last_hidden_state"] = .object(try shaped(hidden)) }
        if let loss = output.loss { fields["loss"] = .object(loss) }
        if let logits = output.logits {
            let perToken = box.model.givesTokens
            let shaped = perToken ? try shaped(logits) : logits
            fields["logits"] = .object(shaped)
            if box.model.taskType == .questionAnswering {
                let last = shaped.shape.count - 1
                for (column, name) in ["start_logits", "end_logits"].enumerated() {
                    fields[name] = .object(try shaped.select(last, column))
                }
            }
        }
        if let pooled = output.poolerOutput { fields["pooler_output"] = .object(pooled) }
        if let states = output.hiddenStates {
            fields["hidden_states"] = .list(try states.map { .object(try shaped($0)) })
        }
        return .fields("the output", fields)
    }

    /// A token-level output as the caller's input was: [total tokens, ...], or [batch, length, ...] with zeros at padding.
    private func shaped(_ tensor: Tensor) throws -> Tensor {
        guard let grid else { return tensor }
        let width = tensor.shape[1]
        if spans.allSatisfy({ $0.count == grid.length }) {
            return try tensor.reshape([grid.batch, grid.length, width])
        }
        let padding = tensor.shape[0]
        var rows: [Int] = []
        var start = 0
        for span in spans {
            for column in 0..<grid.length {
                rows.append(span.contains(column) ? start + column - span.lowerBound : padding)
            }
            start += span.count
        }
        let padded = try Tensor.cat([tensor, Tensor.zeros([1, width])])
        return try padded.gatherRows(rows).reshape([grid.batch, grid.length, width])
    }

    private static func span(_ mask: [Int], row: Int) throws -> Range<Int> {
        guard mask.allSatisfy({ $0 == 0 || $0 == 1 }) else {
            throw LuaFault("attention_mask holds 0 and 1 only (row \(row + 1))")
        }
        guard let first = mask.firstIndex(of: 1), let last = mask.lastIndex(of: 1) else {
            throw LuaFault("attention_mask leaves no token of row \(row + 1)")
        }
        guard mask[first...last].allSatisfy({ $0 == 1 }) else {
            throw LuaFault(
                "attention_mask has a hole in row \(row + 1); only padding before and after the tokens is supported")
        }
        return first..<last + 1
    }

    /// An option as lists of integers: a tensor [batch, length], or lists; one flat list is one row.
    private static func rows(_ options: LuaOptions, _ name: String) throws -> [[Int]]? {
        switch options[name] ?? .nil {
        case .nil: return nil
        case .object(let object):
            guard let tensor = object as? Tensor, tensor.shape.count == 2, tensor.dtype == .int64 else {
                let shown = (object as? Tensor).map { "\($0.dtype.rawValue)\($0.shape)" } ?? "another object"
                throw LuaFault("option '\(name)' expected an int64 tensor [batch, length], got \(shown)")
            }
            let values = try tensor.integerArray()
            return (0..<tensor.shape[0]).map { row in
                values[row * tensor.shape[1]..<(row + 1) * tensor.shape[1]].map { Int($0) }
            }
        case .table(let table):
            if let lists = table.integerLists() { return lists.map { $0.map { Int($0) } } }
            if let flat = table.integers(), !flat.isEmpty { return [flat.map { Int($0) }] }
        default: break
        }
        throw LuaFault("option '\(name)' expected lists of integers, one a sequence")
    }

    /// An option as one whole number a sequence; nil where it is not given.
    private static func positions(_ options: LuaOptions, _ name: String) throws -> [Int]? {
        switch options[name] ?? .nil {
        case .nil: return nil
        case .object(let object):
            if let tensor = object as? Tensor, tensor.dtype == .int64, tensor.shape.count == 1 {
                return try tensor.integerArray().map { Int($0) }
            }
        case .table(let table): if let list = table.integers() { return list.map { Int($0) } }
        default: break
        }
        throw LuaFault("option '\(name)' expected a list of whole numbers, one a sequence")
    }

    private static func labels(_ value: LuaValue, _ model: any Model) throws -> Labels {
        let table: LuaTable
        switch value {
        case .object(let object):
            guard let tensor = object as? Tensor, case .table(let list) = try TensorLua.list(tensor) else {
                throw LuaFault("option 'labels' expected a list or a tensor with a row a sequence")
            }
            table = list
        case .table(let list): table = list
        default: throw LuaFault("option 'labels' expected a list, got \(value.shown)")
        }
        if model.givesTokens {
            if let lists = table.integerLists() { return .tokens(lists.map { $0.map { Int($0) } }) }
            if let flat = table.integers() { return .tokens([flat.map { Int($0) }]) }
            throw LuaFault("option 'labels' expected lists of integers, one a token")
        }
        if model.config.resolvedProblemType(forClasses: true) != .regression, let ids = table.integers() {
            return .classes(ids.map { Int($0) })
        }
        if let numbers = table.numbers() { return .values(numbers.map { Float($0) }) }
        let rows = try table.values.map { row -> [Float] in
            guard let numbers = row.asTable?.numbers() else {
                throw LuaFault("option 'labels' expected numbers, or lists of numbers, one a sequence")
            }
            return numbers.map { Float($0) }
        }
        return .vectors(rows)
    }
}
