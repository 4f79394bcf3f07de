import Kernels
import LuaBridge
import Models
import Tensors

/// What recipes see as `lorawb.nn`: layers, modules made of them, and losses.
enum NNLua {
    static func module(_ context: RecipeContext) -> LuaModule {
        LuaModule(
            "lorawb.nn", "Layers, modules made of them, and losses.",
            functions: layers(context) + activations(context) + containers(context) + LossLua.functions)
    }

    // MARK: Layers

    private static let size = LuaParameter("in_features", "integer", "Size of the last dimension of the input.")
    private static let width = LuaParameter("width", "integer", "Size of the last dimension.")
    private static let placement = [
        "device": "does not apply: everything runs on the CPU",
        "dtype": "is not supported: weights of new layers are float32",
    ]
    private static let linearOptions = LuaOptionSet(
        [LuaOption("bias", .boolean, "Whether a vector is added (default true).")], refused: placement)
    private static let embeddingOptions = LuaOptionSet(
        [LuaOption("padding_idx", .integer, "Id (from 0) whose vector is zero and is not trained.")],
        refused: placement.merging(
            ["max_norm", "norm_type", "scale_grad_by_freq", "sparse"].map { ($0, "is not supported") }
        ) { $1 })
    private static let normOptions = LuaOptionSet(
        [LuaOption("eps", .number, "Added to the variance (default 1e-5; RMSNorm 1e-6).")],
        refused: placement.merging(["elementwise_affine": "is not supported: the weights are always there"]) { $1 })

    private static func layer(
        _ context: RecipeContext, _ name: String, _ doc: String, _ parameters: [LuaParameter],
        _ make: @escaping (borrowing LuaCall, Scope) throws -> any Module
    ) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(name, doc, parameters: parameters, returns: "lorawb.nn.Module") { call in
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
                    size, LuaParameter("out_features", "integer", "Size of the last dimension of the result."),
                    LuaParameter("options", linearOptions),
                ]
            ) { call, scope in
                let (inputs, outputs) = (
                    try call.integer(1, "in_features", in: 1...Int.max),
                    try call.integer(2, "out_features", in: 1...Int.max)
                )
                let bias = try call.options(3, linearOptions).boolean("bias") ?? true
                return try Models.Linear(scope, inFeatures: inputs, outFeatures: outputs, bias: bias)
            },
            layer(
                context, "Embedding", "Rows of a table [entries, width] by ids, which count from 0.",
                [
                    LuaParameter("entries", "integer", "Number of rows."), width,
                    LuaParameter("options", embeddingOptions),
                ]
            ) { call, scope in
                let entries = try call.integer(1, "entries", in: 1...Int.max)
                let options = try call.options(3, embeddingOptions)
                let padding = try options.integer("padding_idx", in: 0...entries - 1)
                return try Models.Embedding(
                    scope, entries: entries, width: try call.integer(2, "width", in: 1...Int.max), paddingIndex: padding
                )
            },
            layer(
                context, "LayerNorm",
                "Normalises the last dimension to mean 0 and variance 1, then scales and shifts it.",
                [width, LuaParameter("options", normOptions)]
            ) { call, scope in
                try Models.LayerNorm(
                    scope, width: try call.integer(1, "width", in: 1...Int.max), epsilon: try epsilon(call) ?? 1e-5)
            },
            layer(
                context, "RMSNorm", "Divides the last dimension by its root mean square, then scales it.",
                [width, LuaParameter("options", normOptions)]
            ) { call, scope in
                try Models.RMSNorm(
                    scope, width: try call.integer(1, "width", in: 1...Int.max), epsilon: try epsilon(call) ?? 1e-6)
            },
            layer(
                context, "Dropout",
                "Zeroes elements with probability p in training and scales the others by 1 / (1 - p). What is dropped follows "
                    + "from the seed, the module's name, the optimizer's step, and the row, position and feature: the first dimension of "
                    + "the called module's input counts rows, those between are positions.",
                [LuaParameter("p", "number?", "Probability (default 0.5).")]
            ) { call, scope in
                let p = try call.optionalNumber(1, "p") ?? 0.5
                guard p >= 0, p <= 1 else {
                    throw call.argumentError(1, "p", "a probability from 0 to 1 expected, got \(p)")
                }
                return try Models.Dropout(scope, p: p)
            },
        ]
    }

    private static func epsilon(_ call: borrowing LuaCall) throws -> Double? {
        let options = try call.options(2, normOptions)
        guard let epsilon = try options.number("eps") else { return nil }
        guard epsilon >= 0, epsilon.isFinite else {
            throw options.error("eps", expected: "a finite number of at least 0")
        }
        return epsilon
    }

    private static let geluOptions = LuaOptionSet([
        LuaOption("approximate", .oneOf(["none", "tanh"]), "\"none\" (erf, the default) or \"tanh\".")
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
                kind, doc, parameters: [LuaParameter("...", "lorawb.nn.Module", "The modules, or one list of them.")],
                returns: "lorawb.nn.Module"
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
                        "fields", "table", "{ fc = nn.Linear(4, 2), forward = function(self, x) return self.fc(x) end }"
                    )
                ],
                returns: "lorawb.nn.Module"
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
                    parameters: [LuaParameter("...", "any", "Its inputs.")], returns: "any"
                ) {
                    box, call in try box.run(call)
                },
                LuaMethod(
                    "train", "Lets dropout act, here and beneath.",
                    parameters: [LuaParameter("mode", "boolean?", "false is eval.")], returns: "self"
                ) {
                    box, call in
                    box.setTraining(call.isNil(1) ? true : try call.boolean(1, "mode"))
                    return .object(box)
                },
                LuaMethod("eval", "Turns dropout off, here and beneath.", returns: "self") { box, _ in
                    box.setTraining(false)
                    return .object(box)
                },
            ] + StateDict.methods + ModuleLua.parameters() + ModuleLua.adapters(),
            properties: [
                LuaProperty("kind", "\"Linear\", \"Sequential\", ...", type: "string") { .string($0.module.kind) },
                LuaProperty("training", "Whether dropout acts here.", type: "boolean") { .boolean($0.isTraining) },
            ],
            metamethods: [
                .call("Runs the module.", parameters: [LuaParameter("...", "any", "Its inputs.")], returns: "any") {
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
                .text("The module with its parts.") { ModuleText.describe($0.module) },
            ])
    }
}
