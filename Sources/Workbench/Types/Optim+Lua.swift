import LuaBridge
import Models
import Options
import Tensors
import Training

/// An optimizer as an object that recipes hold.
final class OptimizerBox {
    let optimizer: any Optimizer
    let kind: String
    /// Learning rate that the recipe gave for all groups.
    var learningRate: Double
    private let live: LiveModules
    /// Whether a schedule sets the learning rates.
    var isScheduled = false

    init(_ optimizer: any Optimizer, kind: String, learningRate: Double, live: LiveModules) {
        (self.optimizer, self.kind, self.learningRate, self.live) = (optimizer, kind, learningRate, live)
    }

    /// One update; forwards in training mode then take the rows of the next step.
    func step() throws {
        let span = Profile.phase("optimizer")
        try optimizer.step()
        span.end()
        let tensors = optimizer.groups.flatMap(\.parameters).map { ObjectIdentifier($0.tensor) }
        live.beginNextStep(of: Set(tensors))
        Profile.nextStep()
        if Profile.isComplete { throw LuaInterrupted() }
    }

    /// Makes the present learning rates those that a schedule multiplies, as torch's schedules do where they begin.
    func beginSchedule() throws {
        guard !isScheduled else { return }
        isScheduled = true
        optimizer.groups = try optimizer.groups.map {
            try ParameterGroup($0.parameters, learningRate: $0.learningRate, weightDecay: $0.weightDecay)
        }
    }

    /// Sets one group's numbers; one below zero or not finite is an error.
    func set(_ index: Int, learningRate: Double? = nil, weightDecay: Double? = nil) throws {
        let group = optimizer.groups[index]
        let checked = try ParameterGroup(
            [], learningRate: learningRate ?? group.learningRate, weightDecay: weightDecay ?? group.weightDecay)
        optimizer.groups[index].learningRate = checked.learningRate
        optimizer.groups[index].weightDecay = checked.weightDecay
    }
}

/// One group of an optimizer's parameters as an object that recipes hold.
final class ParameterGroupBox {
    let box: OptimizerBox
    let index: Int

    init(_ box: OptimizerBox, _ index: Int) { (self.box, self.index) = (box, index) }

    var group: ParameterGroup { box.optimizer.groups[index] }
}

/// What recipes see as `lorawb.optim`.
enum OptimLua {
    static func module(_ context: RecipeContext) -> LuaModule {
        LuaModule(
            "lorawb.optim", "Optimizers, learning rate schedules and clipping, for loops written by hand.",
            functions: [
                adamW(context), sgd(context), clip(context, "clip_grad_norm"), clip(context, "clip_grad_norm_"),
            ]
                + ScheduleLua.functions)
    }

    // MARK: Making

    private static let parametersType = OptionType.either([
        .list(.object("lorawb.Tensor")), .table, .function("fun(): string?, lorawb.Parameter?"),
    ])
    static let parameters = LuaParameter(
        "parameters", parametersType,
        "A list of tensors or of { name, tensor }, model:parameters(), model:named_parameters(), or a list of groups { params =, lr =, weight_decay = }."
    )
    private static let common = [
        Option("lr", .number(.atLeastZero), default: 1e-3, "Learning rate.")
    ]
    private static let refused = Dictionary(
        uniqueKeysWithValues: ["amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused"].map {
            ($0, "is not supported")
        })
    private static let adamWOptions = OptionTable(
        common + [
            Option("weight_decay", .number(.atLeastZero), default: 0.01, "Weight decay."),
            Option(
                "betas", .numbers(.belowOne), default: .list([0.9, 0.999]), "Decay of the two moments.",
                example: "{ 0.9, 0.99 }"),
            Option("eps", .number(.atLeastZero), default: 1e-8, "Added to the denominator."),
        ], refused: refused)
    private static let sgdOptions = OptionTable(
        common + [
            Option("weight_decay", .number(.atLeastZero), default: 0, "Weight decay."),
            Option("momentum", .number(.atLeastZero), default: 0, "Share of the last update that is kept."),
            Option("dampening", .number(.atLeastZero), default: 0, "What the gradient is lessened by in it."),
            Option("nesterov", .boolean, default: false, "Nesterov's form of momentum."),
        ], refused: refused)
    private static let groupOptions = OptionTable([
        Option("params", .any, "The parameters.", example: "model:parameters()", required: true),
        Option("names", .strings, "Their names.", example: "{ \"weight\" }"),
        Option("lr", .number(.atLeastZero), "Learning rate of this group.", example: "1e-3"),
        Option("weight_decay", .number(.atLeastZero), "Weight decay of this group.", example: "0.01"),
    ])

