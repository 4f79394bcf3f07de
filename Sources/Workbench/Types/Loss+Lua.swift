import LuaBridge
import Options
import Tensors

/// The losses of `lorawb.nn`.
enum LossLua {
    private static let reductions: [Option] = [
        Option(
            "reduction", .oneOf(["mean", "sum", "none"]), default: "mean",
            "\"mean\" (default) over what is labelled, \"sum\", or \"none\": the loss of each row or element."),
        Option(
            "num_items_in_batch", .integer(1...1 << 53),
            "What the sum is divided by: the number of labelled items of the whole step, where gradients are accumulated.",
            example: "16"),
    ]
    private static let numbers = OptionType.either([.object("lorawb.Tensor"), .table])
    private static let oldNames = ["size_average": "is called reduction", "reduce": "is called reduction"]
    private static let classOptions = OptionTable(
        reductions + [
            Option(
                "weight", .either([.object("lorawb.Tensor"), .numbers(.atLeastZero)]),
                "Weight of each class, [classes]; the mean is over the weights of the labels.", example: "{ 1, 3, 1 }"),
            Option("ignore_index", .integer, default: -100, "Label that bears no loss."),
            Option(
                "label_smoothing", .number(.unit), default: 0,
                "Share of the target that is spread over all classes, from 0 to 1."),
        ], refused: oldNames)
    private static let squareOptions = OptionTable(
        reductions + [
            Option(
                "weight", numbers, "Weight of each element, of input's shape; the mean is over the weights.",
                example: "lorawb.ones(2, 3)")
        ], refused: oldNames)
    private static let binaryOptions = OptionTable(
        reductions + [
            Option(
                "weight", numbers, "Weight of each element, of a shape that is repeated to input's.",
                example: "lorawb.ones(2, 3)"),
            Option(
                "pos_weight", numbers,
                "How much heavier than the rest the part of each target is, [labels] or another shape that is repeated to input's.",
                example: "{ 1, 3, 1 }"),
        ], refused: oldNames)
    private static let input = LuaParameter("input", .object("lorawb.Tensor"), "Predictions, of any shape.")
    private static let target = LuaParameter(
        "target", .either([.object("lorawb.Tensor"), .table]), "Targets of the same shape, a tensor or nested lists.")

    static var functions: [LuaFunctionDeclaration] {
        [
            LuaFunctionDeclaration(
                "cross_entropy", "Mean of -log softmax(logits)[label].",
                parameters: [
                    LuaParameter("logits", .object("lorawb.Tensor"), "Scores, [..., classes]."),
                    LuaParameter(
                        "labels", .either([.object("lorawb.Tensor"), .integers]),
                        "Ids from 0, a tensor or nested lists, [...]."),
                    LuaParameter("options", classOptions),
                ], returns: "lorawb.Tensor", example: "local loss = nn.cross_entropy(t, { 0, 2 })", body: crossEntropy),
            LuaFunctionDeclaration(
                "mse_loss", "Mean of (input - target)².",
                parameters: [input, target, LuaParameter("options", squareOptions)], returns: "lorawb.Tensor",
                example: "local loss = nn.mse_loss(t, lorawb.zeros(2, 3))"
            ) { call in
                let (input, target) = try pair(call)
                let options = try call.options(3, squareOptions)
                return .object(
                    try input.mseLoss(
                        target, reduction: try reduction(options), weights: try weights(options, "weight")))
            },
            LuaFunctionDeclaration(
                "binary_cross_entropy_with_logits",
                "Mean binary cross entropy of sigmoid(input) against targets from 0 to 1.",
                parameters: [input, target, LuaParameter("options", binaryOptions)], returns: "lorawb.Tensor",
                example: "local loss = nn.binary_cross_entropy_with_logits(t, lorawb.ones(2, 3))"
            ) { call in
                let (input, target) = try pair(call)
                let options = try call.options(3, binaryOptions)
                return .object(
                    try input.bceWithLogits(
                        target, reduction: try reduction(options), weights: try weights(options, "weight"),
                        positiveWeights: try weights(options, "pos_weight")))
            },
        ]
    }

    private static func reduction(_ options: LuaOptions) throws -> Reduction {
        let name = options["reduction"]?.asString
        guard let items = options.optionalInteger("num_items_in_batch") else {
            return name == "sum" ? .sum : name == "none" ? .none : .mean
        }
        guard name == nil else { throw LuaFault("options 'reduction' and 'num_items_in_batch' exclude each other") }
        return .dividedBy(Float(items))
    }

