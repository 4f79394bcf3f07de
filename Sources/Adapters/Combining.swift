import Formats
import Kernels
import Models
import Tensors
import Words

extension AdapterSet {
    /// How `addWeighted` makes one adapter of several.
    public enum Combination: String, Sendable, CaseIterable {
        /// A's and B's side by side: exactly the weighted sum, its rank the sum of the ranks.
        case cat
        /// The best approximation of the weighted sum by a given rank.
        case svd
        /// A's and B's summed each for itself, as PEFT does; not the weighted sum of the updates.
        case linear

        /// The type of this name; throws for those that only PEFT has, and for unknown ones.
        public static func named(_ name: String) throws -> Combination {
            if let found = Combination(rawValue: name) { return found }
            let known = allCases.map(\.rawValue)
            let others = [
                "ties", "ties_svd", "dare_ties", "dare_linear", "dare_ties_svd", "dare_linear_svd", "magnitude_prune",
                "magnitude_prune_svd",
            ]
            guard others.contains(name) else {
                let hint = nearestNameHint(for: name, in: known)
                throw AdapterError("unknown combination_type '\(name)'\(hint)")
            }
            let list = known.map { "'\($0)'" }.joined(separator: ", ")
            throw AdapterError("combination_type '\(name)' is not supported yet; there are \(list)")
        }
    }

    /// One module's factors in an adapter, with the factor that its weight and scaling make.
    private struct Term {
        let a: [Double]
        let b: [Double]
        let rank: Int
        let factor: Double
    }

    /// Adds an adapter that combines others with weights; its lora_alpha is its rank, so its update is unscaled.
    ///
    /// With D = s B A the update of an adapter and w its weight: `cat` and `svd` make Σ w D, where PEFT 0.21.2 makes it
    /// √r too large for rsLoRA. `linear` makes Σ √|w s| B and Σ sign(w) √|w s| A, which has cross terms.
    ///
    /// - Parameter svdRank: rank of `svd`; the largest of the adapters' where nil.
    public func addWeighted(
        _ names: [String], weights: [Double], name: String, combination: Combination = .svd, svdRank: Int? = nil
    ) throws {
        let parts = try checkCombined(names, weights, combination, svdRank)
        var linears: [Models.Linear] = []
        for linear in parts.flatMap(\.linears) where !linears.contains(where: { $0 === linear }) {
            linears.append(linear)
        }
        let combined = try linears.map { linear in
            let terms = try terms(of: linear, names, weights)
            return try AdapterSet.combine(terms, linear, combination, svdRank: svdRank)
        }
        var config = parts[0].config
        (config.targetModules, config.excludeModules, config.modulesToSave) = (.list(linears.map(\.path)), nil, nil)
        (config.layersToTransform, config.layersPattern, config.alphaPattern) = (nil, nil, [])
        (config.useRslora, config.initLoraWeights, config.taskType) = (false, .kaiming, nil)
        config.r = combined.map(\.rank).max() ?? 1
        config.loraAlpha = Double(config.r)
        // Modules of another rank say so, each by its whole path.
        config.rankPattern = zip(linears, combined).filter { $1.rank != config.r }.map {
            LoraConfig.PatternEntry(AdapterSet.escaped($0.path), Double($1.rank))
        }
        config.alphaPattern = config.rankPattern
        _ = try insert(config, name: name, reading: .file, isTrainable: true, zeroed: true)
        for (linear, factors) in zip(linears, combined) {
            guard let seat = AdapterSet.seat(of: linear)?.factors(of: name) else { continue }
            for (weight, values) in [(seat.a, factors.a), (seat.b, factors.b)] {
                guard let tensor = weight.tensor else { continue }
                let target = unsafe try tensor.mutableFloats()
                for (index, value) in values.enumerated() { unsafe target[index] = Float(value) }
            }
        }
    }

    private func checkCombined(
        _ names: [String], _ weights: [Double], _ combination: Combination, _ svdRank: Int?
    ) throws -> [Adapter] {
        guard !names.isEmpty, names.count == weights.count else {
            throw AdapterError(
                "add_weighted_adapter needs a weight for each adapter, got \(names.count) and \(weights.count)")
        }
        if let wrong = weights.first(where: { !$0.isFinite }) {
            throw AdapterError("add_weighted_adapter: weights are finite numbers, got \(wrong)")
        }
        if let svdRank, !(1...LoraConfig.maxRank).contains(svdRank) {
            throw AdapterError(
                "'svd_rank' expected a positive integer of at most \(LoraConfig.maxRank), got \(svdRank)")
        }
        let parts = try names.map(adapter)
        for part in parts where !part.saved.isEmpty || !part.biases.isEmpty || !part.tokens.isEmpty {
            let what =
                part.saved.first.map { "saves '\($0.path)' whole" }
                ?? part.tokens.first.map { "trains rows of '\($0.target.path)'" } ?? "trains biases of the base"
            throw AdapterError("'\(part.name)' \(what), which cannot be combined")
        }
        return parts
    }

