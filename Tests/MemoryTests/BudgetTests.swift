import Foundation
import Memory
import Synchronization
import Testing

/// The limit is one of the whole process: each of these runs in a process of its own.
@Suite struct BudgetTests {
    /// Memory that is looked at, so that it counts as touched.
    final class Block: @unchecked Sendable {
        private let bytes: UnsafeMutableRawBufferPointer
        init(_ count: Int) throws {
            try MemoryBudget.reserve(count)
            bytes = .allocate(byteCount: count, alignment: 64)
            bytes.initializeMemory(as: UInt8.self, repeating: 1)
        }
        deinit { bytes.deallocate() }
    }

    @Test func whatPassesTheLimitIsRefusedAndWhatWasFreedServesAgain() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let megabyte = 1 << 20
            MemoryBudget.begin(limit: 100 * megabyte, nil)
            for _ in 0..<3 {
                var blocks: [Block] = []
                var message = ""
                for _ in 0..<200 {
                    do { blocks.append(try Block(megabyte)) } catch {
                        message = "\(error)"
                        break
                    }
                }
                // Within the credit of one look, a thirty-second of the limit.
                guard (90...104).contains(blocks.count), message.hasPrefix("memory limit: 1 MiB more on top of ") else {
                    print(blocks.count, message)
                    exit(1)
                }
                guard message.hasSuffix(" would pass 100 MiB") else { exit(2) }
            }
            // What malloc keeps of freed memory is held until memory is short.
            guard (try? MemoryBudget.expect(90 * megabyte)) != nil, MemoryBudget.held < 10 * megabyte else { exit(3) }
            exit(7)
        }
    }

    @Test func smallThingsCountToo() async {
        await #expect(processExitsWith: .exitCode(7)) {
            MemoryBudget.begin(limit: 64 << 20, nil)
            var kept: [[Int]] = []
            do {
                while kept.count < 1 << 22 {
                    try MemoryBudget.reserve(64)
                    kept.append([kept.count])
                }
                exit(1)
            } catch {}
            // An array of one integer takes 48 bytes, its place in the list 8 to 16.
            exit(kept.count > 500_000 && kept.count < 1_300_000 ? 7 : 2)
        }
    }

    @Test func sizesThatOverflowAreRefused() {
        #expect(throws: MemoryRefusal.self) { try MemoryBudget.reserve(.max) }
        #expect(throws: MemoryRefusal.self) { try MemoryBudget.reserve(.max / 2, of: 8) }
        #expect(throws: MemoryRefusal.self) { try MemoryBudget.expect(1 << 50) }
        #expect(throws: Never.self) {
            try MemoryBudget.reserve(0)
            try MemoryBudget.reserve(-5)
        }
    }

    @Test func theSessionIsAskedToCollect() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let garbage = Mutex([Block]())
            MemoryBudget.begin(
                limit: 64 << 20, .init(check: {}, collect: { garbage.withLock { $0 = [] } }))
            for _ in 0..<500 {
                guard let block = try? Block(1 << 20) else { exit(1) }
                garbage.withLock { $0.append(block) }
            }
            exit(7)
        }
    }
}
