import Adapters
import Formats
import LuaBridge
import Models
import Options
import OrderedCollections
import Tensors
import Training
import Words

/// A module with its adapters as an object that recipes hold.
class ModuleBox {
    let module: any Module
    let adapters: AdapterSet
    let context: RecipeContext
    /// Objects of parts that recipes have seen, so that equal parts are equal objects.
    private var parts: [ObjectIdentifier: ModuleBox] = [:]
    /// Whether a module that a recipe made has it as a part.
    var isPart = false

    init(_ module: any Module, context: RecipeContext, baseName: String? = nil) {
        (self.module, self.context) = (module, context)
        adapters = AdapterSet(model: module, baseName: baseName, seed: context.seed)
        if module.path.isEmpty { context.live.add(self) }
    }

    /// Throws for a part of another module: names in files are those from the whole.
    func checkWhole(_ call: String) throws {
        guard !isPart else { throw LuaFault("'\(module.path)' is a part of another module; call \(call) of the whole") }
    }

    /// Where loops over the module stand; parts have none of their own.
    var clock: StepClock? { nil }

    /// The object of a part of this module.
    func part(_ module: any Module) -> ModuleBox {
        if module === self.module { return self }
        if let known = parts[ObjectIdentifier(module)] { return known }
        let box = ModuleBox(module, context: context)
        parts[ObjectIdentifier(module)] = box
        return box
    }
}

/// What recipes see of modules, whole models among them: parameters, parts, and adapters.
enum ModuleLua {
    /// The type of parts of models.
    static var type: LuaType<ModuleBox> {
        LuaType(
            "lorawb.Module", "A part of a model.", methods: parameters(),
            properties: [
                LuaProperty("kind", "Class name as the reference has it: \"Linear\".", type: "string") {
                    .string($0.module.kind)
                }
            ],
            metamethods: [.text("The part with its parts.") { $0.text }])
    }

    // MARK: Parameters

    private static let decayOption = OptionTable([
        Option("weight_decay", .number(.atLeastZero), default: 0, "Decay of the first group."),
        Option(
            "lr", .number(.atLeastZero), default: .words("the optimizer's"), "Learning rate of both groups.",
            example: "1e-3"),
    ])

    /// A Lua iterator that gives a name and an object a call, and nil after the last.
    private static func iterator(_ name: String, over pairs: [(String, AnyObject)]) -> LuaCallable {
        var rest = pairs[...]
        return LuaCallable(name) { _ in
            rest.popFirst().map { .values([.string($0.0), .object($0.1)]) } ?? .nil
        }
    }

