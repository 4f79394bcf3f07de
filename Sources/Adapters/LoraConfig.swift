import Formats
import Models

/// Which modules an option names: a list of path endings, or a regular expression over whole paths.
public enum ModuleNames: Sendable, Equatable {
    /// A module matches where its path is an entry or ends with "." and an entry.
    case list([String])
    /// A module matches where the expression matches its whole path; "all-linear" names every linear but the head.
    case pattern(String)
}

/// Configuration of LoRA, with the names and defaults of PEFT's LoraConfig (0.21.2).
public struct LoraConfig: Sendable, Equatable {
    /// Which biases are trained besides.
    public enum Bias: String, Sendable, CaseIterable { case none, all, loraOnly = "lora_only" }

    /// How A and B start.
    public enum Initialisation: Sendable, Equatable {
        /// A from U(−1/√in, 1/√in), B zero.
        case kaiming
        /// A from U(−1/√in, 1/√in), B from U(−1/√r, 1/√r): the adapter does something at once.
        case random
        /// A from N(0, 1/r²), B zero.
        case gaussian
        /// A method of another program, whose result is in the file.
        case other(String)
    }

    /// Rank.
    public var r = 8
    /// The update is scaled by lora_alpha / r.
    public var loraAlpha = 8.0
    /// Probability with which elements of the input of A are dropped in training.
    public var loraDropout = 0.0
    /// Modules to adapt; those usual for the architecture where nil.
    public var targetModules: ModuleNames?
    /// Modules not to adapt.
    public var excludeModules: ModuleNames?
    /// Modules trained and saved whole.
    public var modulesToSave: [String]?
    /// Which biases are trained besides.
    public var bias = Bias.none
    /// How A and B start.
    public var initLoraWeights = Initialisation.kaiming
    /// Whether the checkpoint has the adapted matrices as [in, out]; the modules that are adapted say it.
    public var fanInFanOut = false
    /// Whether the update is scaled by lora_alpha / √r instead (Kalajdzievski 2023).
    public var useRslora = false
    /// Ranks of some modules, by expressions over path endings; the first that matches holds, of a recipe's the one that matches most.
    public var rankPattern: [PatternEntry] = []
    /// lora_alpha of some modules, by expressions over path endings; the first that matches holds, of a recipe's the one that matches most.
    public var alphaPattern: [PatternEntry] = []
    /// Whether the order of the patterns counts: not where they come out of a Lua table, which has none.
    package var patternsHaveOrder = true
    /// Layers to adapt; all where nil.
    public var layersToTransform: [Int]?
    /// Names behind which the numbers of layers stand.
    public var layersPattern: [String]?
    /// Rows of embeddings that are trained and saved besides: new tokens.
    public var trainableTokenIndices: TokenIndices?
    /// The task, by PEFT's name; decides which head is trained.
    public var taskType: TaskType?
    /// Where the base came from, as text.
    public var baseModelNameOrPath: String?
    /// Revision of the base.
    public var revision: String?
    /// Version of the PEFT that the file was written by, or for.
    public var peftVersion = "0.21.2"

    /// A value for modules whose path matches.
    public struct PatternEntry: Sendable, Equatable {
        /// Expression: a path matches where it ends with "." and what this matches, or is it.
        public var key: String
        /// Rank or alpha.
        public var value: Double

        /// New entry.
        public init(_ key: String, _ value: Double) { (self.key, self.value) = (key, value) }
    }

    /// PEFT's defaults.
    public init() {}

    /// Most that a rank may be.
    static let maxRank = 16_384

    /// Factor of the update of a module with this rank and alpha.
    func scaling(rank: Int, alpha: Double) -> Double {
        useRslora ? alpha / Double(rank).squareRoot() : alpha / Double(rank)
    }

    /// Throws where values contradict one another or lie outside of their ranges.
    public func validate(_ source: String) throws {
        let fail = { (what: String) in AdapterError("\(source): \(what)") }
        guard (1...LoraConfig.maxRank).contains(r) else {
            throw fail("'r' expected a positive integer of at most \(LoraConfig.maxRank), got \(r)")
        }
        guard loraAlpha.isFinite else { throw fail("'lora_alpha' expected a finite number, got \(loraAlpha)") }
        guard loraDropout >= 0, loraDropout < 1 else {
            throw fail("'lora_dropout' expected a number in [0, 1), got \(loraDropout)")
        }
        for entry in rankPattern {
            guard let rank = Int(exactly: entry.value), (1...LoraConfig.maxRank).contains(rank) else {
                throw fail(
                    "'rank_pattern' of '\(entry.key)' expected a positive integer of at most \(LoraConfig.maxRank), "
                        + "got \(entry.value)")
            }
        }
        if let wrong = alphaPattern.first(where: { !$0.value.isFinite }) {
            throw fail("'alpha_pattern' of '\(wrong.key)' expected a finite number, got \(wrong.value)")
        }
        if case .pattern = targetModules {
            if layersToTransform != nil {
                throw fail("'layers_to_transform' cannot be used when 'target_modules' is a string")
            }
            if layersPattern != nil { throw fail("'layers_pattern' cannot be used when 'target_modules' is a string") }
        }
        if let layersPattern, !layersPattern.isEmpty, layersToTransform == nil {
            throw fail("'layers_pattern' needs 'layers_to_transform'")
        }
        if let wrong = layersToTransform?.first(where: { $0 < 0 }) {
            throw fail("'layers_to_transform' expected layer numbers from 0, got \(wrong)")
        }
    }
}
