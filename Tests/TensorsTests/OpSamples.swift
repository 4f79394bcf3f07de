import Foundation
import Kernels
import Tensors

/// An operation on inputs that anybody can make again: the generator of the torch goldens has the same list.
struct OpSample: Sendable, CustomStringConvertible {
    struct Input: Sendable {
        let shape: [Int]
        let seed: Int
        let low: Double
        let high: Double
    }

    let name: String
    /// The operation's file in Sources/Tensors/Ops.
    let file: String
    let inputs: [Input]
    /// Whether the gradient has steps at which differences mean nothing (ties), so that only torch is asked.
    let smooth: Bool
    let run: @Sendable ([Tensor]) throws -> Tensor

    var description: String { name }

    func makeInputs() throws -> [Tensor] {
        try inputs.map { try OpSamples.values($0.shape, $0.seed, $0.low, $0.high) }
    }
}

/// Every operation at least once; a test fails for a file in Sources/Tensors/Ops that is not here.
enum OpSamples {
    /// The same numbers as `values` in scripts/goldens/ops.py.
    static func values(_ shape: [Int], _ seed: Int, _ low: Double = -1, _ high: Double = 1) throws -> Tensor {
        let count = shape.reduce(1, *)
        let numbers = (0..<count).map { (i: Int) -> Float in
            let mixed: Int = i * 7919 + i * i * 31 + seed * 104729
            let unit = Double(mixed % 10007) / 10007
            return Float(low + (high - low) * unit)
        }
        return try Tensor(numbers, shape: shape)
    }

    private static func input(_ shape: [Int], _ seed: Int, _ low: Double = -1, _ high: Double = 1) -> OpSample.Input {
        OpSample.Input(shape: shape, seed: seed, low: low, high: high)
    }

    private static func sample(
        _ name: String, _ file: String, _ inputs: [OpSample.Input], smooth: Bool = true,
        _ run: @escaping @Sendable ([Tensor]) throws -> Tensor
    ) -> OpSample {
        OpSample(name: name, file: file, inputs: inputs, smooth: smooth, run: run)
    }

    private static let unit = [input([3, 33], 1)]
    private static let wide = [input([3, 33], 1, -5, 5)]
    private static let positive = [input([3, 33], 1, 0.1, 3)]
    private static let logits = [input([5, 7], 1, -4, 4)]
    private static let labels = [0, 6, -100, 3, 3]
    private static let weights: [Float] = [0.5, 2, 1, 0.25, 3, 1, 1.5]

    static let all = elementwise + reductions + shapes + products + layers + disentangled + losses

