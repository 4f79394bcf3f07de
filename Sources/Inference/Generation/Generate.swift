import Models
import Tensors
import Tokenizers

/// Why an answer ended.
public enum FinishReason: String, Sendable {
    /// An end id, a stop string, or the caller's wish.
    case stop
    /// As many tokens as were asked for, or as the model has positions for.
    case length
}

/// One answer of a model.
public struct Generation: Sendable, Equatable {
    /// Its tokens, the end id and those of a stop string included.
    public let tokens: [Int]
    /// Their text, without special tokens, the end id and the stop string; nil without a tokenizer.
    public let text: String?
    /// Why it ended.
    public let finishReason: FinishReason
}

/// Takes what came, and gives whether to go on.
///
/// `piece` is the text that is certain now; a token whose text is not certain yet has an empty one, and all pieces of an answer together
/// are its text. `place` is that of the prompt, or of the answer where each prompt has several.
public typealias TokenHandler = (_ piece: String, _ id: Int, _ place: Int) throws -> Bool

/// Generates answers to prompts of any lengths, greedily, by drawing tokens or by beam search, as `options` say.
///
/// Dropout is off, nothing is recorded, active adapters act. Greedy and beam search give transformers' tokens (5.23); what is drawn is a
/// function of the seed, the prompt's place, the answer's number and the token's position alone.
///
/// - Parameters:
///   - prompts: ids of each.
///   - tokenizer: gives texts, and is needed for stop strings.
///   - cache: keys and values of an earlier prompt, of which the common beginning is used; for a single answer to a single prompt.
///   - onToken: called with each token as it comes; not with beam search.
/// - Returns: for each prompt its answers, with beam search the best first.
/// - Throws: `InferenceError` for options and prompts that do not fit the model, and for logits that are not finite.
public func generate(
    _ prompts: [[Int]], model: any Model, tokenizer: Tokenizer? = nil, options: GenerationOptions = GenerationOptions(),
    keeping cache: PromptCache? = nil, onToken: TokenHandler? = nil
) throws -> [[Generation]] {
    try options.check()
    try check(prompts, model)
    if tokenizer == nil, !options.stop.isEmpty { throw InferenceError("option 'stop' needs the tokenizer") }
    if onToken != nil, options.numBeams > 1 {
        throw InferenceError("on_token cannot be called with num_beams: no token is certain before the end")
    }
    guard cache == nil || prompts.count == 1 && options.numBeams == 1 && options.numReturnSequences == 1 else {
        throw InferenceError("a cache is kept for a single answer to a single prompt")
    }
    var options = options
    // A stop string that is a special token never shows in the text: its id ends the answer.
    options.endIds += options.stop.compactMap { stop in
        tokenizer?.id(stop).flatMap { tokenizer?.addedTokens[$0] == nil ? nil : $0 }
    }
    return try Recording.off { [options] in
        if options.numBeams > 1 { return try BeamSearch.run(prompts, model, tokenizer, options) }
        return try followed(prompts, model, tokenizer, options, cache, onToken)
    }
}

/// Throws where a prompt cannot be given to the model; `what` is what errors call it.
func check(_ prompts: [[Int]], _ model: any Model, _ what: String = "prompt") throws {
    guard model.taskType == .causalLM else {
        throw InferenceError(
            "generation needs a model with task_type CAUSAL_LM, this one has \(model.taskType?.rawValue ?? "none"); load it with { task_type = \"CAUSAL_LM\" }"
        )
    }
    guard !prompts.isEmpty else { throw InferenceError("there is no prompt") }
    let (longest, size) = (model.config.maxLength, model.config.vocabSize)
    for (place, prompt) in prompts.enumerated() {
        let name = prompts.count == 1 ? "the \(what)" : "\(what) \(place + 1)"
        guard !prompt.isEmpty else {
            throw InferenceError("\(name) is empty; give at least one token, such as the one that begins a text")
        }
        guard prompt.count <= longest else {
            throw InferenceError(
                "\(name) has \(prompt.count) tokens, but the model has positions for \(longest); shorten it")
        }
        if let wrong = prompt.first(where: { !(0..<size).contains($0) }) {
            throw InferenceError(
                "\(name) holds the id \(wrong), but the model's vocabulary has \(size); is the tokenizer the model's own?"
            )
        }
    }
}