    /// Methods about parameters and parts.
    static func parameters<Box: ModuleBox>() -> [LuaMethod<Box>] {
        [
            LuaMethod(
                "named_parameters", "Iterates over names and parameters, in the reference's order.",
                returns: "fun(): string?, lorawb.Parameter?",
                example: "for name, parameter in model:named_parameters() do print(name, parameter.requires_grad) end"
            ) { box, _ in
                .callable(
                    iterator(
                        "named_parameters",
                        over: box.module.namedParameters().map { ($0.name, ParameterBox.of($0.weight)) }))
            },
            LuaMethod(
                "named_modules", "Iterates over names and parts, this one first.",
                returns: "fun(): string?, lorawb.Module?",
                example: "for name, part in model:named_modules() do print(name, part.kind) end"
            ) { box, _ in
                .callable(
                    iterator("named_modules", over: box.module.namedModules().map { ($0.name, box.part($0.module)) }))
            },
            LuaMethod(
                "parameters", "A list of the tensors that are trained.", returns: "lorawb.Tensor[]",
                example: "print(#model:parameters())"
            ) { box, _ in
                .list(box.module.trainableParameters().compactMap { $0.weight.tensor.map { .object($0) } })
            },
            LuaMethod(
                "parameter_groups", "The trainer's groups: weights that decay, and biases and norms that do not.",
                parameters: [LuaParameter("options", decayOption)], returns: "table[]",
                example:
                    "local optimizer = lorawb.optim.AdamW(model:parameter_groups { weight_decay = 0.01 }, { lr = 1e-3 })"
            ) { box, call in
                let options = try call.options(1, decayOption)
                let found = box.module.trainableParameters()
                func group(_ exempt: Bool, _ decay: Double) throws -> LuaValue {
                    let parameters = found.filter { ParameterGroup.isExemptFromDecay($0.name) == exempt }
                    var fields: [String: LuaValue] = [
                        "params": .list(parameters.compactMap { $0.weight.tensor.map { .object($0) } }),
                        "names": .strings(parameters.map(\.name)), "weight_decay": .number(decay),
                    ]
                    if let lr = options.optionalNumber("lr") { fields["lr"] = .number(lr) }
                    return .fields("the group", fields)
                }
                return .list([try group(false, try options.number("weight_decay")), try group(true, 0)])
            },
            LuaMethod(
                "print_trainable_parameters", "Prints how many parameters are trained, as PEFT does.",
                example: "model:print_trainable_parameters()"
            ) { box, _ in
                box.context.output.print(box.adapters.trainableParametersLine)
                return .nothing
            },
            LuaMethod(
                "get_nb_trainable_parameters", "Numbers of trained and of all parameters.", returns: "integer, integer",
                example: "local trainable, all = model:get_nb_trainable_parameters()"
            ) { box, _ in
                let (trainable, all) = box.module.parameterCounts()
                return .values([.integer(trainable), .integer(all)])
            },
        ]
    }

    // MARK: Adapters

    private static let name = LuaParameter("name", .string, default: "default", "The adapter's name.")
    private static let weightedOptions = OptionTable(
        [
            Option(
                "combination_type", .oneOf(AdapterSet.Combination.allCases.map(\.rawValue)), default: "svd",
                "How they are combined: \"svd\" gives the best approximation of the sum of the updates by a given rank, \"cat\" exactly the sum, \"linear\" the sums of the factors."
            ),
            Option(
                "svd_rank", .integer(1...16384), default: .words("the largest"), "Rank of the result of svd.",
                example: "4"),
        ],
        refused: [
            "density": "is not supported: nothing prunes updates yet (ties, dare and magnitude_prune)",
            "majority_sign_method": "is not supported: nothing elects signs yet (ties)",
            "svd_clamp": "is not supported", "svd_full_matrices": "is not supported", "svd_driver": "is not supported",
        ])
    private static let loadOptions = OptionTable([
        Option("is_trainable", .boolean, default: false, "Whether training goes on with it."),
        Option("check_base", .boolean, default: true, "Whether the base must be the one it was trained on."),
        ModelLocation.revision,
    ])

    /// Methods about adapters.
    static func adapters<Box: ModuleBox>() -> [LuaMethod<Box>] { changing() + composing() + storing() }

    private static func changing<Box: ModuleBox>() -> [LuaMethod<Box>] {
        [
            LuaMethod(
                "add_adapter", "Adds a LoRA adapter; the base is frozen, the first adapter acts at once.",
                parameters: [
                    LuaParameter("config", LoraConfig.options, "LoraConfig by PEFT's names."),
                    name,
                ], example: "base:add_adapter { r = 8, lora_alpha = 16, target_modules = { \"query\", \"value\" } }"
            ) { box, call in
                try box.checkWhole("add_adapter")
                let config = try LoraConfig(try call.options(1, LoraConfig.options))
                let notes = try box.adapters.add(config, name: try call.optionalString(2, "name") ?? "default")
                for note in notes { box.context.output.print(note) }
                return .nothing
            },
            LuaMethod(
                "set_adapter", "Makes these adapters act, and no other.",
                parameters: [
                    LuaParameter("names", .either([.string, .strings]), values: .adapters, "One name or several.")
                ],
                example: "model:set_adapter(\"default\")"
            ) { box, call in
                try box.adapters.setActive(try call.strings(1, "names"))
                return .nothing
            },
            LuaMethod(
                "active_adapters", "Names of the adapters that act.", returns: "string[]",
                example: "print(model:active_adapters()[1])"
            ) { box, _ in
                .value(.strings(box.adapters.isDisabled ? [] : box.adapters.active))
            },
            LuaMethod(
                "adapter_names", "Names of all adapters.", returns: "string[]", example: "print(#model:adapter_names())"
            ) { box, _ in
                .value(.strings(box.adapters.names))
            },
            LuaMethod("disable_adapters", "Makes the base act alone.", example: "model:disable_adapters()") { box, _ in
                try box.adapters.disable()
                return .nothing
            },
            LuaMethod(
                "enable_adapters", "Makes the active adapters act again.",
                example: "model:disable_adapters()\nmodel:enable_adapters()"
            ) { box, _ in
                try box.adapters.enable()
                return .nothing
            },
            LuaMethod(
                "delete_adapter", "Forgets an adapter.",
                parameters: [LuaParameter("name", .string, values: .adapters, "Its name.")],
                example: "model:delete_adapter(\"default\")"
            ) { box, call in
                try box.adapters.delete(try call.string(1, "name"))
                return .nothing
            },
        ]
    }