    static let elementwise: [OpSample] = [
        sample("add", "Binary", [input([3, 33], 1), input([3, 33], 2)]) { try $0[0].add($0[1]) },
        sample("add_row", "Binary", [input([3, 33], 1), input([33], 2)]) { try $0[0].add($0[1]) },
        sample("add_column", "Binary", [input([3, 1], 1), input([3, 33], 2)]) { try $0[0].add($0[1]) },
        sample("add_outer", "Binary", [input([7, 1, 3], 1), input([1, 5, 1], 2)]) { try $0[0].add($0[1]) },
        sample("add_number", "Binary", unit) { try $0[0].add(2.5) },
        sample("add_empty", "Binary", [input([0, 3], 1), input([3], 2)]) { try $0[0].add($0[1]) },
        sample("sub_row", "Binary", [input([33], 1), input([3, 33], 2)]) { try $0[0].sub($0[1]) },
        sample("sub_one", "Binary", [input([1], 1), input([1, 1], 2)]) { try $0[0].sub($0[1]) },
        sample("mul", "Binary", [input([3, 33], 1), input([3, 33], 2)]) { try $0[0].mul($0[1]) },
        sample("mul_row", "Binary", [input([3, 33], 1), input([33], 2)]) { try $0[0].mul($0[1]) },
        sample("mul_scalar", "Binary", [input([7, 5], 1), input([], 2)]) { try $0[0].mul($0[1]) },
        sample("div", "Binary", [input([3, 33], 1), input([3, 33], 2, 0.5, 2)]) { try $0[0].div($0[1]) },
        sample("div_column", "Binary", [input([7, 5], 1), input([7, 1], 2, 0.5, 2)]) { try $0[0].div($0[1]) },
        sample("neg", "Activation", unit) { try $0[0].neg() },
        sample("exp", "Activation", wide) { try $0[0].exp() },
        sample("log", "Activation", positive) { try $0[0].log() },
        sample("sqrt", "Activation", positive) { try $0[0].sqrt() },
        sample("tanh", "Activation", wide) { try $0[0].tanh() },
        sample("relu", "Activation", wide, smooth: false) { try $0[0].relu() },
        sample("gelu", "Activation", wide) { try $0[0].gelu() },
        sample("gelu_tanh", "Activation", wide) { try $0[0].gelu(tanh: true) },
        sample("silu", "Activation", wide) { try $0[0].silu() },
        sample("sigmoid", "Activation", wide) { try $0[0].sigmoid() },
        sample("abs", "Activation", wide, smooth: false) { try $0[0].abs() },
        sample("abs_zero", "Activation", [input([3], 1, 0, 0)], smooth: false) { try $0[0].abs() },
        sample("clamp", "Clamp", wide, smooth: false) { try $0[0].clamp(min: -1.5, max: 2) },
        sample("clamp_low", "Clamp", wide, smooth: false) { try $0[0].clamp(min: 0.5) },
        sample("clamp_edge", "Clamp", [input([3], 1, 0.5, 0.5)], smooth: false) { try $0[0].clamp(min: 0.5, max: 0.5) },
        sample("pow_number", "Power", positive) { try $0[0].pow(2.5) },
        sample("pow_square", "Power", unit) { try $0[0].pow(2) },
        sample("pow_zero", "Power", [input([3], 1, 0, 0)], smooth: false) { try $0[0].pow(0) },
        sample("pow_row", "Power", [input([3, 33], 1, 0.1, 3), input([33], 2, -2, 2)]) { try $0[0].pow($0[1]) },
        sample("pow_zero_base", "Power", [input([3], 1, 0, 0), input([3], 2, 1, 2)], smooth: false) {
            try $0[0].pow($0[1])
        },
        sample("pow_of_number", "Power", unit) { try Tensor(2.0).pow($0[0]) },
        sample("where", "Where", [input([3, 33], 1), input([33], 2)]) {
            try $0[0].where(values([3, 33], 3).gt(Tensor(0)), $0[1])
        },
        sample("where_condition_repeated", "Where", [input([3, 1], 1), input([1, 5], 2)]) {
            try $0[0].where(values([5], 3).gt(Tensor(0)), $0[1])
        },
    ]

