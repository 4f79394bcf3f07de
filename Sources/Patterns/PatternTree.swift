/// A part of a pattern, with what decides whether it may be compiled.
struct PatternTree {
    indirect enum Kind {
        case set(ScalarSet)
        case sequence([PatternTree])
        case choice([PatternTree])
        /// `max` is Int.max for a loop without end.
        case loop(PatternTree, min: Int, max: Int, mode: LoopMode)
        case look(PatternTree, negative: Bool)
        case atomic(PatternTree)
        case anchor(Pattern.Anchor)
    }

    enum LoopMode { case greedy, lazy, possessive }

    /// Deepest nesting of groups and repetitions, which are read, compiled and matched by functions that call themselves.
    static let maxDepth = 100
    /// Most instructions that a pattern may stand for once its repetitions are written out.
    static let maxSize = 20_000

    let kind: Kind
    /// Instructions that it stands for, at least: 1 for a part that needs none, for it is visited all the same.
    let size: Int
    let depth: Int
    /// Whether it can match without taking a scalar.
    let canBeEmpty: Bool

    init(_ kind: Kind) {
        self.kind = kind
        switch kind {
        case .set: (size, depth, canBeEmpty) = (1, 1, false)
        case .anchor: (size, depth, canBeEmpty) = (1, 1, true)
        case .sequence(let parts):
            size = parts.reduce(1) { $0 + $1.size }
            depth = parts.reduce(1) { max($0, $1.depth) }
            canBeEmpty = parts.allSatisfy(\.canBeEmpty)
        case .choice(let parts):
            size = parts.reduce(0) { $0 + $1.size + 2 }
            depth = parts.reduce(1) { max($0, $1.depth) }
            canBeEmpty = parts.contains(where: \.canBeEmpty)
        case .loop(let body, let min, let max, let mode):
            var copies = max == Int.max ? min + 1 : max
            if case .set = body.kind, mode != .lazy { copies = 0 }
            // A body is at most `maxSize` and a count at most 1,000, so this cannot overflow.
            (size, depth) = (2 + copies * (body.size + 1), body.depth + 1)
            canBeEmpty = min == 0 || body.canBeEmpty
        case .look(let body, _): (size, depth, canBeEmpty) = (body.size + 2, body.depth + 1, true)
        case .atomic(let body): (size, depth, canBeEmpty) = (body.size + 2, body.depth + 1, body.canBeEmpty)
        }
    }
}
