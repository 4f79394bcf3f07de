/// Owned floats, aligned to 64 bytes.
final class FloatBlock: @unchecked Sendable {
    let start: UnsafeMutablePointer<Float>
    let buffer: UnsafeMutableBufferPointer<Float>
    private let block: Arena.Block
    static let arena = Arena(keepsRegions: false)

    /// Uninitialised floats; throws where there is no memory for them.
    init(count: Int) throws {
        let (bytes, overflow) = max(1, count).multipliedReportingOverflow(by: 4)
        guard count >= 0, !overflow, let block = try FloatBlock.arena.take(byteCount: bytes), let raw = block.start
        else {
            throw KernelError("\(count) numbers are more than the system has memory for")
        }
        self.block = block
        start = raw.bindMemory(to: Float.self, capacity: count)
        buffer = UnsafeMutableBufferPointer(start: start, count: count)
    }

    deinit { FloatBlock.arena.give(block) }

    /// The same numbers as bfloat16, in half the memory.
    func rounded() throws -> FloatBlock {
        let block = try FloatBlock(count: (buffer.count + 1) / 2)
        Loops.round(start, UnsafeMutableRawPointer(block.start).assumingMemoryBound(to: UInt16.self), buffer.count)
        return block
    }
}
