import Testing

@testable import Tensors

/// What a shape and a range of numbers may be.
struct BoundTests {
    @Test("a tensor has at most 64 dimensions")
    func rank() throws {
        #expect(try Tensor.ones(Array(repeating: 1, count: 64)).sum().floatArray() == [1])
        #expect(throws: TensorError.self) { try Tensor.ones(Array(repeating: 1, count: 65)) }
        #expect(throws: TensorError.self) { try Tensor.ones([1]).reshape(Array(repeating: 1, count: 100_000)) }
    }

    @Test("the other sizes of an empty tensor are bounded too")
    func empty() throws {
        #expect(try Tensor.zeros([0, 5]).softmax(1).shape == [0, 5])
        #expect(try Tensor.zeros([3, 0]).sum(1).floatArray() == [0, 0, 0])
        for shape in [[0, Int.max], [.max, 0], [0, 1 << 32, 1 << 32], [1 << 43, 0], [.max, 0, .max]] {
            #expect(throws: TensorError.self, "\(shape)") { try Tensor.zeros(shape) }
        }
    }

    @Test("a range is empty, or too long, or what it says")
    func arange() throws {
        #expect(try Tensor.arange(.integer(0), .float(-1e300)).count == 0)
        #expect(try Tensor.arange(.float(1e300), .integer(2), step: .integer(2)).count == 0)
        #expect(try Tensor.arange(.integer(5), .integer(0), step: .integer(-2)).integerArray() == [5, 3, 1])
        #expect(try Tensor.arange(.float(0), .float(1), step: .float(0.25)).floatArray() == [0, 0.25, 0.5, 0.75])
        for end in [Number.float(1e300), .integer(.max), .float(.infinity), .float(.nan)] {
            #expect(throws: TensorError.self, "\(end)") { try Tensor.arange(.integer(0), end) }
        }
    }
}
