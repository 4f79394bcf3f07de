/// Rows of keys and values that belong to one sequence; there may be others between those of two sequences and behind the last,
/// as in a cache with room to grow.
public struct KeySegment: Sendable, Equatable {
    /// Its first row.
    public var start: Int
    /// Number of its rows.
    public var count: Int

    /// Rows `start..<start + count`.
    public init(start: Int, count: Int) { (self.start, self.count) = (start, count) }

    /// Segments that lie one after the other, with boundaries 0, m1, m1 + m2 and so on.
    public static func packed(_ starts: [Int]) -> [KeySegment] {
        zip(starts, starts.dropFirst()).map { KeySegment(start: $0, count: $1 - $0) }
    }
}

/// How far from itself a query sees.
public enum AttentionWindow: Sendable, Equatable {
    /// Keys of which position − key < size, as `sliding_window` of Mistral, Qwen and Gemma in transformers; usually causal as well.
    case sliding(Int)
    /// Keys of which |position − key| <= size / 2, as `local_attention` of ModernBERT in transformers.
    case local(Int)
}

/// Where an additive bias of scores finds the place of a distance: its table is [heads, span].
///
/// A query at position p and a key at position j take the number at zero + j − p, the first or the last one beyond the ends. Tables of T5's
/// buckets, of MPNet's, and ALiBi's slopes times distances are of this kind.
public struct BiasPlaces: Sendable, Equatable {
    /// Distances in the table.
    public var span: Int
    /// Place of the distance 0.
    public var zero: Int

    /// Places of a table.
    public init(span: Int, zero: Int) { (self.span, self.zero) = (span, zero) }
}

/// What a query sees of the keys of its sequence.
public struct AttentionTerms: Sendable, Equatable {
    /// Whether only keys up to the query's own position.
    public var causal: Bool
    /// How far from itself; nil for all.
    public var window: AttentionWindow?
    /// Scores after the factor become cap · tanh(score / cap), as `attn_logit_softcapping` of Gemma 2; nil leaves them.
    public var softCap: Float?
    /// The additive bias, where there is one; added after the cap.
    public var bias: BiasPlaces?

    /// These terms; none where nothing is said.
    public init(
        causal: Bool = false, window: AttentionWindow? = nil, softCap: Float? = nil, bias: BiasPlaces? = nil
    ) {
        (self.causal, self.window, self.softCap, self.bias) = (causal, window, softCap, bias)
    }

    /// More than the positions that there can be.
    package static let unlimited = 1 << 41

    /// Keys behind its own position that a query sees.
    package var behind: Int {
        switch window {
        case nil: AttentionTerms.unlimited
        case .sliding(let size): min(max(size, 1) - 1, AttentionTerms.unlimited)
        case .local(let size): min(max(size, 0) / 2, AttentionTerms.unlimited)
        }
    }

    /// Keys ahead of its own position that a query sees.
    package var ahead: Int {
        if causal { return 0 }
        if case .local = window { return behind }
        return AttentionTerms.unlimited
    }
}
