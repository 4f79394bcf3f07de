#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Working memory of a thread, kept between uses so that a training step asks the system for none.
enum Scratch {
    private final class Block {
        var floats: UnsafeMutableBufferPointer<Float>
        var isTaken = false
        /// What serves while this is taken.
        lazy var inner = Block()

        init() { floats = .init(start: nil, count: 0) }

        deinit { floats.deallocate() }

        func grow(to count: Int) -> UnsafeMutablePointer<Float>? {
            if floats.count < count {
                floats.deallocate()
                let raw = UnsafeMutableRawPointer.allocate(byteCount: count * 4, alignment: 64)
                floats = .init(start: raw.bindMemory(to: Float.self, capacity: count), count: count)
            }
            return floats.baseAddress
        }
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key) { raw in
            #if canImport(Darwin)
                Unmanaged<Block>.fromOpaque(raw).release()
            #else
                if let raw { Unmanaged<Block>.fromOpaque(raw).release() }
            #endif
        }
        return key
    }()

    private static var own: Block {
        if let raw = pthread_getspecific(key) { return Unmanaged<Block>.fromOpaque(raw).takeUnretainedValue() }
        let block = Block()
        pthread_setspecific(key, Unmanaged.passRetained(block).toOpaque())
        return block
    }

    /// Calls `body` with `count` uninitialised floats, aligned to 64 bytes, that are this thread's until it returns.
    static func with(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        var block = own
        while block.isTaken { block = block.inner }
        block.isTaken = true
        defer { block.isTaken = false }
        if let start = block.grow(to: max(1024, count)) { body(start) }
    }
}
