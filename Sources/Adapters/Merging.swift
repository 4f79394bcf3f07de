import Kernels
import Models
import Tensors

extension AdapterSet {
    /// Adds the active adapters to the base's matrices; forward then costs what the base costs.
    ///
    /// Sums are taken in float32 from the untouched base, which is kept.
    public func merge() throws {
        guard merged.isEmpty else { throw AdapterError("'\(merged[0])' is merged already") }
        guard !adapters.isEmpty else { throw AdapterError("there is no adapter to merge") }
        guard !isDisabled else { throw AdapterError("the adapters are disabled; enable them before merging") }
        let linears = model.namedModules().compactMap { $0.module as? Models.Linear }
        var sums: [(weight: Weight, value: FrozenMatrix)] = []
        for linear in linears {
            guard let seat = AdapterSet.seat(of: linear) else { continue }
            let acting = active.compactMap(seat.factors(of:))
            guard !acting.isEmpty else { continue }
            let base = try AdapterSet.matrix(of: linear.weight, isTransposed: linear.isTransposed)
            sums.append((linear.weight, try acting.reduce(base) { try AdapterSet.add($1, to: $0, linear) }))
        }
        sums += try tokenSums()
        for (weight, value) in sums { weight.standIn = .matrix(value) }
        merged = active
        try apply()
    }

    /// Takes the merged adapters out again: the base has the bits that it had.
    public func unmerge() throws {
        guard !merged.isEmpty else { throw AdapterError("no adapter is merged") }
        for module in model.namedModules() {
            guard let linear = module.module as? Models.Linear, AdapterSet.seat(of: linear) != nil else { continue }
            linear.weight.standIn = nil
        }
        for table in TokenTable.seated(in: model) { table.weight.standIn = nil }
        merged = []
        try apply()
    }

    /// Makes the active adapters part of the model for good and forgets all of them.
    public func mergeAndUnload() throws {
        if merged.isEmpty { try merge() }
        try settle()
    }

    /// Forgets all adapters; the base is as it was.
    public func unload() throws {
        if !merged.isEmpty { try unmerge() }
        for name in names { try delete(name) }
    }

    private func settle() throws {
        for table in TokenTable.seated(in: model) { table.remove(adapter: nil) }
        for (_, module) in model.namedModules() {
            if let linear = module as? Models.Linear { linear.seats.removeAll { $0 is LoRASeat } }
            for (_, weight) in module.weights { try weight.settle() }
        }
        (adapters, active, merged, isDisabled) = ([], [], [], false)
        (model as? any Model)?.settleVocabulary()
    }

    /// Tables with the rows of the active adapters in place of the base's.
    private func tokenSums() throws -> [(weight: Weight, value: FrozenMatrix)] {
        var rows: [(target: TargetTokens, tokens: TokenRows)] = []
        for name in active { rows += try adapter(name).tokens }
        let isTied = (model as? any Model)?.outputEmbedding?.isTied == true
        for (target, tokens) in rows {
            if case .head = target.table, isTied {
                throw AdapterError(
                    "'\(tokens.adapter)' trains rows of '\(target.path)' apart from the table that it is tied to: one matrix "
                        + "cannot hold both, so it cannot be merged")
            }
            guard try tokens.rows.currentTensor().floatArray().allSatisfy(\.isFinite) else {
                throw AdapterError(
                    "the rows that '\(tokens.adapter)' trains of '\(target.path)' have a number that is not finite")
            }
        }
        var weights: [Weight] = []
        for (target, _) in rows where !weights.contains(where: { $0 === target.table.weight }) {
            weights.append(target.table.weight)
        }
        return try weights.map { weight in
            let parts = rows.filter { $0.target.table.weight === weight }.map(\.tokens)
            let width = weight.shape.last ?? 0
            let base = try AdapterSet.matrix(of: weight, isTransposed: false)
            return (
                weight,
                unsafe try base.withRows(weight.shape[0]) { numbers in
                    for tokens in parts {
                        let values = unsafe try tokens.rows.currentTensor().floats()
                        for (place, index) in tokens.indices.enumerated() {
                            for column in 0..<width {
                                unsafe numbers[index * width + column] = values[place * width + column]
                            }
                        }
                    }
                }
            )
        }
    }

    private static func matrix(of weight: Weight, isTransposed: Bool) throws -> FrozenMatrix {
        switch weight.value {
        case .matrix(let matrix): return matrix
        case .tensor(let tensor):
            let (rows, columns) =
                isTransposed ? (weight.shape[1], weight.shape[0]) : (weight.shape[0], weight.shape[1])
            return unsafe try FrozenMatrix(
                rows: rows, columns: columns, name: weight.name, isTransposed: isTransposed
            ) { buffer in
                guard let start = buffer.baseAddress else { return }
                unsafe start.update(from: try tensor.floats(), count: tensor.count)
            }
        case .absent: throw AdapterError("'\(weight.name)' has no values to merge into: the model has shapes only")
        }
    }

    private static func add(_ factors: LoRAFactors, to base: FrozenMatrix, _ linear: Models.Linear) throws
        -> FrozenMatrix
    {
        let (a, b) = (try factors.a.currentTensor(), try factors.b.currentTensor())
        for (name, tensor) in [("A", a), ("B", b)] {
            guard try tensor.floatArray().allSatisfy(\.isFinite) else {
                throw AdapterError(
                    "lora_\(name) of '\(factors.adapter)' on '\(linear.path)' has a number that is not finite")
            }
        }
        return unsafe try base.adding(
            scale: Float(factors.scaling), b: try b.floats(), a: try a.floats(), rank: factors.rank)
    }
}