    static let reductions: [OpSample] = [
        sample("sum", "Sum", unit) { try $0[0].sum() },
        sample("sum_0", "Sum", unit) { try $0[0].sum(0) },
        sample("sum_1_keepdim", "Sum", unit) { try $0[0].sum(1, keepdim: true) },
        sample("sum_middle", "Sum", [input([2, 7, 3], 1)]) { try $0[0].sum(1) },
        sample("mean", "Sum", unit) { try $0[0].mean() },
        sample("mean_0", "Sum", unit) { try $0[0].mean(0) },
        sample("max", "Maximum", unit, smooth: false) { try $0[0].max() },
        sample("max_0", "Maximum", unit, smooth: false) { try $0[0].max(0).values },
        sample("max_1_keepdim", "Maximum", unit, smooth: false) { try $0[0].max(1, keepdim: true).values },
        sample("min", "Maximum", unit, smooth: false) { try $0[0].min() },
        sample("min_0", "Maximum", unit, smooth: false) { try $0[0].min(0).values },
        sample("min_ties", "Maximum", [input([3, 3], 1, 0.5, 0.5)], smooth: false) { try $0[0].min() },
        sample("min_ties_1", "Maximum", [input([3, 3], 1, 0.5, 0.5)], smooth: false) { try $0[0].min(1).values },
        sample("var", "Variance", unit) { try $0[0].var() },
        sample("var_0", "Variance", unit) { try $0[0].var(0) },
        sample("var_1_population", "Variance", unit) { try $0[0].var(1, keepdim: true, correction: 0) },
        sample("var_middle", "Variance", [input([2, 7, 3], 1)]) { try $0[0].var(1) },
        sample("std", "Variance", unit) { try $0[0].std() },
        sample("std_1", "Variance", unit) { try $0[0].std(1) },
        sample("std_flat", "Variance", [input([3, 3], 1, 0.5, 0.5)], smooth: false) { try $0[0].std(1) },
        sample("cumsum_0", "CumulativeSum", [input([4, 2, 3], 1)]) { try $0[0].cumsum(0) },
        sample("cumsum_1", "CumulativeSum", unit) { try $0[0].cumsum(1) },
        sample("max_ties", "Maximum", [input([3, 3], 1, 0.5, 0.5)], smooth: false) { try $0[0].max() },
        sample("topk", "TopK", [input([4, 9], 1)], smooth: false) { try $0[0].topk(3).values },
        sample("topk_0", "TopK", [input([9, 4], 1)], smooth: false) { try $0[0].topk(2, 0).values },
        sample("softmax", "Softmax", wide) { try $0[0].softmax(1) },
        sample("softmax_0", "Softmax", wide) { try $0[0].softmax(0) },
        sample("softmax_one", "Softmax", [input([3, 1], 1)]) { try $0[0].softmax(1) },
        sample("log_softmax", "Softmax", wide) { try $0[0].logSoftmax(1) },
    ]

    static let products: [OpSample] = [
        sample("matmul", "MatMul", [input([3, 33], 1), input([33, 5], 2)]) { try $0[0].matmul($0[1]) },
        sample("matmul_vectors", "MatMul", [input([33], 1), input([33], 2)]) { try $0[0].matmul($0[1]) },
        sample("matmul_matrix_vector", "MatMul", [input([3, 33], 1), input([33], 2)]) { try $0[0].matmul($0[1]) },
        sample("matmul_vector_matrix", "MatMul", [input([33], 1), input([33, 7], 2)]) { try $0[0].matmul($0[1]) },
        sample("matmul_batched", "MatMul", [input([3, 2, 7], 1), input([3, 7, 5], 2)]) { try $0[0].matmul($0[1]) },
        sample("matmul_batch_matrix", "MatMul", [input([3, 2, 7], 1), input([7, 5], 2)]) { try $0[0].matmul($0[1]) },
        sample("matmul_matrix_batch", "MatMul", [input([2, 7], 1), input([3, 7, 5], 2)]) { try $0[0].matmul($0[1]) },
        sample("matmul_empty", "MatMul", [input([0, 7], 1), input([7, 5], 2)]) { try $0[0].matmul($0[1]) },
        sample("linear", "Linear", [input([3, 33], 1), input([5, 33], 2), input([5], 3)]) {
            try $0[0].linear($0[1], bias: $0[2])
        },
        sample("frozen_linear", "FrozenLinear", [input([3, 33], 1), input([5], 3)]) {
            try $0[0].linear(frozen([5, 33], 2), bias: $0[1])
        },
        sample("frozen_linears", "FrozenLinears", [input([3, 33], 1), input([5], 3)]) {
            let parts = try $0[0].linears([frozen([5, 33], 2), frozen([5, 33], 4)], biases: [$0[1], nil])
            return try parts[0].mul(parts[1])
        },
    ]

