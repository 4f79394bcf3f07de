extension Range<Int> {
    /// The range cut into pieces of `size` numbers, at least 1, of which the last may be shorter; no size is too large.
    package func pieces(of size: Int) -> some Sequence<Range<Int>> {
        sequence(state: lowerBound) { first in
            guard first < upperBound else { return nil }
            let piece = first..<first + Swift.min(Swift.max(size, 1), upperBound - first)
            first = piece.upperBound
            return piece
        }
    }
}

extension Int {
    /// The quotient rounded up, of a number that is not negative and one above 0, however large.
    package func dividedUp(by divisor: Int) -> Int { self / divisor + (self % divisor == 0 ? 0 : 1) }
}