    private static func composing<Box: ModuleBox>() -> [LuaMethod<Box>] {
        [
            LuaMethod(
                "merge_adapter", "Adds the active adapters to the base's weights, which are kept beside.",
                example: "model:merge_adapter()"
            ) {
                box, _ in
                try box.adapters.merge()
                return .nothing
            },
            LuaMethod(
                "unmerge_adapter", "Takes merged adapters out again; the base has the bits that it had.",
                example: "model:merge_adapter()\nmodel:unmerge_adapter()"
            ) {
                box, _ in
                try box.adapters.unmerge()
                return .nothing
            },
            LuaMethod(
                "merge_and_unload", "Makes the active adapters part of the model for good; gives the model.",
                returns: "self", example: "model:merge_and_unload():save_pretrained(\"merged\")"
            ) { box, _ in
                try box.adapters.mergeAndUnload()
                return .object(box)
            },
            LuaMethod(
                "unload", "Forgets all adapters; gives the base as it was.", returns: "self", example: "model:unload()"
            ) { box, _ in
                try box.adapters.unload()
                return .object(box)
            },
            LuaMethod(
                "add_weighted_adapter", "Makes a new adapter out of several.",
                parameters: [
                    LuaParameter("names", .strings, values: .adapters, "Adapters to combine."),
                    LuaParameter("weights", .numbers, "One a name."),
                    LuaParameter("new_name", .string, "Name of the result."), LuaParameter("options", weightedOptions),
                ],
                example:
                    "local encoder = lorawb.load_model(\"tiny\")\nencoder:add_adapter({ r = 2, target_modules = { \"query\" } }, \"a\")\nencoder:add_adapter({ r = 2, target_modules = { \"query\" } }, \"b\")\nencoder:add_weighted_adapter({ \"a\", \"b\" }, { 0.5, 0.5 }, \"both\", { combination_type = \"svd\" })"
            ) { box, call in
                let options = try call.options(4, weightedOptions)
                guard let weights = try call.table(2, "weights").numbers() else {
                    throw call.argumentError(2, "weights", "a list of numbers expected")
                }
                let combination = try AdapterSet.Combination.named(try options.string("combination_type"))
                try box.adapters.addWeighted(
                    try call.strings(1, "names"), weights: weights, name: try call.string(3, "new_name"),
                    combination: combination, svdRank: options.optionalInteger("svd_rank"))
                return .nothing
            },
        ]
    }

