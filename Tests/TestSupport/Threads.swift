import Foundation
import Kernels

private let threadsInUse = NSLock()

/// Calls `body` while work runs on `count` threads; whoever else asks for a number of threads waits until it is done.
///
/// The number of threads is the process's, and suites of all targets run side by side in one process.
public func withThreads<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
    try threadsInUse.withLock {
        let usual = Workers.count
        Workers.setCount(count)
        defer { Workers.setCount(usual) }
        return try body()
    }
}