/// One answer in the making.
private struct Answer {
    /// Place of its prompt, and its number among that prompt's answers.
    let prompt: Int, number: Int
    /// Tokens of the prompt.
    let promptLength: Int
    /// Most tokens that may be made.
    let limit: Int
    var text: AnswerText?
}

/// Greedy generation, or drawing.
private func followed(
    _ prompts: [[Int]], _ model: any Model, _ tokenizer: Tokenizer?, _ options: GenerationOptions,
    _ cache: PromptCache?, _ onToken: TokenHandler?
) throws -> [[Generation]] {
    let processors = LogitProcessors(options)
    let endIds = Set(options.endIds)
    let count = options.numReturnSequences
    var results = prompts.map { _ in [Generation?](repeating: nil, count: count) }
    var running = RunningSequences(
        model, prompts, room: options.maxNewTokens, usesCache: options.usesCache, kept: cache)
    // A prompt is run once for all of its answers.
    var logits = try running.logits()
    var rows = prompts.indices.flatMap { Array(repeating: $0, count: count) }
    try running.select(rows)
    var answers = rows.enumerated().map { place, prompt in
        Answer(
            prompt: prompt, number: place % count, promptLength: prompts[prompt].count,
            limit: options.limit(of: prompts[prompt], model),
            text: tokenizer.map { AnswerText($0, stop: options.stop) })
    }
    while true {
        let ids = try zip(answers, zip(running.tokens, rows)).map { answer, place in
            try next(answer, after: place.0, logits, row: place.1, processors, options)
        }
        running.append(ids)
        var staying: [Int] = []
        for (place, id) in ids.enumerated() {
            let answer = answers[place]
            let made = running.tokens[place].count - answer.promptLength
            let isEnd = endIds.contains(id)
            // The end id is no part of the text, special token or not.
            var piece = isEnd ? "" : try answers[place].text?.push(id) ?? ""
            var reason: FinishReason? =
                isEnd || answers[place].text?.isStopped == true ? .stop : made >= answer.limit ? .length : nil
            if reason != nil { piece += try answers[place].text?.end() ?? "" }
            if let onToken, try !onToken(piece, id, answer.prompt * count + answer.number), reason == nil {
                reason = .stop
                _ = try answers[place].text?.end()
            }
            guard let reason else {
                staying.append(place)
                continue
            }
            results[answer.prompt][answer.number] = Generation(
                tokens: Array(running.tokens[place].dropFirst(answer.promptLength)), text: answers[place].text?.text,
                finishReason: reason)
        }
        guard !staying.isEmpty else { return results.map { $0.compactMap { $0 } } }
        try running.select(staying)
        answers = staying.map { answers[$0] }
        rows = Array(staying.indices)
        logits = try running.logits()
    }
}

extension GenerationOptions {
    /// Most tokens that are made of a prompt: every token that goes through the model needs a position.
    func limit(of prompt: [Int], _ model: any Model) -> Int {
        min(maxNewTokens, model.config.maxLength - prompt.count + 1)
    }
}

/// The next token of one answer.
private func next(
    _ answer: Answer, after tokens: [Int], _ logits: Tensor, row: Int, _ processors: LogitProcessors,
    _ options: GenerationOptions
) throws -> Int {
    let scores = unsafe try logits.row(row)
    unsafe try NextToken.check(scores, row: answer.prompt, position: tokens.count)
    if processors.isEmpty { return unsafe NextToken.greatest(scores) }
    var changed = unsafe Array(scores)
    processors.apply(to: &changed, after: tokens, prompt: answer.promptLength)
    guard options.doSample else { return unsafe changed.withUnsafeBufferPointer { unsafe NextToken.greatest($0) } }
    return NextToken.drawn(
        changed,
        at: NextToken.point(
            seed: options.seed, row: answer.prompt, answer: answer.number, position: tokens.count))
}

extension Tensor {
    /// One row of a matrix, for as long as the matrix is there.
    func row(_ index: Int) throws -> UnsafeBufferPointer<Float> {
        unsafe UnsafeBufferPointer(start: try floats() + index * shape[1], count: shape[1])
    }
}
