import Inference
import LuaBridge
import Models
import Options
import Tokenizers

/// What recipes see of text that a model makes: `generate` and `score`.
enum GenerateLua {
    static let options = OptionTable(
        [
            Option(
                "prompt", .strings, "The text to go on with; for a list of texts a list is given.",
                example: "\"Once upon a time\"", aliases: ["prompts"]),
            Option(
                "messages", .table,
                "A conversation that the model is to answer, by the tokenizer's chat template; for a list of conversations a list is given.",
                example: "{ { role = \"user\", content = \"Who are you?\" } }"),
            Option(
                "input_ids", .table, "Ids to go on with, in place of a text; for a list of lists a list is given.",
                example: "{ 1, 5, 6 }"),
            Option(
                "tokenizer", .object("lorawb.Tokenizer"),
                "The model's tokenizer; without it there are ids and no text.",
                example: "tokenizer"),
            Option("max_new_tokens", .positive, default: 256, "Most tokens that are made."),
            Option("min_new_tokens", .count, default: 0, "Tokens before which no end is taken."),
            Option(
                "do_sample", .boolean, default: false,
                "Whether tokens are drawn by their probabilities; else the most probable one is taken."),
            Option(
                "temperature", .number(NumberRange(1e-6, 1e6)), default: .words("1"),
                "What logits are divided by before tokens are drawn.", example: "0.7"),
            Option(
                "top_k", .count, default: .words("50"),
                "How many of the most probable tokens are drawn from; 0 for all.",
                example: "40"),
            Option(
                "top_p", .number(.unit), default: .words("1"),
                "The most probable tokens that together reach this probability are drawn from.", example: "0.9"),
            Option(
                "min_p", .number(.unit), "Tokens of at least this share of the greatest probability are drawn from.",
                example: "0.05"),
            Option(
                "typical_p", .number(NumberRange(0, 1, withoutLowest: true)), default: .words("1"),
                "The tokens nearest to the expected information that reach this probability are drawn from.",
                example: "0.95"),
            Option(
                "repetition_penalty", .number(NumberRange(1e-6, 1e6)), default: 1,
                "What logits of tokens that came before are divided by, or multiplied with below 0.", example: "1.1"),
            Option("no_repeat_ngram_size", .count, default: 0, "No run of so many tokens comes twice; 0 allows all."),
            Option(
                "num_beams", .integer(1...GenerationOptions.mostSequences), default: 1,
                "Sequences that are followed at once; above 1 it is beam search."),
            Option(
                "length_penalty", .number(NumberRange(-100, 100)), default: 1,
                "Exponent of the length by which a beam's score is divided.", example: "1.0"),
            Option(
                "early_stopping", .either([.boolean, .oneOf(["never"])]), default: false,
                "Whether beam search ends as soon as num_beams beams have; \"never\" before none can become better."),
            Option(
                "num_return_sequences", .integer(1...GenerationOptions.mostSequences), default: 1,
                "Answers of each prompt; above 1 a list is given."),
            Option(
                "stop", .strings, "Texts at which an answer ends, and which are no part of it.",
                example: "{ \"\\n\\n\" }",
                aliases: ["stop_strings"]),
            Option(
                "eos_token_id", .either([.integer(0...1 << 24), .integers(0...1 << 24), .boolean]),
                default: .words("as the model's folder says"), "Ids at which an answer ends; false never ends.",
                example: "2"),
            Option("seed", .integer, default: .words("the run's"), "Seed of what is drawn.", example: "7"),
            Option(
                "on_token", .function("fun(piece: string, id: integer, place: integer): boolean?"),
                "Called with each token as it comes: the text that is certain now, the id, the answer's place; false ends the answer.",
                example: "function(piece) print(piece) end"),
            Option(
                "choices", .strings,
                "Answers to choose from: { choice =, index =, scores = } is given, and nothing made.",
                example: "{ \" yes\", \" no\" }"),
            Option(
                "length_normalize", .boolean, default: false,
                "Whether the score of a choice is the mean over its tokens, not their sum."),
        ],
        refused: [
            "max_length": "counts the prompt's tokens too; say max_new_tokens", "streamer": "is called on_token here",
            "min_length": "counts the prompt's tokens too; say min_new_tokens",
            "pad_token_id": "is not needed: batches are never padded",
            "attention_mask": "is not needed: give lists of ids of any lengths",
            "num_beam_groups": "is not supported", "penalty_alpha": "is not supported",
            "bad_words_ids": "is not supported",
            "assistant_model": "is not supported", "epsilon_cutoff": "is not supported",
            "eta_cutoff": "is not supported",
        ],
        inert: ["use_cache": InertOption([true], "keys and values are always kept")])

