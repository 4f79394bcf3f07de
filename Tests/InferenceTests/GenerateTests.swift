import Formats
import Foundation
import Models
import TestSupport
import Testing
import Tokenizers

@testable import Inference

/// A small model with its tokenizer.
struct Fixture {
    let model: any Model
    let tokenizer: Tokenizer
    let prompts: [[Int]]
    /// Whether the cache is used.
    static let usesCache = true

    init() throws {
        let goldens = try GenerationGoldens()
        (model, tokenizer) = (try goldens.model("llama"), try goldens.tokenizer())
        prompts = try goldens.prompts("llama")
    }

    func options(_ change: (inout GenerationOptions) -> Void = { _ in }) -> GenerationOptions {
        var options = GenerationOptions()
        (options.maxNewTokens, options.usesCache) = (24, Fixture.usesCache)
        change(&options)
        return options
    }
}

@Test("what is drawn depends on seed, row and position alone")
func drawing() throws {
    let fixture = try Fixture()
    let options = fixture.options { ($0.doSample, $0.temperature, $0.seed) = (true, 1.5, 7) }
    let alone = try generate([fixture.prompts[0]], model: fixture.model, options: options)[0][0]
    let together = try generate(fixture.prompts, model: fixture.model, options: options)
    #expect(together[0][0] == alone)
    // Another answer to the same prompt, another row and another seed draw otherwise.
    var several = options
    several.numReturnSequences = 3
    let answers = try generate([fixture.prompts[0]], model: fixture.model, options: several)[0]
    #expect(answers[0] == alone)
    #expect(Set(answers.map(\.tokens)).count == 3)
    let twice = try generate([fixture.prompts[0], fixture.prompts[0]], model: fixture.model, options: options)
    #expect(twice[1][0] != alone)
    var other = options
    other.seed = 8
    #expect(try generate([fixture.prompts[0]], model: fixture.model, options: other)[0][0] != alone)
    #expect(try generate(fixture.prompts, model: fixture.model, options: options) == together)
}

@Test("tokens are drawn as often as their probabilities say")
func frequencies() {
    let scores: [Float] = [0, -.infinity, 1, 2, -1]
    let powers = LogitProcessors.softmax(scores).map(Double.init)
    var counts = Array(repeating: 0, count: scores.count)
    let draws = 20_000
    for position in 0..<draws {
        counts[NextToken.drawn(scores, at: NextToken.point(seed: 3, row: 0, answer: 0, position: position))] += 1
    }
    #expect(counts[1] == 0)
    // Five standard deviations of a binomial.
    for (count, p) in zip(counts, powers) {
        #expect(abs(Double(count) - Double(draws) * p) < 5 * (Double(draws) * p * (1 - p)).squareRoot() + 1)
    }
}

@Test("pieces that are streamed make up the text, token by token")
func streaming() throws {
    let fixture = try Fixture()
    var (pieces, ids) = ([Int: String](), [Int: [Int]]())
    let found = try generate(
        fixture.prompts, model: fixture.model, tokenizer: fixture.tokenizer,
        options: fixture.options { $0.endIds = [181] }
    ) { piece, id, place in
        pieces[place, default: ""] += piece
        ids[place, default: []].append(id)
        return true
    }
    for (place, answers) in found.enumerated() {
        #expect(answers[0].text == pieces[place])
        #expect(answers[0].tokens == ids[place])
        let shown = answers[0].tokens.filter { $0 != 181 }
        #expect(try fixture.tokenizer.decode(shown, skipSpecialTokens: true) == answers[0].text)
    }
    var calls = 0
    let stopped = try generate([fixture.prompts[0]], model: fixture.model, options: fixture.options()) { _, _, _ in
        calls += 1
        return calls < 3
    }
    #expect(stopped[0][0].tokens.count == 3)
    #expect(stopped[0][0].finishReason == .stop)
    #expect(stopped[0][0].text == nil)
}

