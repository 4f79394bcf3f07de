import Adapters
import Formats
import Inference
import Kernels
import LuaBridge
import Models
import Options
import Tensors
import Training

/// A whole model as an object that recipes hold.
final class ModelBox: ModuleBox {
    let model: any Model
    /// What the recipe called it.
    let name: String
    /// Whether dropout acts in the passes that the recipe makes; a trainer's passes are its own.
    var isTraining = false
    /// What its folder says of how it generates.
    var generation = GenerationDefaults()
    /// Where it was loaded from.
    var origin: ModelOrigin?
    /// The batch that a trainer is at, while a loss of the recipe's own is computed.
    var batch: TrainedBatch?
    private let ownClock: StepClock

    override var clock: StepClock? { ownClock }

    init(_ model: any Model, name: String, baseName: String, context: RecipeContext) {
        (self.model, self.name, ownClock) = (model, name, StepClock(seed: context.seed))
        super.init(model, context: context, baseName: baseName)
    }

    /// Runs the model: on the batch of the trainer that asks, else on the next rows of the recipe's own loop.
    func run(_ input: ModelInput) throws -> ModelOutput {
        let count = input.inputIds.count
        let draws = batch != nil ? batch?.draws(count) : isTraining ? ownClock.draws(count) : nil
        return try model.forward(
            input, Pass(over: input, draws: draws, checkpointing: batch?.context.checkpointing))
    }
}

/// The batch that a trainer is at, and which of its rows went through the model.
///
/// Passes over parts of the batch take its rows in turn, and begin anew behind the last: a second pass over all of them draws
/// what the first drew.
struct TrainedBatch {
    let context: StepContext
    let rows: Int
    private var next = 0

    init(_ context: StepContext, rows: Int) { (self.context, self.rows) = (context, rows) }

    mutating func draws(_ count: Int) -> DropoutDraws? {
        let places = (0..<count).map { (next + $0) % max(1, rows) }
        next = (next + count) % max(1, rows)
        return context.draws(count, rows: places)
    }
}

