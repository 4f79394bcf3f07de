/// Arithmetic of shapes that several operations share.
enum Shape {
    /// Dimension counted from 0, or from the end where negative; throws where there is none such.
    static func dimension(_ dimension: Int, of shape: [Int], _ what: String) throws -> Int {
        let index = dimension < 0 ? dimension + shape.count : dimension
        guard index >= 0, index < shape.count else {
            throw TensorError("\(what): dimension \(dimension) does not exist in shape \(shape)")
        }
        return index
    }

    /// Product of sizes.
    static func product(_ sizes: some Sequence<Int>) -> Int { sizes.reduce(1, *) }

    /// Elements before, in, and after a dimension: the array is [outer, size, inner].
    static func split(_ shape: [Int], at dimension: Int) -> (outer: Int, size: Int, inner: Int) {
        (product(shape[..<dimension]), shape[dimension], product(shape[(dimension + 1)...]))
    }

    /// The shape with `dimension` of size 1, or without it.
    static func reduced(_ shape: [Int], at dimension: Int, keepdim: Bool) -> [Int] {
        var result = shape
        if keepdim { result[dimension] = 1 } else { result.remove(at: dimension) }
        return result
    }
}
