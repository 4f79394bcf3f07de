import Memory

/// Steps that some work may still take.
///
/// Spending them asks now and then whether the host wants it stopped.
///
/// It belongs to one thread at a time.
package final class Work {
    private static let stepsBetweenLooks = 1 << 18

    private var left: Int
    private var sinceLook = 0

    package init(steps: Int = 0) { left = steps }

    /// Begins anew with `steps`.
    package func begin(steps: Int) { left = steps }

    /// Takes `steps`; false where fewer were left.
    ///
    /// - Throws: What `MemoryBudget.check` throws.
    package func spend(_ steps: Int) throws -> Bool {
        sinceLook += steps
        if sinceLook >= Self.stepsBetweenLooks {
            sinceLook = 0
            try MemoryBudget.check()
        }
        guard left >= steps else {
            left = 0
            return false
        }
        left -= steps
        return true
    }
}
