import Kernels
import LuaBridge
import Models
import Options
import Tensors

/// What recipes see as `lorawb.nn`: layers, modules made of them, and losses.
enum NNLua {
    static func module(_ context: RecipeContext) -> LuaModule {
        LuaModule(
            "lorawb.nn", "Layers, modules made of them, and losses.",
            functions: layers(context) + activations(context) + containers(context) + LossLua.functions)
    }

    // MARK: Layers

    private static let size = LuaParameter("in_features", .positive, "Size of the last dimension of the input.")
    private static let width = LuaParameter("width", .positive, "Size of the last dimension.")
    private static let placement = [
        "device": "does not apply: everything runs on the CPU",
        "dtype": "is not supported: weights of new layers are float32",
    ]
    private static let linearOptions = OptionTable(
        [Option("bias", .boolean, default: true, "Whether a vector is added.")], refused: placement)
    private static let embeddingOptions = OptionTable(
        [Option("padding_idx", .count, "Id (from 0) whose vector is zero and is not trained.", example: "0")],
        refused: placement.merging(
            ["max_norm", "norm_type", "scale_grad_by_freq", "sparse"].map { ($0, "is not supported") }
        ) { $1 })
    private static let normOptions = OptionTable(
        [
            Option(
                "eps", .number(.atLeastZero), default: .words("1e-5; RMSNorm 1e-6"), "Added to the variance.",
                example: "1e-6")
        ],
        refused: placement.merging(["elementwise_affine": "is not supported: the weights are always there"]) { $1 })

    private static func layer(
        _ context: RecipeContext, _ name: String, _ doc: String, _ parameters: [LuaParameter],
        _ make: @escaping (borrowing LuaCall, Scope) throws -> any Module
    ) -> LuaFunctionDeclaration {
        let examples = [
            "Linear": "print(nn.Linear(3, 2)(t))", "Embedding": "print(nn.Embedding(10, 4) { 1, 2 })",
            "LayerNorm": "print(nn.LayerNorm(3)(t))", "RMSNorm": "print(nn.RMSNorm(3)(t))",
            "Dropout": "print(nn.Dropout(0.1)(t))",
        ]
        return LuaFunctionDeclaration(
            name, doc, parameters: parameters, returns: "lorawb.nn.Module",
            example: examples[name] ?? "print(nn.\(name)()(t))"
        ) { call in
            let key = context.nextKey()
            let scope = Scope(store: RandomStore(key: key, isTrainable: true))
            return .object(LayerBox(try make(call, scope), key: key, context: context))
        }
    }

    private static func layers(_ context: RecipeContext) -> [LuaFunctionDeclaration] {
        [
            layer(
                context, "Linear",
                "y = x Wᵀ + b over the last dimension; weight [out, in] and bias [out] start as torch's.",
                [
                    size, LuaParameter("out_features", .positive, "Size of the last dimension of the result."),
                    LuaParameter("options", linearOptions),
                ]
            ) { call, scope in
                let (inputs, outputs) = (
                    try call.integer(1, "in_features"),
                    try call.integer(2, "out_features")
                )
                let bias = try call.options(3, linearOptions).boolean("bias")
                return try Models.Linear(scope, inFeatures: inputs, outFeatures: outputs, bias: bias)
            },
            layer(
                context, "Embedding", "Rows of a table [entries, width] by ids, which count from 0.",
                [
                    LuaParameter("entries", .positive, "Number of rows."), width,
                    LuaParameter("options", embeddingOptions),
                ]
            ) { call, scope in
                let entries = try call.integer(1, "entries")
                let options = try call.options(3, embeddingOptions)
                let padding = options.optionalInteger("padding_idx")
                if let padding, padding >= entries {
                    throw options.error("padding_idx", expected: "an integer from 0 to \(entries - 1)")
                }
                return try Models.Embedding(
                    scope, entries: entries, width: try call.integer(2, "width"), paddingIndex: padding
                )
            },
            layer(
                context, "LayerNorm",
                "Normalises the last dimension to mean 0 and variance 1, then scales and shifts it.",
                [width, LuaParameter("options", normOptions)]
            ) { call, scope in
                try Models.LayerNorm(
                    scope, width: try call.integer(1, "width"), epsilon: try epsilon(call) ?? 1e-5)
            },
            layer(
                context, "RMSNorm", "Divides the last dimension by its root mean square, then scales it.",
                [width, LuaParameter("options", normOptions)]
            ) { call, scope in
                try Models.RMSNorm(
                    scope, width: try call.integer(1, "width"), epsilon: try epsilon(call) ?? 1e-6)
            },
            layer(
                context, "Dropout",
                "Zeroes elements with probability p in training and scales the others by 1 / (1 - p). What is dropped follows "
                    + "from the seed, the module's name, the optimizer's step, and the row, position and feature: the first dimension of "
                    + "the called module's input counts rows, those between are positions.",
                [LuaParameter("p", .number(.unit), default: 0.5, "Probability.")]
            ) { call, scope in
                try Models.Dropout(scope, p: try call.optionalNumber(1, "p") ?? 0.5)
            },
        ]
    }

    private static func epsilon(_ call: borrowing LuaCall) throws -> Double? {
        try call.options(2, normOptions).optionalNumber("eps")
    }

