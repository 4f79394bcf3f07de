import Formats
import LuaBridge
import Models
import Tensors
import Training

/// The loss of a module that a recipe made with lorawb.nn, as a trainer minimises it: compute_loss of the module and the columns of a
/// batch.
enum ModuleObjective {
    /// An objective that calls `function` with the module and the columns of the batch's rows.
    ///
    /// The passes are the trainer's: dropout acts in training alone, whatever the module's own flag, and draws what a loop by hand
    /// draws that takes the same rows in the same steps.
    static func make(_ function: LuaFunction, _ box: LayerBox) -> any Objective {
        FunctionObjective { [seed = box.context.seed] batch, context in
            guard let rows = batch.columns else { throw TrainingError("compute_loss: the rows have no columns") }
            let inputs = LuaTable(strict: "inputs", try rows.columnNames.map { ($0, try value(of: $0, rows)) })
            let passes = ModulePasses(box, context, rows: batch.count, seed: seed)
            defer { passes.end() }
            return try TrainerLua.result(try stopping { try function.call([.object(box), .table(inputs)]) })
        }
    }

    /// A column of a batch: a tensor [rows, …] where every row holds as many numbers, else a list of the rows' values.
    ///
    /// Whole numbers give int64, as they are asked for as ids and labels; ids of tokens stay lists, as forward takes them.
    private static func value(of name: String, _ rows: Dataset) throws -> LuaValue {
        let list = { try LuaRows.column(name, of: rows, 0..<rows.count) }
        let places = (0..<rows.count).map(rows.place(ofRow:))
        switch rows.column(name) {
        case .integers(let values): return .object(try Tensor(places.map { Int64(values[$0]) }, shape: [rows.count]))
        case .booleans(let values):
            return .object(try Tensor(places.map { values[$0] ? Int64(1) : 0 }, shape: [rows.count]))
        case .floats(let values): return .object(try Tensor(places.map { Float(values[$0]) }, shape: [rows.count]))
        case .integerLists(let flat, let offsets):
            let lengths = Set(places.map { offsets[$0 + 1] - offsets[$0] })
            guard let length = lengths.first, lengths.count == 1, length > 0, !BatchReader.inputs.contains(name) else {
                return try list()
            }
            let ids = places.flatMap { flat[offsets[$0]..<offsets[$0 + 1]].lazy.map(Int64.init) }
            return .object(try Tensor(ids, shape: [rows.count, length]))
        case .values(let values):
            guard let first = places.first, let shape = shape(of: values[first]), !shape.isEmpty else {
                return try list()
            }
            var numbers: [Float] = []
            for place in places {
                guard self.shape(of: values[place]) == shape, append(values[place], to: &numbers) else {
                    return try list()
                }
            }
            return .object(try Tensor(numbers, shape: [rows.count] + shape))
        case .strings, nil: return try list()
        }
    }

    /// The sizes of nested lists of numbers, by their first members; nil for anything else, and for empty ones.
    private static func shape(of value: JSON) -> [Int]? {
        guard let elements = value.array else { return value.double == nil ? nil : [] }
        guard let first = elements.first, let inner = shape(of: first) else { return nil }
        return [elements.count] + inner
    }

    /// Adds the numbers of nested lists; false where they are not all as many as the first, or no numbers.
    private static func append(_ value: JSON, to numbers: inout [Float]) -> Bool {
        guard let elements = value.array else {
            guard let number = value.double else { return false }
            numbers.append(Float(number))
            return true
        }
        let shape = shape(of: elements[0])
        return elements.allSatisfy { self.shape(of: $0) == shape && append($0, to: &numbers) }
    }
}

/// The place in a training or an evaluation at which a module and all beneath run.
private struct ModulePasses {
    private let layers: [(box: LayerBox, isTraining: Bool, seed: UInt64, step: Int)]
    private let models: [(box: ModelBox, isTraining: Bool)]

    /// Takes the place that `context` says; `seed` is the session's.
    init(_ box: LayerBox, _ context: StepContext, rows: Int, seed: UInt64) {
        let boxes = Self.all(box)
        layers = boxes.compactMap { $0 as? LayerBox }.map { ($0, $0.isTraining, $0.ownClock.seed, $0.ownClock.step) }
        models = boxes.compactMap { $0 as? ModelBox }.map { ($0, $0.isTraining) }
        box.setTraining(context.isTraining)
        for (model, _) in models { model.batch = TrainedBatch(context, rows: rows) }
        guard let draws = context.draws(rows) else { return }
        for (layer, _, ownSeed, _) in layers {
            // The seed of the trainer's arguments counts; where it is the session's, a loop by hand draws the same.
            layer.ownClock.seed = ownSeed ^ draws.seed ^ seed
            layer.ownClock.set(step: draws.step)
            _ = layer.ownClock.take(draws.rows?.first ?? 0)
        }
    }

    /// Goes back to where the recipe was.
    func end() {
        for (layer, isTraining, seed, step) in layers {
            layer.isTraining = isTraining
            guard layer.ownClock.step != step || layer.ownClock.seed != seed || layer.ownClock.nextRow > 0 else {
                continue
            }
            layer.ownClock.seed = seed
            layer.ownClock.set(step: step)
        }
        for (model, isTraining) in models { (model.isTraining, model.batch) = (isTraining, nil) }
    }

    /// The objects of a module and of all beneath that recipes made.
    private static func all(_ box: ModuleBox) -> [ModuleBox] {
        [box] + ((box as? LayerBox)?.members ?? []).flatMap(all)
    }
}
