import Adapters
import Formats
import Foundation
import Models
import TestSupport
import Testing
import Tokenizers

@testable import Inference

@Test("greedy and beam search give transformers' tokens", arguments: [false, true])
func goldenTokens(usesCache: Bool) throws {
    let goldens = try GenerationGoldens()
    let models = ["llama": try goldens.model("llama"), "phi3": try goldens.model("phi3")]
    var count = 0
    for run in goldens.runs {
        let model = try #require(models[run.model])
        var options = GenerationOptions(run.options)
        options.usesCache = usesCache
        let prompt = try goldens.prompts(run.model)[run.prompt]
        let found = try generate([prompt], model: model, options: options)
        #expect(found[0].map(\.tokens) == run.sequences, "\(run.model) \(run.prompt) \(run.options.compact())")
        count += 1
    }
    #expect(count > 80)
}

@Test("prompts of different lengths in one batch give what each gives alone", arguments: [false, true])
func batchedTokens(usesCache: Bool) throws {
    let goldens = try GenerationGoldens()
    for name in ["llama", "phi3"] {
        let (model, prompts) = (try goldens.model(name), try goldens.prompts(name))
        for options in Set(goldens.runs.filter { $0.model == name }.map { $0.options.compact() }) {
            let runs = goldens.runs.filter { $0.model == name && $0.options.compact() == options }
            guard runs.count > 1 else { continue }
            var generation = GenerationOptions(runs[0].options)
            generation.usesCache = usesCache
            let found = try generate(runs.map { prompts[$0.prompt] }, model: model, options: generation)
            for (run, answers) in zip(runs, found) {
                #expect(answers.map(\.tokens) == run.sequences, "\(name) \(run.prompt) \(options)")
            }
        }
    }
}

@Test("logit processors keep the tokens that transformers' keep, with the same scores")
func goldenProcessors() throws {
    let goldens = try GenerationGoldens()
    let file = try SafetensorsFile(goldens.folder, "processors.safetensors")
    let (scores, expected) = (try file.floats("scores"), try file.floats("result"))
    let rows = try #require(goldens.json["processors"]?.array)
    let width = scores.count / rows.count
    for (index, row) in rows.enumerated() {
        var options = GenerationOptions(row["options"] ?? .null)
        options.doSample = true
        var found = Array(scores[index * width..<(index + 1) * width])
        let tokens = row["tokens"]?.array?.compactMap(\.int) ?? []
        LogitProcessors(options).apply(to: &found, after: tokens, prompt: try #require(row["prompt_length"]?.int))
        let wanted = Array(expected[index * width..<(index + 1) * width])
        let name = row["options"]?.compact() ?? ""
        #expect(found.map { $0 == -.infinity } == wanted.map { $0 == -.infinity }, "\(index) \(name)")
        // One float32 division or product each.
        for (a, b) in zip(found, wanted) where b > -.infinity {
            #expect(abs(a - b) <= 1e-6 * max(1, abs(b)), "\(name)")
        }
    }
}

@Test("scores are transformers' log-probabilities")
func goldenScores() throws {
    let goldens = try GenerationGoldens()
    let model = try goldens.model("llama")
    let expected = try #require(goldens.json["scores"]?.array)
    for (prompt, list) in zip(try goldens.prompts("llama"), expected) {
        let found = try score(prompt, model: model)
        let wanted = list.array?.compactMap(\.double) ?? []
        #expect(found.tokens == Array(prompt.dropFirst()))
        #expect(found.logProbabilities.count == wanted.count)
        // DESIGN's bound of logits.
        for (a, b) in zip(found.logProbabilities, wanted) { #expect(abs(a - b) <= 1e-4 * max(1, abs(b))) }
    }
}

@Test(
    "beams are transformers' with an adapter active, for each family that has its own attention",
    arguments: ["llama-causal", "gemma2-causal", "gpt2-causal"])
func goldenBeams(name: String) throws {
    let golden = try Golden(name)
    let model = try loadModel(golden.base, LoadOptions(taskType: .causalLM)).model
    try AdapterSet(model: model).load(golden.folder.subfolder("adapter"))
    let json = try #require(golden.json["generation"])
    func lists(_ json: JSON?) throws -> [[Int]] {
        try #require(json?.array).map { try #require($0.array).compactMap(\.int) }
    }
    let prompts = try lists(json["prompts"])
    let beams = try #require(json["beams"]?.array)
    var options = GenerationOptions()
    options.numBeams = try #require(json["num_beams"]?.int)
    options.numReturnSequences = options.numBeams
    options.maxNewTokens = 20
    #expect(prompts.count == 3 && options.numBeams == 4)
    for usesCache in [false, true] {
        options.usesCache = usesCache
        for (prompt, expected) in zip(prompts, beams) {
            let found = try generate([prompt], model: model, options: options)
            #expect(found[0].map(\.tokens) == (try lists(expected)), "cached: \(usesCache)")
        }
        // All prompts at once, of different lengths.
        let together = try generate(prompts, model: model, options: options)
        #expect(try together.map { $0.map(\.tokens) } == beams.map { try lists($0) })
    }
}

private let stories = Golden.packageRoot + "/../shared/weights/stories260K"
private let hasStories = (try? Folder(path: stories)) != nil

/// greedy_expected_ids.json is what llama2.c and transformers give of the token that begins a text.
@Test(
    "stories260K gives transformers' 256 greedy tokens",
    .enabled(if: hasStories, "shared/weights/stories260K is not there"), arguments: [false, true])
func storiesTokens(usesCache: Bool) throws {
    let folder = try Folder(path: stories)
    let model = try loadModel(folder, LoadOptions(taskType: .causalLM)).model
    let expected = try JSON(parsing: folder.read("greedy_expected_ids.json"), source: "greedy_expected_ids.json")
    let ids = try #require(expected.array).compactMap(\.int)
    var options = GenerationOptions()
    (options.maxNewTokens, options.usesCache) = (256, usesCache)
    let found = try generate([[ids[0]]], model: model, options: options)
    #expect(ids.count == 257 && found[0][0].tokens == Array(ids.dropFirst()))
    let text = try Tokenizer.load(from: folder).decode(found[0][0].tokens, skipSpecialTokens: true)
    #expect(text.hasPrefix("Once upon a time, there was a little girl named Lily."), "\(text.prefix(80))")
}

private let smolLM2 = ProcessInfo.processInfo.environment["LORAWB_SMOLLM2"]

@Test(
    "SmolLM2 gives transformers' 40 greedy tokens of eight prompts of different lengths in one batch",
    .enabled(if: smolLM2 != nil, "LORAWB_SMOLLM2 names no GGUF file"))
func smolLM2Tokens() throws {
    let url = URL(fileURLWithPath: try #require(smolLM2))
    let folder = try Folder(path: url.deletingLastPathComponent().path)
    let model = try loadModel(folder, gguf: url.lastPathComponent, LoadOptions(taskType: .causalLM)).model
    let goldens = try JSON(parsing: Folder(path: Golden.root).read("smollm2.json"), source: "smollm2.json")
    let prompts = try #require(goldens["prompts"]?.array)
    func ids(_ key: String) -> [[Int]] { prompts.map { $0[key]?.array?.compactMap(\.int) ?? [] } }
    var options = GenerationOptions()
    options.maxNewTokens = 40
    let found = try generate(ids("ids"), model: model, options: options)
    #expect(found.map { $0[0].tokens } == ids("greedy"))
}
