import Formats
import Kernels
import Tensors
import TestSupport
import Testing
import Training

struct OptimizerTests {
    /// Runs of optim.json: one problem, many optimizers.
    @Test("twelve steps equal torch's, for AdamW and SGD with their options and groups")
    func trajectories() throws {
        let json = try #require(try Goldens.optim()["optimizers"])
        let problem = try #require(json["problem"])
        let runs = try Goldens.elements(json["runs"])
        #expect(runs.count == 12)
        for run in runs {
            let tensors = try start(problem)
            let optimizer = try make(run, tensors)
            let scheduler = try scheduler(run, optimizer)
            let (gradients, trajectory) = (
                try Goldens.elements(problem["gradients"]), try Goldens.elements(run["trajectory"])
            )
            for (step, (gradient, expected)) in zip(gradients, trajectory).enumerated() {
                for (name, tensor) in tensors {
                    tensor.grad = try Tensor(Goldens.floats(gradient[name]), shape: tensor.shape)
                }
                try optimizer.step()
                scheduler?.step()
                for (name, tensor) in tensors {
                    let difference = zip(try tensor.floatArray(), try Goldens.floats(expected[name])).map {
                        abs($0 - $1)
                    }
                    // optim.json's own tolerance: values near one, float32, another order of operations.
                    #expect(
                        try #require(difference.max()) <= 1e-6,
                        "\(run["kind"]?.string ?? "") \(run["options"] ?? .null) step \(step) \(name)")
                }
            }
        }
    }

    private func start(_ problem: JSON) throws -> [(name: String, tensor: Tensor)] {
        try ["weight", "bias"].map { name in
            let shape = try Goldens.numbers(problem["shapes"]?[name]).map { Int($0) }
            let tensor = try Tensor(Goldens.floats(problem["start"]?[name]), shape: shape)
            try tensor.setRequiresGrad(true)
            return (name, tensor)
        }
    }

    private func make(_ run: JSON, _ tensors: [(name: String, tensor: Tensor)]) throws -> any Optimizer {
        let options = try #require(run["options"])
        func option(_ name: String, _ otherwise: Double) -> Double { options[name]?.double ?? otherwise }
        let groups = try Goldens.elements(run["groups"]).map { group in
            let names = try Goldens.elements(group["params"]).map(\.string)
            return try ParameterGroup(
                tensors.filter { names.contains($0.name) }.map { NamedParameter($0.name, $0.tensor) },
                learningRate: group["lr"]?.double ?? option("lr", 0),
                weightDecay: group["weight_decay"]?.double ?? option("weight_decay", 0))
        }
        if run["kind"]?.string == "SGD" {
            return try SGD(
                groups, momentum: option("momentum", 0), dampening: option("dampening", 0),
                nesterov: options["nesterov"]?.bool ?? false)
        }
        let betas = try options["betas"].map { try Goldens.numbers($0) } ?? [0.9, 0.999]
        return try AdamW(groups, beta1: betas[0], beta2: betas[1], epsilon: option("eps", 1e-8))
    }

    private func scheduler(_ run: JSON, _ optimizer: any Optimizer) throws -> Scheduler? {
        guard let json = run["schedule"], !json.isNull else { return nil }
        return Scheduler(
            optimizer,
            try Schedule(
                Schedule.Kind(named: #require(json["name"]?.string)), warmupSteps: #require(json["warmup_steps"]?.int),
                totalSteps: #require(json["total_steps"]?.int)))
    }

    @Test("clipping gives torch's norm and gradients")
    func clipping() throws {
        for json in try Goldens.elements(Goldens.optim()["clipping"]) {
            let parameters = try Goldens.elements(json["gradients"]).enumerated().map { index, gradient in
                let gradient = try Tensor(Goldens.floats(gradient))
                let tensor = try Tensor.zeros(gradient.shape)
                try tensor.setRequiresGrad(true)
                tensor.grad = gradient
                return NamedParameter("p\(index)", tensor)
            }
            let norm = try clipGradNorm(parameters, maxNorm: #require(json["max_norm"]?.double))
            let expected = try #require(json["norm"]?.double)
            #expect(abs(norm - expected) <= 1e-6 * max(1, expected))
            for (parameter, clipped) in zip(parameters, try Goldens.elements(json["clipped"])) {
                for (value, want) in zip(try #require(parameter.tensor.grad).floatArray(), try Goldens.floats(clipped))
                {
                    #expect(abs(value - want) <= 1e-6 * max(1, abs(want)))
                }
            }
        }
    }

    @Test("the same bits at one and at two threads")
    func threads() throws {
        func run() throws -> [Float] {
            let key = RandomKey(seed: 7)
            let tensor = try Tensor.randn([200_003], key: key)
            try tensor.setRequiresGrad(true)
            tensor.grad = try Tensor.randn([200_003], key: key.child(1))
            let optimizer = try AdamW([
                ParameterGroup([NamedParameter("p", tensor)], learningRate: 0.1, weightDecay: 0.1)
            ])
            try optimizer.step()
            return try tensor.floatArray()
        }
        let one = try withThreads(1) { try run() }
        let two = try withThreads(2) { try run() }
        #expect(one == two)
    }

    @Test("state goes out and comes back to the bit; what does not fit is named")
    func state() throws {
        func parameter(_ name: String) throws -> NamedParameter {
            let tensor = try Tensor([1, -2, 3] as [Float])
            try tensor.setRequiresGrad(true)
            return NamedParameter(name, tensor)
        }
        func step(_ optimizer: any Optimizer, _ parameter: NamedParameter) throws {
            parameter.tensor.grad = try Tensor([0.5, 0.25, -1] as [Float])
            try optimizer.step()
        }
        for makes in [
            { try AdamW([ParameterGroup([$0], learningRate: 0.1)]) as any Optimizer },
            { try SGD([ParameterGroup([$0], learningRate: 0.1)], momentum: 0.9) as any Optimizer },
        ] as [(NamedParameter) throws -> any Optimizer] {
            let (a, b) = (try parameter("p"), try parameter("p"))
            let (through, first) = (try makes(a), try makes(b))
            for _ in 0..<3 { try step(through, a) }
            for _ in 0..<2 { try step(first, b) }
            let state = Dictionary(uniqueKeysWithValues: try first.stateTensors().map { ($0.name, $0.tensor) })
            let second = try makes(b)
            try second.restore(state, steps: 3, source: "optimizer.safetensors")
            try step(second, b)
            #expect(try a.tensor.floatArray() == b.tensor.floatArray())
            let stranger = try makes(parameter("q"))
            #expect(throws: TrainingError.self) {
                try stranger.restore(state, steps: 3, source: "optimizer.safetensors")
            }
        }
    }

    @Test("only tensors that require a gradient and have one are touched")
    func untouched() throws {
        let (frozen, idle) = (try Tensor([1, 2] as [Float]), try Tensor([3, 4] as [Float]))
        try idle.setRequiresGrad(true)
        frozen.grad = try Tensor([1, 1] as [Float])
        let optimizer = try AdamW([
            ParameterGroup(
                [NamedParameter("frozen", frozen), NamedParameter("idle", idle)], learningRate: 1, weightDecay: 1)
        ])
        try optimizer.step()
        #expect(try frozen.floatArray() == [1, 2])
        #expect(try idle.floatArray() == [3, 4])
        optimizer.zeroGrad()
        #expect(frozen.grad == nil)
    }

    @Test("numbers that are not finite are named and stop the step", arguments: [Float.nan, .infinity])
    func notFinite(value: Float) throws {
        let tensor = try Tensor([1, 2] as [Float])
        try tensor.setRequiresGrad(true)
        tensor.grad = try Tensor([0, value] as [Float])
        let optimizer = try SGD([ParameterGroup([NamedParameter("layer.weight", tensor)], learningRate: 1)])
        #expect(throws: NonFiniteError(what: "gradient", name: "layer.weight")) {
            try clipGradNorm([NamedParameter("layer.weight", tensor)], maxNorm: 1)
        }
        #expect(throws: NonFiniteError(what: "parameter", name: "layer.weight")) { try optimizer.step() }
    }

    @Test("biases and norms do not decay, by the reference's patterns")
    func groups() throws {
        let names = [
            "bert.embeddings.LayerNorm.weight": false, "a.query.lora_A.default.weight": true,
            "classifier.dense.bias": false, "transformer.layer.0.sa_layer_norm.weight": false,
            "model.norm.weight": false,
            "model.normalizer.weight": true, "norm": false, "input_layernorm.weight": false, "x.RMSNorm.weight": false,
            "ln_1.weight": false, "subnorm.weight": true,
        ]
        let parameters = try names.keys.sorted().map { name in
            let tensor = try Tensor([1] as [Float])
            try tensor.setRequiresGrad(true)
            return NamedParameter(name, tensor)
        }
        let groups = try ParameterGroup.trainerGroups(
            parameters, learningRate: 1, weightDecay: 0.1, isLayerNorm: { $0 == "ln_1.weight" })
        #expect(groups.map(\.weightDecay) == [0.1, 0])
        #expect(Set(groups[0].parameters.map(\.name)) == Set(names.filter(\.value).keys))
        #expect(Set(groups[1].parameters.map(\.name)) == Set(names.filter { !$0.value }.keys))
    }

    @Test("options out of range are refused")
    func ranges() throws {
        let group = try ParameterGroup([NamedParameter("p", Tensor([1] as [Float]))], learningRate: 0.1)
        #expect(throws: TrainingError("lr is -1.0; expected a finite number of at least 0")) {
            _ = try ParameterGroup([], learningRate: -1)
        }
        #expect(throws: TrainingError("beta1 is 1.0; expected a number from 0 to below 1")) {
            _ = try AdamW([group], beta1: 1)
        }
        #expect(throws: TrainingError.self) { _ = try SGD([group], nesterov: true) }
        #expect(throws: TrainingError("AdamW: parameter 'p' is given twice")) { _ = try AdamW([group, group]) }
        #expect(throws: TrainingError("AdamW: no parameters were given")) { _ = try AdamW([]) }
    }
}
