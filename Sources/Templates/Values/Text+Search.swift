/// Finding, cutting and replacing as Python's `str` does it.
extension Text {
    private func with(_ scalars: some Sequence<Unicode.Scalar>) -> Text { Text(Array(scalars), isMarkup: isMarkup) }

    /// Where `part` first stands at or after `start`, ending at or before `end`.
    func firstIndex(of part: Text, from start: Int = 0, to end: Int? = nil) -> Int? {
        let last = (end ?? count) - part.count
        guard start <= last else { return nil }
        guard let first = part.scalars.first else { return start }
        if part.count > 8 { return Self.index(of: part.scalars[...], in: scalars[start..<(last + part.count)]) }
        var index = start
        while index <= last {
            if scalars[index] == first, stands(part, at: index) { return index }
            index += 1
        }
        return nil
    }

    /// The same in time that grows with the lengths only, whatever the texts are (Knuth, Morris, Pratt 1977).
    private static func index(of part: ArraySlice<Unicode.Scalar>, in text: ArraySlice<Unicode.Scalar>) -> Int? {
        let part = Array(part)
        var borders = Array(repeating: 0, count: part.count)
        var matched = 0
        for index in 1..<part.count {
            while matched > 0, part[index] != part[matched] { matched = borders[matched - 1] }
            if part[index] == part[matched] { matched += 1 }
            borders[index] = matched
        }
        matched = 0
        for index in text.indices {
            while matched > 0, text[index] != part[matched] { matched = borders[matched - 1] }
            if text[index] == part[matched] { matched += 1 }
            if matched == part.count { return index + 1 - matched }
        }
        return nil
    }

    /// Where `part` last stands within a range.
    func lastIndex(of part: Text, from start: Int = 0, to end: Int? = nil) -> Int? {
        let end = end ?? count
        guard start <= end - part.count else { return nil }
        guard !part.isEmpty else { return end }
        let reversed = Text(scalars[start..<end].reversed())
        return reversed.firstIndex(of: Text(part.scalars.reversed())).map { end - $0 - part.count }
    }

    /// Whether `part` stands at `index`.
    func stands(_ part: Text, at index: Int) -> Bool {
        guard index >= 0, index + part.count <= count else { return false }
        for offset in 0..<part.count where scalars[index + offset] != part.scalars[offset] { return false }
        return true
    }

    /// How often `part` stands in a range, without overlaps.
    func count(of part: Text, from start: Int, to end: Int) -> Int {
        guard start <= end else { return 0 }
        if part.isEmpty { return end - start + 1 }
        var (found, index) = (0, start)
        while let place = firstIndex(of: part, from: index, to: end) {
            found += 1
            index = place + part.count
        }
        return found
    }

    /// With the first `limit` places where `old` stands replaced, all where nil.
    func replacing(_ old: Text, with new: Text, limit: Int?) -> Text {
        var result: [Unicode.Scalar] = []
        var left = limit ?? Int.max
        var index = 0
        if old.isEmpty {
            for scalar in scalars {
                if left > 0 { result.append(contentsOf: new.scalars) }
                left -= 1
                result.append(scalar)
            }
            return with(left > 0 ? result + new.scalars : result)
        }
        while left > 0, let place = firstIndex(of: old, from: index) {
            result.append(contentsOf: scalars[index..<place])
            result.append(contentsOf: new.scalars)
            index = place + old.count
            left -= 1
        }
        return with(result + scalars[index...])
    }

    /// Without the characters at its ends that are in `set`, or are space where nil.
    func stripped(_ set: Text?, left: Bool = true, right: Bool = true) -> Text {
        let isStripped: (Unicode.Scalar) -> Bool = set.map { set in { set.scalars.contains($0) } } ?? { $0.isSpace }
        var range = scalars.startIndex..<scalars.endIndex
        while left, let first = range.first, isStripped(scalars[first]) { range = (first + 1)..<range.upperBound }
        while right, let last = range.last, isStripped(scalars[last]) { range = range.lowerBound..<last }
        return with(scalars[range])
    }

    /// The parts between separators, or between runs of space where nil; at most `limit` cuts from the left.
    func split(_ separator: Text?, limit: Int?) -> [Text] {
        var parts: [Text] = []
        var left = limit ?? Int.max
        var index = 0
        guard let separator else {
            while true {
                while index < count, scalars[index].isSpace { index += 1 }
                guard index < count else { return parts }
                guard left > 0 else {
                    parts.append(with(scalars[index...]))
                    return parts
                }
                let start = index
                while index < count, !scalars[index].isSpace { index += 1 }
                parts.append(with(scalars[start..<index]))
                left -= 1
            }
        }
        while left > 0, let place = firstIndex(of: separator, from: index) {
            parts.append(with(scalars[index..<place]))
            index = place + separator.count
            left -= 1
        }
        parts.append(with(scalars[index...]))
        return parts
    }

    /// The same with cuts from the right.
    func splitFromRight(_ separator: Text?, limit: Int?) -> [Text] {
        guard let limit else { return split(separator, limit: nil) }
        let reversed = with(scalars.reversed())
        let parts = reversed.split(separator.map { $0.with($0.scalars.reversed()) }, limit: limit)
        return parts.reversed().map { with($0.scalars.reversed()) }
    }

    /// The lines, with what ends them where `keepingEnds`.
    func lines(keepingEnds: Bool = false) -> [Text] {
        var lines: [Text] = []
        var (start, index) = (0, 0)
        while index < count {
            guard scalars[index].endsLine else {
                index += 1
                continue
            }
            let end = index
            index += scalars[index] == "\r" && index + 1 < count && scalars[index + 1] == "\n" ? 2 : 1
            lines.append(with(scalars[start..<(keepingEnds ? index : end)]))
            start = index
        }
        if start < count { lines.append(with(scalars[start...])) }
        return lines
    }

    /// With tabs as the spaces up to the next multiple of `size`.
    func expandingTabs(_ size: Int) -> Text {
        var result: [Unicode.Scalar] = []
        var column = 0
        for scalar in scalars {
            switch scalar {
            case "\t":
                let spaces = size > 0 ? size - column % size : 0
                result.append(contentsOf: repeatElement(" ", count: spaces))
                column += spaces
            case "\n", "\r":
                result.append(scalar)
                column = 0
            default:
                result.append(scalar)
                column += 1
            }
        }
        return with(result)
    }

    /// Filled up to `width`: a share of the padding before it, the rest after it.
    func padded(to width: Int, with fill: Unicode.Scalar, before: (Int) -> Int) -> Text {
        guard width > count else { return self }
        let padding = width - count
        let left = before(padding)
        return with(
            Array(repeating: fill, count: left) + scalars + Array(repeating: fill, count: padding - left))
    }
}