    private static let scoreOptions = OptionTable([
        Option(
            "tokenizer", .object("lorawb.Tokenizer"), "The model's tokenizer.", example: "tokenizer", required: true)
    ])

    /// Options that only concern what is made, with which choices have nothing to do.
    private static let making = [
        "max_new_tokens", "min_new_tokens", "do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p",
        "repetition_penalty", "no_repeat_ngram_size", "num_beams", "length_penalty", "early_stopping",
        "num_return_sequences", "stop", "eos_token_id", "seed", "on_token",
    ]

    static var methods: [LuaMethod<ModelBox>] {
        [
            LuaMethod(
                "generate",
                "Goes on with a text, answers a conversation, or chooses of given answers: { tokens =, text =, finish_reason = \"stop\" or \"length\" }.",
                parameters: [LuaParameter("options", options)], returns: "table",
                example:
                    "print(lm:generate { prompt = \"The quick\", tokenizer = lm_tokenizer, max_new_tokens = 8 }.text)"
            ) { box, call in try run(box, try call.options(1, options)) },
            LuaMethod(
                "score",
                "How probable the model finds a text: { tokens =, logprobs =, sum = } of its tokens behind the first.",
                parameters: [
                    LuaParameter("text", .strings, "The text; for a list of texts a list is given."),
                    LuaParameter("options", scoreOptions),
                ], returns: "table",
                example: "print(lm:score(\"The quick brown fox\", { tokenizer = lm_tokenizer }).sum)"
            ) { box, call in
                let options = try call.options(2, scoreOptions)
                let tokenizer: TokenizerBox = try options.object("tokenizer")
                let isSingle = call.isString(1)
                let texts = isSingle ? [try call.string(1, "text")] : try call.strings(1, "text")
                let results = try texts.map { text -> LuaValue in
                    let scores = try score(try tokenizer.tokenizer.ids(text), model: box.model)
                    return .fields(
                        "the scores",
                        [
                            "tokens": .integers(scores.tokens), "logprobs": .numbers(scores.logProbabilities),
                            "sum": .number(scores.sum),
                        ])
                }
                return isSingle ? .value(results[0]) : .list(results)
            },
        ]
    }

    // MARK: Running

    private static func run(_ box: ModelBox, _ options: LuaOptions) throws -> LuaReturn {
        let prompts = try Prompts(options)
        if let choices = options.strings("choices") { return try choose(box, options, prompts, choices) }
        if options.has("length_normalize") { throw LuaFault("option 'length_normalize' has no effect without choices") }
        let generation = try settings(box, options)
        let callback = options.function("on_token")
        let onToken = callback.map { callback -> TokenHandler in
            { piece, id, place in
                let answer = try callback.call([.string(piece), .integer(id), .integer(place + 1)]).first ?? .nil
                return answer.asBoolean != false
            }
        }
        let results = try generate(
            prompts.ids, model: box.model, tokenizer: prompts.tokenizer, options: generation, onToken: onToken)
        let lists = results.map { answers -> LuaValue in
            let values = answers.map { answer -> LuaValue in
                .fields(
                    "the generation",
                    [
                        "tokens": .integers(answer.tokens), "text": answer.text.map { .string($0) } ?? .nil,
                        "finish_reason": .string(answer.finishReason.rawValue),
                    ])
            }
            return generation.numReturnSequences > 1 ? .list(values) : values[0]
        }
        return prompts.isSingle ? .value(lists[0]) : .list(lists)
    }

