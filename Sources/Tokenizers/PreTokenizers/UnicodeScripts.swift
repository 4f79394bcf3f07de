import Patterns

/// Cuts where the script changes; kana are taken for Han, spaces and unassigned scalars belong to what stands around them.
enum UnicodeScripts {
    /// Where each run of scalars of one script begins, and a number for the script; -1 for what belongs to any.
    private static let runs: (starts: [UInt32], scripts: [Int16]) = {
        var starts: [UInt32] = []
        var scripts: [Int16] = []
        var start: UInt32 = 0
        for record in table.split(separator: " ") {
            let sides = record.split(separator: ":", omittingEmptySubsequences: false)
            guard let gap = UInt32(sides[0], radix: 16) else { continue }
            start += gap
            starts.append(start)
            scripts.append(sides.count == 2 ? Int16(sides[1], radix: 16) ?? -1 : -1)
        }
        return (starts, scripts)
    }()

    /// A number for the script of a scalar; -1 for any.
    static func script(_ scalar: UInt32) -> Int16 {
        let (starts, scripts) = runs
        var (low, high) = (0, starts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= scalar { low = middle } else { high = middle }
        }
        return scripts.isEmpty ? -1 : scripts[low]
    }

    static func split(_ bytes: [UInt8], _ range: Range<Int>, _ result: inout [PreTokenizedText.Split]) {
        // What belongs to any script before the first that does not is dropped, as the library does.
        var start: Int?
        var last: Int16 = -1
        var index = range.lowerBound
        while index < range.upperBound {
            let (scalar, length) = bytes.scalar(at: index)
            let script = script(scalar)
            if script >= 0 {
                if last != script {
                    if let start { result.append(start..<index) }
                    start = index
                }
                last = script
            }
            index += length
        }
        if let start { result.append(start..<range.upperBound) }
    }
}
