/// Arithmetic of shapes that several operations share.
public enum Shape {
    /// Dimension counted from 0, or from the end where negative; throws where there is none such.
    static func dimension(_ dimension: Int, of shape: [Int], _ what: String) throws -> Int {
        let index = dimension < 0 ? dimension + shape.count : dimension
        guard index >= 0, index < shape.count else {
            throw TensorError("\(what): dimension \(told(dimension)) does not exist in shape \(shape)")
        }
        return index
    }

    /// A dimension or position as messages tell it: recipes count from 1, or from the end by -1.
    static func told(_ index: Int) -> Int { index < 0 ? index : index &+ 1 }

    /// An element as messages tell it, by its positions from 1: [2][1].
    public static func place(_ element: Int, in shape: [Int]) -> String {
        var rest = element
        var positions: [Int] = []
        for size in shape.reversed() where size > 0 {
            positions.append(rest % size + 1)
            rest /= size
        }
        return positions.reversed().map { "[\($0)]" }.joined()
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