    static let shapes: [OpSample] = [
        sample("t", "Permute", unit) { try $0[0].t() },
        sample("permute", "Permute", [input([2, 7, 3], 1)]) { try $0[0].permute([2, 0, 1]) },
        sample("reshape", "View", unit) { try $0[0].reshape([-1, 9]) },
        sample("narrow_0", "View", unit) { try $0[0].narrow(0, start: 1, length: 2) },
        sample("narrow_1", "Narrow", unit) { try $0[0].narrow(1, start: 5, length: 20) },
        sample("select_0", "View", unit) { try $0[0].select(0, 2) },
        sample("select_1", "Narrow", unit) { try $0[0].select(1, 4) },
        sample("cat_0", "Cat", [input([2, 5], 1), input([3, 5], 2)]) { try Tensor.cat($0) },
        sample("cat_1", "Cat", [input([4, 1], 1), input([4, 7], 2)]) { try Tensor.cat($0, 1) },
        sample("stack_1", "Cat", [input([4, 7], 1), input([4, 7], 2)]) { try Tensor.stack($0, 1) },
        sample("unsqueeze", "View", unit) { try $0[0].unsqueeze(1) },
        sample("squeeze", "View", [input([1, 3, 1, 5], 1)]) { try $0[0].squeeze() },
        sample("squeeze_2", "View", [input([1, 3, 1, 5], 1)]) { try $0[0].squeeze(2) },
        sample("expand", "Expand", [input([3, 1], 1)]) { try $0[0].expand([2, -1, 5]) },
        sample("gather_0", "Gather", [input([4, 3], 1)]) {
            try $0[0].gather(0, Tensor([3, 0, 1, 3, 3, 2] as [Int64], shape: [2, 3]))
        },
        sample("gather_1", "Gather", [input([4, 3], 1)]) {
            try $0[0].gather(1, Tensor([2, 0, 1, 1, 0, 2] as [Int64], shape: [3, 2]))
        },
        sample("clone", "View", unit) { try $0[0].clone() },
        sample("gather_rows", "GatherRows", unit) { try $0[0].gatherRows([2, 0, 2]) },
        sample("replace_rows", "ReplaceRows", [input([5, 7], 1), input([3, 7], 2)]) {
            try $0[0].replacingRows([4, 0, 2, 3], with: $0[1], [1, 0, 1, 2])
        },
        sample("replace_rows_frozen", "ReplaceRows", [input([5, 7], 1)]) {
            let rows = try values([3, 7], 2)
            return try $0[0].replacingRows([4, 1], with: rows, [2, 2], frozen: 2)
        },
        // The output is written over: it must be fresh.
        sample("replace_columns", "ReplaceColumns", [input([5, 7], 1), input([5, 33], 2), input([3, 33], 3)]) {
            try $0[0].clone().replacingColumns([6, 0, 3], with: $0[2], of: $0[1])
        },
        sample("embedding", "Embedding", [input([6, 5], 1)]) {
            try $0[0].embedding(Tensor([3, 0, 3, 5, 3, 1] as [Int64], shape: [2, 3]))
        },
    ]

