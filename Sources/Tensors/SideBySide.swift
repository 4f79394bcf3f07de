extension Tensor {
    /// Bytes at whose multiples tensors begin that lie side by side: what the widest vector instructions read at once.
    private static let alignment = 64

    /// Leaves of more elements than this are not moved: moving takes their memory twice, and they are several pieces of work alone.
    package static let largestMoved = 1 << 18

    /// Zeros of these shapes, side by side in one storage.
    package static func sideBySide(_ shapes: [[Int]]) throws -> [Tensor] {
        let step = alignment / MemoryLayout<Float>.stride
        var (offsets, end): ([Int], Int) = ([], 0)
        for shape in shapes {
            offsets.append(end)
            end += (try count(of: shape) + step - 1) / step * step
        }
        let whole = try zeros([end])
        return try zip(shapes, offsets).map { try Tensor(view: whole, shape: $0, offset: $1) }
    }

    /// The values of these tensors, side by side in one storage.
    package static func sideBySide(copying tensors: [Tensor]) throws -> [Tensor] {
        let copies = try sideBySide(tensors.map(\.shape))
        for (copy, tensor) in zip(copies, tensors) {
            try copy.mutableFloats().update(from: tensor.floats(), count: tensor.count)
        }
        return copies
    }

    /// Moves trained leaves side by side into one storage; they stay the same objects with the same values.
    ///
    /// A leaf stays where it is whose memory other tensors share: its views, which would not move with it, or those that it was laid
    /// beside before. So does one larger than `largestMoved`.
    package static func layOutFlat(_ leaves: [Tensor]) throws {
        let moved = leaves.filter {
            $0.dtype == .float32 && $0.requiresGrad && $0.ownsStorageAlone && (1...largestMoved).contains($0.count)
        }
        guard moved.count > 1 else { return }
        for (leaf, place) in zip(moved, try sideBySide(moved.map(\.shape))) { try leaf.move(to: place) }
    }
}
