import Kernels
import Tensors
import Testing

@Suite struct TapeTests {
    private func leaf(_ values: [Float]) throws -> Tensor {
        let tensor = try Tensor(values)
        try tensor.setRequiresGrad(true)
        return tensor
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    /// A recursive release needs some 100 bytes of stack a node: a million overflow any thread's.
    @Test func releasesALongChain() throws {
        var x = try leaf([1]).mul(1)
        for _ in 0..<1_000_000 { x = try x.reshape([1]) }
        #expect(try x.item() == .float(1))
    }

    @Test func releasesALongChainOfOperationsThatKeepTheirInputs() throws {
        var x = try leaf([1]).mul(1)
        let one = try leaf([1])
        for _ in 0..<200_000 { x = try x.mul(one) }
        #expect(try x.item() == .float(1))
    }

    @Test func walksALongChain() throws {
        let start = try leaf([1])
        var x = try start.mul(1)
        for _ in 0..<100_000 { x = try x.add(0.5) }
        try x.backward()
        #expect(try start.grad?.floatArray() == [1])
    }

    @Test func sumsWhereAValueIsUsedTwice() throws {
        let x = try leaf([2, 3])
        let y = try x.mul(x)
        try y.add(x).add(y).sum().backward()
        // d(2x² + x) = 4x + 1
        #expect(try x.grad?.floatArray() == [9, 13])
    }

    @Test func gathersOverPasses() throws {
        let x = try leaf([2])
        try x.mul(3).backward()
        try x.mul(4).backward()
        #expect(try x.grad?.floatArray() == [7])
        #expect(x.grad?.isTracked == false)
    }

    @Test func gradientsStandApart() throws {
        let (x, y) = (try leaf([2]), try leaf([5]))
        let gradients = try x.mul(y).gradients()
        #expect(try gradients[x]?.floatArray() == [5])
        #expect(try gradients[y]?.floatArray() == [2])
        #expect(gradients.leaves.count == 2)
        #expect(x.grad == nil && y.grad == nil)
        #expect(gradients[try leaf([1])] == nil)
    }

    /// 3x, added to the gradient so far where that is lent.
    private final class Triple: AddingOp {
        static let name = "triple"
        private(set) var wasLent = false

        func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
            try Tensor(try inputs[0].floatArray().map { 3 * $0 })
        }

        func backward(_ dy: Tensor, needs: [Bool], onto sums: [Tensor?]) throws -> [Tensor?] {
            let dx = try Tensor(try dy.floatArray().map { 3 * $0 })
            guard let sum = sums[0] else { return [dx] }
            wasLent = true
            try sum.add(inPlace: dx)
            return [sum]
        }
    }

    @Test func gradientsAreLentToWhoAddsToThem() throws {
        let (x, op) = (try leaf([2, 3]), Triple())
        let y = try x.mul(x)
        // The product's gradient is there first, and nobody else knows of it.
        try y.mul(10).add(Tensor.apply(op, [y])).sum().backward()
        #expect(op.wasLent)
        // d(13x²) = 26x
        #expect(try x.grad?.floatArray() == [52, 78])
    }

    @Test func gradientsOfOthersAreNotLent() throws {
        let (x, op) = (try leaf([2, 3]), Triple())
        let y = try x.mul(x)
        // The sum hands one gradient to y and to the operation both.
        try y.add(Tensor.apply(op, [y])).sum().backward()
        #expect(!op.wasLent)
        #expect(try x.grad?.floatArray() == [16, 24])
    }