/// What recipes see of models: the type `lorawb.Model` and `lorawb.load_model`.
enum ModelLua {
    static let loadOptions = OptionTable(
        [
            Option(
                "task_type", .oneOf(TaskType.allCases.map(\.rawValue)),
                default: .words("CAUSAL_LM for a .gguf file, else a bare model"),
                "Task by PEFT's name; FEATURE_EXTRACTION is a bare model too.", example: "\"SEQ_CLS\""),
            Option(
                "num_labels", .integer(1...1 << 24), default: .words("as config.json says"),
                "Classes or outputs of the head.", example: "3"),
            Option(
                "id2label", .table, "Names of the classes by id, from 0.",
                example: "{ [0] = \"negative\", [1] = \"positive\" }"),
            Option(
                "problem_type", .oneOf(ModelConfig.ProblemType.allCases.map(\.rawValue)),
                default: .words("by num_labels and the labels"), "How the head's loss is computed."),
            Option(
                "ignore_mismatched_sizes", .boolean, default: false,
                "Whether weights that the files have in another size are started anew: a head of other labels."),
            Option(
                "dtype", .oneOf(["float32", "bfloat16"]), default: .words("as in the file"),
                "What frozen matrices are rounded to: \"float32\" or \"bfloat16\"."),
            Option(
                "packed", .either([.boolean, .oneOf(["once"])]), default: true,
                "Whether products pack the frozen matrices, for speed: true, \"once\" for half the memory, or false."),
            Option(
                "weights", .oneOf(LoadOptions.Weights.allCases.map(\.rawValue)), default: "file",
                "\"file\" (default), \"random\", or \"none\": shapes only."),
            ModelLocation.revision,
        ],
        refused: [
            "torch_dtype": "is called dtype here", "device_map": "does not apply: everything runs on the CPU",
            "trust_remote_code": "is not supported: no code of a model is ever run",
        ])

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "load_model", "Loads a model from a Hugging Face folder or a GGUF file.",
            parameters: [
                LuaParameter(
                    "path", .model, "A folder, a .gguf file, or a name in the Hugging Face cache; never the network."),
                LuaParameter("options", loadOptions),
            ], returns: "lorawb.Model",
            example: "local model = lorawb.load_model(\"tiny\", { task_type = \"SEQ_CLS\", num_labels = 2 })"
        ) { call in
            let path = try call.string(1, "path")
            let options = try call.options(2, loadOptions)
            let load = LoadOptions(
                taskType: options.optionalString("task_type").flatMap(TaskType.init(rawValue:)),
                numLabels: options.optionalInteger("num_labels"), id2label: try options.table("id2label").map(labels),
                problemType: options.optionalString("problem_type").flatMap(ModelConfig.ProblemType.init(rawValue:)),
                dtype: options.optionalString("dtype"), packing: packing(options),
                weights: options.optionalString("weights").flatMap(LoadOptions.Weights.init(rawValue:)) ?? .file,
                ignoreMismatchedSizes: try options.boolean("ignore_mismatched_sizes"), seed: context.seed)
            return .object(
                try self.load(path, load, context, revision: options.optionalString("revision")))
        }
    }

    private static func packing(_ options: OptionReader<LuaValue>) -> FrozenMatrix.Packing {
        if options.optionalString("packed") == "once" { return .once }
        return options.optionalBoolean("packed") == false ? .none : .twice
    }

    /// The model of a path, or of a name in the cache.
    static func load(
        _ path: String, _ options: LoadOptions, _ context: RecipeContext, revision: String? = nil
    ) throws -> ModelBox {
        let place = try ModelLocation.place(path, context, revision: revision)
        let loaded: LoadedModel
        var (folder, options): (Folder?, LoadOptions) = (nil, options)
        if context.options.plan?.byShapes == true { options.weights = .none }
        switch place {
        case .folder(let found):
            folder = found
            loaded = try loadModel(found, options)
        case .gguf(let beneath, let name):
            // Such a file holds a language model with its head.
            if options.taskType == nil { options.taskType = .causalLM }
            loaded = try loadModel(beneath, gguf: name, options)
        }
        for note in loaded.notes { context.output.print("\(shortName(path)): \(note)") }
        let box = ModelBox(loaded.model, name: shortName(path), baseName: path, context: context)
        box.adapters.baseRevision = revision
        box.origin = ModelOrigin(place: place, vocabSize: loaded.model.config.vocabSize)
        if options.taskType == .causalLM { box.generation = try GenerationDefaults(folder, loaded.model.config) }
        return box
    }

    private static func shortName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    /// Names by id: keys count from 0, as in the files.
    static func labels(_ table: LuaTable) throws -> [Int: String] {
        var names: [Int: String] = [:]
        for (index, value) in table.values.enumerated() { names[index + 1] = try label(value) }
        for (key, value) in table.fields {
            guard case .integer(let id) = key else {
                throw LuaFault(
                    "option 'id2label': keys are ids from 0, got '\(key)': { [0] = \"negative\", [1] = \"positive\" }")
            }
            names[Int(id)] = try label(value)
        }
        return names
    }

    private static func label(_ value: LuaValue) throws -> String {
        guard let text = value.asString else {
            throw LuaFault("option 'id2label': a name expected, got \(value.shown)")
        }
        return text
    }

    static var type: LuaType<ModelBox> {
        LuaType(
            "lorawb.Model", "A model: a backbone, and a head where the task has one.",
            methods: [forward] + ClassifyLua.methods + GenerateLua.methods + modes + ModuleLua.parameters() + [resize]
                + ModuleLua.adapters() + [save],
            properties: [
                LuaProperty("config", "The configuration, as config.json has it.", type: "table") { box in
                    try configuration(box.model)
                },
                LuaProperty(
                    "kind", "Class name as the reference has it: \"BertForSequenceClassification\".", type: "string"
                ) {
                    .string($0.module.kind)
                },
                LuaProperty("training", "Whether dropout acts.", type: "boolean") { .boolean($0.isTraining) },
                LuaProperty("task_type", "Task by PEFT's name, or nil.", type: "string?") { box in
                    box.model.taskType.map { .string($0.rawValue) } ?? .nil
                },
            ],
            metamethods: [
                .call("The same as forward.", parameters: [LuaParameter("inputs", inputs)], returns: "table") {
                    box, call in
                    try ModelForward(box, try call.options(1, inputs)).run()
                },
                .text("The model with its parts; trained ones are marked *.") { $0.text },
            ])
    }

    /// The configuration as a table: as config.json has it, with num_labels, and names of classes by their ids.
    private static func configuration(_ model: any Model) throws -> LuaValue {
        let json = model.config.toJSON(kind: model.kind, dtype: model.dtype)
        var fields: [(key: String, value: LuaValue)] =
            (try json.object?.map { try LuaJSON.field(.init($0.key, $0.value)) } ?? [])
            .filter { $0.key != "id2label" }
        let names = (0..<model.config.numLabels).map { id in
            (key: LuaTable.Key.integer(Int64(id)), value: LuaValue.string(model.config.label(id)))
        }
        let fixed = LuaTable.Strictness.frozen(instead: "load_model takes what may differ as options")
        fields.append(("id2label", .table(LuaTable(strict: "id2label", entries: names, fixed))))
        fields.append(("num_labels", .integer(model.config.numLabels)))
        if json["problem_type"] == nil { fields.append(("problem_type", .nil)) }
        return .table(LuaTable(strict: "the config", fields, fixed))
    }

    static let inputs = OptionTable([
        Option(
            "input_ids", .either([.table, .object("lorawb.Tensor")]),
            "Lists of ids of any lengths, or a tensor [batch, length].", example: "{ { 2, 5, 6, 3 } }", required: true),
        Option(
            "token_type_ids", .either([.table, .object("lorawb.Tensor")]), default: 0, "Segment of each token.",
            example: "{ { 0, 0, 1, 1 } }"),
        Option(
            "attention_mask", .either([.table, .object("lorawb.Tensor")]),
            "1 for tokens, 0 for padding before or after them.", example: "{ { 1, 1, 1, 0 } }"),
        Option(
            "labels", .either([.table, .object("lorawb.Tensor")]), "What the loss compares with.", example: "{ 1 }"),
        Option(
            "start_positions", .either([.integers, .object("lorawb.Tensor")]),
            "Of a model for question answering: the token of each sequence at which its answer begins, from 0 as ids are.",
            example: "{ 1 }"),
        Option(
            "end_positions", .either([.integers, .object("lorawb.Tensor")]), "The token at which it ends.",
            example: "{ 2 }"),
        Option("output_hidden_states", .boolean, default: false, "Whether the states of all layers are given."),
    ])

    private static var forward: LuaMethod<ModelBox> {
        LuaMethod(
            "forward", "Runs the model: { loss =, logits =, last_hidden_state =, hidden_states =, cu_seqlens = }.",
            parameters: [LuaParameter("inputs", inputs)], returns: "table",
            example:
                "local out = model:forward { input_ids = { { 2, 5, 6, 3 }, { 2, 7, 3 } }, labels = { 0, 1 } }\nprint(out.loss, out.logits)"
        ) { box, call in try ModelForward(box, try call.options(1, inputs)).run() }
    }

    private static var modes: [LuaMethod<ModelBox>] {
        [
            LuaMethod(
                "train", "Lets dropout act.",
                parameters: [LuaParameter("mode", .boolean, optional: true, "false is eval.")],
                returns: "self", example: "model:train()"
            ) { box, call in
                box.isTraining = call.isNil(1) ? true : try call.boolean(1, "mode")
                return .object(box)
            },
            LuaMethod("eval", "Turns dropout off.", returns: "self", example: "model:eval()") { box, _ in
                box.isTraining = false
                return .object(box)
            },
        ]
    }

    private static let resizeOptions = OptionTable([
        Option(
            "pad_to_multiple_of", .integer(1...VocabularyResize.largest),
            "The number is rounded up to a multiple of this.",
            example: "64"),
        Option(
            "mean_resizing", .boolean, default: true,
            "Whether new rows start as the mean of the old ones; else they are drawn from N(0, initializer_range²)."),
    ])

    private static var resize: LuaMethod<ModelBox> {
        LuaMethod(
            "resize_token_embeddings",
            "Changes the number of entries of the vocabulary: of the embedding and of the head. Gives the number; add_adapter then trains the new rows.",
            parameters: [
                LuaParameter(
                    "new_num_tokens", .integer(1...VocabularyResize.largest), default: .words("as many as there are"),
                    "The number of entries, such as #tokenizer."),
                LuaParameter("options", resizeOptions),
            ], returns: "integer",
            example:
                "tokenizer:add_special_tokens { additional_special_tokens = { \"<tool>\" } }\nbase:resize_token_embeddings(#tokenizer)"
        ) { box, call in
            try box.checkWhole("resize_token_embeddings")
            let options = try call.options(2, resizeOptions)
            let now = box.model.config.vocabSize
            let size = try VocabularyResize.size(
                call.isNil(1) ? nil : Int(try call.integer(1, "new_num_tokens")), now: now,
                multipleOf: options.optionalInteger("pad_to_multiple_of"))
            let isMean = try options.boolean("mean_resizing")
            try box.adapters.resizeTokenEmbeddings(
                VocabularyResize(from: now, to: size, start: isMean ? .mean : .normal(seed: box.context.seed)))
            if size > now, let adapter = box.adapters.adapters.first(where: \.isTrainable) {
                box.context.output.print(
                    "'\(adapter.name)' was added before, so it does not train the new rows \(now) to \(size - 1)")
            }
            return .value(.integer(size))
        }
    }

    private static let saveOptions = OptionTable([
        Option(
            "tokenizer", .object("lorawb.Tokenizer"), default: .words("the one of the place that the model came from"),
            "The tokenizer that is written beside the weights.", example: "tokenizer")
    ])

    private static var save: LuaMethod<ModelBox> {
        LuaMethod(
            "save_pretrained",
            "Writes every adapter while one is attached unmerged, the whole model otherwise, with the tokenizer beside it.",
            parameters: [
                LuaParameter("path", .string, "The folder."),
                LuaParameter("options", saveOptions),
            ], example: "model:save_pretrained(\"saved\")"
        ) { box, call in
            try box.checkWhole("save_weights")
            let path = try call.string(1, "path")
            let tokenizer: TokenizerBox? = try call.options(2, saveOptions).optionalObject("tokenizer")
            try box.context.permissions.saving(path) { try box.savePretrained(to: $0, tokenizer: tokenizer) }
            return .nothing
        }
    }
}
