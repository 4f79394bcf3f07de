import Formats
import Foundation
import Inference
import Models
import TestSupport
import Testing
import Tokenizers

/// Tests/Goldens/generation: what transformers generates with two tiny decoders (scripts/goldens/generation.py).
struct GenerationGoldens {
    let folder: Folder
    let json: JSON

    init() throws {
        folder = try Folder(path: "\(Golden.root)/generation")
        json = try JSON(parsing: folder.read("generation.json"), source: "generation.json")
    }

    func model(_ name: String) throws -> any Model {
        try loadModel(folder.subfolder(name), LoadOptions(taskType: .causalLM)).model
    }

    func tokenizer() throws -> Tokenizer { try Tokenizer.load(from: folder.subfolder("llama")) }

    /// Ids of the prompts for a model.
    func prompts(_ model: String) throws -> [[Int]] {
        let lists = try #require(json["prompts"]?[model]?.array)
        return lists.map { $0.array?.compactMap(\.int) ?? [] }
    }

    var runs: [Run] { json["runs"]?.array?.map(Run.init) ?? [] }

    /// One call of transformers' `generate`.
    struct Run {
        let model: String
        let prompt: Int
        let options: JSON
        let sequences: [[Int]]

        init(_ json: JSON) {
            (model, prompt) = (json["model"]?.string ?? "", json["prompt"]?.int ?? -1)
            options = json["options"] ?? .null
            sequences = json["sequences"]?.array?.map { $0.array?.compactMap(\.int) ?? [] } ?? []
        }
    }
}

extension GenerationOptions {
    /// Options by transformers' names; those of the goldens alone.
    init(_ json: JSON) {
        self.init()
        maxNewTokens = 24
        for (name, value) in json.object ?? [:] {
            switch name {
            case "max_new_tokens": maxNewTokens = value.int ?? 0
            case "min_new_tokens": minNewTokens = value.int ?? 0
            case "temperature": temperature = value.double
            case "top_k": topK = value.int
            case "top_p": topP = value.double
            case "min_p": minP = value.double
            case "typical_p": typicalP = value.double
            case "repetition_penalty": repetitionPenalty = value.double ?? 0
            case "no_repeat_ngram_size": noRepeatNgramSize = value.int ?? 0
            case "num_beams": numBeams = value.int ?? 0
            case "num_return_sequences": numReturnSequences = value.int ?? 0
            case "length_penalty": lengthPenalty = value.double ?? 0
            case "early_stopping": earlyStopping = value.bool.map { $0 ? .yes : .no } ?? .never
            case "eos_token_id": endIds = value.array?.compactMap(\.int) ?? value.int.map { [$0] } ?? []
            default: Issue.record("option '\(name)' of a golden")
            }
        }
    }
}
