import Inference
import LuaBridge
import Models
import Options
import Reports
import Tokenizers
import Training

/// What recipes see of models that say something of texts: `model:classify` and `model:answer`.
enum ClassifyLua {
    static var methods: [LuaMethod<ModelBox>] { [classify, answer] }

    // MARK: Classes of texts and tokens

    private static let options = OptionTable([
        Option(
            "tokenizer", .object("lorawb.Tokenizer"), "The model's tokenizer.", example: "tokenizer", required: true),
        Option(
            "top_k", .positive, default: .words("the best alone"),
            "How many classes are given of a text, the best first; each result is then a list.", example: "2"),
        Option(
            "aggregation", .oneOf(Aggregation.allCases.map(\.rawValue)), default: "none",
            "Of a model for tokens: \"none\" gives each token, \"simple\" joins neighbours of one class (B-, I-) to spans, and \"first\", \"average\", \"max\" give all tokens of a word one class before that.",
            aliases: ["aggregation_strategy"]),
        Option(
            "ignore_labels", .strings, default: .words("{ \"O\" }"), "Classes of tokens that are left out.",
            example: "{}"),
        Option(
            "is_split_into_words", .boolean, default: false,
            "Whether the texts of a model for tokens are lists of words; places are then those in the words joined by spaces."
        ),
        Option(
            "stride", .count, default: .words("long texts are cut"),
            "Of a model for tokens: texts that are longer than it takes are read in parts that share so many tokens.",
            example: "16"),
        Option(
            "max_length", .positive, default: .words("what the model takes"), "Most tokens of a text.", example: "128"),
        Option(
            "truncation_side", .oneOf(["left", "right"]), default: .words("the tokenizer's"), "Side that is cut off."),
        Option("batch_size", .positive, default: 32, "Texts at a time."),
    ])

    private static var classify: LuaMethod<ModelBox> {
        LuaMethod(
            "classify",
            "What the model says of each text: a list, in their order. Of a text or a pair { label =, label_id =, score =, scores = } with all scores by class (probabilities; of a regression the value), or with top_k a list of { label =, label_id =, score = }. Of a model for tokens a list of entities { label =, label_id =, score =, word =, text =, start =, end =, index = }, with text:sub(start, end) the entity and index its place among the ids.",
            parameters: [
                LuaParameter(
                    "texts", .either([.string, .table]),
                    "A text; or a list of texts, of pairs { text =, text_pair = }, or of lists of words."),
                LuaParameter("options", options),
            ],
            returns: "table[]",
            example:
                "for _, result in ipairs(model:classify({ \"a good film\" }, { tokenizer = tokenizer })) do print(result.label, result.score) end"
        ) { box, call in
            let given = try call.options(2, options)
            let tokenizer: TokenizerBox = try given.object("tokenizer")
            var text = TextOptions()
            text.maxLength = given.optionalInteger("max_length")
            text.truncationSide = given.choice("truncation_side")
            text.batchSize = try given.integer("batch_size")
            guard box.model.taskType == .tokenClassification else {
                try refuse(["aggregation", "ignore_labels", "is_split_into_words", "stride"], given, "TOKEN_CLS")
                let texts = try texts(call)
                let bar = Bar(texts.count, box.context)
                text.progress = bar.update
                defer { bar.end() }
                let found = try Inference.classify(
                    texts, model: box.model, tokenizer: tokenizer.tokenizer, options: text)
                let count = given.optionalInteger("top_k")
                return .list(found.map { value($0, top: count, box.model.config) })
            }
            try refuse(["top_k"], given, "SEQ_CLS")
            var tagger = try TokenTagger(box.model, tokenizer.tokenizer)
            let sources = try sources(call, areWords: try given.boolean("is_split_into_words"))
            let bar = Bar(sources.count, box.context)
            text.progress = bar.update
            defer { bar.end() }
            (tagger.options, tagger.stride) = (text, given.optionalInteger("stride"))
            tagger.aggregation =
                given.optionalString("aggregation").flatMap(Aggregation.init(rawValue:)) ?? .none
            if let ignored = given.strings("ignore_labels") { tagger.ignoredLabels = Set(ignored) }
            let found = try tagger.entities(in: sources.map(\.source))
            return .list(
                zip(found, sources).map { entities, source in .list(entities.map { value($0, source.bytes) }) })
        }
    }

