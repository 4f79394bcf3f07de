#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What changes the scores of the next token before one is taken, in the order and with the numbers of transformers (5.23,
/// generation/logits_process.py): repetition_penalty, no_repeat_ngram_size, min_new_tokens, and where tokens are drawn temperature,
/// top_k, top_p, min_p, typical_p.
///
/// A token that may not be taken has −∞. Float32 as there; sums of probabilities are in Double and rounded, as torch's cumsum.
struct LogitProcessors: Sendable {
    private let options: GenerationOptions
    private let topK: Int

    init(_ options: GenerationOptions) {
        self.options = options
        topK = options.doSample ? options.topK ?? GenerationOptions.standardTopK : 0
    }

    /// Whether a step may change anything.
    var isEmpty: Bool {
        !options.doSample && options.repetitionPenalty == 1 && options.noRepeatNgramSize == 0
            && options.minNewTokens == 0
    }

    /// Changes the scores [V] of what follows `tokens`, the first `prompt` of which were given.
    func apply(to scores: inout [Float], after tokens: [Int], prompt: Int) {
        if options.repetitionPenalty != 1 { penalise(&scores, tokens) }
        if options.noRepeatNgramSize > 0 { forbidRepeated(&scores, tokens) }
        if tokens.count - prompt < options.minNewTokens {
            for id in options.endIds where scores.indices.contains(id) { scores[id] = -.infinity }
        }
        guard options.doSample else { return }
        if let temperature = options.temperature, temperature != 1 {
            let divisor = Float(temperature)
            for index in scores.indices { scores[index] /= divisor }
        }
        if topK > 0 { keepMostProbable(&scores, topK) }
        if let mass = options.topP, mass < 1 { keepNucleus(&scores, mass) }
        if let share = options.minP { keepAbove(&scores, share) }
        if let mass = options.typicalP, mass < 1 { keepTypical(&scores, mass) }
    }

    /// Each token that came before once, however often it came.
    private func penalise(_ scores: inout [Float], _ tokens: [Int]) {
        let penalty = Float(options.repetitionPenalty)
        for id in Set(tokens) where scores.indices.contains(id) {
            scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty
        }
    }

    /// Forbids what came before behind the last n − 1 tokens.
    private func forbidRepeated(_ scores: inout [Float], _ tokens: [Int]) {
        let size = options.noRepeatNgramSize
        guard tokens.count >= size else { return }
        let prefix = tokens.suffix(size - 1)
        for start in 0...(tokens.count - size) {
            guard tokens[start..<start + size - 1].elementsEqual(prefix) else { continue }
            let id = tokens[start + size - 1]
            if scores.indices.contains(id) { scores[id] = -.infinity }
        }
    }

    /// Keeps the k largest, and what equals the last of them.
    private func keepMostProbable(_ scores: inout [Float], _ count: Int) {
        guard count < scores.count else { return }
        let least: Float
        if count > 256 {
            least = scores.sorted(by: >)[count - 1]
        } else {
            // The largest so far, ascending: few are ever put in.
            var largest = scores[..<count].sorted()
            for score in scores[count...] where score > largest[0] {
                let place = largest.firstIndex { $0 >= score } ?? count
                largest.insert(score, at: place)
                largest.removeFirst()
            }
            least = largest[0]
        }
        for index in scores.indices where scores[index] < least { scores[index] = -.infinity }
    }

    /// Drops the least probable ones that together have no more than 1 − p; one is kept (Holtzman and others 2020, arXiv:1904.09751).
    private func keepNucleus(_ scores: inout [Float], _ mass: Double) {
        let order = allowed(scores).sorted { (scores[$0], $0) < (scores[$1], $1) }
        let probabilities = LogitProcessors.softmax(order.map { scores[$0] })
        var sum = 0.0
        for (index, probability) in zip(order.dropLast(), probabilities) {
            sum += Double(probability)
            guard Float(sum) <= Float(1 - mass) else { return }
            scores[index] = -.infinity
        }
    }

    /// Keeps those of at least a share of the greatest probability.
    private func keepAbove(_ scores: inout [Float], _ share: Double) {
        let allowed = allowed(scores)
        let probabilities = LogitProcessors.softmax(allowed.map { scores[$0] })
        let least = Float(share) * (probabilities.max() ?? 0)
        let best = allowed.max { scores[$0] < scores[$1] }
        for (index, probability) in zip(allowed, probabilities) where probability < least && index != best {
            scores[index] = -.infinity
        }
    }

    /// Keeps those whose information is nearest to what is expected.
    private func keepTypical(_ scores: inout [Float], _ mass: Double) {
        let allowed = allowed(scores)
        guard !allowed.isEmpty else { return }
        let normalized = LogitProcessors.logSoftmax(allowed.map { scores[$0] })
        let probabilities = normalized.map { exp($0) }
        let entropy = -zip(normalized, probabilities).reduce(Float(0)) { $0 + $1.0 * $1.1 }
        let distances = normalized.map { abs(-$0 - entropy) }
        let order = allowed.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }
        let ordered = LogitProcessors.softmax(order.map { scores[allowed[$0]] })
        var (sum, last) = (0.0, 0)
        for probability in ordered {
            sum += Double(probability)
            guard Float(sum) < Float(mass) else { break }
            last += 1
        }
        let limit = distances[order[min(last, order.count - 1)]]
        for place in order.dropFirst() where distances[place] > limit { scores[allowed[place]] = -.infinity }
    }

    private func allowed(_ scores: [Float]) -> [Int] { scores.indices.filter { scores[$0] > -.infinity } }

    /// exp(x) / Σ exp(x).
    static func softmax(_ scores: [Float]) -> [Float] {
        let largest = scores.max() ?? 0
        let powers = scores.map { exp($0 - largest) }
        let sum = Float(powers.reduce(0.0) { $0 + Double($1) })
        return powers.map { $0 / sum }
    }

    /// x − log Σ exp(x).
    static func logSoftmax(_ scores: [Float]) -> [Float] {
        let largest = scores.max() ?? 0
        let sum = scores.reduce(0.0) { $0 + Double(exp($1 - largest)) }
        let shift = Float(log(sum))
        return scores.map { $0 - largest - shift }
    }
}
