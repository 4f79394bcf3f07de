import Adapters
import Kernels
import Models
import Tensors
import TestSupport
import Testing
import Training

/// Trained tensors side by side in one buffer: nothing that can be seen but the time differs from tensors of their own.
@Suite(.serialized)
struct FlatTests {
    private static let shapes = [[3, 5], [7], [64, 16], [600, 500], [1], [130, 200]]

    /// Parameters whose gradient is what is asked for, for two groups.
    private struct Problem {
        let parameters: [NamedParameter]
        /// Views of the parameters: with them they share their memory, and stay where they are.
        let views: [Tensor]

        init(flat: Bool) throws {
            let key = RandomKey(seed: 5)
            parameters = try shapes.enumerated().map { index, shape in
                let tensor = try Tensor.randn(shape, key: key.child(index))
                try tensor.setRequiresGrad(true)
                return NamedParameter("p\(index)", tensor)
            }
            views = flat ? [] : try parameters.map { try $0.tensor.detach() }
        }

        var tensors: [Tensor] { parameters.map(\.tensor) }

        func groups() throws -> [ParameterGroup] {
            [
                try ParameterGroup(Array(parameters[..<3]), learningRate: 0.1, weightDecay: 0.1),
                try ParameterGroup(Array(parameters[3...]), learningRate: 0.05),
            ]
        }

        /// Backward passes that leave gradients drawn for this step, in all but those that `omitted` gives.
        func backward(step: Int, omitted: Set<Int>, passes: Int = 1) throws {
            for pass in 0..<passes {
                let key = RandomKey(seed: 6).child(step).child(pass)
                let terms = try tensors.enumerated().compactMap { index, tensor -> Tensor? in
                    guard !omitted.contains(index), tensor.requiresGrad else { return nil }
                    return try tensor.mul(Tensor.randn(tensor.shape, key: key.child(index))).sum()
                }
                try terms.dropFirst().reduce(terms[0]) { try $0.add($1) }.backward()
            }
        }

        func values() throws -> [[UInt32]] {
            try withExtendedLifetime(views) { try tensors.map { try $0.floatArray().map(\.bitPattern) } }
        }
    }

    private typealias Make = @Sendable ([ParameterGroup]) throws -> any Optimizer
    private static let makes: [(name: String, make: Make)] = [
        ("AdamW", { try AdamW($0) }), ("SGD", { try SGD($0) }),
        ("momentum", { try SGD($0, momentum: 0.9, nesterov: true) }),
    ]

    /// Whether each of these begins where the one before ends, but for a gap of less than 64 bytes.
    private func areSideBySide(_ tensors: [Tensor]) throws -> Bool {
        let starts = try tensors.map { UInt(bitPattern: try $0.floats()) }
        return (1..<tensors.count).allSatisfy { i in
            let end = starts[i - 1] + UInt(tensors[i - 1].count) * 4
            return starts[i] % 64 == 0 && starts[i] >= end && starts[i] - end < 64
        }
    }

