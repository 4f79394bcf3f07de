/// What the user wants to know of where a recipe's time goes.
public struct ProfileOptions: Sendable {
    /// File that the trace is written to; none where nil.
    public var trace: String?
    /// Whether modules are shown for every layer instead of together.
    public var everyLayer: Bool
    /// Steps at the beginning that are left out as warm-up.
    public var skippedSteps: Int
    /// Counted steps after which the recipe is stopped; it runs to its end where nil.
    public var stopAfter: Int?

    /// Options; the first step is left out where nothing is said.
    public init(trace: String? = nil, everyLayer: Bool = false, skippedSteps: Int = 1, stopAfter: Int? = nil) {
        (self.trace, self.everyLayer) = (trace, everyLayer)
        (self.skippedSteps, self.stopAfter) = (skippedSteps, stopAfter)
    }

    /// The options as typed, those without a value last.
    public static let names = ["trace", "skip-steps", "stop-after", "every-layer"]
}