    private static func adamW(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "AdamW", "Adam with decoupled weight decay, with torch's numbers.",
            parameters: [parameters, LuaParameter("options", adamWOptions)], returns: "lorawb.optim.Optimizer",
            example: "local optimizer = lorawb.optim.AdamW(model:parameters(), { lr = 1e-3 })"
        ) { call in
            let options = try call.options(2, adamWOptions)
            let lr = try options.number("lr")
            let betas = options.numbers("betas") ?? [0.9, 0.999]
            guard betas.count == 2 else { throw options.error("betas", expected: "two numbers from 0 to below 1") }
            let groups = try groups(call, context, lr: lr, weightDecay: try options.number("weight_decay"))
            let optimizer = try AdamW(
                groups, beta1: betas[0], beta2: betas[1], epsilon: try options.number("eps"))
            return .object(OptimizerBox(optimizer, kind: "AdamW", learningRate: lr, live: context.live))
        }
    }

    private static func sgd(_ context: RecipeContext) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            "SGD", "Stochastic gradient descent, with torch's numbers.",
            parameters: [parameters, LuaParameter("options", sgdOptions)], returns: "lorawb.optim.Optimizer",
            example: "local optimizer = lorawb.optim.SGD(model:parameters(), { lr = 0.1, momentum = 0.9 })"
        ) { call in
            let options = try call.options(2, sgdOptions)
            let lr = try options.number("lr")
            let groups = try groups(call, context, lr: lr, weightDecay: try options.number("weight_decay"))
            let optimizer = try SGD(
                groups, momentum: try options.number("momentum"), dampening: try options.number("dampening"),
                nesterov: try options.boolean("nesterov"))
            return .object(OptimizerBox(optimizer, kind: "SGD", learningRate: lr, live: context.live))
        }
    }

    private static func groups(
        _ call: borrowing LuaCall, _ context: RecipeContext, lr: Double, weightDecay: Double
    ) throws -> [ParameterGroup] {
        var reader = ParameterReader(context)
        let value = try call.value(1)
        var groups: [ParameterGroup] = []
        if let table = value.asTable, let first = table.values.first?.asTable, !first["params"].isNil {
            for (index, entry) in table.values.enumerated() {
                let place = "groups[\(index + 1)]"
                guard let entry = entry.asTable else {
                    throw LuaFault("\(place) expected { params = ... }, got \(entry.shown)")
                }
                let options: LuaOptions
                do { options = try LuaOptions(entry, groupOptions) } catch { throw LuaFault("\(place): \(error)") }
                groups.append(
                    try ParameterGroup(
                        try reader.parameters(entry["params"], "\(place).params", names: options.strings("names")),
                        learningRate: options.optionalNumber("lr") ?? lr,
                        weightDecay: options.optionalNumber("weight_decay") ?? weightDecay))
            }
        } else {
            groups = [
                try ParameterGroup(
                    try reader.parameters(value, "parameters"), learningRate: lr, weightDecay: weightDecay)
            ]
        }
        guard groups.contains(where: { $0.parameters.contains { $0.tensor.requiresGrad } }) else {
            throw LuaFault(
                "none of the \(groups.reduce(0) { $0 + $1.parameters.count }) tensors requires a gradient; add an adapter, or set requires_grad"
            )
        }
        return groups
    }

    private static func clip(_ context: RecipeContext, _ name: String) -> LuaFunctionDeclaration {
        LuaFunctionDeclaration(
            name, "Scales the gradients together so that their common norm is at most max_norm; gives the norm before.",
            parameters: [
                LuaParameter("parameters", parametersType, "Parameters as optimizers take them."),
                LuaParameter("max_norm", .number(.atLeastZero), "The largest norm."),
            ], returns: "number", example: "print(lorawb.optim.\(name)(model:parameters(), 1))"
        ) { call in
            let span = Profile.phase("clipping")
            defer { span.end() }
            var reader = ParameterReader(context)
            let parameters = try reader.parameters(try call.value(1), "parameters")
            return .number(try clipGradNorm(parameters, maxNorm: try call.number(2, "max_norm")))
        }
    }

    // MARK: The types

    static var type: LuaType<OptimizerBox> {
        LuaType(
            "lorawb.optim.Optimizer", "Changes parameters by their gradients.",
            methods: [
                LuaMethod(
                    "step",
                    "One update of all parameters that have a gradient; dropout then draws the next step's numbers.",
                    example:
                        "local out = model { input_ids = { { 2, 5, 6, 3 } }, labels = { 1 } }\nout.loss:backward()\noptimizer:step()\noptimizer:zero_grad()"
                ) { box, _ in
                    try box.step()
                    return .nothing
                },
                LuaMethod("zero_grad", "Forgets the gradients.", example: "optimizer:zero_grad()") { box, _ in
                    box.optimizer.zeroGrad()
                    return .nothing
                },
            ],
            properties: [
                LuaProperty(
                    "lr", "Learning rate of the first group; setting it sets that of all groups.", type: "number",
                    get: { .number($0.optimizer.groups[0].learningRate) },
                    set: { box, call in
                        let lr = try call.number(1, "lr")
                        for index in box.optimizer.groups.indices { try box.set(index, learningRate: lr) }
                        box.learningRate = lr
                    }),
                LuaProperty(
                    "param_groups", "The groups: lr and weight_decay of each can be read and set.",
                    type: "lorawb.optim.ParamGroup[]"
                ) { box in
                    .list(box.optimizer.groups.indices.map { .object(ParameterGroupBox(box, $0)) })
                },
            ],
            metamethods: [
                .text("Kind, number of parameters and learning rate.") { box in
                    let counts = box.optimizer.groups.map { "\($0.parameters.count)" }.joined(separator: " + ")
                    return "\(box.kind)(\(counts) parameters, lr = \(box.optimizer.groups[0].learningRate))"
                }
            ])
    }

    static var groupType: LuaType<ParameterGroupBox> {
        LuaType(
            "lorawb.optim.ParamGroup", "Parameters that share a learning rate and a weight decay.",
            properties: [
                LuaProperty(
                    "lr", "Learning rate of the next step.", type: "number", get: { .number($0.group.learningRate) },
                    set: { box, call in try box.box.set(box.index, learningRate: try call.number(1, "lr")) }),
                LuaProperty("initial_lr", "Learning rate that schedules multiply.", type: "number") {
                    .number($0.group.initialLearningRate)
                },
                LuaProperty(
                    "weight_decay", "Weight decay.", type: "number", get: { .number($0.group.weightDecay) },
                    set: { box, call in try box.box.set(box.index, weightDecay: try call.number(1, "weight_decay")) }),
                LuaProperty("params", "The tensors.", type: "lorawb.Tensor[]") {
                    .list($0.group.parameters.map { .object($0.tensor) })
                },
                LuaProperty("names", "Their names in errors.", type: "string[]") {
                    .strings($0.group.parameters.map(\.name))
                },
            ],
            metamethods: [
                .text("Number of parameters and learning rate.") { box in
                    "ParamGroup(\(box.group.parameters.count) parameters, lr = \(box.group.learningRate), weight_decay = \(box.group.weightDecay))"
                }
            ])
    }
}