    private static func storing<Box: ModuleBox>() -> [LuaMethod<Box>] {
        [
            LuaMethod(
                "save_adapter", "Writes an adapter as PEFT does: adapter_config.json and adapter_model.safetensors.",
                parameters: [
                    LuaParameter(
                        "path", .path,
                        "The folder; adapters not called default go into a folder of their name beneath."),
                    LuaParameter("name", .string, default: .words("the active one"), values: .adapters, "The adapter."),
                ], example: "model:save_adapter(\"adapter\")"
            ) { box, call in
                let name = try call.optionalString(2, "name") ?? box.adapters.active.first ?? "default"
                let notes = try box.context.permissions.saving(try call.string(1, "path")) {
                    try box.adapters.save(name, to: $0)
                }
                for note in notes { box.context.output.print(note) }
                return .nothing
            },
            LuaMethod(
                "load_adapter", "Reads an adapter that PEFT or lorawb wrote; it is frozen unless is_trainable is set.",
                parameters: [
                    LuaParameter(
                        "path", .path,
                        "The adapter's folder, the one above where it has the adapter's name, or a name in the Hugging Face cache."
                    ),
                    name, LuaParameter("options", loadOptions),
                ],
                example:
                    "model:save_adapter(\"adapter\")\nbase:load_adapter(\"adapter\", \"default\", { is_trainable = true })"
            ) { box, call in
                let options = try call.options(3, loadOptions)
                try box.checkWhole("load_adapter")
                let path = try call.string(1, "path")
                let folder = try ModelLocation.folder(
                    path, box.context, kind: "adapter", revision: options.optionalString("revision"))
                let notes = try box.adapters.load(
                    folder, name: try call.optionalString(2, "name") ?? "default",
                    isTrainable: try options.boolean("is_trainable"),
                    checkBase: try options.boolean("check_base"))
                for note in notes { box.context.output.print(note) }
                return .nothing
            },
        ]
    }
}

/// A parameter as an object that recipes hold: a pretrained matrix need not be read for its name and shape to be known.
final class ParameterBox {
    let weight: Weight

    private init(_ weight: Weight) { self.weight = weight }

    static func of(_ weight: Weight) -> AnyObject { ParameterBox(weight) }

    /// The tensor to read: the parameter's own, or a copy of a frozen matrix.
    func tensor() throws -> Tensor {
        switch try weight.active.current() {
        case .tensor(let tensor): tensor
        case .matrix(let matrix): try Weight.tensor(copying: matrix)
        case .absent: throw LuaFault("'\(weight.name)' has no values: the model was made with weights = \"none\"")
        }
    }
}

/// What recipes see of parameters.
enum ParameterLua {
    static var type: LuaType<ParameterBox> {
        LuaType(
            "lorawb.Parameter",
            "A named weight of a model; frozen matrices are not read before their values are asked for.",
            methods: [
                LuaMethod(
                    "numel", "Number of elements.", returns: "integer",
                    example: "for _, parameter in model:named_parameters() do print(parameter:numel()) end"
                ) { box, _ in .integer(box.weight.count) },
                LuaMethod(
                    "tensor", "The values: the trained tensor itself, or a copy of a frozen one.",
                    returns: "lorawb.Tensor",
                    example:
                        "for name, parameter in model:named_parameters() do print(name, parameter:tensor()) break end"
                ) { box, _ in
                    .object(try box.tensor())
                },
            ],
            properties: [
                LuaProperty("name", "Full name as in the checkpoint.", type: "string") { .string($0.weight.name) },
                LuaProperty("shape", "Sizes of the dimensions.", type: "integer[]") { .integers($0.weight.shape) },
                LuaProperty("dtype", "Element type of the values in use.", type: "string") {
                    .string($0.weight.dtype.rawValue)
                },
                LuaProperty(
                    "requires_grad", "Whether it is trained; setting it makes a frozen matrix trainable.",
                    type: "boolean",
                    get: { .boolean($0.weight.requiresGrad) },
                    set: { box, call in try box.weight.setRequiresGrad(try call.boolean(1, "requires_grad")) }),
                LuaProperty("grad", "Gradient gathered by backward, or nil.", type: "lorawb.Tensor?") { box in
                    box.weight.tensor?.grad.map { .object($0) } ?? .nil
                },
            ],
            metamethods: [
                .text("Name, type, shape and whether it is trained.") { $0.text }
            ])
    }
}