    private static func refuse(_ names: [String], _ given: LuaOptions, _ task: String) throws {
        guard let name = names.first(where: given.has) else { return }
        throw LuaFault("option '\(name)' is for a model with task_type \(task)")
    }

    /// What the model says of a text, as recipes see it.
    static func value(_ result: Classification, top count: Int? = nil, _ config: ModelConfig) -> LuaValue {
        guard let count else {
            return .fields(
                "the result",
                [
                    "label": .string(result.label), "label_id": .integer(result.labelId),
                    "score": .number(result.score), "scores": .numbers(result.scores),
                ])
        }
        return .list(
            result.ranked.prefix(count).map { id in
                .fields(
                    "the result",
                    [
                        "label": .string(config.label(id)), "label_id": .integer(id),
                        "score": .number(result.scores[id]),
                    ])
            })
    }

    /// Places count from 1; `end` is the last byte.
    private static func value(_ entity: TokenEntity, _ bytes: [UInt8]) -> LuaValue {
        .fields(
            "the entity",
            [
                "label": .string(entity.label), "label_id": entity.labelId.map { .integer($0) } ?? .nil,
                "score": .number(entity.score), "word": .string(entity.word),
                "text": .string(String(decoding: bytes[entity.range], as: UTF8.self)),
                "start": .integer(entity.range.lowerBound + 1), "end": .integer(entity.range.upperBound),
                "index": entity.index.map { .integer($0 + 1) } ?? .nil,
                "word_id": entity.wordId.map { .integer($0 + 1) } ?? .nil,
            ])
    }

    private static func texts(_ call: borrowing LuaCall) throws -> [ClassifiedText] {
        if call.isString(1) { return [ClassifiedText(try call.string(1, "texts"))] }
        let table = try call.table(1, "texts")
        if table.count == 0, table.names?.isEmpty == false { return [try pair(table, "texts")] }
        return try table.values.enumerated().map { index, value in
            if let text = value.asString { return ClassifiedText(text) }
            let place = "text \(index + 1)"
            guard let table = value.asTable else {
                throw LuaFault("\(place) is \(value.shown), expected a text or a pair")
            }
            if let both = table.strings(), both.count == 2, table.fields.isEmpty {
                return ClassifiedText(both[0], pair: both[1])
            }
            return try pair(table, place)
        }
    }

    private static func pair(_ table: LuaTable, _ place: String) throws -> ClassifiedText {
        let pair = table["text_pair"]
        guard let text = table["text"].asString, pair.isNil || pair.asString != nil,
            table.names?.allSatisfy({ ["text", "text_pair"].contains($0) }) == true
        else { throw LuaFault("\(place): expected a text, or a pair { text = \"…\", text_pair = \"…\" }") }
        return ClassifiedText(text, pair: pair.asString)
    }

    private static func sources(_ call: borrowing LuaCall, areWords: Bool) throws -> [(
        source: TokenTagger.Source, bytes: [UInt8]
    )] {
        guard areWords else {
            return try call.strings(1, "texts").map { (.text($0), Array($0.utf8)) }
        }
        let table = try call.table(1, "texts")
        guard let lists = table.stringLists() ?? table.strings().map({ [$0] }) else {
            throw LuaFault("texts expected as lists of words, since is_split_into_words is set")
        }
        return lists.map { (.words($0), Array($0.joined(separator: " ").utf8)) }
    }

    // MARK: Answers

    private static let answerOptions = OptionTable([
        Option(
            "tokenizer", .object("lorawb.Tokenizer"), "The model's tokenizer.", example: "tokenizer", required: true),
        Option(
            "top_k", .positive, default: .words("the best alone"), "How many answers are given, as a list.",
            example: "3"),
        Option(
            "max_length", .positive, default: 384,
            "Most tokens of question and context; longer contexts are read in parts.",
            aliases: ["max_seq_len"]),
        Option(
            "doc_stride", .count, default: 128, "Tokens that the parts of a long context share.", aliases: ["stride"]),
        Option(
            "max_answer_length", .positive, default: 30, "Most tokens of an answer.", aliases: ["max_answer_len"]),
        Option("n_best_size", .positive, default: 20, "Answers over which scores are a distribution."),
        Option(
            "handle_impossible_answer", .boolean, default: false,
            "Whether the text may hold no answer, as in SQuAD 2: the answer is then \"\"."),
        Option(
            "null_score_diff_threshold", .number, default: 0,
            "How much better no answer must be than the best one to be given."),
        Option("batch_size", .positive, default: 32, "Rows at a time."),
    ])