    static let layers: [OpSample] = [
        sample("layer_norm", "LayerNorm", [input([3, 33], 1), input([33], 2), input([33], 3)]) {
            try $0[0].layerNorm(weight: $0[1], bias: $0[2], epsilon: 1e-5)
        },
        sample(
            "layer_norm_residual", "LayerNorm",
            [input([3, 33], 1), input([33], 2), input([33], 3), input([3, 33], 4)]
        ) { try $0[0].layerNorm(weight: $0[1], bias: $0[2], epsilon: 1e-12, residual: $0[3]) },
        sample(
            "layer_norm_dropout", "LayerNorm",
            [input([3, 33], 1), input([33], 2), input([33], 3), input([3, 33], 4)]
        ) {
            let key = RandomKey(seed: 3)
            let mask = try DropoutMask(p: 0.3, keys: (0..<3).map { key.child($0) })
            return try $0[0].layerNorm(weight: $0[1], bias: $0[2], epsilon: 1e-5, residual: $0[3], mask: mask)
        },
        sample("rms_norm", "RMSNorm", [input([3, 33], 1), input([33], 2)]) {
            try $0[0].rmsNorm(weight: $0[1], epsilon: 1e-6)
        },
        sample("rms_norm_offset", "RMSNorm", [input([3, 33], 1), input([33], 2)]) {
            try $0[0].rmsNorm(weight: $0[1], epsilon: 1e-5, offset: 1)
        },
        sample("rms_norm_heads", "RMSNorm", [input([3, 36], 1), input([9], 2)]) {
            try $0[0].rmsNorm(weight: $0[1], epsilon: 1e-6)
        },
        // The residual's gradient comes first: what the norm's is added to.
        sample("rms_norm_residual", "RMSNorm", [input([3, 33], 1), input([33], 2)]) {
            let x = try $0[0].mul(1)
            return try x.add(x.rmsNorm(weight: $0[1], epsilon: 1e-6).silu())
        },
        sample("rotary", "RotaryEmbedding", [input([3, 80], 1)]) {
            try $0[0].rotary(angles(20), width: 40)
        },
        sample("rotary_partial", "RotaryEmbedding", [input([3, 48], 1)]) {
            try $0[0].rotary(angles(6), width: 16)
        },
        sample("rotary_neighbours", "RotaryEmbedding", [input([3, 48], 1)]) {
            try $0[0].rotary(angles(11), width: 24, layout: .neighbours)
        },
        sample("rotary_overwriting", "RotaryEmbedding", [input([3, 80], 1)]) {
            try $0[0].clone().rotary(angles(19), width: 40, overwriting: true)
        },
        sample("gated_silu", "GatedActivation", [input([3, 33], 1, -5, 5), input([3, 33], 2)]) {
            try $0[0].gated(.silu, up: $0[1])
        },
        sample("gated_gelu", "GatedActivation", [input([3, 33], 1, -5, 5), input([3, 33], 2)]) {
            try $0[0].gated(.gelu, up: $0[1])
        },
        sample("gated_gelu_tanh", "GatedActivation", [input([3, 66], 1, -5, 5)]) { try $0[0].gated(.geluTanh) },
        sample("gated_tanh", "GatedActivation", [input([3, 66], 1, -5, 5)]) { try $0[0].gated(.tanh) },
        sample("gated_relu", "GatedActivation", [input([3, 33], 1, -5, 5), input([3, 33], 2)], smooth: false) {
            try $0[0].gated(.relu, up: $0[1])
        },
        sample("soft_cap", "SoftCap", wide) { try $0[0].softCap(1.5) },
        sample("embedding_sum_dropout", "EmbeddingSum", [input([3, 33], 1), input([3, 33], 2), input([3, 33], 3)]) {
            try EmbeddingSum.of($0)
        },
        // Named for the goldens, which have none for masks of our own: here the formula is compared with differences.
        sample(
            "lora_dropout", "LoRAUpdates",
            [
                input([5, 12], 1), input([5, 7], 2), input([2, 12], 3), input([7, 2], 4), input([3, 12], 5),
                input([7, 3], 6),
            ]
        ) {
            let mask = try DropoutMask(p: 0.3, keys: (0..<5).map { RandomKey(seed: 3).child($0) })
            // A result is written over: it must be fresh.
            let y = try LoRAUpdates.apply(
                [
                    (.init(target: 0, scaling: 0.5, mask: mask), $0[2], $0[3]),
                    (.init(target: 0, scaling: 2, mask: nil), $0[4], $0[5]),
                ], to: [try $0[1].clone()], input: $0[0])
            return y[0]
        },
        sample("dropout", "Dropout", unit) {
            let key = RandomKey(seed: 3)
            return try $0[0].dropout(DropoutMask(p: 0.3, keys: (0..<3).map { key.child($0) }))
        },
        sample("attention", "Attention", [input([11, 8], 1, -2, 2), input([11, 8], 2, -2, 2), input([11, 8], 3)]) {
            try $0[0].attention(keys: $0[1], values: $0[2], AttentionLayout(heads: 2, queryStarts: [0, 1, 4, 11]))
        },
        sample(
            "attention_causal_grouped", "Attention",
            [input([9, 12], 1, -2, 2), input([9, 6], 2, -2, 2), input([9, 6], 3)]
        ) {
            try $0[0].attention(
                keys: $0[1], values: $0[2], AttentionLayout(heads: 4, queryStarts: [0, 2, 9], causal: true))
        },
        sample(
            "attention_first_rows", "Attention",
            [input([2, 8], 1, -2, 2), input([9, 8], 2, -2, 2), input([9, 8], 3)]
        ) {
            try $0[0].attention(
                keys: $0[1], values: $0[2], AttentionLayout(heads: 2, queryStarts: [0, 1, 2], keyStarts: [0, 2, 9]))
        },
        sample(
            "attention_short_dropout", "Attention",
            [input([22, 64], 1, -2, 2), input([22, 32], 2, -2, 2), input([22, 32], 3)]
        ) {
            let key = RandomKey(seed: 3)
            let mask = try DropoutMask(p: 0.2, keys: (0..<22).map { key.child($0) })
            return try $0[0].attention(
                keys: $0[1], values: $0[2],
                AttentionLayout(heads: 4, queryStarts: [0, 1, 6, 22], causal: true, dropout: mask))
        },
        sample(
            "attention_long_dropout", "Attention",
            [input([150, 4], 1, -2, 2), input([150, 4], 2, -2, 2), input([150, 4], 3)]
        ) {
            let key = RandomKey(seed: 3)
            let mask = try DropoutMask(p: 0.2, keys: (0..<150).map { key.child($0) })
            return try $0[0].attention(
                keys: $0[1], values: $0[2], AttentionLayout(heads: 2, queryStarts: [0, 9, 150], dropout: mask))
        },
        sample(
            "attention_terms", "Attention", [input([7, 12], 1, -2, 2), input([13, 4], 2, -2, 2), input([13, 4], 3)]
        ) {
            try $0[0].attention(
                keys: $0[1], values: $0[2],
                AttentionLayout(
                    heads: 3, queryStarts: [0, 3, 7], keys: [.init(start: 1, count: 5), .init(start: 7, count: 6)],
                    positions: [2, 3, 4, 2, 3, 4, 5], causal: true, window: .sliding(3), softCap: 1.5))
        },
        sample(
            "attention_bias", "Attention",
            [input([9, 8], 1, -2, 2), input([9, 8], 2, -2, 2), input([9, 8], 3), input([2, 5], 4)]
        ) {
            try $0[0].attention(
                keys: $0[1], values: $0[2], bias: AttentionBias($0[3], zero: 2),
                AttentionLayout(heads: 2, queryStarts: [0, 2, 9], window: .local(8)))
        },
        sample(
            "attention_long_terms_dropout", "Attention",
            [input([150, 4], 1, -2, 2), input([150, 4], 2, -2, 2), input([150, 4], 3), input([2, 90], 4)]
        ) {
            let mask = try DropoutMask(p: 0.2, keys: (0..<150).map { RandomKey(seed: 3).child($0) })
            return try $0[0].attention(
                keys: $0[1], values: $0[2], bias: AttentionBias($0[3], zero: 80),
                AttentionLayout(
                    heads: 2, queryStarts: [0, 9, 150], causal: true, window: .sliding(100), softCap: 2, dropout: mask))
        },
    ]

