/// Many arrays, large and small, as one piece of work: laid end to end in thought, and cut by their lengths alone.
struct EndToEnd {
    /// Elements of a piece of work.
    static let piece = 1 << 14

    /// Where each array begins, and the end of the last.
    private let starts: [Int]

    init(_ counts: [Int]) {
        var (starts, sum) = ([0], 0)
        starts.reserveCapacity(counts.count + 1)
        for count in counts {
            sum += count
            starts.append(sum)
        }
        self.starts = starts
    }

    private var arrays: Int { starts.count - 1 }
    private var total: Int { starts[arrays] }
    private var pieces: Int { (total + EndToEnd.piece - 1) / EndToEnd.piece }

    /// Upper bound of the parts' numbers.
    var parts: Int { arrays + pieces }

    /// Numbers of the parts of an array, in order.
    func parts(of array: Int) -> Range<Int> {
        let (first, end) = (starts[array], starts[array + 1])
        guard first < end else { return 0..<0 }
        return array + first / EndToEnd.piece..<array + (end - 1) / EndToEnd.piece + 1
    }

    /// Calls `body` for every part of an array that lies within one piece: its number, the array, its first element and their count.
    ///
    /// Parts come on any thread, in any order.
    func run(_ body: @Sendable (_ part: Int, _ array: Int, _ first: Int, _ count: Int) -> Void) {
        Workers.run(pieces: pieces) { piece in
            var place = piece * EndToEnd.piece
            let end = min(total, place + EndToEnd.piece)
            var array = self.array(at: place)
            while place < end {
                let stop = min(end, starts[array + 1])
                if place < stop { body(array + piece, array, place - starts[array], stop - place) }
                place = stop
                array += 1
            }
        }
    }

    /// The array in which element `place` of all lies.
    private func array(at place: Int) -> Int {
        var (low, high) = (0, arrays)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= place { low = middle } else { high = middle }
        }
        return low
    }
}
