import Patterns

/// Cuts a text into pieces of so many scalars each, the last one shorter.
enum FixedLength {
    static func split(_ bytes: [UInt8], _ range: Range<Int>, length: Int, _ result: inout [PreTokenizedText.Split]) {
        var (start, index, count) = (range.lowerBound, range.lowerBound, 0)
        while index < range.upperBound {
            index += bytes.scalar(at: index).length
            count += 1
            guard count == length else { continue }
            result.append(start..<index)
            (start, count) = (index, 0)
        }
        result.append(start..<range.upperBound)
    }
}