    /// Rows of a table of 6 for the distances 6...-6.
    static let places = [5, 5, 5, 5, 4, 4, 3, 2, 1, 1, 0, 0, 0]

    private static func disentangled(_ name: String, dropout: Float = 0) -> OpSample {
        let inputs = [
            input([9, 8], 1, -2, 2), input([9, 8], 2, -2, 2), input([9, 8], 3), input([6, 8], 4, -2, 2),
            input([6, 8], 5, -2, 2),
        ]
        return sample(name, "DisentangledAttention", inputs) {
            let mask = try DropoutMask(p: dropout, keys: (0..<9).map { RandomKey(seed: 3).child($0) })
            return try $0[0].disentangledAttention(
                keys: $0[1], values: $0[2], positionKeys: $0[3], positionQueries: $0[4],
                DisentangledLayout(
                    heads: 2, queryStarts: [0, 2, 9], keyStarts: [0, 2, 9], positions: [0, 1, 0, 1, 2, 3, 4, 5, 6],
                    places: places, scale: 0.3, dropout: mask))
        }
    }

    static let disentangled: [OpSample] = [
        disentangled("disentangled_attention"), disentangled("disentangled_attention_dropout", dropout: 0.2),
        sample(
            "disentangled_content", "DisentangledAttention",
            [input([3, 8], 1, -2, 2), input([9, 8], 2, -2, 2), input([9, 8], 3), input([6, 8], 4, -2, 2)]
        ) {
            try $0[0].disentangledAttention(
                keys: $0[1], values: $0[2], positionKeys: $0[3], positionQueries: nil,
                DisentangledLayout(
                    heads: 2, queryStarts: [0, 1, 3], keyStarts: [0, 2, 9], positions: [1, 2, 6], places: places,
                    scale: 0.4))
        },
        sample(
            "disentangled_position", "DisentangledAttention",
            [input([9, 8], 1, -2, 2), input([9, 8], 2, -2, 2), input([9, 8], 3), input([6, 8], 4, -2, 2)]
        ) {
            try $0[0].disentangledAttention(
                keys: $0[1], values: $0[2], positionKeys: nil, positionQueries: $0[3],
                DisentangledLayout(
                    heads: 1, queryStarts: [0, 2, 9], keyStarts: [0, 2, 9], positions: [0, 1, 0, 1, 2, 3, 4, 5, 6],
                    places: places, scale: 0.4))
        },
    ]

