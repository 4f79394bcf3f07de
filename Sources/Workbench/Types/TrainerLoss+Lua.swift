import Formats
import LuaBridge
import Models
import Tensors
import Training

/// What a recipe's own loss and metrics are given, and what is read of what they give.
extension TrainerLua {
    static func objective(_ function: LuaFunction, _ box: ModelBox) -> any Objective {
        FunctionObjective { batch, context in
            box.batch = TrainedBatch(context, rows: batch.count)
            defer { box.batch = nil }
            var inputs: [String: LuaValue] = [
                "input_ids": .list(batch.input.inputIds.map { .integers($0) }), "token_type_ids": .nil,
                "attention_mask": .nil, "labels": .nil,
            ]
            if let types = batch.input.tokenTypeIds { inputs["token_type_ids"] = .list(types.map { .integers($0) }) }
            if case .answers(let starts, let ends)? = batch.labels {
                (inputs["start_positions"], inputs["end_positions"]) = (.integers(starts), .integers(ends))
            } else if let labels = batch.labels {
                inputs["labels"] = value(labels)
            }
            for (name, values) in try others(of: batch) { inputs[name] = values }
            return try result(try stopping { try function.call([.object(box), .fields("inputs", inputs)]) })
        }
    }

    /// Columns that forward does not take, each a list of the rows' values.
    private static func others(of batch: Batch) throws -> [(String, LuaValue)] {
        guard let columns = batch.columns else { return [] }
        return try columns.columnNames.filter {
            !(BatchReader.inputs + BatchReader.answerColumns + ["labels"]).contains($0)
        }.map {
            ($0, try LuaRows.column($0, of: columns, 0..<columns.count))
        }
    }

    /// What compute_loss gave.
    static func result(_ results: [LuaValue]) throws -> FunctionObjective.Result {
        switch results.first ?? .nil {
        case .object(let object as Tensor):
            return FunctionObjective.Result(loss: object, logits: try logits(results.count > 1 ? results[1] : .nil))
        case .table(let table):
            guard let loss = table["loss"].asObject(Tensor.self) else {
                throw LuaFault("compute_loss gave a table without a tensor 'loss'")
            }
            return FunctionObjective.Result(loss: loss, logits: try logits(.table(table)))
        case let other:
            throw LuaFault(
                "compute_loss gave \(other.shown), expected a tensor, `loss, outputs`, or { loss =, logits = }")
        }
    }

    /// The logits of what compute_loss gave beside the loss: outputs as forward gives them, or a tensor; nil where it gave none.
    private static func logits(_ outputs: LuaValue) throws -> Tensor? {
        switch outputs {
        case .nil: return nil
        case .object(let object as Tensor): return object
        case .table(let table):
            let value = table["logits"]
            guard value.isNil || value.asObject(Tensor.self) != nil else {
                throw LuaFault("compute_loss gave outputs whose 'logits' are \(value.shown), expected lorawb.Tensor")
            }
            return value.asObject(Tensor.self)
        default:
            throw LuaFault(
                "compute_loss gave \(outputs.shown) beside the loss, expected the model's outputs with 'logits'")
        }
    }

    private static func value(_ labels: Labels) -> LuaValue {
        switch labels {
        case .classes(let ids): .integers(ids)
        case .values(let values): .numbers(values.map(Double.init))
        case .vectors(let rows): .list(rows.map { .numbers($0.map(Double.init)) })
        case .tokens(let rows): .list(rows.map { .integers($0) })
        case .answers(let starts, let ends): .list(zip(starts, ends).map { .integers([$0, $1]) })
        }
    }

    private static func tensor(_ labels: Labels) throws -> Tensor {
        switch labels {
        case .classes(let ids): try Tensor(ids.map(Int64.init), shape: [ids.count])
        case .tokens(let rows):
            try Tensor(rows.flatMap { $0.map(Int64.init) }, shape: [rows.reduce(0) { $0 + $1.count }])
        case .answers(let starts, let ends):
            try Tensor(zip(starts, ends).flatMap { [Int64($0), Int64($1)] }, shape: [starts.count, 2])
        case .values(let values): try Tensor(values, shape: [values.count])
        case .vectors(let rows): try Tensor(rows.flatMap { $0 }, shape: [rows.count, rows.first?.count ?? 0])
        }
    }

    /// Scores and labels as tensors, for Lua.
    static func fields(_ predictions: Predictions) throws -> [String: LuaValue] {
        let width = max(1, predictions.width)
        var fields: [String: LuaValue] = [
            "predictions": .object(try Tensor(predictions.logits, shape: [predictions.logits.count / width, width])),
            "label_ids": .nil, "cu_seqlens": .nil,
        ]
        if let labels = predictions.labels { fields["label_ids"] = .object(try tensor(labels)) }
        if let boundaries = predictions.boundaries { fields["cu_seqlens"] = .integers(boundaries) }
        return fields
    }

    static func metrics(_ value: LuaValue) throws -> ComputeMetrics {
        switch value {
        case .nil: return .none
        case .function(let function):
            return .function { predictions in
                let result =
                    try stopping { try function.call([.fields("the predictions", try fields(predictions))]) }.first
                    ?? .nil
                guard case .table(let table) = result else {
                    throw LuaFault("compute_metrics gave \(result.shown), expected a table of numbers by name")
                }
                return try LuaRows.entries(table)
            }
        case .object(let object):
            if let streaming = object as? any StreamingMetrics { return .metrics(try streaming.makeMetrics()) }
        default: break
        }
        throw LuaFault("option 'compute_metrics' expected a function or a metric, got \(value.shown)")
    }
}