    private static var answer: LuaMethod<ModelBox> {
        LuaMethod(
            "answer",
            "Answers to questions about texts, cut from them: { answer =, score =, start =, end =, logit = } for each, with context:sub(start, end) the answer and score its share among the n_best_size best; with top_k a list of these. A row gives one, a list of rows or a data set a list.",
            parameters: [
                LuaParameter(
                    "questions", .either([.table, .object("lorawb.Dataset")]),
                    "{ question =, context = }, a list of these, or a data set with these columns."),
                LuaParameter("options", answerOptions),
            ], returns: "table",
            example:
                "local reader = lorawb.load_model(\"tiny\", { task_type = \"QUESTION_ANS\" })\nprint(reader:answer({ question = \"what film\", context = \"a good film\" }, { tokenizer = tokenizer }).answer)"
        ) { box, call in
            let given = try call.options(2, answerOptions)
            let tokenizer: TokenizerBox = try given.object("tokenizer")
            var answerer = try Answerer(box.model, tokenizer.tokenizer)
            answerer.windows = try windows(given)
            answerer.batchSize = try given.integer("batch_size")
            answerer.maxAnswerLength = try given.integer("max_answer_length")
            answerer.bestCount = try given.integer("n_best_size")
            answerer.mayBeUnanswerable = try given.boolean("handle_impossible_answer")
            answerer.nullThreshold = try given.number("null_score_diff_threshold")
            let count = given.optionalInteger("top_k")
            let (questions, isOne) = try questions(call)
            let bar = Bar(questions.count, box.context)
            answerer.progress = bar.update
            defer { bar.end() }
            let found = try answerer.answers(to: questions).map { answers -> LuaValue in
                guard let count else { return answers.first.map(value) ?? .nil }
                return .list(answers.prefix(count).map(value))
            }
            return isOne ? .value(found[0]) : .list(found)
        }
    }

    private static func value(_ answer: FoundAnswer) -> LuaValue {
        .fields(
            "the answer",
            [
                "answer": .string(answer.text), "score": .number(answer.score), "logit": .number(answer.logit),
                "start": .integer(answer.range.lowerBound + 1), "end": .integer(answer.range.upperBound),
            ])
    }

    /// How long contexts are cut.
    static func windows(_ given: LuaOptions) throws -> AnswerWindows {
        var windows = AnswerWindows()
        (windows.maxLength, windows.docStride) = (try given.integer("max_length"), try given.integer("doc_stride"))
        return windows
    }

    private static func questions(_ call: borrowing LuaCall) throws -> (rows: [AskedText], isOne: Bool) {
        if let box = try call.value(1).asObject(DatasetBox.self) {
            return (
                try (0..<box.dataset.count).map { row in
                    try named("row \(row + 1)") {
                        try AnswerFeatures.asked(box.dataset.object(row: row))
                    }
                }, false
            )
        }
        let table = try call.table(1, "questions")
        if table.count == 0, table.names?.isEmpty == false {
            return ([try named("questions") { try asked(table) }], true)
        }
        return (
            try table.values.enumerated().map { index, value in
                guard let row = value.asTable else {
                    throw LuaFault("question \(index + 1) is \(value.shown), expected { question =, context = }")
                }
                return try named("question \(index + 1)") { try asked(row) }
            }, false
        )
    }

    private static func asked(_ table: LuaTable) throws -> AskedText {
        guard let question = table["question"].asString, let context = table["context"].asString else {
            throw LuaFault("expected { question = \"…\", context = \"…\" }")
        }
        return AskedText(question: question, context: context)
    }

    private static func named<Result>(_ place: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as InferenceError { throw LuaFault("\(place): \(error)") } catch let
            error
            as LuaFault
        { throw LuaFault("\(place): \(error)") }
    }

    // MARK: Progress

    /// Says how far a call on many texts is, on a terminal, and lets it be stopped.
    private final class Bar {
        private let bar: ProgressBar
        private let count: Int
        /// What is done at once needs no bar.
        private let start = ContinuousClock.now + .milliseconds(500)

        init(_ count: Int, _ context: RecipeContext) {
            self.count = count
            bar = context.progressBar()
        }

        func update(_ done: Int) throws {
            try LuaInterrupt.check()
            if ContinuousClock.now > start { bar.evaluating(done: done, of: count) }
        }

        func end() { bar.end() }
    }
}
