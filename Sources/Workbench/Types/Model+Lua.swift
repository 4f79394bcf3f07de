import Adapters
import Formats
import Inference
import LuaBridge
import Models
import Tensors

/// A whole model as an object that recipes hold.
final class ModelBox: ModuleBox {
    let model: any Model
    /// What the recipe called it.
    let name: String

    init(_ model: any Model, name: String, baseName: String, context: RecipeContext) {
        (self.model, self.name) = (model, name)
        super.init(model, context: context, baseName: baseName)
    }
}

/// What recipes see of models: the type `lorawb.Model` and `lorawb.load_model`.
enum ModelLua {
    static let loadOptions = LuaOptionSet(
        [
            LuaOption(
                "task_type", .oneOf(TaskType.allCases.map(\.rawValue)),
                "Task by PEFT's name; a bare model where absent."),
            LuaOption("num_labels", .integer, "Classes or outputs of the head (default: as config.json says)."),
            LuaOption("id2label", .table, "Names of the classes by id, from 0."),
            LuaOption(
                "problem_type", .oneOf(ModelConfig.ProblemType.allCases.map(\.rawValue)),
                "How the head's loss is computed (default: by num_labels and the labels)."),
            LuaOption(
                "dtype", .string,
                "What frozen matrices are rounded to: \"float32\" or \"bfloat16\" (default: as in the file)."),
            LuaOption(
                "packed", .boolean,
                "Whether products pack the frozen matrices (default true); false keeps one copy: less memory, slower."),
            LuaOption(
                "weights", .oneOf(WeightSource.allCases.map(\.rawValue)),
                "\"file\" (default), \"random\", or \"none\": shapes only."),
        ],
        refused: [
            "torch_dtype": "is called dtype here", "device_map": "does not apply: everything runs on the CPU",
            "trust_remote_code": "is not supported: no code of a model is ever run",
        ])

