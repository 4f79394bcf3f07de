import Kernels

/// y = x with its dimensions in another order, copied.
///
/// Backward: dx = dy in the inverse order. Keeps nothing.
package final class Permute: Op {
    package static let name = "permute"
    private let order: [Int]

    /// Dimension i of the result is dimension order[i] of the input; the caller has checked the order.
    package init(_ order: [Int]) { self.order = order }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor { try Permute.copy(inputs[0], order) }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        var inverse = order
        for (place, dimension) in order.enumerated() { inverse[dimension] = place }
        return [try Permute.copy(dy, inverse)]
    }

    private static func copy(_ x: Tensor, _ order: [Int]) throws -> Tensor {
        let shape = order.map { x.shape[$0] }
        var steps = [Int](repeating: 1, count: order.count)
        for d in order.indices.dropLast().reversed() { steps[d] = steps[d + 1] * x.shape[d + 1] }
        let y = try Tensor(uninitialized: shape, dtype: x.dtype)
        let strides = order.map { steps[$0] }
        switch x.dtype {
        case .float32: gather(try x.floats(), shape, strides, try y.mutableFloats())
        case .int64: gather(try x.integers(), shape, strides, try y.mutableIntegers())
        }
        return y
    }

    private static func gather<Value>(
        _ x: UnsafePointer<Value>, _ shape: [Int], _ strides: [Int], _ y: UnsafeMutablePointer<Value>
    ) {
        let total = Shape.product(shape)
        guard total > 0, let last = shape.last, let step = strides.last else {
            if total > 0 { y[0] = x[0] }
            return
        }
        var index = [Int](repeating: 0, count: shape.count)
        var (place, source) = (0, 0)
        while place < total {
            if place & 0xFFFF < last, Trouble.isStopping { return }
            for i in 0..<last { y[place + i] = x[source + i * step] }
            place += last
            var d = shape.count - 2
            while d >= 0 {
                index[d] += 1
                source += strides[d]
                if index[d] < shape[d] { break }
                source -= shape[d] * strides[d]
                index[d] = 0
                d -= 1
            }
        }
    }
}

extension Tensor {
    /// Dimensions in another order: dimension i of the result is `order[i]` of this.
    public func permute(_ order: [Int]) throws -> Tensor {
        guard order.count == shape.count else {
            throw TensorError("permute: an order of \(order.count) dimensions for shape \(shape)")
        }
        let wanted = try order.map { try Shape.dimension($0, of: shape, "permute") }
        guard wanted.sorted() == Array(shape.indices) else {
            throw TensorError("permute: \(order.map(Shape.told)) is no order of the dimensions of shape \(shape)")
        }
        // Moving dimensions of size 1 moves nothing.
        let moved = wanted.filter { shape[$0] != 1 }
        if moved == moved.sorted() { return try reshape(wanted.map { shape[$0] }) }
        return try Tensor.apply(Permute(wanted), [self])
    }

    /// Two dimensions exchanged.
    public func transpose(_ first: Int, _ second: Int) throws -> Tensor {
        var order = Array(shape.indices)
        order.swapAt(
            try Shape.dimension(first, of: shape, "transpose"), try Shape.dimension(second, of: shape, "transpose"))
        return try permute(order)
    }

    /// A matrix transposed; a vector or a number stays as it is.
    public func t() throws -> Tensor {
        guard shape.count <= 2 else {
            throw TensorError("t: expected at most two dimensions, got shape \(shape); use transpose or permute")
        }
        return shape.count == 2 ? try transpose(0, 1) : self
    }
}
