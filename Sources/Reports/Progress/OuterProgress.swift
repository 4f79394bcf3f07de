import Words

/// Loops of a recipe that say how far they are, the outer ones first: a sweep over trainings.
///
/// On a terminal they stand before the bar of whatever runs within, or alone between two; elsewhere each turn is a line.
package final class OuterProgress {
    private struct Loop {
        let id: Int
        let title: String
        let count: Int
        var done = 0
        let start = ContinuousClock.now
    }

    private let isTerminal: Bool
    private let columns: () -> Int
    private let write: (String) -> Void
    private var loops: [Loop] = []
    private var nextId = 0

    /// Progress that writes by `write`.
    package init(isTerminal: Bool, columns: @escaping () -> Int, write: @escaping (String) -> Void) {
        (self.isTerminal, self.columns, self.write) = (isTerminal, columns, write)
    }

    /// What stands before a bar within: "ranks 2/5 · "; empty outside of loops.
    var prefix: String {
        loops.map { "\($0.title.isEmpty ? "" : $0.title + " ")\(min($0.count, $0.done + 1))/\($0.count) · " }.joined()
    }

    /// Begins a loop of `count` turns within those in progress; gives its number.
    package func begin(_ title: String, count: Int) -> Int {
        nextId += 1
        loops.append(Loop(id: nextId, title: Shown.name(title, atMost: 30), count: count))
        return nextId
    }

    /// A turn of a loop begins, `done` of them are over; loops within it that were left early are over too.
    package func turn(_ id: Int, done: Int) {
        guard let place = loops.firstIndex(where: { $0.id == id }) else { return }
        loops.removeSubrange((place + 1)...)
        loops[place].done = done
        if isTerminal {
            write("\r\u{1B}[K" + String(summary(loops[place]).prefix(max(20, columns()) - 1)))
        } else {
            write(summary(loops[place]) + "\n")
        }
    }

    /// A loop is over.
    package func end(_ id: Int) {
        guard let place = loops.firstIndex(where: { $0.id == id }) else { return }
        loops.removeSubrange(place...)
        if isTerminal { write("\r\u{1B}[K") }
    }

    private func summary(_ loop: Loop) -> String {
        let elapsed = (ContinuousClock.now - loop.start).components
        let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
        let left = loop.done > 0 ? seconds / Double(loop.done) * Double(loop.count - loop.done) : nil
        return (loop.title.isEmpty ? "" : loop.title + " ") + "\(loop.done + 1)/\(loop.count)"
            + (left.map { "  \(Durations.clock(seconds)), \(Durations.clock($0)) left" } ?? "")
    }
}
