import Formats
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
        for part in parts where !part.saved.isEmpty || !part.biases.isEmpty {
            let what = part.saved.first.map { "saves '\($0.path)' whole" } ?? "trains biases of the base"
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
            return combination == .cat ? sum : sum.truncated(to: svdRank ?? terms.map(\.rank).max() ?? 1)
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
    /// Aᵀ = Q R and B = P T make the product P (T Rᵀ) Qᵀ, so only the small core is decomposed.
    func truncated(to rank: Int) -> LowRank {
        let right = ThinQR(a, columns: self.rank, length: inputs) { row, column in column * self.inputs + row }
        let left = ThinQR(b, columns: self.rank, length: outputs) { row, column in row * self.rank + column }
        let count = self.rank
        var core = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
        for i in 0..<count {
            for j in 0..<count { for k in 0..<count { core[j][i] += left.r[i][k] * right.r[j][k] } }
        }
        let svd = JacobiSVD(columns: core)
        var result = LowRank(
            a: Array(repeating: 0, count: rank * inputs), b: Array(repeating: 0, count: rank * outputs), rank: rank,
            inputs: inputs, outputs: outputs)
        for (place, index) in svd.order.prefix(rank).enumerated() {
            for k in 0..<count {
                for i in 0..<inputs { result.a[place * inputs + i] += right.q[k][i] * svd.v[index][k] }
                for o in 0..<outputs { result.b[o * rank + place] += left.q[k][o] * svd.scaled[index][k] }
            }
        }
        return result
    }
}

/// Orthonormal columns q and upper triangular r with m = q r, by Gram and Schmidt, each column cleared twice.
private struct ThinQR {
    /// Columns of q.
    var q: [[Double]] = []
    /// Rows of r: r[k][j] is the part of column j of m along q[k].
    var r: [[Double]]

    init(_ values: [Double], columns: Int, length: Int, place: (_ row: Int, _ column: Int) -> Int) {
        r = Array(repeating: Array(repeating: 0, count: columns), count: columns)
        for j in 0..<columns {
            var column = (0..<length).map { values[place($0, j)] }
            let size = column.reduce(0) { $0 + $1 * $1 }.squareRoot()
            for _ in 0..<2 {
                for k in 0..<j {
                    let part = zip(q[k], column).reduce(0) { $0 + $1.0 * $1.1 }
                    r[k][j] += part
                    for i in 0..<length { column[i] -= part * q[k][i] }
                }
            }
            let norm = column.reduce(0) { $0 + $1 * $1 }.squareRoot()
            // A column that depends on those before it adds no direction.
            let isNew = norm > 1e-13 * size && norm > 0
            r[j][j] = isNew ? norm : 0
            q.append(isNew ? column.map { $0 / norm } : Array(repeating: 0, count: length))
        }
    }
}

/// Singular values of a small square matrix by one-sided rotations (Hestenes 1958).
private struct JacobiSVD {
    /// U S: the columns after rotation.
    var scaled: [[Double]]
    /// Columns of V.
    var v: [[Double]]
    /// Columns by falling singular value.
    var order: [Int] = []

    /// - Parameter columns: columns of the matrix M, with M = U S Vᵀ.
    init(columns: [[Double]]) {
        let count = columns.count
        scaled = columns
        v = (0..<count).map { j in (0..<count).map { $0 == j ? 1 : 0 } }
        for _ in 0..<60 {
            var largest = 0.0
            for p in 0..<count {
                for q in p + 1..<max(count, p + 1) {
                    let (x, y) = (scaled[p], scaled[q])
                    let (alpha, beta) = (JacobiSVD.dot(x, x), JacobiSVD.dot(y, y))
                    let gamma = JacobiSVD.dot(x, y)
                    guard abs(gamma) > 1e-300 else { continue }
                    largest = max(largest, abs(gamma) / max((alpha * beta).squareRoot(), 1e-300))
                    let zeta = (beta - alpha) / (2 * gamma)
                    let t = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
                    let c = 1 / (1 + t * t).squareRoot()
                    JacobiSVD.rotate(&scaled, p, q, c, c * t)
                    JacobiSVD.rotate(&v, p, q, c, c * t)
                }
            }
            if largest < 1e-14 { break }
        }
        let sizes = scaled.map { JacobiSVD.dot($0, $0) }
        order = (0..<count).sorted { sizes[$0] > sizes[$1] }
    }

    private static func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }

    private static func rotate(_ m: inout [[Double]], _ p: Int, _ q: Int, _ c: Double, _ s: Double) {
        for i in m[p].indices {
            let (x, y) = (m[p][i], m[q][i])
            m[p][i] = c * x - s * y
            m[q][i] = s * x + c * y
        }
    }
}
