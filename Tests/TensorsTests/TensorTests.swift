import Kernels
import Tensors
import Testing

@Suite struct TensorTests {
    private func ints(_ values: [Int64], _ shape: [Int]? = nil) throws -> Tensor { try Tensor(values, shape: shape) }
    private func floats(_ values: [Float], _ shape: [Int]? = nil) throws -> Tensor { try Tensor(values, shape: shape) }

    private func message(_ body: () throws -> Tensor) -> String {
        do {
            return "no error, shape \(try body().shape)"
        } catch { return "\(error)" }
    }

    @Test func integersStayIntegers() throws {
        let (a, b) = (try ints([7, -3]), try ints([2, 2]))
        #expect(try a.add(b).integerArray() == [9, -1])
        #expect(try a.sub(1).integerArray() == [6, -4])
        #expect(try a.mul(b).integerArray() == [14, -6])
        #expect(try a.neg().integerArray() == [-7, 3])
        #expect(try a.div(b).floatArray() == [3.5, -1.5])
        #expect(try a.add(0.5).floatArray() == [7.5, -2.5])
        #expect(try a.add(floats([0.5, 1])).dtype == .float32)
        #expect(try a.sum().item() == .integer(4))
        #expect(try a.exp().dtype == .float32)
    }

    @Test func integersFlowWithFloatsThatBearGradients() throws {
        let x = try floats([1, 2])
        try x.setRequiresGrad(true)
        try x.mul(ints([3, 4])).sum().backward()
        #expect(try x.grad?.floatArray() == [3, 4])
    }

    @Test func comparisons() throws {
        let (a, b) = (try floats([1, 2, .nan]), try floats([1, 3, .nan]))
        #expect(try a.eq(b).integerArray() == [1, 0, 0])
        #expect(try a.ne(b).integerArray() == [0, 1, 1])
        #expect(try a.lt(b).integerArray() == [0, 1, 0])
        #expect(try a.le(b).integerArray() == [1, 1, 0])
        #expect(try a.gt(b).integerArray() == [0, 0, 0])
        #expect(try a.compare(.ge, 2).integerArray() == [0, 1, 0])
        #expect(try ints([1, 2]).eq(ints([2], [1])).integerArray() == [0, 1])
        #expect(try a.equals(a.copy()) == false)
        #expect(try ints([1]).equals(ints([1])))
        // Integers beyond 2^53 are compared as integers.
        #expect(try ints([1 << 60]).eq(ints([1 << 60 + 1])).integerArray() == [0])
    }

