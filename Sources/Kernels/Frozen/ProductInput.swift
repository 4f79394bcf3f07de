/// x as a product reads it: rounded where the matrix is bfloat16, and before that through a function of each element where one
/// is given.
///
/// What a function gives is used by the product alone, so it is written once, in the type that is read. The memory serves the
/// next product when this goes.
final class ProductInput {
    /// The numbers.
    let start: UnsafeRawPointer
    private let block: Arena.Block?
    // Of one product at a time, so it is not among the bytes that count as tensors.
    static let arena = Arena(regionBytes: regionBytes)
    static let regionBytes = 2 << 20
    /// Numbers that go through a function before they are rounded, in cache.
    private static let chunk = 2048

    /// x[count]; all threads work on it.
    init(
        _ x: UnsafePointer<Float>, count: Int, as type: FrozenMatrix.DType, applying function: Elementwise.Unary? = nil
    ) throws {
        guard type == .bfloat16 || function != nil else {
            (start, block) = (UnsafeRawPointer(x), nil)
            return
        }
        guard let block = try ProductInput.arena.take(byteCount: count * type.size), let memory = block.start else {
            throw ProductInput.noMemory(count)
        }
        (start, self.block) = (UnsafeRawPointer(memory), block)
        nonisolated(unsafe) let (x, target) = (x, memory)
        Workers.run(rows: count, costPerRow: 1) { range in
            let source = x + range.lowerBound
            guard type == .bfloat16 else {
                guard let function else { return }
                let floats = target.assumingMemoryBound(to: Float.self) + range.lowerBound
                return Elementwise.values(function, source, floats, range.count)
            }
            let halves = target.assumingMemoryBound(to: UInt16.self) + range.lowerBound
            guard let function else { return Loops.round(source, halves, range.count) }
            Scratch.with(ProductInput.chunk) { scratch in
                for first in stride(from: 0, to: range.count, by: ProductInput.chunk) {
                    let count = min(ProductInput.chunk, range.count - first)
                    Elementwise.values(function, source + first, scratch, count)
                    Loops.round(scratch, halves + first, count)
                }
            }
        }
    }

    /// Calls `body` with `count` uninitialised floats.
    static func passing(_ count: Int, _ body: (UnsafeMutablePointer<Float>) throws -> Void) throws {
        guard let block = try arena.take(byteCount: 4 * count), let start = block.start else { throw noMemory(count) }
        defer { arena.give(block) }
        try body(start.bindMemory(to: Float.self, capacity: count))
    }

    private static func noMemory(_ count: Int) -> KernelError {
        KernelError("no memory is left for a product with \(count) numbers")
    }

    deinit { if let block { ProductInput.arena.give(block) } }
}