    static let losses: [OpSample] = [
        sample("cross_entropy", "CrossEntropy", logits) { try $0[0].crossEntropy(labels) },
        sample("cross_entropy_sum", "CrossEntropy", logits) { try $0[0].crossEntropy(labels, reduction: .sum) },
        sample("cross_entropy_smooth", "CrossEntropy", logits) { try $0[0].crossEntropy(labels, smoothing: 0.1) },
        sample("cross_entropy_weight", "CrossEntropy", logits) { try $0[0].crossEntropy(labels, weights: weights) },
        sample("cross_entropy_weight_sum", "CrossEntropy", logits) {
            try $0[0].crossEntropy(labels, reduction: .sum, weights: weights)
        },
        sample("cross_entropy_weight_smooth", "CrossEntropy", logits) {
            try $0[0].crossEntropy(labels, smoothing: 0.1, weights: weights)
        },
        sample("cross_entropy_none", "CrossEntropy", logits) { try $0[0].crossEntropy(labels, reduction: .none) },
        sample("cross_entropy_none_weight_smooth", "CrossEntropy", logits) {
            try $0[0].crossEntropy(labels, smoothing: 0.1, reduction: .none, weights: weights)
        },
        sample("linear_cross_entropy", "LinearCrossEntropy", [input([5, 33], 1)]) {
            try $0[0].linearCrossEntropy(frozen([7, 33], 2), labels: labels).loss
        },
        sample("linear_cross_entropy_dense", "LinearCrossEntropy", [input([5, 33], 1), input([7], 3)]) {
            try $0[0].linearCrossEntropy(
                frozen([7, 33], 2), bias: $0[1], labels: [0, 6, 2, 3, 3], smoothing: 0.1, reduction: .sum
            ).loss
        },
        sample(
            "linear_cross_entropy_capped", "LinearCrossEntropy",
            [input([5, 33], 1), input([7, 33], 2), input([7], 3)]
        ) {
            try $0[0].linearCrossEntropy(
                $0[1], bias: $0[2], labels: labels, softCap: 2, smoothing: 0.1, reduction: .dividedBy(3)
            ).loss
        },
        sample(
            "linear_cross_entropy_replaced", "LinearCrossEntropy", [input([5, 33], 1), input([3, 33], 4)]
        ) {
            try $0[0].linearCrossEntropy(
                frozen([7, 33], 2), labels: labels, replacing: .init(ids: [6, 0, 4], rows: $0[1])
            ).loss
        },
        sample(
            "linear_cross_entropy_replaced_dense", "LinearCrossEntropy",
            [input([5, 33], 1), input([7, 33], 2), input([7], 3), input([2, 33], 4)]
        ) {
            try $0[0].linearCrossEntropy(
                $0[1], bias: $0[2], labels: [0, 6, 2, 3, 3], softCap: 2, smoothing: 0.1, reduction: .sum,
                replacing: .init(ids: [3, 5], rows: $0[3])
            ).loss
        },
        sample("span_cross_entropy", "SpanCrossEntropy", [input([9, 2], 1)]) {
            try $0[0].spanCrossEntropy([[1, 0, 5], [3, 0, 1]], boundaries: [0, 4, 5, 9])
        },
        sample("mse_loss", "MSELoss", [input([5, 1], 1), input([5, 1], 2)]) { try $0[0].mseLoss($0[1]) },
        sample("mse_loss_weight", "MSELoss", [input([5, 3], 1), input([5, 3], 2)]) {
            try $0[0].mseLoss($0[1], weights: values([5, 3], 3, 0, 2))
        },
        sample("mse_loss_weight_sum", "MSELoss", [input([5, 3], 1), input([5, 3], 2)]) {
            try $0[0].mseLoss($0[1], reduction: .sum, weights: values([5, 3], 3, 0, 2))
        },
        sample("mse_loss_none", "MSELoss", [input([5, 3], 1), input([5, 3], 2)]) {
            try $0[0].mseLoss($0[1], reduction: .none)
        },
        sample("bce_with_logits", "BCEWithLogits", logits) { try $0[0].bceWithLogits(values([5, 7], 2, 0, 1)) },
        sample("bce_with_logits_weight", "BCEWithLogits", logits) {
            try $0[0].bceWithLogits(values([5, 7], 2, 0, 1), weights: values([5, 1], 3, 0, 2))
        },
        sample("bce_with_logits_pos_weight", "BCEWithLogits", logits) {
            try $0[0].bceWithLogits(values([5, 7], 2, 0, 1), reduction: .sum, positiveWeights: values([7], 3, 0, 4))
        },
        sample("bce_with_logits_none", "BCEWithLogits", logits) {
            try $0[0].bceWithLogits(
                values([5, 7], 2, 0, 1), reduction: .none, weights: values([7], 4, 0, 2),
                positiveWeights: values([7], 3, 0, 4))
        },
    ]

    /// Angles of three positions.
    static func angles(_ pairs: Int) throws -> RotaryAngles {
        try RotaryAngles(
            positions: [0, 3, 700], frequencies: (0..<pairs).map { 1 / Float(1 + $0 * $0) }, scaling: 1.25)
    }

    static func frozen(_ shape: [Int], _ seed: Int) throws -> FrozenMatrix {
        let numbers = try values(shape, seed).floatArray()
        return try FrozenMatrix(rows: shape[0], columns: shape[1]) { buffer in
            for (i, value) in numbers.enumerated() { buffer[i] = value }
        }
    }
}
