import Models
import Tensors

/// What the calls of modules share within a session: which modules are alive, and the forward in progress.
///
/// An optimizer's step begins the next step of every living module that holds one of its parameters.
final class LiveModules {
    private struct Entry { weak var box: ModuleBox? }

    private var entries: [Entry] = []
    /// The outermost call of a recipe's module that is in progress.
    var forward: ForwardCall?
    /// How many calls of modules are within one another.
    var depth = 0

    /// Takes a module in.
    func add(_ box: ModuleBox) {
        if entries.count >= 64, entries.count & (entries.count - 1) == 0 { entries.removeAll { $0.box == nil } }
        entries.append(Entry(box: box))
    }

    private var boxes: [ModuleBox] { entries.compactMap(\.box) }

    /// Begins the next step of the modules that hold one of `tensors`.
    func beginNextStep(of tensors: Set<ObjectIdentifier>) {
        var begun: Set<ObjectIdentifier> = []
        for box in boxes {
            guard let clock = box.clock, !begun.contains(ObjectIdentifier(clock)) else { continue }
            let holds = box.module.namedParameters().contains { parameter in
                parameter.weight.tensor.map { tensors.contains(ObjectIdentifier($0)) } ?? false
            }
            guard holds else { continue }
            clock.beginNextStep()
            begun.insert(ObjectIdentifier(clock))
        }
    }

    /// Full names of the tensors of living modules.
    func names() -> [ObjectIdentifier: String] {
        var names: [ObjectIdentifier: String] = [:]
        for box in boxes where box.module.path.isEmpty {
            for (name, weight) in box.module.namedParameters() {
                if let tensor = weight.tensor { names[ObjectIdentifier(tensor)] = name }
            }
        }
        return names
    }
}

/// One call of a recipe's module from outside, with everything that is called within it.
///
/// It says where the rows of tensors stand in the batch of the optimizer's step, which is what dropout draws its numbers by:
/// the first dimension of the first argument counts the rows of the call. A tensor within the call whose number of vectors
/// (all dimensions but the last) is a multiple of that has so many vectors a row, by position; any other one belongs to the
/// first row of the call as a whole.
final class ForwardCall {
    private let clock: StepClock
    private var rows: [Int]?
    private var uses: [ObjectIdentifier: Int] = [:]

    init(clock: StepClock) { self.clock = clock }

    /// Takes the next rows of the step, as many as `tensor` has, where none were taken.
    func takeRows(of tensor: Tensor) {
        guard rows == nil, tensor.count > 0 else { return }
        let counts = tensor.shape.count > 1 || tensor.dtype == .int64
        rows = clock.take(counts ? tensor.shape.first ?? 1 : 1)
    }

    /// The pass of a layer over `x`, whose vectors lie in the last dimension.
    func pass(over x: Tensor) throws -> Pass {
        takeRows(of: x)
        guard x.count > 0, let rows, !rows.isEmpty else { return try Pass(lengths: []) }
        let vectors = x.count / (x.shape.last ?? 1)
        let length = vectors / rows.count
        let fits = length * rows.count == vectors
        return try Pass(
            lengths: fits ? rows.map { _ in length } : [vectors],
            draws: DropoutDraws(seed: clock.seed, step: clock.step, rows: fits ? rows : [rows[0]]))
    }

    /// How often a layer acted in this call before.
    func use(of module: any Module) -> Int {
        defer { uses[ObjectIdentifier(module), default: 0] += 1 }
        return uses[ObjectIdentifier(module), default: 0]
    }
}
