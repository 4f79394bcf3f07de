import Kernels
import Memory
import Testing

@Suite struct ArenaTests {
    /// A generator of numbers that are the same in every run (xorshift).
    private struct Numbers {
        var state: UInt64 = 88_172_645_463_325_252
        mutating func below(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
    }

    private func fill(_ block: Arena.Block, _ mark: UInt8) throws {
        let start = try #require(block.start)
        start.initializeMemory(as: UInt8.self, repeating: mark, count: block.byteCount)
    }

    private func isFilled(_ block: Arena.Block, _ mark: UInt8) throws -> Bool {
        let start = try #require(block.start)
        return UnsafeRawBufferPointer(start: start, count: block.byteCount).allSatisfy { $0 == mark }
    }

    /// Every block holds what was written to it while others come and go, and the counts are those of a plain list.
    @Test func blocksDoNotOverlap() throws {
        let arena = Arena(regionBytes: 1 << 20)
        var numbers = Numbers()
        var blocks: [(block: Arena.Block, mark: UInt8)] = []
        var peak = 0
        for step in 0..<4000 {
            if blocks.isEmpty || numbers.below(100) < (step / 500 % 2 == 0 ? 60 : 40) {
                let bytes = 1 + numbers.below(numbers.below(20) == 0 ? 3 << 20 : 20_000)
                let block = try #require(try arena.take(byteCount: bytes))
                #expect(block.byteCount == Arena.rounded(bytes))
                #expect(UInt(bitPattern: block.start) % 64 == 0)
                try fill(block, UInt8(step % 251))
                blocks.append((block, UInt8(step % 251)))
            } else {
                let (block, mark) = blocks.swapAt(lastWith: numbers.below(blocks.count))
                #expect(try isFilled(block, mark), "step \(step)")
                arena.give(block)
            }
            let live = blocks.reduce(0) { $0 + $1.block.byteCount }
            peak = max(peak, live)
            let counts = arena.counts
            guard counts.live == live, counts.peak == peak, counts.held >= live else {
                Issue.record("step \(step): \(counts), expected \(live) live, peak \(peak)")
                return
            }
        }
        for (block, mark) in blocks {
            #expect(try isFilled(block, mark))
            arena.give(block)
        }
        #expect(arena.counts.live == 0)
        arena.trim()
        #expect(arena.counts.held == 0)
    }

    /// What a step of training takes, layer by layer, and gives back in the opposite order.
    private func step(_ arena: Arena, rows: Int) throws {
        var kept: [Arena.Block] = []
        for _ in 0..<12 {
            for width in [768, 768, 768, 768, 12 * rows / 16, 3072, 768, 1] {
                let passing = try #require(try arena.take(byteCount: rows * width * 4 * 3))
                kept.append(try #require(try arena.take(byteCount: rows * width * 4)))
                arena.give(passing)
            }
        }
        while let block = kept.popLast() {
            let gradient = try #require(try arena.take(byteCount: block.byteCount))
            arena.give(block)
            arena.give(gradient)
        }
    }

    /// Batches of any length fit into what the largest one took, and a larger one adds no more than it is larger.
    @Test func smallerStepsAskForNothing() throws {
        let arena = Arena()
        var numbers = Numbers()
        try step(arena, rows: 400)
        let held = arena.counts.held
        let regions = arena.counts.regions
        #expect(held <= arena.counts.peak * 5 / 4 + (32 << 20))
        for _ in 0..<200 { try step(arena, rows: 20 + numbers.below(381)) }
        #expect(arena.counts.regions == regions)
        let peak = arena.counts.peak
        try step(arena, rows: 500)
        #expect(arena.counts.held - held <= (arena.counts.peak - peak) * 5 / 4 + (32 << 20))
        #expect(arena.counts.live == 0)
    }

    /// Neighbours that are free are one block: a whole region is there again, in whatever order its parts came back.
    @Test(arguments: [[0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3], [1, 3, 0, 2], [2, 0, 3, 1]])
    func neighboursJoin(_ order: [Int]) throws {
        let arena = Arena(regionBytes: 2 << 20)
        let parts = try (0..<4).map { _ in try #require(try arena.take(byteCount: 512 << 10)) }
        for index in order { arena.give(parts[index]) }
        let whole = try #require(try arena.take(byteCount: 2 << 20))
        #expect(arena.counts.regions == 1)
        #expect(whole.start == parts[0].start)
    }

    @Test func unusedRegionsGoBack() throws {
        let arena = Arena(regionBytes: 2 << 20, keepsRegions: false)
        let first = try #require(try arena.take(byteCount: 1 << 20))
        let second = try #require(try arena.take(byteCount: 3 << 20))
        #expect(arena.counts.held == 6 << 20)
        arena.give(first)
        #expect(arena.counts.held == 4 << 20)
        arena.give(second)
        #expect(arena.counts.held == 0)
    }

    /// Ever larger tensors do not leave every smaller one behind.
    @Test func growingRequestsGiveBackWhatIsTooSmall() throws {
        let arena = Arena(regionBytes: 2 << 20)
        for megabytes in 3...60 { arena.give(try #require(try arena.take(byteCount: megabytes << 20))) }
        #expect(arena.counts.held <= (90 << 20) + 4 * (2 << 20))
    }

    @Test func whatNoMachineHasIsRefused() throws {
        #expect(try Arena().take(byteCount: .max) == nil)
        #expect(throws: MemoryRefusal.self) { try Arena().take(byteCount: 1 << 46) }
    }
}

extension Array {
    /// Takes out the element at `index`; the last takes its place.
    fileprivate mutating func swapAt(lastWith index: Int) -> Element {
        swapAt(index, count - 1)
        return removeLast()
    }
}