    /// Seven steps with gradients missing, a parameter frozen and thawed, micro-batches, and clipping.
    private func run(_ make: Make, flat: Bool, restoreAt: Int? = nil) throws -> [[UInt32]] {
        let problem = try Problem(flat: flat)
        let before = try problem.tensors.map { try $0.floats() }
        var optimizer = try make(problem.groups())
        if flat { #expect(try areSideBySide(problem.tensors.filter { $0.count <= Tensor.largestMoved })) }
        let moved = try problem.tensors.map { try $0.floats() } != before
        #expect(moved == flat)
        for step in 0..<7 {
            if step == restoreAt {
                let state = Dictionary(uniqueKeysWithValues: try optimizer.stateTensors().map { ($0.name, $0.tensor) })
                optimizer = try make(problem.groups())
                try optimizer.restore(state, steps: 7, source: "optimizer.safetensors")
            }
            try problem.tensors[2].setRequiresGrad(step != 3)
            try problem.backward(step: step, omitted: step == 2 ? [1, 4] : [], passes: step == 4 ? 2 : 1)
            if step == 5 {
                try optimizer.step(gradientScale: 0.25)
            } else {
                let norm = try clipGradNorm(problem.parameters, maxNorm: step == 1 ? 1e9 : 2)
                #expect(norm > 2)
                try optimizer.step()
            }
            optimizer.zeroGrad()
            #expect(problem.tensors.allSatisfy { $0.grad == nil })
        }
        return try problem.values()
    }

    @Test("the bits of tensors of their own, at one and two threads, over a restored state", arguments: 0..<3)
    func sameBits(index: Int) throws {
        let (name, make) = FlatTests.makes[index]
        let plain = try withThreads(1) { try run(make, flat: false) }
        for threads in [1, 2] {
            try withThreads(threads) {
                let (flat, restored) = (try run(make, flat: true), try run(make, flat: true, restoreAt: 4))
                #expect(flat == plain, "\(name), \(threads) threads")
                #expect(restored == plain, "\(name) restored, \(threads) threads")
            }
        }
    }

    @Test("what moves keeps its bits; a large leaf stays where it is")
    func layout() throws {
        let problem = try Problem(flat: true)
        let (before, large) = (try problem.values(), try problem.tensors[3].floats())
        let small = problem.tensors.filter { $0.count <= Tensor.largestMoved }
        #expect(small.count == problem.tensors.count - 1)
        let optimizer = try AdamW(problem.groups())
        #expect(try problem.values() == before)
        #expect(try problem.tensors[3].floats() == large)
        #expect(try areSideBySide(small))
        try problem.backward(step: 0, omitted: [])
        try optimizer.step()
        #expect(try problem.values() != before)
    }

    @Test("a gradient that somebody holds, or a view of it, is not written to again")
    func heldGradients() throws {
        let problem = try Problem(flat: true)
        let optimizer = try AdamW(problem.groups())
        try problem.backward(step: 0, omitted: [])
        let held = try #require(problem.tensors[0].grad)
        let view = try #require(problem.tensors[1].grad).narrow(0, start: 2, length: 3)
        let (kept, keptView) = (try held.floatArray(), try view.floatArray())
        optimizer.zeroGrad()
        try problem.backward(step: 1, omitted: [])
        #expect(try held.floatArray() == kept)
        #expect(try view.floatArray() == keptView)
        #expect(try problem.tensors[0].grad?.floatArray() != kept)
        // A gradient put in place by hand is used, and added to.
        problem.tensors[0].grad = try .ones([3, 5])
        try problem.backward(step: 2, omitted: [])
        let drawn = try Tensor.randn([3, 5], key: RandomKey(seed: 6).child(2).child(0).child(0)).floatArray()
        #expect(try problem.tensors[0].grad?.floatArray() == drawn.map { 1 + $0 })
    }

    @Test("views made before see updates; views made after keep the buffer alive")
    func views() throws {
        let problem = try Problem(flat: true)
        let row = try problem.tensors[0].narrow(0, start: 1, length: 1).detach()
        let optimizer = try SGD(problem.groups())
        let late = try problem.tensors[1].detach()
        try problem.backward(step: 0, omitted: [])
        try optimizer.step()
        #expect(try row.floatArray() == Array(problem.tensors[0].floatArray()[5..<10]))
        #expect(try late.floatArray() == problem.tensors[1].floatArray())
        let expected = try late.floatArray()
        for tensor in problem.tensors { tensor.free() }
        #expect(try late.floatArray() == expected)
    }

    @Test("a second optimizer over some of them leaves them where they are; both go on when one is gone")
    func twoOptimizers() throws {
        func run(flat: Bool) throws -> [[UInt32]] {
            let problem = try Problem(flat: flat)
            var first: (any Optimizer)? = try AdamW(problem.groups())
            let places = try problem.tensors.map { try $0.floats() }
            let second = try SGD([ParameterGroup(Array(problem.parameters[1...4]), learningRate: 0.1)], momentum: 0.5)
            let now = try problem.tensors.map { try $0.floats() }
            #expect(now == places)
            for step in 0..<4 {
                try problem.backward(step: step, omitted: [])
                try first?.step()
                try second.step()
                second.zeroGrad()
                first?.zeroGrad()
                if step == 2 { first = nil }
            }
            return try problem.values()
        }
        let same = try run(flat: true) == run(flat: false)
        #expect(same)
    }

    @Test("a tensor given under two names is refused")
    func twice() throws {
        let tensor = try Tensor.zeros([2])
        try tensor.setRequiresGrad(true)
        #expect(throws: TrainingError("AdamW: parameter 'b' is the tensor of 'a'; give it once")) {
            _ = try AdamW([ParameterGroup([NamedParameter("a", tensor), NamedParameter("b", tensor)], learningRate: 1)])
        }
    }