    @Test func making() throws {
        #expect(try Tensor.arange(1, 4).integerArray() == [1, 2, 3])
        #expect(try Tensor.arange(4, 1, step: -2).integerArray() == [4, 2])
        #expect(try Tensor.arange(0, 1, step: 0.25).floatArray() == [0, 0.25, 0.5, 0.75])
        #expect(try Tensor.arange(3, 1).count == 0)
        #expect(try Tensor.eye(2, 3).floatArray() == [1, 0, 0, 0, 1, 0])
        #expect(try Tensor.ones([2], dtype: .int64).integerArray() == [1, 1])
        #expect(try Tensor.full([2], 3).floatArray() == [3, 3])
        let key = RandomKey(seed: 1)
        let kaiming = try Tensor.kaimingUniform([8, 16], key: key).floatArray()
        #expect(kaiming.allSatisfy { abs($0) <= 0.25 } && kaiming.contains { abs($0) > 0.2 })
        #expect(try Tensor.randn([4], key: key).equals(Tensor.randn([4], key: key)))
        #expect(message { try Tensor([1, 2] as [Float], shape: [3]) } == "2 values do not fill shape [3]")
        #expect(message { try Tensor.zeros([-1]) } == "shape [-1] has a negative size")
        #expect(
            message { try Tensor.zeros([1 << 40, 1 << 40]) } == "shape [1099511627776, 1099511627776] is too large")
        #expect(message { try Tensor.arange(0, 1, step: 0) } == "arange: from 0.0 to 1.0 in steps of 0.0")
    }

    @Test func choosing() throws {
        let x = try floats([3, 1, 3, -1, 5, .nan], [2, 3])
        #expect(try x.argmax(1).integerArray() == [0, 2])
        #expect(try x.argmax(0).integerArray() == [0, 1, 1])
        #expect(try x.argmax().item() == .integer(5))
        #expect(try x.narrow(0, start: 0, length: 1).argmax(1, keepdim: true).shape == [1, 1])
        let top = try floats([3, 1, 3, 2]).topk(3)
        #expect(try top.values.floatArray() == [3, 3, 2])
        #expect(try top.indices.integerArray() == [0, 2, 3])
        #expect(try ints([5, 9, 1]).topk(1).indices.integerArray() == [1])
        #expect(try floats((0..<100).map { Float(($0 * 37) % 100) }).topk(2).indices.integerArray() == [27, 54])
        #expect(try ints([5, 9, 1]).max().item() == .integer(9))
    }

    @Test func viewsShareValues() throws {
        let x = try floats([1, 2, 3, 4, 5, 6], [3, 2])
        let row = try x.select(0, 1)
        try x.mutableFloats()[2] = 9
        #expect(try row.floatArray() == [9, 4])
        #expect(try x.reshape([2, -1]).shape == [2, 3])
        #expect(try x.t().floatArray() == [1, 9, 5, 2, 4, 6])
        #expect(try x.clone().mutableFloats() != x.mutableFloats())
    }

    @Test func converting() throws {
        #expect(try floats([1.7, -1.7]).to(.int64).integerArray() == [1, -1])
        #expect(
            message { try floats([0, 1, .nan, 2]).reshape([2, 2]).to(.int64) }
                == "nan at [2][1] cannot become an int64")
        #expect(message { try floats([.infinity]).to(.int64) } == "inf at [1] cannot become an int64")
        #expect(message { try floats([1e30]).to(.int64) }.hasSuffix("cannot become an int64"))
        #expect(try ints([1, 2]).map { .integer(Int64($0.double) * 2) }.integerArray() == [2, 4])
        #expect(try ints([1, 2]).map { .float($0.double / 2) }.floatArray() == [0.5, 1])
        #expect(
            message {
                _ = try floats([1, 2]).item(); return try Tensor(0)
            } == "item: shape [2] is not a single number")
    }

    /// Sizes are checked where a shape is made, those beside a 0 too: no operation multiplies them into an overflow.
    @Test func shapesAreBounded() throws {
        let wide = [Int](repeating: 1, count: 100_000)
        #expect(message { try Tensor.zeros(wide) } == "a shape of 100000 dimensions; there are at most 64")
        #expect(try Tensor.zeros([Int](repeating: 1, count: 64)).shape.count == 64)
        #expect(throws: TensorError.self) { try Tensor.zeros([2]).reshape([Int](repeating: 1, count: 64) + [2]) }
        #expect(throws: TensorError.self) { try Tensor.zeros([2]).reshape(wide + [-1]) }
        let deepest = try Tensor.zeros([Int](repeating: 1, count: 64))
        #expect(throws: TensorError.self) { try Tensor.stack([deepest, deepest]) }
        for shape in [[0, .max], [.max, 0], [.max, .max], [0, 1 << 23, 1 << 22], [1 << 45]] as [[Int]] {
            #expect(message { try Tensor.zeros(shape).softmax(1) } == "shape \(shape) is too large")
        }
        #expect(message { try Tensor.zeros([0, -1]) } == "shape [0, -1] has a negative size")
        #expect(message { try Tensor.zeros([.min]) }.hasSuffix("has a negative size"))
        // Without elements, but of sizes whose product can be counted.
        let empty = try Tensor.zeros([0, 1 << 20, 1 << 20])
        #expect(try empty.softmax(1).shape == [0, 1 << 20, 1 << 20])
        #expect(try Tensor.zeros([0, 1 << 20]).matmul(Tensor.zeros([1 << 20, 0])).shape == [0, 0])
        #expect(try Tensor.zeros([0, 1 << 30, 1]).add(Tensor.zeros([0, 1, 1 << 10])).count == 0)
        #expect(throws: TensorError.self) { try Tensor.zeros([0, 1 << 30, 1]).add(Tensor.zeros([0, 1, 1 << 30])) }
    }

    @Test func rangesOfNumbers() throws {
        for (start, end, step) in [
            (0, -1e300, 1), (0, 1e300, 1), (0, 1, 1e-300), (-1e308, 1e308, 1), (0, .infinity, 1), (0, .nan, 1),
            (.nan, 1, 1),
            (0, 1, .nan), (0, 1, 0), (1e300, -1e300, 1), (0, 1, -1e-300), (0, -0x1p63, 1), (0, 0x1p64, 1),
        ] as [(Double, Double, Double)] {
            let made = try? Tensor.arange(.float(start), .float(end), step: .float(step))
            #expect(made == nil || made?.count == 0, "\(start) \(end) \(step)")
        }
        for (start, end, step) in [
            (0, .min, 1), (.min, .max, 1), (.max, .min, -1), (0, .max, 1), (0, 5, 0), (.max, .min, .min),
        ] as [(Int64, Int64, Int64)] {
            let made = try? Tensor.arange(.integer(start), .integer(end), step: .integer(step))
            let values = try made?.integerArray() ?? []
            #expect(values.count < 3, "\(start) \(end) \(step)")
        }
        #expect(try Tensor.arange(.integer(.max - 2), .integer(.max)).integerArray() == [.max - 2, .max - 1])
        #expect(
            try Tensor.arange(.integer(.min), .integer(.max), step: .integer(.max)).integerArray() == [
                .min, -1, .max - 1,
            ])
        #expect(try Tensor.arange(.integer(1 << 53), .integer(1 << 53 + 3)).count == 3)
        #expect(try Tensor.arange(5, 0, step: -2).integerArray() == [5, 3, 1])
        #expect(try Tensor.arange(0, .float(1), step: .float(0.25)).floatArray() == [0, 0.25, 0.5, 0.75])
        #expect(try Tensor.arange(3, 3).count == 0)
    }

    @Test func numbersOfCallersAreChecked() throws {
        let x = try Tensor.zeros([2, 3])
        for wrong in [Int.min, Int.min + 1, -3, 2, 1 << 31, 1 << 53, Int.max - 1, Int.max] {
            #expect(throws: TensorError.self) { try x.softmax(wrong) }
            #expect(throws: TensorError.self) { try x.sum(wrong) }
            #expect(throws: TensorError.self) { try x.max(wrong) }
            #expect(throws: TensorError.self) { try x.argmax(wrong) }
            #expect(throws: TensorError.self) { try x.topk(1, wrong) }
            #expect(throws: TensorError.self) { try x.topk(wrong == 2 ? 4 : wrong) }
            #expect(throws: TensorError.self) { try x.select(wrong, 0) }
            #expect(throws: TensorError.self) { try x.select(0, wrong) }
            #expect(throws: TensorError.self) { try x.narrow(0, start: wrong, length: 1) }
            #expect(throws: TensorError.self) { try x.narrow(0, start: 1, length: wrong) }
            #expect(throws: TensorError.self) { try x.narrow(wrong, start: 0, length: 1) }
            #expect(throws: TensorError.self) { try x.transpose(wrong, 0) }
            #expect(throws: TensorError.self) { try x.permute([wrong, 0]) }
            #expect(throws: TensorError.self) { try Tensor.cat([x], wrong) }
            #expect(throws: TensorError.self) { try Tensor.stack([x], wrong == 2 || wrong == -3 ? 3 : wrong) }
            #expect(throws: TensorError.self) { try x.gatherRows([wrong]) }
            #expect(throws: TensorError.self) { try x.crossEntropy([wrong == 2 ? 3 : wrong, 0]) }
            #expect(throws: TensorError.self) { try x.reshape([wrong, 3, 3]) }
            #expect(throws: (any Error).self) { try Tensor.eye(wrong == 2 ? -2 : wrong, 1 << 40) }
            #expect(throws: TensorError.self) { try x.element(wrong == 2 ? 6 : wrong) }
        }
        #expect(
            message { try x.permute([Int](repeating: 0, count: 1_000_000)) }
                == "permute: an order of 1000000 dimensions for shape [2, 3]")
    }

    /// A chain of gradients of gradients is released without recursion, as one of operations is.
    @Test func longChainsOfGradientsGo() throws {
        var x = try Tensor.zeros([1])
        for _ in 0..<200_000 {
            let next = try Tensor.zeros([1])
            next.grad = x
            x = next
        }
        x = try Tensor.zeros([1])
        #expect(x.grad == nil)
    }

    @Test func errorsGiveBothShapes() throws {
        let (a, b) = (try Tensor.zeros([2, 3]), try Tensor.zeros([4, 5]))
        #expect(message { try a.add(b) } == "add: shapes [2, 3] and [4, 5] do not fit together")
        #expect(message { try a.lt(b) } == "lt: shapes [2, 3] and [4, 5] do not fit together")
        #expect(message { try a.matmul(b) } == "matmul: shapes [2, 3] and [4, 5] do not fit together")
        #expect(message { try a.matmul(Tensor(0.5)) } == "matmul: shapes [2, 3] and [] do not fit together")
        #expect(message { try a.reshape([4, -1]) } == "reshape: shape [2, 3] cannot become [4, -1]")
        #expect(message { try a.reshape([7]) } == "reshape: shape [2, 3] cannot become [7]")
        #expect(message { try a.sum(2) } == "sum: dimension 3 does not exist in shape [2, 3]")
        #expect(
            message { try a.narrow(1, start: 2, length: 2) }
                == "narrow: 2 entries from 3 on do not lie in dimension 2 of shape [2, 3]")
        #expect(message { try a.select(0, 2) } == "select: position 3 is outside 1 to 2 in dimension 1 of shape [2, 3]")
        #expect(message { try Tensor.cat([a, b]) } == "cat: shapes [2, 3] and [4, 5] differ beside dimension 1")
        #expect(message { try Tensor.stack([a, b]) } == "stack: shapes [2, 3] and [4, 5] differ")
        #expect(message { try a.permute([0, 0]) } == "permute: [1, 1] is no order of the dimensions of shape [2, 3]")
        #expect(message { try a.topk(4).values } == "topk: 4 elements of dimension 2 of shape [2, 3], which has 3")
        #expect(message { try Tensor.zeros([0]).max() } == "max: nothing to choose from in shape [0]")
        #expect(
            message { try a.linear(b) } == "linear: input of shape [2, 3] does not fit a weight of shape [4, 5]")
        #expect(message { try a.crossEntropy([0, 3]) } == "cross_entropy: label 3 in row 2 is outside 0 to 2")
        #expect(message { try a.crossEntropy([0]) } == "cross_entropy: 1 labels for logits of shape [2, 3]")
        #expect(
            message { try a.crossEntropy([-100, -100]) }
                == "loss: the mean of no labelled rows; every label is ignored")
        #expect(message { try a.embedding(ints([2])) } == "embedding: id 2 is outside 0..<2")
        #expect(message { try a.gatherRows([-1]) } == "gather_rows: row -1 is outside 1 to 2 of shape [2, 3]")
        #expect(message { try a.to(.int64).mean() } == "mean: expected a float32 tensor, got int64")
        #expect(
            message { try a.dropout(DropoutMask(p: 0.5, keys: [])) } == "dropout: 0 keys for input of shape [2, 3]")
        #expect(
            message { try a.attention(keys: a, values: a, AttentionLayout(heads: 2, queryStarts: [0, 2])) }
                == "attention: q [2, 3], k [2, 3], v [2, 3] do not fit 2 heads")
    }
}