    @Test func aFrozenMatrixAddsToWhatIsThere() throws {
        let matrix = try FrozenMatrix(rows: 2, columns: 2) { target in
            for (i, value) in [Float(1), 2, 3, 4].enumerated() { target[i] = value }
        }
        func gradient(_ f: (Tensor) throws -> Tensor) throws -> [Float] {
            let x = try Tensor([0.5, -1], shape: [1, 2])
            try x.setRequiresGrad(true)
            try f(x.mul(1)).sum().backward()
            return try x.grad?.floatArray() ?? []
        }
        // d Σ (x Wᵀ) are the sums of the columns, 4 and 6.
        #expect(try gradient { try $0.mul(10).add($0.linear(matrix)) } == [14, 16])
        #expect(
            try gradient { x in
                let both = try x.linears([matrix, matrix], biases: [nil, nil])
                return try x.mul(10).add(both[0]).add(both[1])
            } == [18, 22])
    }

    /// `add` hands the same gradient to both inputs: neither may change the other's.
    @Test func sharedGradientsAreNotWrittenTo() throws {
        let (x, y) = (try leaf([1, 2]), try leaf([3, 4]))
        let z = try x.add(y)
        try z.add(x).backward(try Tensor([1, 10] as [Float]))
        #expect(try x.grad?.floatArray() == [2, 20])
        #expect(try y.grad?.floatArray() == [1, 10])
        try x.mul(1).backward(try Tensor([1, 1] as [Float]))
        #expect(try y.grad?.floatArray() == [1, 10])
    }

    @Test func theSeedIsNotWrittenTo() throws {
        let x = try leaf([1, 2])
        let seed = try Tensor([1, 1] as [Float])
        try x.reshape([2]).backward(seed)
        try x.reshape([2]).backward(seed)
        #expect(try seed.floatArray() == [1, 1])
        #expect(try x.grad?.floatArray() == [2, 2])
        let loss = try x.crossEntropyOfOneRow()
        try loss.mul(3).backward()
    }

    @Test func offRecordsNothing() throws {
        let x = try leaf([1])
        let y = try Recording.off { try x.mul(2) }
        #expect(!y.isTracked)
        #expect(try x.mul(2).isTracked)
        #expect(try !x.detach().mul(2).isTracked)
    }

    @Test func errorsSayWhatToDo() throws {
        let x = try leaf([1, 2])
        let y = try x.mul(2).sum()
        try y.backward()
        #expect(
            message { try y.backward() }
                == "backward: this graph was already used by a backward; run the forward again")
        #expect(
            message { try x.mul(2).backward() }
                == "backward: shape [2] is not a single number; reduce it, or give its gradient")
        #expect(
            message { try x.mul(2).backward(Tensor.zeros([3])) }
                == "backward: the gradient has shape [3], the tensor [2]")
        #expect(
            message { try Tensor.zeros([]).backward() }
                == "backward: no operation was recorded and this tensor does not require a gradient")
        #expect(
            message { try x.mul(2).setRequiresGrad(true) }
                == "requires_grad can only be set on a tensor made by no operation")
        #expect(
            message { try Tensor([1] as [Int64]).setRequiresGrad(true) }
                == "only float32 tensors can require gradients")
        #expect(message { _ = try x.mul(2).map { $0 } }.hasPrefix("map has no gradient"))
    }

    /// A second walk that reaches a used part of a graph must not pass over it in silence.
    @Test func aUsedPartOfAGraphIsAnError() throws {
        let x = try leaf([3])
        let shared = try x.mul(x)
        try shared.mul(2).backward()
        #expect(
            message { try shared.mul(5).backward() }
                == "backward: this graph was already used by a backward; run the forward again")
    }

    @Test func freedTensorsAreErrors() throws {
        let x = try Tensor([1, 2] as [Float])
        let view = try x.narrow(0, start: 1, length: 1)
        x.free()
        #expect(x.isFreed)
        #expect(message { _ = try x.add(1) } == "tensor was freed")
        #expect(try view.floatArray() == [2])
    }

    @Test func keptValuesSurviveFreeing() throws {
        let (x, y) = (try leaf([2]), try leaf([5]))
        let z = try x.mul(y)
        let doubled = try z.mul(2)
        z.free()
        try doubled.backward()
        #expect(try x.grad?.floatArray() == [10])
    }

    @Test func frozenBelowMeansNothingKept() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
        let weight = try OpSamples.frozen([2, 2], 1)
        let before = StoragePool.shared.liveBytes
        let y = try x.linear(weight).gelu()
        // Only the result itself is alive: [2, 2] floats round up to 64 bytes.
        _ = before
        #expect(!y.isTracked)
    }
}

extension Tensor {
    fileprivate func crossEntropyOfOneRow() throws -> Tensor { try reshape([1, count]).crossEntropy([0]) }
}
