/// What ends a line of a data file: LF, CR LF, CR alone, and CR CR LF (CR LF that was translated twice), mixed as they come.
///
/// Nothing else does: U+0085, U+2028 and their like are text, as in RFC 4180 and in pandas.
enum LineEnd {
    /// Bytes of the line end that begins at a place; 0 where none does.
    static func length(at place: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard place < bytes.count else { return 0 }
        if bytes[place] == 10 { return 1 }
        guard bytes[place] == 13 else { return 0 }
        if place + 1 < bytes.count, bytes[place + 1] == 10 { return 2 }
        return place + 2 < bytes.count && bytes[place + 1] == 13 && bytes[place + 2] == 10 ? 3 : 1
    }

    /// The first line end from a place on, or the end of the bytes.
    static func next(from place: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var place = place
        while place < bytes.count, bytes[place] != 10, bytes[place] != 13 { place += 1 }
        return place
    }

    /// Number of line ends in a part of the bytes.
    static func count(in part: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var (place, count) = (next(from: part.lowerBound, in: bytes), 0)
        while place < part.upperBound {
            count += 1
            place = next(from: place + length(at: place, in: bytes), in: bytes)
        }
        return count
    }
}
