import Synchronization

/// How many texts, or pairs, were cut since the program started.
public enum TruncatedTexts {
    private static let number = Atomic<Int>(0)

    /// The number.
    public static var count: Int { number.load(ordering: .relaxed) }

    /// Adds one.
    static func add() { number.wrappingAdd(1, ordering: .relaxed) }
}

/// The reference's truncation: how many tokens of each text stay, and how what is cut off is divided.
enum Truncation {
    /// The ranges of the first text and of the second that are kept, each followed by those that overflow.
    typealias Parts = [[Range<Int>]]

    /// Most tokens that are given in parts that overflow.
    static let maxOverflow = 1 << 24

    /// Cuts texts of `counts` tokens so that at most `limit` stay.
    static func parts(_ counts: [Int], limit: Int, _ options: EncodingOptions) throws -> Parts {
        let total = counts.reduce(0, +)
        let whole = counts.map { [0..<$0] }
        guard total > limit else { return whole }
        func cut(_ index: Int, to length: Int) throws -> [Range<Int>] {
            try ranges(count: counts[index], length: length, options)
        }
        // Where only special tokens fit, every strategy leaves both texts empty.
        if limit == 0 { return try counts.indices.map { try cut($0, to: 0) } }
        switch options.truncation {
        case .none: return whole
        case .longestFirst:
            guard counts.count == 2 else { return [try cut(0, to: limit)] }
            let (first, second) = longestFirst(counts[0], counts[1], limit: limit)
            return [try cut(0, to: first), try cut(1, to: second)]
        case .onlyFirst, .onlySecond:
            let index = options.truncation == .onlyFirst ? 0 : 1
            guard index < counts.count else {
                throw TokenizerError("truncation 'only_second' needs a second text, and there is none")
            }
            let length = counts[index] - (total - limit)
            guard length > 0 else {
                throw TokenizerError(
                    "truncation '\(options.truncation.rawValue)' cannot bring \(counts) "
                        + "tokens to \(limit): the text that it may cut is too short; use 'longest_first'")
            }
            var result = whole
            result[index] = try cut(index, to: length)
            return result
        }
    }

    /// Throws where parts that overflow, each with every one of the other text, hold more tokens than anyone wants.
    static func check(_ parts: Parts, special: Int) throws {
        // As floating-point numbers: only their size counts, and a product of counts may exceed an integer.
        let counts = parts.map { Double($0.count) }
        let encodings = counts.reduce(1, *)
        let tokens = parts.indices.reduce(encodings * Double(special)) { sum, index in
            let length = parts[index].reduce(0) { $0 + Double($1.count) }
            return sum + length * encodings / max(counts[index], 1)
        }
        guard tokens <= Double(maxOverflow) else {
            throw TokenizerError(
                "what overflows would be more than \(maxOverflow) tokens in \(Int(encodings)) parts; "
                    + "lower stride or raise max_length")
        }
    }

    /// How many tokens each text of a pair keeps: the shorter one stays whole while it fits into half.
    static func longestFirst(_ first: Int, _ second: Int, limit: Int) -> (Int, Int) {
        var (short, long) = first <= second ? (first, second) : (second, first)
        long = short > limit ? short : max(short, limit - short)
        if short + long > limit {
            short = limit / 2
            long = short + limit % 2
        }
        return first <= second ? (short, long) : (long, short)
    }

    /// The range of `length` tokens that is kept, followed by those that overflow.
    private static func ranges(count: Int, length: Int, _ options: EncodingOptions) throws -> [Range<Int>] {
        guard length < count else { return [0..<count] }
        guard length > 0 else { return [0..<0, 0..<count] }
        guard options.stride < length else {
            throw TokenizerError(
                "stride \(options.stride) must be below the \(length) tokens that are left of the text; "
                    + "lower it or raise max_length")
        }
        let step = length - options.stride
        var result: [Range<Int>] = []
        switch options.truncationSide {
        case .right:
            for start in Swift.stride(from: 0, to: count, by: step) {
                let end = min(start + length, count)
                result.append(start..<end)
                if end == count || !options.returnOverflowing { break }
            }
        case .left:
            for end in Swift.stride(from: count, to: 0, by: -step) {
                let start = max(end - length, 0)
                result.append(start..<end)
                if start == 0 || !options.returnOverflowing { break }
            }
        }
        return result
    }
}