    /// Weights as a float32 tensor; nil where none are given.
    private static func weights(_ options: LuaOptions, _ name: String) throws -> Tensor? {
        guard let value = options[name] else { return nil }
        let weights: Tensor
        if let tensor = value.asObject(Tensor.self) {
            guard !tensor.isFreed else { throw LuaFault("option '\(name)': the tensor was freed") }
            weights = try tensor.to(.float32)
        } else {
            do {
                switch try (value.asTable ?? LuaTable()).nestedNumbers() {
                case .integers(let numbers, let shape): weights = try Tensor(numbers.map { Float($0) }, shape: shape)
                case .numbers(let numbers, let shape): weights = try Tensor(numbers.map { Float($0) }, shape: shape)
                }
            } catch let fault as LuaFault { throw LuaFault("option '\(name)': \(fault)") }
        }
        let numbers = try weights.floatArray()
        if let place = numbers.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
            throw LuaFault(
                "option '\(name)': \(numbers[place]) at \(Shape.place(place, in: weights.shape)) is no weight; they are at least 0"
            )
        }
        return weights
    }

    private static func tensor(_ call: borrowing LuaCall, _ position: Int, _ name: String) throws -> Tensor {
        let tensor = try call.object(position, as: Tensor.self, name)
        guard !tensor.isFreed else { throw call.argumentError(position, name, "the tensor was freed") }
        return tensor
    }

    private static func crossEntropy(_ call: borrowing LuaCall) throws -> LuaReturn {
        let logits = try tensor(call, 1, "logits")
        guard logits.dtype == .float32, let classes = logits.shape.last, logits.shape.count > 1, classes > 0 else {
            throw call.argumentError(
                1, "logits", "float32 [..., classes] expected, got \(logits.dtype.rawValue) \(logits.shape)")
        }
        guard call.isTable(2) || call.isObject(2, as: Tensor.self) else {
            throw call.argumentError(
                2, "labels", "lorawb.Tensor or list of integers expected, got \(try call.value(2).shown)")
        }
        let labels = try LayerBox.integers(try call.value(2), "labels")
        guard labels.shape == Array(logits.shape.dropLast()) || labels.shape == [logits.count / classes] else {
            throw LuaFault(
                "labels of shape \(labels.shape) for logits of shape \(logits.shape): \(Array(logits.shape.dropLast())) expected"
            )
        }
        let options = try call.options(3, classOptions)
        let ignored = try options.integer("ignore_index")
        let smoothing = try options.number("label_smoothing")
        let ids = try labels.integerArray().map { Int($0) }
        for (place, id) in ids.enumerated() where id != ignored && !(0..<classes).contains(id) {
            throw LuaFault(
                "label \(id) of row \(place + 1) is outside 0 to \(classes - 1) of logits of shape \(logits.shape) (ids count from 0)"
            )
        }
        let reduction = try reduction(options)
        guard reduction != .mean || ids.contains(where: { $0 != ignored }) else {
            throw LuaFault("the mean over no rows: every label is \(ignored)")
        }
        let weight = try weights(options, "weight")
        if let weight, weight.shape != [classes] {
            throw LuaFault(
                "option 'weight' has shape \(weight.shape) for logits of shape \(logits.shape); give a weight for each of the \(classes) classes"
            )
        }
        let rows = try logits.shape.count == 2 ? logits : logits.reshape([logits.count / classes, classes])
        let loss = try rows.crossEntropy(
            ids, ignoreIndex: ignored, smoothing: Float(smoothing), reduction: reduction,
            weights: try weight?.floatArray())
        return .object(reduction == .none ? try loss.reshape(labels.shape) : loss)
    }

    private static func pair(_ call: borrowing LuaCall) throws -> (input: Tensor, target: Tensor) {
        let input = try tensor(call, 1, "input")
        guard input.dtype == .float32 else {
            throw call.argumentError(
                1, "input", "float32 expected, got int64 of shape \(input.shape); x:to(\"float32\") converts")
        }
        guard input.count > 0 else { throw call.argumentError(1, "input", "shape \(input.shape) holds no numbers") }
        var target: Tensor
        if call.isTable(2) {
            switch try call.table(2, "target").nestedNumbers() {
            case .integers(let numbers, let shape): target = try Tensor(numbers.map { Float($0) }, shape: shape)
            case .numbers(let numbers, let shape): target = try Tensor(numbers.map { Float($0) }, shape: shape)
            }
        } else {
            target = try tensor(call, 2, "target")
            if target.dtype == .int64 { target = try target.to(.float32) }
        }
        guard target.shape == input.shape else {
            throw LuaFault(
                "target of shape \(target.shape) for input of shape \(input.shape); they must be equal, reshape one")
        }
        return (input, target)
    }
}