@Test("answers end at end ids, stop strings and their length, and say which")
func ending() throws {
    let fixture = try Fixture()
    func answer(_ change: (inout GenerationOptions) -> Void) throws -> Generation {
        try generate(
            [fixture.prompts[0]], model: fixture.model, tokenizer: fixture.tokenizer, options: fixture.options(change))[
                0][0]
    }
    let whole = try answer { $0.endIds = [] }
    #expect(whole.finishReason == .length)
    #expect(whole.tokens.count == 24)
    let text = try #require(whole.text)
    // A stop string across the border of two tokens.
    let pieces = try whole.tokens.map { try fixture.tokenizer.decode([$0], skipSpecialTokens: true) }
    let place = try #require(
        (2..<20).first {
            pieces[$0].count == 1 && pieces[$0 + 1].count == 1 && pieces[$0] != "\u{FFFD}"
                && pieces[$0 + 1] != "\u{FFFD}"
        })
    let stop = pieces[place] + pieces[place + 1]
    let cut = try answer { $0.stop = ["never found", stop] }
    #expect(cut.finishReason == .stop)
    let range = try #require(text.range(of: stop))
    #expect(cut.text == String(text[..<range.lowerBound]))
    #expect(whole.tokens.starts(with: cut.tokens))
    let one = try answer { $0.maxNewTokens = 1 }
    #expect(one.tokens == Array(whole.tokens.prefix(1)))
    // The model's positions end first.
    let most = try answer { $0.maxNewTokens = 1000 }
    #expect(most.tokens.count == 96 - fixture.prompts[0].count + 1)
    #expect(most.finishReason == .length)
    // In beam search as well.
    let beam = try answer { ($0.numBeams, $0.maxNewTokens) = (2, 12) }
    let second = try answer { ($0.numBeams, $0.maxNewTokens, $0.endIds) = (2, 12, [beam.tokens[3]]) }
    #expect(second.finishReason == .stop || second.tokens.count == 12)
}

