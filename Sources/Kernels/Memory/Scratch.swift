#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Working memory of a thread, kept between uses so that a training step asks the system for none.
enum Scratch {
    private final class Block {
        private var floats: FloatBlock?
        var isTaken = false
        /// What serves while this is taken.
        lazy var inner: Block = Block()

        init() {}

        func grow(to count: Int) throws -> UnsafeMutablePointer<Float> {
            if let floats, floats.buffer.count >= count { return floats.start }
            floats = nil
            let larger = try FloatBlock(count: count)
            floats = larger
            return larger.start
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
    ///
    /// Where there is no memory for them `body` is not called, and whoever had the work done is told (`Trouble`).
    static func with(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        if let pass = ShapePass.current { return pass.withScratch(max(1024, count), body) }
        var block = own
        while block.isTaken { block = block.inner }
        block.isTaken = true
        defer { block.isTaken = false }
        do { body(try block.grow(to: max(1024, count))) } catch { Trouble.note(error) }
    }
}
