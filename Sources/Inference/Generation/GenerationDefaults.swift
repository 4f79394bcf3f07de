import Formats
import Models

/// What a model's folder says of how it generates: generation_config.json, else config.json.
public struct GenerationDefaults: Sendable, Equatable {
    /// Ids at which an answer ends.
    public var endIds: [Int] = []
    /// Settings of generation_config.json that are not taken, by name: how the model's makers would draw tokens.
    public var ignored: [String] = []

    /// The file.
    public static let file = "generation_config.json"

    /// What would change the tokens, of all that a generation_config.json may hold.
    private static let settings = [
        "do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p", "top_h", "epsilon_cutoff", "eta_cutoff",
        "repetition_penalty", "no_repeat_ngram_size", "num_beams", "length_penalty", "early_stopping", "max_length",
        "max_new_tokens", "min_length", "min_new_tokens", "suppress_tokens", "begin_suppress_tokens",
        "forced_bos_token_id", "forced_eos_token_id", "penalty_alpha",
    ]

    /// Nothing is known.
    public init() {}

    /// What the folder of a model says; nil for a model without one.
    ///
    /// - Throws: `FormatError` for a file that is no JSON, `InferenceError` for end ids that are none.
    public init(_ folder: Folder?, _ config: ModelConfig) throws {
        if let folder, folder.isThere(GenerationDefaults.file) {
            let source = "\(folder.path)/\(GenerationDefaults.file)"
            let json = try JSON(parsing: folder.read(GenerationDefaults.file), source: source, allowsNonFinite: true)
            guard let members = json.object else {
                throw InferenceError("\(source): expected an object, got \(json.kind)")
            }
            ignored = GenerationDefaults.settings.filter { members[$0].map { !$0.isNull } ?? false }
            if ignored == ["do_sample"], members["do_sample"]?.bool == false { ignored = [] }
            if let ids = try GenerationDefaults.ids(json, source, config) {
                endIds = ids
                return
            }
        }
        endIds = try GenerationDefaults.ids(config.json, "config.json", config) ?? []
    }

    private static func ids(_ json: JSON, _ source: String, _ config: ModelConfig) throws -> [Int]? {
        guard let value = json["eos_token_id"], !value.isNull else { return nil }
        let ids = value.array?.map(\.int) ?? [value.int]
        return try ids.map { id in
            guard let id, (-1...1 << 24).contains(id) else {
                throw InferenceError("\(source): 'eos_token_id' expected an id or a list of ids, got \(value.kind)")
            }
            return id
        }.filter { $0 >= 0 }
    }
}
