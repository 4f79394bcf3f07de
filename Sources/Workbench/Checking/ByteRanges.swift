/// Parts of a text, asked for places within them.
struct ByteRanges {
    /// In order, without overlaps.
    private var parts: [Range<Int>] = []

    init(_ ranges: [Range<Int>]) {
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = parts.last, range.lowerBound <= last.upperBound {
                parts[parts.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                parts.append(range)
            }
        }
    }

    func contains(_ place: Int) -> Bool {
        var (low, high) = (0, parts.count)
        while low < high {
            let middle = (low + high) / 2
            if parts[middle].upperBound <= place { low = middle + 1 } else { high = middle }
        }
        return low < parts.count && parts[low].contains(place)
    }
}