    @Test("parameters that share memory are updated in turn, at any number of threads")
    func overlapping() throws {
        func run() throws -> [Float] {
            let whole = try Tensor.randn([100_000], key: RandomKey(seed: 8))
            let part = try whole.narrow(0, start: 10_000, length: 80_000).detach()
            for tensor in [whole, part] {
                try tensor.setRequiresGrad(true)
                tensor.grad = try .ones(tensor.shape)
            }
            let optimizer = try SGD([
                ParameterGroup(
                    [NamedParameter("whole", whole), NamedParameter("part", part)], learningRate: 0.25, weightDecay: 0.5
                )
            ])
            try optimizer.step()
            return try whole.floatArray()
        }
        let start = try Tensor.randn([100_000], key: RandomKey(seed: 8)).floatArray()
        func once(_ p: Float) -> Float { p - 0.25 * (1 + 0.5 * p) }
        let expected = start.enumerated().map { (10_000..<90_000).contains($0) ? once(once($1)) : once($1) }
        for threads in [1, 2] {
            let same = try withThreads(threads) { try run() } == expected
            #expect(same, "\(threads) threads")
        }
    }

    @Test("the parameter that an update made infinite is named, of many")
    func named() throws {
        let problem = try Problem(flat: true)
        let optimizer = try SGD(problem.groups())
        try problem.backward(step: 0, omitted: [])
        try #require(problem.tensors[4].grad).mutableFloats()[0] = .infinity
        #expect(throws: NonFiniteError(what: "gradient", name: "p4")) {
            try clipGradNorm(problem.parameters, maxNorm: 1)
        }
        #expect(throws: NonFiniteError(what: "parameter", name: "p4")) { try optimizer.step() }
    }

    @Test("adapters that are deleted, added and written to between steps")
    func adapters() throws {
        func run(flat: Bool) throws -> [String: [Float]] {
            let model = try Tiny.model(dropout: 0)
            let adapters = AdapterSet(model: model, seed: 4)
            var config = LoraConfig()
            (config.r, config.loraAlpha, config.initLoraWeights) = (2, 4, .random)
            config.targetModules = .list(["query", "value"])
            try adapters.add(config, name: "one")
            // The head is the first one's.
            config.taskType = .featureExtraction
            try adapters.add(config, name: "two")
            try adapters.setActive(["one", "two"])
            let parameters = model.trainableParameters().compactMap { name, weight in
                weight.tensor.map { NamedParameter(name, $0) }
            }
            let views = flat ? [] : try parameters.map { try $0.tensor.detach() }
            let before = try parameters.map { try $0.tensor.floats() }
            let optimizer = try AdamW([ParameterGroup(parameters, learningRate: 0.01)])
            let tensors = parameters.map(\.tensor)
            if flat { #expect(try areSideBySide(tensors)) }
            let moved = try tensors.map { try $0.floats() } != before
            #expect(moved == flat)
            let batch = try BatchReader(Tiny.dataset(4), for: model).batch([0, 1, 2, 3])
            for step in 0..<6 {
                if step == 2 { try adapters.delete("two") }
                if step == 3 { try adapters.add(config, name: "three") }
                if step == 4 {
                    // As a checkpoint is loaded: into the tensor's own memory.
                    let tensor = try #require(model.trainableParameters().first?.weight.tensor)
                    for i in 0..<tensor.count { try tensor.mutableFloats()[i] = Float(i % 7) * 0.01 }
                }
                let logits = try #require(try model(batch.input).logits)
                try model.config.loss(logits, #require(batch.labels)).backward()
                try clipGradNorm(parameters, maxNorm: 0.5)
                try optimizer.step()
                optimizer.zeroGrad()
            }
            return try withExtendedLifetime(views) { try Tiny.weights(model) }
        }
        let plain = try run(flat: false)
        #expect(plain.keys.contains { $0.contains(".one") } && !plain.keys.contains { $0.contains(".two") })
        #expect(try run(flat: true) == plain)
    }
}
