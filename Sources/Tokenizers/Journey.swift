import Patterns

/// What one text may become and cost on its way through a tokenizer's stages, so that a small file stays small work.
///
/// Every stage looks here: at what it gives, against a bound that is a multiple of the text's length, and for the steps of
/// what takes more than one look at a byte. Spending steps asks the host now and then whether to go on. A journey belongs
/// to one thread at a time.
final class Journey {
    /// How many times as long as the text what a stage gives may be.
    ///
    /// No stage of use comes near: the longest expansion of
    /// Unicode is 11 times as long, and byte-level letters double it.
    static let growth = 32
    /// What short texts may grow by beyond that, in bytes.
    static let allowance = 1 << 16
    /// Longest text, before and between stages: places in it are 32-bit numbers.
    static let maxLength = 1 << 29
    /// Steps of a stage for each byte, and for any text.
    private static let stepsPerByte = 500
    private static let freeSteps = 10_000

    /// The steps of the stage that is at work.
    let work = Work()
    /// Most bytes, or tokens, that a stage may give.
    private(set) var limit = 0
    private var start = 0

    /// Begins with a text of some bytes.
    func begin(_ bytes: Int) throws {
        guard bytes < Self.maxLength else {
            throw TokenizerError("a text of \(bytes) bytes is too long; the limit is \(Self.maxLength)")
        }
        start = bytes
        limit = min(bytes * Self.growth + Self.allowance, Self.maxLength)
    }

    /// Begins a stage over some bytes.
    func beginStage(_ bytes: Int) throws {
        work.begin(steps: Self.freeSteps + Self.stepsPerByte * bytes)
        try spend(min(bytes, limit))
    }

    /// Throws where a stage gives more than it may.
    @inline(__always)
    func check(_ given: Int) throws {
        if given > limit { throw tooLong() }
    }

    /// Takes steps of the stage.
    func spend(_ steps: Int) throws {
        guard try work.spend(steps) else { throw TokenizerError("takes too many steps on a text of \(start) bytes") }
    }

    private func tooLong() -> TokenizerError {
        TokenizerError("makes more than \(limit) bytes of a text of \(start); the file multiplies its text")
    }
}
