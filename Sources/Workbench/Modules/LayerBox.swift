import Kernels
import LuaBridge
import Models
import Tensors

/// A module that a recipe made with `lorawb.nn`, as an object that it holds.
///
/// Whether dropout acts is each layer's own flag, as in torch: new layers train. The outermost module that is called gives
/// the seed and the clock of a call.
final class LayerBox: ModuleBox {
    var isTraining = true
    let ownClock: StepClock

    override var clock: StepClock? { ownClock }

    init(_ module: any Module, key: RandomKey, context: RecipeContext) {
        ownClock = StepClock(seed: key.child("dropout").bits)
        super.init(module, context: context)
    }

    private var recipeModule: RecipeModule? { module as? RecipeModule }

    /// The objects of its parts that recipes made.
    var members: [ModuleBox] { (recipeModule?.parts ?? []).map(\.box) }

    override func part(_ module: any Module) -> ModuleBox {
        if module === self.module { return self }
        for (_, box) in recipeModule?.parts ?? []
        where box.module.namedModules().contains(where: { $0.module === module }) {
            return box.part(module)
        }
        return super.part(module)
    }

    /// Turns dropout on or off here and beneath.
    func setTraining(_ training: Bool) {
        isTraining = training
        for (_, box) in recipeModule?.parts ?? [] {
            (box as? LayerBox)?.setTraining(training)
            (box as? ModelBox)?.isTraining = training
        }
    }

    // MARK: Calls

    /// What the module gives for the arguments of `call`.
    func run(_ call: borrowing LuaCall) throws -> LuaReturn {
        let live = context.live
        guard live.depth < 40 else {
            throw LuaFault("modules call one another more than 40 deep; does a forward call itself?")
        }
        live.depth += 1
        defer { live.depth -= 1 }
        guard live.forward == nil else { return try act(call, live.forward) }
        let forward = ForwardCall(clock: ownClock)
        live.forward = forward
        defer { live.forward = nil }
        if isTraining, call.isObject(1, as: Tensor.self) { forward.takeRows(of: try call.object(1, as: Tensor.self)) }
        return try act(call, forward)
    }

    private func act(_ call: borrowing LuaCall, _ forward: ForwardCall?) throws -> LuaReturn {
        if let function = recipeModule?.forward {
            var arguments: [LuaValue] = [.object(self)]
            for position in 1..<call.count + 1 {
                arguments.append(try call.reference(position).map { .reference($0) } ?? .nil)
            }
            return .values(try function.call(arguments))
        }
        if recipeModule == nil || recipeModule?.kind == "Sequential" {
            return .values(try output(try call.value(1), forward))
        }
        throw LuaFault("\(place) is a list and cannot be called; call its members")
    }

    /// How errors name this module.
    var place: String { module.path.isEmpty ? module.kind : "'\(module.path)' (\(module.kind))" }

    /// What the module gives within a call for one value.
    private func output(_ value: LuaValue, _ forward: ForwardCall?) throws -> [LuaValue] {
        if let recipeModule {
            if let function = recipeModule.forward { return try function.call([.object(self), value]) }
            guard recipeModule.kind == "Sequential" else {
                throw LuaFault("\(place) is a list and cannot be called; call its members")
            }
            return try recipeModule.parts.reduce([value]) { values, part in
                guard let layer = part.box as? LayerBox else {
                    throw LuaFault("\(place): '\(part.name)' is a whole model; call it in a forward of nn.module")
                }
                return try layer.output(values.first ?? .nil, forward)
            }
        }
        if let embedding = module as? Models.Embedding { return [.object(try look(up: value, in: embedding, forward))] }
        guard let x = value.asObject(Tensor.self) else {
            throw LuaFault("\(place) expected lorawb.Tensor, got \(value.shown)")
        }
        return [.object(try apply(to: x, forward))]
    }

    private func apply(to x: Tensor, _ forward: ForwardCall?) throws -> Tensor {
        guard !x.isFreed else { throw LuaFault("\(place): the tensor was freed") }
        guard x.dtype == .float32 else {
            throw LuaFault("\(place) expected float32, got int64 of shape \(x.shape); x:to(\"float32\") converts")
        }
        if let width = module.inputWidth, x.shape.last != width {
            throw LuaFault("\(place) takes \(width) features in the last dimension, got shape \(x.shape)")
        }
        let pass = isTraining ? try forward?.pass(over: x) : nil
        if let dropout = module as? Models.Dropout {
            guard let pass, x.count > 0 else { return x }
            return try dropout(x, pass, use: forward?.use(of: dropout) ?? 0)
        }
        guard let layer = module as? any Layer else { throw LuaFault("\(place) cannot be called by itself") }
        return try layer(x, pass ?? Pass(lengths: []))
    }

    private func look(up value: LuaValue, in embedding: Models.Embedding, _ forward: ForwardCall?) throws -> Tensor {
        let ids = try LayerBox.integers(value, place)
        if isTraining { forward?.takeRows(of: ids) }
        let numbers = try ids.integerArray()
        if let wrong = numbers.first(where: { $0 < 0 || $0 >= Int64(embedding.entries) }) {
            throw LuaFault("\(place): id \(wrong) is outside 0 to \(embedding.entries - 1)")
        }
        return try embedding(numbers.map { Int($0) }).reshape(ids.shape + [embedding.width])
    }

    /// An int64 tensor, or a nested list of integers as one.
    static func integers(_ value: LuaValue, _ place: String) throws -> Tensor {
        if let tensor = value.asObject(Tensor.self) {
            guard !tensor.isFreed else { throw LuaFault("\(place): the tensor was freed") }
            guard tensor.dtype == .int64 else {
                throw LuaFault("\(place) expected integers (ids from 0), got float32 of shape \(tensor.shape)")
            }
            return tensor
        }
        if case .integer(let id) = value { return try Tensor.full([], integer: id) }
        guard let table = value.asTable else {
            throw LuaFault("\(place) expected integers (ids from 0), got \(value.shown)")
        }
        guard case .integers(let numbers, let shape) = try table.nestedNumbers() else {
            throw LuaFault("\(place) expected integers (ids from 0), got floats")
        }
        return try Tensor(numbers, shape: shape)
    }
}

extension Module {
    /// Size that the last dimension of the input must have.
    fileprivate var inputWidth: Int? {
        switch self {
        case let linear as Models.Linear: linear.inFeatures
        case let norm as Models.LayerNorm: norm.weight.shape.last
        case let norm as Models.RMSNorm: norm.weight.shape.last
        default: nil
        }
    }
}
