import Kernels

/// y = the elements of x from one place on, in another shape: reshape, narrow and select on the first dimension.
///
/// Costs nothing: y shares the values of x. Backward: dx = dy at that place, 0 elsewhere. Keeps nothing.
package final class View: Op {
    package static let name = "view"
    private let shape: [Int]
    private let offset: Int
    private let copies: Bool
    private var source: [Int] = []

    /// Elements of the input from `offset` on in `shape`; with values of their own where `copies` is set.
    package init(shape: [Int], offset: Int = 0, copies: Bool = false) {
        (self.shape, self.offset, self.copies) = (shape, offset, copies)
    }

    package func forward(_ inputs: [Tensor], needs: [Bool]) throws -> Tensor {
        source = inputs[0].shape
        let view = try Tensor(view: inputs[0], shape: shape, offset: offset)
        return copies ? try view.copy() : view
    }

    package func backward(_ dy: Tensor, needs: [Bool]) throws -> [Tensor?] {
        if dy.count == Shape.product(source) { return [try Tensor(view: dy, shape: source, offset: 0)] }
        let dx = try Tensor.zeros(source)
        (try dx.mutableFloats() + offset).update(from: try dy.floats(), count: dy.count)
        return [dx]
    }
}

extension Tensor {
    /// The same elements in another shape; one size may be -1 and follows from the others.
    public func reshape(_ shape: [Int]) throws -> Tensor {
        var sizes = shape
        if let free = shape.firstIndex(of: -1) {
            let others = try Tensor.count(of: shape.enumerated().map { $0.offset == free ? 1 : $0.element })
            guard others > 0, count % others == 0 else {
                throw TensorError("reshape: shape \(self.shape) cannot become \(shape)")
            }
            sizes[free] = count / others
        }
        guard try Tensor.count(of: sizes) == count else {
            throw TensorError("reshape: shape \(self.shape) cannot become \(shape)")
        }
        return try Tensor.apply(View(shape: sizes), [self])
    }

    /// `length` entries of a dimension from `start` on; costs nothing on the first dimension.
    public func narrow(_ dimension: Int, start: Int, length: Int) throws -> Tensor {
        let at = try Shape.dimension(dimension, of: shape, "narrow")
        guard start >= 0, length >= 0, start <= shape[at], length <= shape[at] - start else {
            throw TensorError(
                "narrow: \(length) entries from \(Shape.told(start)) on do not lie in dimension \(at + 1) of shape \(shape)"
            )
        }
        var sizes = shape
        sizes[at] = length
        let (outer, size, inner) = Shape.split(shape, at: at)
        if outer == 1 || length == size {
            return try Tensor.apply(View(shape: sizes, offset: start * inner), [self])
        }
        return try Tensor.apply(Narrow(dimension: at, start: start, length: length), [self])
    }

    /// Entry `index` of a dimension, which goes; costs nothing on the first dimension.
    public func select(_ dimension: Int, _ index: Int) throws -> Tensor {
        let at = try Shape.dimension(dimension, of: shape, "select")
        guard index >= 0, index < shape[at] else {
            throw TensorError(
                "select: position \(Shape.told(index)) is outside 1 to \(shape[at]) in dimension \(at + 1) of shape \(shape)"
            )
        }
        return try narrow(at, start: index, length: 1).reshape(Shape.reduced(shape, at: at, keepdim: false))
    }

    /// A new dimension of size 1 before the one that has this number, counted from 0, or from the end by -1.
    public func unsqueeze(_ dimension: Int) throws -> Tensor {
        let at = dimension < 0 ? dimension + shape.count + 1 : dimension
        guard at >= 0, at <= shape.count else {
            throw TensorError(
                "unsqueeze: a new dimension \(Shape.told(dimension)) does not fit into shape \(shape)")
        }
        var sizes = shape
        sizes.insert(1, at: at)
        return try reshape(sizes)
    }

    /// Without a dimension, if its size is 1, or without all of size 1.
    public func squeeze(_ dimension: Int? = nil) throws -> Tensor {
        guard let dimension else { return try reshape(shape.filter { $0 != 1 }) }
        let at = try Shape.dimension(dimension, of: shape, "squeeze")
        return try reshape(shape[at] == 1 ? Shape.reduced(shape, at: at, keepdim: false) : shape)
    }

    /// The same values in memory of their own; gradients flow through.
    public func clone() throws -> Tensor {
        isTracked && Recording.isOn ? try Tensor.apply(View(shape: shape, copies: true), [self]) : try copy()
    }
}
