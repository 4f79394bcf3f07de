#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Slow and obvious twins of the kernels, on arrays in double precision: what the tests compare the fast ones with.
package enum Reference {
    /// op(A)[m, k] · op(B)[k, n].
    package static func gemm(
        _ a: [Float], _ b: [Float], m: Int, n: Int, k: Int, transposeA: Bool = false, transposeB: Bool = false
    ) -> [Double] {
        var c = [Double](repeating: 0, count: m * n)
        for i in 0..<m {
            for j in 0..<n {
                for p in 0..<k {
                    let x = transposeA ? a[p * m + i] : a[i * k + p]
                    let y = transposeB ? b[j * k + p] : b[p * n + j]
                    c[i * n + j] += Double(x) * Double(y)
                }
            }
        }
        return c
    }

    /// One of the elementwise functions.
    package static func value(_ f: Elementwise.Unary, _ x: Double) -> Double {
        switch f {
        case .gelu: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
        case .geluTanh: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .tanh: tanh(x)
        case .relu: max(x, 0)
        case .silu: x / (1 + exp(-x))
        case .exp: exp(x)
        case .log: log(x)
        case .sqrt: x.squareRoot()
        case .neg: -x
        case .sigmoid: 1 / (1 + exp(-x))
        case .abs: abs(x)
        }
    }

    /// The derivative of one of the elementwise functions.
    package static func slope(_ f: Elementwise.Unary, _ x: Double) -> Double {
        switch f {
        case .gelu:
            return 0.5 * (1 + erf(x / 2.0.squareRoot())) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
        case .geluTanh:
            let c = (2 / Double.pi).squareRoot()
            let t = tanh(c * (x + 0.044715 * x * x * x))
            return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x)
        case .tanh: return 1 - tanh(x) * tanh(x)
        case .relu: return x > 0 ? 1 : 0
        case .silu:
            let s = 1 / (1 + exp(-x))
            return s * (1 + x * (1 - s))
        case .exp: return exp(x)
        case .log: return 1 / x
        case .sqrt: return 0.5 / x.squareRoot()
        case .neg: return -1
        case .sigmoid:
            let s = 1 / (1 + exp(-x))
            return s * (1 - s)
        case .abs: return x > 0 ? 1 : x < 0 ? -1 : 0
        }
    }

    /// Softmax of one row.
    package static func softmax(_ x: [Double]) -> [Double] {
        let top = x.max() ?? 0
        let powers = x.map { exp($0 - top) }
        let total = powers.reduce(0, +)
        return powers.map { $0 / total }
    }

    /// Layer normalisation of one row.
    package static func layerNorm(_ x: [Double], gamma: [Double], beta: [Double], epsilon: Double) -> [Double] {
        let n = Double(x.count)
        let mean = x.reduce(0, +) / n
        let variance = x.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / n
        return x.indices.map { (x[$0] - mean) / (variance + epsilon).squareRoot() * gamma[$0] + beta[$0] }
    }

    /// Root mean square normalisation of one row.
    package static func rmsNorm(_ x: [Double], gamma: [Double], epsilon: Double) -> [Double] {
        let mean = x.map { $0 * $0 }.reduce(0, +) / Double(x.count)
        return x.indices.map { x[$0] / (mean + epsilon).squareRoot() * gamma[$0] }
    }

    /// Factor of a mask for one element: 0, or 1 / (1 − p).
    package static func maskFactor(_ mask: DropoutMask, key: RandomKey, feature: Int) -> Double {
        if mask.p == 0 { return 1 }
        if mask.p == 1 { return 0 }
        var h = UInt32(truncatingIfNeeded: feature) ^ UInt32(truncatingIfNeeded: key.bits)
        h = (h ^ (h >> 16)) &* 0x7FEB_352D
        h = (h ^ (h >> 15) ^ UInt32(truncatingIfNeeded: key.bits >> 32)) &* 0x846C_A68B
        h ^= h >> 16
        return Double(h) >= Double(mask.p) * 0x1p32 ? 1 / (1 - Double(mask.p)) : 0
    }

    /// A matrix [keys.count, columns] under a mask.
    package static func dropped(_ mask: DropoutMask?, _ x: [Double], columns: Int) -> [Double] {
        guard let mask else { return x }
        return x.indices.map { x[$0] * maskFactor(mask, key: mask.keys[$0 / columns], feature: $0 % columns) }
    }

    /// What attention gives, and gradients of its inputs.
    package struct Attention {
        package var y, dq, dk, dv, dbias: [Double]
    }

    /// Attention, and its gradients for dy: score by score and key by key.
    ///
    /// Arguments as for the kernel.
    package static func attention(
        _ kernel: AttentionKernel, q: [Double], k: [Double], v: [Double], bias: [Double] = [], dy: [Double] = []
    ) -> Attention {
        let (d, share) = (kernel.width, kernel.heads / kernel.kvHeads)
        func zeros(_ x: [Double]) -> [Double] { [Double](repeating: 0, count: x.count) }
        var result = Attention(y: zeros(q), dq: zeros(q), dk: zeros(k), dv: zeros(v), dbias: zeros(bias))
        for s in 0..<kernel.sequences {
            for head in 0..<kernel.heads {
                for query in kernel.queryStarts[s]..<kernel.queryStarts[s + 1] {
                    let position = kernel.positions[query]
                    let atQuery = (query * kernel.heads + head) * d
                    let seen = (0..<kernel.keys[s].count).filter { sees(kernel.terms, position, $0) }
                    let places = seen.map { ((kernel.keys[s].start + $0) * kernel.kvHeads + head / share) * d }
                    func distance(_ key: Int) -> Int? {
                        kernel.terms.bias.map { head * $0.span + min(max($0.zero + key - position, 0), $0.span - 1) }
                    }
                    var slopes: [Double] = []
                    let scores = zip(seen, places).map { key, at in
                        var score = (0..<d).reduce(0.0) { $0 + q[atQuery + $1] * k[at + $1] } * Double(kernel.scale)
                        if let cap = kernel.terms.softCap.map(Double.init) {
                            let t = tanh(score / cap)
                            score = cap * t
                            slopes.append(1 - t * t)
                        } else {
                            slopes.append(1)
                        }
                        return score + (distance(key).map { bias[$0] } ?? 0)
                    }
                    let p = softmax(scores)
                    let factors = seen.map { key in
                        kernel.dropout.map { mask in
                            maskFactor(mask, key: mask.keys[query].child(head).child(position), feature: key)
                        } ?? 1
                    }
                    for (i, at) in places.enumerated() {
                        for c in 0..<d { result.y[atQuery + c] += p[i] * factors[i] * v[at + c] }
                    }
                    if dy.isEmpty { continue }
                    let dp = zip(places, factors).map { at, factor in
                        (0..<d).reduce(0.0) { $0 + dy[atQuery + $1] * v[at + $1] } * factor
                    }
                    let mean = zip(p, dp).reduce(0.0) { $0 + $1.0 * $1.1 }
                    for (i, at) in places.enumerated() {
                        let change = p[i] * (dp[i] - mean)
                        if let place = distance(seen[i]) { result.dbias[place] += change }
                        let ds = change * slopes[i] * Double(kernel.scale)
                        for c in 0..<d {
                            result.dq[atQuery + c] += ds * k[at + c]
                            result.dk[at + c] += ds * q[atQuery + c]
                            result.dv[at + c] += p[i] * factors[i] * dy[atQuery + c]
                        }
                    }
                }
            }
        }
        return result
    }

    /// What disentangled attention gives, and gradients of its inputs.
    package struct Disentangled {
        package var y, dq, dk, dv, dpk, dpq: [Double]
    }

    /// Disentangled attention, and its gradients for dy: score by score; a table that is empty is missing.
    package static func disentangled(
        _ kernel: DisentangledKernel, q: [Double], k: [Double], v: [Double], pk: [Double], pq: [Double], dy: [Double]
    ) -> Disentangled {
        let (d, ld) = (kernel.width, kernel.heads * kernel.width)
        func zeros(_ x: [Double]) -> [Double] { [Double](repeating: 0, count: x.count) }
        var result = Disentangled(
            y: zeros(q), dq: zeros(q), dk: zeros(k), dv: zeros(v), dpk: zeros(pk), dpq: zeros(pq))
        func dot(_ a: [Double], _ i: Int, _ b: [Double], _ j: Int) -> Double {
            (0..<d).reduce(0.0) { $0 + a[i + $1] * b[j + $1] }
        }
        for s in 0..<kernel.sequences {
            for head in 0..<kernel.heads {
                for query in kernel.queryStarts[s]..<kernel.queryStarts[s + 1] {
                    let (position, first) = (kernel.positions[query], kernel.keyStarts[s])
                    let at = query * ld + head * d
                    let keys = (first..<kernel.keyStarts[s + 1]).map { $0 * ld + head * d }
                    let places = keys.indices.map {
                        Int(kernel.places[kernel.reach - 1 - (position - $0)]) * ld + head * d
                    }
                    let p = softmax(
                        zip(keys, places).map { key, place in
                            let content = pk.isEmpty ? 0 : dot(q, at, pk, place)
                            let distance = pq.isEmpty ? 0 : dot(k, key, pq, place)
                            return Double(kernel.scale) * (dot(q, at, k, key) + content + distance)
                        })
                    let factors = keys.indices.map { key in
                        kernel.dropout.map { mask in
                            maskFactor(mask, key: mask.keys[query].child(head).child(position), feature: key)
                        } ?? 1
                    }
                    let dp = zip(keys, factors).map { dot(dy, at, v, $0) * $1 }
                    let mean = zip(p, dp).reduce(0.0) { $0 + $1.0 * $1.1 }
                    for (i, (key, place)) in zip(keys, places).enumerated() {
                        let ds = p[i] * (dp[i] - mean) * Double(kernel.scale)
                        for c in 0..<d {
                            result.y[at + c] += p[i] * factors[i] * v[key + c]
                            result.dv[key + c] += p[i] * factors[i] * dy[at + c]
                            result.dq[at + c] += ds * (k[key + c] + (pk.isEmpty ? 0 : pk[place + c]))
                            result.dk[key + c] += ds * (q[at + c] + (pq.isEmpty ? 0 : pq[place + c]))
                            if !pk.isEmpty { result.dpk[place + c] += ds * q[at + c] }
                            if !pq.isEmpty { result.dpq[place + c] += ds * k[key + c] }
                        }
                    }
                }
            }
        }
        return result
    }

    /// Whether a query at this position sees a key.
    package static func sees(_ terms: AttentionTerms, _ position: Int, _ key: Int) -> Bool {
        if terms.causal, key > position { return false }
        return switch terms.window {
        case nil: true
        case .sliding(let size): position - key < size
        case .local(let size): abs(position - key) <= size / 2
        }
    }

    /// One head rotated by angles whose cosines and sines are given.
    package static func rotated(_ x: [Double], cos: [Double], sin: [Double], layout: Rotation.Layout) -> [Double] {
        var y = x
        for i in cos.indices {
            let (a, b) = layout == .halves ? (i, i + cos.count) : (2 * i, 2 * i + 1)
            y[a] = x[a] * cos[i] - x[b] * sin[i]
            y[b] = x[b] * cos[i] + x[a] * sin[i]
        }
        return y
    }

    /// c · tanh(x / c).
    package static func softCap(_ x: Double, _ cap: Double) -> Double { cap * tanh(x / cap) }

    /// Cross entropy summed over labelled rows.
    package static func crossEntropy(
        _ x: [Double], labels: [Int], ignoring ignored: Int, smoothing: Double, classes: Int
    ) -> Double {
        var total = 0.0
        for (row, label) in labels.enumerated() where label != ignored {
            let logs = softmax(Array(x[row * classes..<(row + 1) * classes])).map { log($0) }
            total -= (1 - smoothing) * logs[label] + smoothing / Double(classes) * logs.reduce(0, +)
        }
        return total
    }
}
