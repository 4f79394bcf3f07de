/// A text as a model takes it: one row of each list for every token.
public struct Encoding: Equatable, Sendable {
    /// The ids of the tokens.
    public var ids: [Int] = []
    /// The token types: which of the two texts of a pair, as the model wants it.
    public var typeIds: [Int] = []
    /// The word that each token belongs to; nil for special tokens.
    ///
    /// For words given one by one it is the position in the caller's list; for plain text it counts the words as they
    /// were cut, from 0 in each text of a pair.
    public var wordIds: [Int?] = []
    /// The bytes of the original text that each token came from; of its word where words were given one by one.
    ///
    /// 0..<0 for special tokens.
    public var offsets: [Range<Int>] = []
    /// Which text of a pair each token comes from, 0 or 1; nil for special tokens.
    public var sequenceIds: [Int?] = []
    /// Whether each token was put there by the post-processor.
    public var specialTokensMask: [Bool] = []
    /// What truncation cut off, in encodings of the same kind that overlap by the stride; empty unless asked for.
    public var overflowing: [Encoding] = []

    /// How many tokens there are.
    public var count: Int { ids.count }

    init() {}

    mutating func reserve(_ capacity: Int) {
        ids.reserveCapacity(capacity)
        typeIds.reserveCapacity(capacity)
        wordIds.reserveCapacity(capacity)
        offsets.reserveCapacity(capacity)
        sequenceIds.reserveCapacity(capacity)
        specialTokensMask.reserveCapacity(capacity)
    }

    mutating func append(special id: Int, typeId: Int) {
        ids.append(id)
        typeIds.append(typeId)
        wordIds.append(nil)
        offsets.append(0..<0)
        sequenceIds.append(nil)
        specialTokensMask.append(true)
    }

    mutating func append(_ tokens: SequenceTokens, _ range: Range<Int>, sequence: Int, typeId: Int) {
        ids.append(contentsOf: tokens.ids[range])
        offsets.append(contentsOf: tokens.offsets[range])
        for index in range {
            wordIds.append(tokens.wordIds[index])
            typeIds.append(typeId)
            sequenceIds.append(sequence)
            specialTokensMask.append(false)
        }
    }
}

/// What `Tokenizer.encode` does beyond cutting the text.
public struct EncodingOptions: Equatable, Sendable {
    /// What is shortened when a text or a pair has too many tokens.
    public enum Truncation: String, CaseIterable, Sendable {
        /// Nothing.
        case none = "do_not_truncate"
        /// The longer of the two texts.
        case longestFirst = "longest_first"
        /// The first text only.
        case onlyFirst = "only_first"
        /// The second text only.
        case onlySecond = "only_second"
    }

    /// The side on which tokens are cut off.
    public enum Side: String, CaseIterable, Sendable {
        case left
        case right
    }

    /// Whether the post-processor puts its special tokens (`[CLS]`, `</s>`, …).
    public var addSpecialTokens = true
    /// What is shortened to `maxLength`.
    public var truncation = Truncation.none
    /// The side that is cut off.
    public var truncationSide = Side.right
    /// How many tokens may stay, special ones included; needed where `truncation` is not `none`.
    public var maxLength: Int?
    /// How many tokens each overflowing encoding repeats of the one before.
    public var stride = 0
    /// Whether what was cut off is given as `Encoding.overflowing`.
    public var returnOverflowing = false

    /// Options that cut nothing off and add special tokens.
    public init(
        addSpecialTokens: Bool = true, truncation: Truncation = .none, truncationSide: Side = .right,
        maxLength: Int? = nil,
        stride: Int = 0, returnOverflowing: Bool = false
    ) {
        self.addSpecialTokens = addSpecialTokens
        self.truncation = truncation
        self.truncationSide = truncationSide
        self.maxLength = maxLength
        self.stride = stride
        self.returnOverflowing = returnOverflowing
    }
}

/// The tokens of one text before special tokens are put around them.
struct SequenceTokens: Sendable {
    var ids: [Int] = []
    var offsets: [Range<Int>] = []
    var wordIds: [Int] = []
    /// How many whitespace characters each token begins and ends with; only kept for post-processors that trim.
    var spaces: [(leading: Int32, trailing: Int32)] = []
    /// The text, or the words that `wordIds` count.
    var source: Source

    enum Source: Sendable {
        case text([UInt8])
        case words([[UInt8]])
    }

    init(source: Source) { self.source = source }

    func bytes(of index: Int) -> [UInt8] {
        switch source {
        case .text(let bytes): bytes
        case .words(let words): words[wordIds[index]]
        }
    }
}
