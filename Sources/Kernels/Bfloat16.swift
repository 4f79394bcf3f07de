import Synchronization

/// bfloat16: the upper half of a float32, rounded to nearest, ties to even.
enum Bfloat16 {
    /// The nearest bfloat16, as float32.
    static func rounded(_ x: Float) -> Float { Float(bitPattern: UInt32(bits(x)) << 16) }

    /// The nearest bfloat16; NaN stays NaN.
    static func bits(_ x: Float) -> UInt16 {
        let bits = x.bitPattern
        if x.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }

    private static let blocks = Mutex<[FloatBlock]>([])

    /// Numbers rounded for a product; the memory serves the next one when this goes.
    final class Rounded {
        private let block: FloatBlock
        /// The numbers.
        let start: UnsafeRawPointer

        /// x[count], rounded by all threads.
        init(_ x: UnsafePointer<Float>, count: Int) {
            let kept = Bfloat16.blocks.withLock { $0.popLast() }
            block = kept.flatMap { $0.buffer.count * 2 >= count ? $0 : nil } ?? FloatBlock(count: (count + 1) / 2)
            start = UnsafeRawPointer(block.start)
            nonisolated(unsafe) let (source, target) = (
                x, UnsafeMutableRawPointer(block.start).assumingMemoryBound(to: UInt16.self)
            )
            Workers.run(rows: count, costPerRow: 1) { range in
                Loops.round(source + range.lowerBound, target + range.lowerBound, range.count)
            }
        }

        deinit {
            let block = block
            Bfloat16.blocks.withLock { $0.append(block) }
        }
    }
}