    private static let geluOptions = OptionTable([
        Option("approximate", .oneOf(["none", "tanh"]), default: "none", "\"none\" (erf, the default) or \"tanh\".")
    ])

    private static func activations(_ context: RecipeContext) -> [LuaFunctionDeclaration] {
        func activation(_ name: String, _ doc: String, _ function: ActivationFunction) -> LuaFunctionDeclaration {
            layer(context, name, doc, []) { _, scope in ActivationLayer(scope, function) }
        }
        return [
            activation("ReLU", "Each element, or 0 where it is negative.", .relu),
            activation("Tanh", "Hyperbolic tangent of each element.", .tanh),
            activation("SiLU", "Each element times its logistic function.", .silu),
            layer(
                context, "GELU", "Gaussian error linear unit of each element.", [LuaParameter("options", geluOptions)]
            ) { call, scope in
                let form = try call.options(1, geluOptions).string("approximate")
                return ActivationLayer(scope, form == "tanh" ? .geluTanh : .gelu)
            },
        ]
    }

    // MARK: Modules made of others

    private static func containers(_ context: RecipeContext) -> [LuaFunctionDeclaration] {
        func list(_ kind: String, _ doc: String) -> LuaFunctionDeclaration {
            LuaFunctionDeclaration(
                kind, doc,
                parameters: [LuaParameter("...", .object("lorawb.nn.Module"), "The modules, or one list of them.")],
                returns: "lorawb.nn.Module",
                example: "local layers = nn.\(kind)(nn.Linear(3, 4), nn.ReLU())\nprint(#layers, layers[1])"
            ) { call in
                var values = try call.values()
                if call.count == 1, let table = values.first?.asTable {
                    if let field = table.fields.first {
                        throw LuaFault("modules expected as a list, got the key '\(field.key)'; nn.module takes names")
                    }
                    values = table.values
                }
                let parts = try values.enumerated().map { index, value -> (name: String, box: ModuleBox) in
                    guard let box = value.asObject(ModuleBox.self) else {
                        throw LuaFault("entry \(index + 1) expected a module of lorawb.nn, got \(value.shown)")
                    }
                    return (String(index), box)
                }
                return .object(
                    LayerBox(try RecipeModule(kind: kind, parts: parts), key: context.nextKey(), context: context))
            }
        }
        return [
            list("Sequential", "Modules applied one after another; they are named 0, 1, ..., and s[1] is the first."),
            list(
                "ModuleList",
                "Modules in a list for a forward of one's own; they are named 0, 1, ..., and l[1] is the first."),
            LuaFunctionDeclaration(
                "module",
                "Makes a module of one's own: fields that are modules become parts, tensors become parameters, forward is what a call runs.",
                parameters: [
                    LuaParameter(
                        "fields", .table, "Its parts, tensors and forward, by name.")
                ],
                returns: "lorawb.nn.Module",
                example:
                    "local net = nn.module { fc = nn.Linear(3, 2), forward = function(self, x) return self.fc(x):relu() end }\nprint(net(t))"
            ) { call in
                let module = try FieldReader.module(try call.table(1, "fields"))
                return .object(LayerBox(module, key: context.nextKey(), context: context))
            },
        ]
    }

    // MARK: The type

    static var type: LuaType<LayerBox> {
        LuaType(
            "lorawb.nn.Module", "A module made with lorawb.nn; calling it runs it.",
            methods: [
                LuaMethod(
                    "forward", "The same as calling the module.",
                    parameters: [LuaParameter("...", .any, "Its inputs.")], returns: "any",
                    example: "print(layer:forward(t))"
                ) {
                    box, call in try box.run(call)
                },
                LuaMethod(
                    "train", "Lets dropout act, here and beneath.",
                    parameters: [LuaParameter("mode", .boolean, optional: true, "false is eval.")], returns: "self",
                    example: "layer:train()"
                ) {
                    box, call in
                    box.setTraining(call.isNil(1) ? true : try call.boolean(1, "mode"))
                    return .object(box)
                },
                LuaMethod("eval", "Turns dropout off, here and beneath.", returns: "self", example: "layer:eval()") {
                    box, _ in
                    box.setTraining(false)
                    return .object(box)
                },
            ] + StateDict.methods + ModuleLua.parameters() + ModuleLua.adapters(),
            properties: [
                LuaProperty("kind", "\"Linear\", \"Sequential\", ...", type: "string") { .string($0.module.kind) },
                LuaProperty("training", "Whether dropout acts here.", type: "boolean") { .boolean($0.isTraining) },
            ],
            metamethods: [
                .call("Runs the module.", parameters: [LuaParameter("...", .any, "Its inputs.")], returns: "any") {
                    box, call in try box.run(call)
                },
                .index(
                    "A part or weight by its name, or a member of a list by its place from 1.", returns: "any",
                    names: true
                ) { box, call in
                    .value(try FieldReader.value(of: box, try call.value(1)))
                },
                .length("Number of members of a Sequential or ModuleList.") { box in
                    guard let module = box.module as? RecipeModule, module.isList else {
                        throw LuaFault("\(box.place) has no length")
                    }
                    return module.parts.count
                },
                .text("The module with its parts.") { $0.text },
            ])
    }
}