    /// The options as the engine takes them; what the model's folder says of drawing is not taken, which is said once.
    static func settings(_ box: ModelBox, _ options: LuaOptions) throws -> GenerationOptions {
        var settings = GenerationOptions()
        settings.maxNewTokens = try options.integer("max_new_tokens")
        settings.minNewTokens = try options.integer("min_new_tokens")
        settings.doSample = try options.boolean("do_sample")
        settings.temperature = options["temperature"]?.asNumber
        settings.topK = options["top_k"]?.asInteger
        settings.topP = options["top_p"]?.asNumber
        settings.minP = options["min_p"]?.asNumber
        settings.typicalP = options["typical_p"]?.asNumber
        settings.repetitionPenalty = try options.number("repetition_penalty")
        settings.noRepeatNgramSize = try options.integer("no_repeat_ngram_size")
        settings.numBeams = try options.integer("num_beams")
        settings.lengthPenalty = try options.number("length_penalty")
        switch options["early_stopping"] {
        case .boolean(let flag)?: settings.earlyStopping = flag ? .yes : .no
        case .string?: settings.earlyStopping = .never
        default: break
        }
        settings.numReturnSequences = try options.integer("num_return_sequences")
        settings.stop = options.strings("stop") ?? []
        settings.endIds = try endIds(box, options)
        settings.seed = options["seed"]?.asInteger.map { UInt64(bitPattern: Int64($0)) } ?? box.context.seed
        // What names no length goes as far as it does where nothing is said.
        if !options.has("max_new_tokens") { settings.maxNewTokens = max(settings.maxNewTokens, settings.minNewTokens) }
        box.sayDefaults()
        return settings
    }

    private static func endIds(_ box: ModelBox, _ options: LuaOptions) throws -> [Int] {
        switch options["eos_token_id"] {
        case nil: return box.generation.endIds
        case .boolean(false)?: return []
        case .table(let table)?: return table.integers()?.map(Int.init) ?? []
        case let value?:
            guard let id = value.asInteger else {
                throw options.error("eos_token_id", expected: "an id, a list of ids, or false")
            }
            return [id]
        }
    }

    /// Scores of given answers, for each prompt.
    private static func choose(
        _ box: ModelBox, _ options: LuaOptions, _ prompts: Prompts, _ choices: [String]
    ) throws -> LuaReturn {
        if let wrong = making.first(where: { options[$0] != nil }) {
            throw LuaFault("option '\(wrong)' has no effect with choices: nothing is made")
        }
        guard !choices.isEmpty else { throw LuaFault("option 'choices' is empty") }
        let results = try prompts.ids.indices.map { place -> LuaValue in
            let values = try scores(
                of: try prompts.continuations(choices, of: place), after: prompts.ids[place], model: box.model,
                normalizes: try options.boolean("length_normalize"))
            let best = values.indices.max { values[$0] < values[$1] } ?? 0
            return .fields(
                "the choice",
                ["choice": .string(choices[best]), "index": .integer(best + 1), "scores": .numbers(values)])
        }
        return prompts.isSingle ? .value(results[0]) : .list(results)
    }
}

extension ModelBox {
    /// Says once that what the model's folder says of drawing tokens is not taken.
    func sayDefaults() {
        guard !generation.ignored.isEmpty else { return }
        context.output.print(
            "\(name): generation_config.json's \(generation.ignored.joined(separator: ", ")) are not taken; generate is greedy unless told otherwise"
        )
        generation.ignored = []
    }
}