@Test("texts at which an answer ends are found in pieces of any size")
func stopStrings() {
    let text = "one two\nthree two\n\nfour — fünf"
    for stops in [["\n\n"], ["two", "three"], ["ünf"], ["nothing"], ["e two\n\nf", "o\n\n"], ["—"]] {
        let ends = stops.compactMap { text.range(of: $0) }
        let first = ends.min { ($0.upperBound, $0.lowerBound) < ($1.upperBound, $1.lowerBound) }
        let wanted = String(text[..<(first?.lowerBound ?? text.endIndex)])
        for size in 1...7 {
            var (finder, found, rest) = (StopStrings(stops), "", Substring(text))
            while !rest.isEmpty {
                found += finder.push(String(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            found += finder.end()
            #expect(found == wanted, "\(stops) by \(size)")
            #expect(finder.isFound == !ends.isEmpty)
        }
    }
}

@Test("choices get the sums of their tokens' log-probabilities")
func choices() throws {
    let fixture = try Fixture()
    let (prompt, choices) = (fixture.prompts[0], [[5], [9, 14, 40], [7, 8], [181, 3, 3, 3]])
    let found = try scores(of: choices, after: prompt, model: fixture.model, usesCache: Fixture.usesCache)
    for (choice, sum) in zip(choices, found) {
        let whole = try score(prompt + choice, model: fixture.model)
        // Float32 sums in another order.
        #expect(abs(whole.logProbabilities.suffix(choice.count).reduce(0, +) - sum) < 1e-4)
    }
    let means = try scores(
        of: choices, after: prompt, model: fixture.model, normalizes: true, usesCache: Fixture.usesCache)
    for ((sum, mean), choice) in zip(zip(found, means), choices) {
        #expect(abs(sum / Double(choice.count) - mean) < 1e-5)
    }
    #expect(throws: InferenceError.self) { try scores(of: [[]], after: prompt, model: fixture.model) }
}

@Test("what cannot be generated is refused in one line that says why")
func refusals() throws {
    let fixture = try Fixture()
    func refusal(_ prompts: [[Int]], _ change: @escaping (inout GenerationOptions) -> Void = { _ in }) -> String {
        do {
            _ = try generate(prompts, model: fixture.model, options: fixture.options(change))
            return "nothing"
        } catch { return "\(error)" }
    }
    let prompt = fixture.prompts[0]
    let cases: [(String, String)] = [
        (refusal([]), "there is no prompt"), (refusal([prompt, []]), "prompt 2 is empty"),
        (refusal([Array(repeating: 4, count: 97)]), "the prompt has 97 tokens, but the model has positions for 96"),
        (refusal([[1, 288]]), "holds the id 288"), (refusal([[-1]]), "holds the id -1"),
        (refusal([prompt]) { $0.topP = 2 }, "'top_p' expected a number from 0 to 1, got 2"),
        (refusal([prompt]) { $0.topP = 0.5 }, "option 'top_p' has no effect without do_sample = true"),
        (refusal([prompt]) { $0.temperature = 1 }, "option 'temperature' has no effect without do_sample = true"),
        (refusal([prompt]) { ($0.doSample, $0.temperature) = (true, 0) }, "'temperature' expected a number from 1e-06"),
        (refusal([prompt]) { ($0.doSample, $0.typicalP) = (true, .nan) }, "'typical_p' expected a number"),
        (refusal([prompt]) { $0.maxNewTokens = 0 }, "'max_new_tokens' expected an integer of at least 1"),
        (refusal([prompt]) { $0.minNewTokens = 25 }, "min_new_tokens 25 is more than max_new_tokens, 24"),
        (refusal([prompt]) { $0.numReturnSequences = 2 }, "set do_sample = true or num_beams"),
        (refusal([prompt]) { ($0.numBeams, $0.numReturnSequences) = (2, 3) }, "more than num_beams, 2"),
        (refusal([prompt]) { ($0.numBeams, $0.doSample) = (2, true) }, "is not supported"),
        (refusal([prompt]) { $0.stop = ["a"] }, "option 'stop' needs the tokenizer"),
        (refusal([prompt]) { $0.numBeams = .max }, "'num_beams' expected an integer from 1 to 1024"),
        (refusal([prompt]) { ($0.doSample, $0.numReturnSequences) = (true, .max) }, "from 1 to 1024"),
        (refusal([prompt]) { ($0.numBeams, $0.endIds) = (2, Array(0..<288)) }, "needs 578 continuations"),
    ]
    for (found, wanted) in cases {
        #expect(found.contains(wanted), "\(found)")
        #expect(!found.contains("\n"))
    }
}

@Test("logits that are not finite end the generation with the token's place")
func notFinite() throws {
    let fixture = try Fixture()
    let weights = fixture.model.namedParameters()
    let norm = try #require(weights.first { $0.name == "model.norm.weight" }?.weight)
    try norm.setRequiresGrad(true)
    try #require(norm.tensor).mutableFloats()[3] = .nan
    #expect { try generate([fixture.prompts[0]], model: fixture.model, options: fixture.options()) } throws: {
        "\($0)".contains("the logits for token \(fixture.prompts[0].count + 1) of sequence 1 are not finite")
    }
}

@Test("end ids come from generation_config.json, else from config.json")
func defaults() throws {
    let goldens = try GenerationGoldens()
    let (model, folder) = (try goldens.model("llama"), try goldens.folder.subfolder("llama"))
    #expect(try GenerationDefaults(folder, model.config).endIds == [1])
    let scratch = try Scratch()
    func write(_ text: String) throws -> GenerationDefaults {
        try scratch.folder.write("generation_config.json", text: text)
        return try GenerationDefaults(scratch.folder, model.config)
    }
    #expect(try write("{\"eos_token_id\": [5, 6], \"do_sample\": true, \"top_p\": 0.9}").endIds == [5, 6])
    #expect(try write("{\"eos_token_id\": 7, \"do_sample\": true, \"top_p\": 0.9}").ignored == ["do_sample", "top_p"])
    #expect(
        try write("{\"do_sample\": false}")
            == {
                var all = GenerationDefaults(); all.endIds = [1]; return all
            }())
    for wrong in [
        "{\"eos_token_id\": \"</s>\"}", "{\"eos_token_id\": [1, 2.5]}", "[]", "{", "{\"eos_token_id\": 1e30}",
    ] {
        #expect(throws: (any Error).self) { try write(wrong) }
    }
}

@Test("what is kept of a turn serves the next one that begins so, and no other")
func keptPrompt() throws {
    let fixture = try Fixture()
    let (first, cache) = (fixture.prompts[0], PromptCache())
    func answer(_ prompt: [Int], keeping cache: PromptCache?) throws -> Generation {
        try generate([prompt], model: fixture.model, options: fixture.options(), keeping: cache)[0][0]
    }
    let one = try answer(first, keeping: cache)
    #expect(try one == answer(first, keeping: nil))
    let count = cache.count
    #expect(count == first.count + one.tokens.count - 1)
    let next = first + one.tokens + [7, 9]
    #expect(try answer(next, keeping: cache) == answer(next, keeping: nil))
    #expect(cache.count > count)
    // Another beginning, and one that ends within what is kept.
    #expect(try answer(fixture.prompts[1], keeping: cache) == answer(fixture.prompts[1], keeping: nil))
    #expect(
        try answer(Array(fixture.prompts[1].prefix(3)), keeping: cache)
            == answer(Array(fixture.prompts[1].prefix(3)), keeping: nil))
    #expect(throws: InferenceError.self) { try generate(fixture.prompts, model: fixture.model, keeping: cache) }
}
