import Reports

/// What the user set for a session on the command line.
public struct SessionOptions: Sendable {
    /// Threads to compute with; all processors where nil.
    public var threads: Int?
    /// The run's folder, where one was named.
    public var runFolder: String?
    /// Whether the run in that folder is to be continued.
    public var resume: Bool
    /// Whether it is continued with a changed recipe.
    public var edited: Bool
    /// Whether the recipe runs only where its inputs are what its header says.
    public var locked = false
    /// Seed of random numbers.
    public var seed: Int?
    /// Folders that may be read beside the granted ones.
    public var allowRead: [String]
    /// Folders that may be written beside the run's.
    public var allowWrite: [String]
    /// Seconds after which the session is stopped.
    public var timeLimit: Double?
    /// Bytes that Lua and tensors may have together.
    public var memoryLimit: Int?
    /// The options as they were typed, but for those that name a run: what a line that continues one has again.
    public var typed: [String]
    /// What to show of where time goes; nil where nobody asks.
    public var profile: ProfileOptions?
    /// How a training is planned in place of being begun; nil where it is not.
    public var plan: PlanOptions?

    /// Options; nothing is set where nothing is said.
    public init(
        threads: Int? = nil, runFolder: String? = nil, resume: Bool = false, edited: Bool = false, seed: Int? = nil,
        allowRead: [String] = [], allowWrite: [String] = [], timeLimit: Double? = nil, memoryLimit: Int? = nil,
        typed: [String] = []
    ) {
        (self.edited, self.typed) = (edited, typed)
        (self.threads, self.runFolder, self.resume, self.seed) = (threads, runFolder, resume, seed)
        (self.allowRead, self.allowWrite) = (allowRead, allowWrite)
        (self.timeLimit, self.memoryLimit) = (timeLimit, memoryLimit)
    }
}