    static func function(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "load_model", "Loads a model from a Hugging Face folder.",
            parameters: [
                LuaParameter("path", "string", "A folder, or a name in the Hugging Face cache; never the network."),
                LuaParameter("options", loadOptions),
            ], returns: "lorawb.Model"
        ) { call in
            let path = try call.string(1, "path")
            let options = try call.options(2, loadOptions)
            let load = LoadOptions(
                taskType: try options.string("task_type").flatMap(TaskType.init(rawValue:)),
                numLabels: try options.integer("num_labels"), id2label: try options.table("id2label").map(labels),
                problemType: try options.string("problem_type").flatMap(ModelConfig.ProblemType.init(rawValue:)),
                dtype: try options.string("dtype"), packed: try options.boolean("packed") ?? true,
                weights: try options.string("weights").flatMap(WeightSource.init(rawValue:)) ?? .file,
                seed: context.seed)
            let loaded = try loadModel(try ModelLocation.folder(path, context), load)
            for note in loaded.notes { context.output.print("\(shortName(path)): \(note)") }
            loaded.model.seed = context.seed
            return .object(ModelBox(loaded.model, name: shortName(path), baseName: path, context: context))
        }
    }

    private static func shortName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    /// Names by id: keys count from 0, as in the files.
    private static func labels(_ table: LuaTable) throws -> [Int: String] {
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
            methods: [forward, classify] + modes + ModuleLua.parameters() + ModuleLua.adapters() + [save],
            properties: [
                LuaProperty("config", "The configuration, as config.json has it.", type: "table") { box in
                    LuaJSON.value(box.model.config.toJSON(kind: box.model.kind, dtype: box.model.dtype))
                },
                LuaProperty("training", "Whether dropout acts.", type: "boolean") { .boolean($0.model.isTraining) },
                LuaProperty("task_type", "Task by PEFT's name, or nil.", type: "string?") { box in
                    box.model.taskType.map { .string($0.rawValue) } ?? .nil
                },
            ],
            metamethods: [
                .call("The same as forward.", parameters: [LuaParameter("inputs", inputs)], returns: "table") {
                    box, call in
                    try ModelForward(box, try call.options(1, inputs)).run()
                },
                .text("The model with its parts; trained ones are marked *.") {
                    ModuleText.describe($0.module) + "\n" + $0.adapters.trainableParametersLine
                },
            ])
    }

    static let inputs = LuaOptionSet([
        LuaOption(
            "input_ids", .either([.table, .object("lorawb.Tensor")]),
            "Lists of ids of any lengths, or a tensor [batch, length].", required: true),
        LuaOption("token_type_ids", .either([.table, .object("lorawb.Tensor")]), "Segment of each token (default 0)."),
        LuaOption(
            "attention_mask", .either([.table, .object("lorawb.Tensor")]),
            "1 for tokens, 0 for padding before or after them."),
        LuaOption("labels", .either([.table, .object("lorawb.Tensor")]), "What the loss compares with."),
        LuaOption("output_hidden_states", .boolean, "Whether the states of all layers are given (default false)."),
    ])

    private static var forward: LuaMethod<ModelBox> {
        LuaMethod(
            "forward", "Runs the model: { loss =, logits =, last_hidden_state =, hidden_states =, cu_seqlens = }.",
            parameters: [LuaParameter("inputs", inputs)], returns: "table"
        ) { box, call in try ModelForward(box, try call.options(1, inputs)).run() }
    }

    private static var modes: [LuaMethod<ModelBox>] {
        [
            LuaMethod(
                "train", "Lets dropout act.", parameters: [LuaParameter("mode", "boolean?", "false is eval.")],
                returns: "self"
            ) { box, call in
                box.model.isTraining = call.isNil(1) ? true : try call.boolean(1, "mode")
                return .object(box)
            },
            LuaMethod("eval", "Turns dropout off.", returns: "self") { box, _ in
                box.model.isTraining = false
                return .object(box)
            },
        ]
    }

    private static let classifyOptions = LuaOptionSet([
        LuaOption("tokenizer", .object("lorawb.Tokenizer"), "The model's tokenizer.", required: true),
        LuaOption("max_length", .integer, "Most tokens of a text (default: what the model takes)."),
        LuaOption("truncation_side", .oneOf(["left", "right"]), "Side that is cut off (default \"right\")."),
        LuaOption("batch_size", .integer, "Texts at a time (default 32)."),
    ])

    private static var classify: LuaMethod<ModelBox> {
        LuaMethod(
            "classify", "Label, its id and its score for each text.",
            parameters: [
                LuaParameter("texts", "string[]|string", "The texts."), LuaParameter("options", classifyOptions),
            ],
            returns: "table[]"
        ) { box, call in
            let options = try call.options(2, classifyOptions)
            guard let tokenizer: TokenizerBox = try options.object("tokenizer") else {
                throw LuaFault("option 'tokenizer' is missing")
            }
            let results = try Inference.classify(
                try call.strings(1, "texts"), model: box.model, tokenizer: tokenizer.tokenizer,
                maxLength: try options.integer("max_length", in: 1...Int.max),
                truncationSide: try options.string("truncation_side") == "left" ? .left : .right,
                batchSize: try options.integer("batch_size", in: 1...Int.max) ?? 32)
            return .list(
                results.map { result in
                    .fields([
                        "label": .string(result.label), "label_id": .integer(result.labelId),
                        "score": .number(result.score),
                        "scores": .numbers(result.scores),
                    ])
                })
        }
    }

    private static var save: LuaMethod<ModelBox> {
        LuaMethod(
            "save_pretrained", "Writes the adapter while one is attached unmerged, the whole model otherwise.",
            parameters: [LuaParameter("path", "string", "The folder.")]
        ) { box, call in
            try box.checkWhole("save_weights")
            let folder = try box.context.permissions.writingFolder(try call.string(1, "path"))
            if box.adapters.hasUnmerged {
                for name in box.adapters.names { try box.adapters.save(name, to: folder) }
            } else {
                try saveModel(box.model, to: folder)
            }
            return .nothing
        }
    }
}
