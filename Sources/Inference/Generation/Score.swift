import Models
import Tensors

/// How probable a model finds the tokens of a text.
public struct TokenScores: Sendable, Equatable {
    /// The tokens behind the first, which nothing foretells.
    public let tokens: [Int]
    /// log p of each, given all before it.
    public let logProbabilities: [Double]
    /// Their sum.
    public var sum: Double { logProbabilities.reduce(0, +) }
}

/// Log-probabilities of the tokens of a text, each given all before it; the first has none.
///
/// - Throws: `InferenceError` for ids that do not fit the model, and for logits that are not finite.
public func score(_ ids: [Int], model: any Model) throws -> TokenScores {
    try check([ids], model, "text")
    guard ids.count > 1 else { return TokenScores(tokens: [], logProbabilities: []) }
    return try Recording.off {
        let found = try logProbabilities(of: [ids], from: [0], model, cache: nil)
        return TokenScores(tokens: Array(ids.dropFirst()), logProbabilities: found[0])
    }
}

/// Sums of the log-probabilities of each of several continuations of a prompt, or their means over tokens.
///
/// The prompt is run once; the continuations go on from its keys and values together.
///
/// - Parameter normalizes: whether each sum is divided by the number of the continuation's tokens.
/// - Throws: `InferenceError` for ids that do not fit the model, and for logits that are not finite.
public func scores(
    of choices: [[Int]], after prompt: [Int], model: any Model, normalizes: Bool = false, usesCache: Bool = true
) throws -> [Double] {
    guard !choices.isEmpty else { throw InferenceError("there are no choices") }
    if let place = choices.firstIndex(where: \.isEmpty) { throw InferenceError("choice \(place + 1) has no tokens") }
    try check([prompt], model)
    try check(choices.map { prompt + $0 }, model, "prompt with choice")
    let values = try Recording.off {
        try usesCache && model.config.cacheBorder == nil
            ? continued(choices, prompt, model)
            : logProbabilities(
                of: choices.map { prompt + $0 }, from: choices.map { _ in prompt.count - 1 }, model, cache: nil)
    }
    return values.map { list in list.reduce(0, +) / (normalizes ? Double(list.count) : 1) }
}

private func continued(_ choices: [[Int]], _ prompt: [Int], _ model: any Model) throws -> [[Double]] {
    let cache = KeyValueCache(sequences: 1, capacity: prompt.count + (choices.map(\.count).max() ?? 0))
    let input = ModelInput(inputIds: [prompt])
    guard let logits = try model.forward(input, Pass(over: input, read: .last, cache: cache)).logits else {
        throw InferenceError("the model gave no logits")
    }
    let row = unsafe try logits.row(0)
    unsafe try NextToken.check(row, row: 0, position: prompt.count)
    let first = unsafe LogitProcessors.logSoftmax(Array(row))
    var values = choices.map { [Double(first[$0[0]])] }
    // Of one token nothing more is to be known.
    let longer = choices.indices.filter { choices[$0].count > 1 }
    guard !longer.isEmpty else { return values }
    try cache.select(longer.map { _ in 0 })
    let rest = try logProbabilities(of: longer.map { choices[$0] }, from: longer.map { _ in 0 }, model, cache: cache)
    for (place, list) in zip(longer, rest) { values[place] += list }
    return values
}

/// log p of the tokens of each sequence behind the place `from`; logits of all of them at once are never held.
private func logProbabilities(
    of sequences: [[Int]], from starts: [Int], _ model: any Model, cache: KeyValueCache?
) throws -> [[Double]] {
    var input = ModelInput(inputIds: sequences)
    // A label is what stands there itself; −100 bears none.
    input.labels = .tokens(
        zip(sequences, starts).map { ids, start in ids.enumerated().map { $0.offset > start ? $0.element : -100 } })
    (input.outputLogits, input.reduction) = (false, .sum)
    let output = try model.forward(input, Pass(over: input, cache: cache))
    guard let all = output.labelled?.logProbabilities else { throw InferenceError("the model gave no loss") }
    var (values, next) = ([[Double]](), 0)
    for (place, (ids, start)) in zip(sequences, starts).enumerated() {
        let count = ids.count - start - 1
        let own = all[next..<next + count].map(Double.init)
        if let wrong = own.firstIndex(where: { !$0.isFinite }) {
            throw InferenceError(
                "the logits for token \(start + wrong + 2) of sequence \(place + 1) are not finite; the model's weights or its adapter are broken"
            )
        }
        values.append(own)
        next += count
    }
    return values
}