    private func terms(of linear: Models.Linear, _ names: [String], _ weights: [Double]) throws -> [Term] {
        guard let seat = AdapterSet.seat(of: linear) else { return [] }
        return try zip(names, weights).compactMap { name, weight in
            guard let factors = seat.factors(of: name) else { return nil }
            return Term(
                a: try factors.a.floats().map(Double.init), b: try factors.b.floats().map(Double.init),
                rank: factors.rank, factor: weight * factors.scaling)
        }
    }

    private static func combine(
        _ terms: [Term], _ linear: Models.Linear, _ combination: Combination, svdRank: Int?
    ) throws -> LowRank {
        let (inputs, outputs) = (linear.inFeatures, linear.outFeatures)
        switch combination {
        case .linear:
            guard let rank = terms.first?.rank, terms.allSatisfy({ $0.rank == rank }) else {
                throw AdapterError(
                    "combination_type 'linear' needs equal ranks; those on '\(linear.path)' are \(terms.map(\.rank)); "
                        + "'cat' and 'svd' take any")
            }
            var sum = LowRank(a: [], b: [], rank: rank, inputs: inputs, outputs: outputs)
            (sum.a, sum.b) = (Array(repeating: 0, count: rank * inputs), Array(repeating: 0, count: rank * outputs))
            for term in terms {
                let root = abs(term.factor).squareRoot()
                for index in term.a.indices { sum.a[index] += (term.factor < 0 ? -root : root) * term.a[index] }
                for index in term.b.indices { sum.b[index] += root * term.b[index] }
            }
            return sum
        case .cat, .svd:
            var sum = LowRank(a: [], b: [], rank: terms.reduce(0) { $0 + $1.rank }, inputs: inputs, outputs: outputs)
            guard sum.rank <= LoraConfig.maxRank else {
                throw AdapterError(
                    "the ranks on '\(linear.path)' add up to \(sum.rank); at most \(LoraConfig.maxRank) fit")
            }
            for term in terms { sum.a += term.a.map { $0 * term.factor } }
            for row in 0..<outputs { for term in terms { sum.b += term.b[row * term.rank..<(row + 1) * term.rank] } }
            guard combination == .svd else { return sum }
            do { return try sum.truncated(to: svdRank ?? terms.map(\.rank).max() ?? 1) } catch {
                throw AdapterError("combination_type 'svd' on '\(linear.path)': \(error)")
            }
        }
    }

    /// `path` as an expression that matches nothing else.
    private static func escaped(_ path: String) -> String {
        path.reduce(into: "") { text, character in
            if !character.isLetter, !character.isNumber, character != "_" { text.append("\\") }
            text.append(character)
        }
    }
}

/// A matrix B[outputs, rank] · A[rank, inputs] by its factors, in float64.
struct LowRank {
    var a: [Double]
    var b: [Double]
    let rank: Int
    let inputs: Int
    let outputs: Int

    /// The nearest matrix of rank `rank` at most (Eckart and Young 1936), as U S and Vᵀ; missing ranks are zero.
    ///
    /// Aᵀ = Q R and B = P T make the product P (T Rᵀ) Qᵀ, so only the small core is decomposed. Throws for numbers that are not
    /// finite.
    func truncated(to rank: Int) throws -> LowRank {
        let a = try DoubleMatrix(rows: self.rank, columns: inputs, a)
        let right = try DoubleMatrix(rows: inputs, columns: self.rank, a.transposed).qr()
        let left = try DoubleMatrix(rows: outputs, columns: self.rank, b).qr()
        let core = try left.r.times(right.r, transposed: true).svd()
        let kept = min(rank, core.s.count)
        let rows = try DoubleMatrix(
            rows: kept, columns: core.vt.columns, Array(core.vt.values[..<(kept * core.vt.columns)]))
        let columns = try left.q.times(core.u)
        var result = LowRank(
            a: try rows.times(right.q, transposed: true).values, b: Array(repeating: 0, count: rank * outputs),
            rank: rank, inputs: inputs, outputs: outputs)
        result.a += Array(repeating: 0, count: (rank - kept) * inputs)
        for row in 0..<outputs {
            for place in 0..<kept {
                result.b[row * rank + place] = columns.values[row * columns.columns + place] * core.s[place]
            }
        }
        return result
    }
}
