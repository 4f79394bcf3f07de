import Formats
import Models
import Options

extension LoraConfig {
    /// Where a configuration is read from: a recipe is held to every name, a file is read as PEFT reads it.
    public enum Reading: Sendable { case recipe, file }

    /// Keys of PEFT whose only supported value is the default, with that value.
    static let unsupported: [(key: String, standard: JSON)] = [
        ("alora_invocation_tokens", .null), ("arrow_config", .null), ("corda_config", .null),
        ("ensure_weight_tying", .bool(false)), ("eva_config", .null), ("kasa_config", .null),
        ("layer_replication", .null), ("loftq_config", .object([:])),
        ("lora_bias", .bool(false)),
        ("lora_ga_config", .null), ("megatron_config", .null), ("megatron_core", .string("megatron.core")),
        ("monteclora_config", .null), ("qalora_group_size", .integer(16)), ("target_parameters", .null),
        ("use_bdlora", .null), ("use_dora", .bool(false)),
        ("use_qalora", .bool(false)), ("velora_config", .null),
    ]

    /// Keys that change nothing unless the method that they belong to is used, which is refused by its own key.
    private static let harmless: Set<String> = ["megatron_core", "qalora_group_size"]

    /// Keys that PEFT takes for nothing where their table is empty.
    private static let nothingWhereEmpty: Set<String> = [
        "alora_invocation_tokens", "layer_replication", "loftq_config", "megatron_config", "monteclora_config",
        "target_parameters", "velora_config",
    ]

    /// Keys that say how the factors were started and nothing of what they do now: a finished adapter has them in its tensors.
    private static let ofTheStart: Set<String> = ["corda_config", "eva_config", "loftq_config", "lora_ga_config"]

    /// What `init_lora_weights` may name in a file: PEFT reads these without touching the base (lora/layer.py, 0.21.2).
    private static let startsBesideTheBase: Set<String> = ["eva", "lora_ga", "mica", "orthogonal"]

    /// What it may not: these took a part out of the base, and PEFT takes it out again, or fails, where it reads the file.
    private static func changesTheBase(_ start: String) -> Bool {
        start.hasPrefix("pissa") || start.hasPrefix("corda") || start == "olora" || start == "loftq"
    }

    /// LoraConfig's options by PEFT's names: types, ranges, defaults and meanings, and what is refused.
    public static let options = OptionTable(
        [
            Option("r", .integer(1...maxRank), default: 8, "Rank of the update."),
            Option("lora_alpha", .number, default: 8, "The update is scaled by lora_alpha / r.", example: "16"),
            Option(
                "lora_dropout", .number(.belowOne), default: 0,
                "Probability with which elements of an adapted module's input are dropped in training.", example: "0.05"
            ),
            Option(
                "target_modules", .strings, default: .words("those usual for the architecture"),
                "Modules to adapt: a list of path endings, a Python regular expression over whole paths, or \"all-linear\".",
                example: "{ \"query\", \"value\" }", values: .modules),
            Option(
                "exclude_modules", .strings, "Modules not to adapt, as in target_modules.", example: "{ \"key\" }",
                values: .modules),
            Option(
                "modules_to_save", .list(.string), default: .words("the task's head"),
                "Modules trained and saved whole besides.", example: "{ \"classifier\" }", values: .modules),
            Option(
                "bias", .oneOf(Bias.allCases.map(\.rawValue)), default: "none", "Which biases are trained besides."),
            Option(
                "init_lora_weights", .either([.boolean, .oneOf(["gaussian"])]), default: true,
                "How A and B start: true is A from U(-1/√in, 1/√in) and B zero, \"gaussian\" A from N(0, 1/r²), false both random."
            ),
            Option(
                "fan_in_fan_out", .boolean, default: false,
                "Whether the checkpoint has the adapted matrices as [in, out]; the modules say it, as in PEFT."),
            Option("use_rslora", .boolean, default: false, "Whether the update is scaled by lora_alpha / √r instead."),
            Option(
                "rank_pattern", .table,
                "Ranks of some modules, by expressions over path endings; the one that matches most of a path holds.",
                example: "{ query = 4 }", values: .modules),
            Option(
                "alpha_pattern", .table,
                "lora_alpha of some modules, by expressions over path endings; the one that matches most of a path holds.",
                example: "{ query = 16 }", values: .modules),
            Option(
                "layers_to_transform", .either([.count, .integers(.count)]), default: .words("all"),
                "Numbers of the layers to adapt, from 0.", example: "{ 0, 1 }"),
            Option(
                "layers_pattern", .strings, "Names behind which the numbers of layers stand.", example: "{ \"layer\" }"),
            Option(
                "trainable_token_indices", .either([.integers, .table, .boolean]),
                default: .words("the tokens that resize_token_embeddings added"),
                "Rows of the embedding to train and save besides, from 0: a list of ids, or lists by module; false for none.",
                example: "{ 3, 4 }"),
            Option(
                "task_type", .oneOf(TaskType.allCases.map(\.rawValue)), default: .words("the model's"),
                "The task by PEFT's name; it says which head is trained.", example: "\"SEQ_CLS\""),
            Option(
                "base_model_name_or_path", .string, default: .words("the model's path"),
                "Where the base came from, as text for the file.", example: "\"bert-base-uncased\""),
            Option("revision", .string, "Revision of the base, as text for the file.", example: "\"main\""),
            Option("peft_type", .oneOf(["LORA"]), default: "LORA", "The method."),
            Option(
                "peft_version", .string, default: .string(LoraConfig().peftVersion), "Version of PEFT, for the file.",
                example: "\"0.21.2\""),
            Option("inference_mode", .boolean, "Only kept for the file."),
            Option("auto_mapping", .any, "Only kept for the file.", example: "{}"),
        ],
        inert: Dictionary(
            uniqueKeysWithValues: unsupported.map { key, standard in
                (key, InertOption(harmless.contains(key) ? nil : accepted(key), "it comes with a later version"))
            }))

    private static func accepted(_ key: String) -> [OptionLiteral] {
        nothingWhereEmpty.contains(key) ? [false, .list([])] : [false]
    }

    /// Configuration of an object with PEFT's keys; `source` names the file or the call in errors.
    ///
    /// What is not supported is refused by name. Unknown keys are an error in a recipe; in a file they are told to `warn`
    /// and left out, as in PEFT, which writes new ones with every version.
    public init(_ json: JSON, source: String, reading: Reading, warn: (String) -> Void = { _ in }) throws {
        guard let members = json.object else {
            throw AdapterError("\(source): expected an object, got \(json.kind)")
        }
        try LoraConfig.checkMethod(json, source: source, reading: reading)
        var given = members.map { (name: $0.key, value: $0.value) }
        if reading == .file {
            for key in members.keys where !LoraConfig.options.knows(key) && key != "runtime_config" {
                warn("\(source): unknown key '\(key)' is left out")
            }
            given.removeAll { LoraConfig.ofTheStart.contains($0.name) && $0.value.object != nil }
            if let start = try LoraConfig.start(members["init_lora_weights"], source: source, warn: warn) {
                initLoraWeights = start
                given.removeAll { $0.name == "init_lora_weights" }
            }
        }
        do {
            try read(
                try OptionReader(
                    given, LoraConfig.options, place: "\(source): ", ignoresUnknown: reading == .file))
        } catch let error as OptionError {
            throw AdapterError(error.description)
        }
        try validate(source)
    }

    /// How the factors of a file were started, where `init_lora_weights` names a way that only PEFT has; nil for others.
    private static func start(_ value: JSON?, source: String, warn: (String) -> Void) throws -> Initialisation? {
        guard let text = value?.string else { return nil }
        let name = text.lowercased()
        if name == "gaussian" { return .gaussian }
        guard !changesTheBase(name) else {
            throw AdapterError(
                "\(source): option 'init_lora_weights' expected true or false or one of 'gaussian', got string '\(FormatError.shown(text))', "
                    + "which took a part out of the base when the training began; convert the adapter with PEFT's "
                    + "save_pretrained(path_initial_model_for_weight_conversion=...), or load it on the base that was saved with it and write true here"
            )
        }
        guard startsBesideTheBase.contains(name) else { return nil }
        if name == "lora_ga" {
            warn(
                "\(source): init_lora_weights 'lora_ga' changed the base when the training began; as in PEFT the adapter acts on the base as it is, "
                    + "which must be the one that was saved with it")
        }
        return .other(text)
    }

    /// Configuration of options that were found to be as declared.
    public init(_ options: OptionReader<some OptionValue>) throws {
        patternsHaveOrder = false
        do { try read(options) } catch let error as OptionError { throw AdapterError(error.description) }
        try validate("config")
    }

    private mutating func read(_ reader: OptionReader<some OptionValue>) throws {
        r = try reader.integer("r")
        loraAlpha = try reader.number("lora_alpha")
        loraDropout = try reader.number("lora_dropout")
        targetModules = LoraConfig.names(reader, "target_modules")
        excludeModules = LoraConfig.names(reader, "exclude_modules")
        modulesToSave = reader.strings("modules_to_save")
        bias = reader.choice("bias") ?? bias
        if let flag = reader["init_lora_weights"]?.asBoolean { initLoraWeights = flag ? .kaiming : .random }
        if reader["init_lora_weights"]?.asString != nil { initLoraWeights = .gaussian }
        fanInFanOut = try reader.boolean("fan_in_fan_out")
        useRslora = try reader.boolean("use_rslora")
        rankPattern = try reader.numbersByName("rank_pattern")?.map { PatternEntry($0.name, $0.value) } ?? []
        alphaPattern = try reader.numbersByName("alpha_pattern")?.map { PatternEntry($0.name, $0.value) } ?? []
        layersToTransform =
            reader.integers("layers_to_transform")?.map(Int.init)
            ?? reader.optionalInteger("layers_to_transform").map { [$0] }
        layersPattern = reader.strings("layers_pattern")
        trainableTokenIndices = try LoraConfig.tokens(reader)
        taskType = reader.choice("task_type")
        baseModelNameOrPath = reader.optionalString("base_model_name_or_path")
        revision = reader.optionalString("revision")
        peftVersion = try reader.string("peft_version")
    }

    /// Rows as a list, or by module.
    private static func tokens(_ reader: OptionReader<some OptionValue>) throws -> TokenIndices? {
        let name = "trainable_token_indices"
        guard let value = reader[name] else { return nil }
        if let indices = value.asIntegers { return .list(indices.map(Int.init)) }
        if value.asBoolean == false { return .list([]) }
        func wrong(_ what: String) -> OptionError {
            reader.error(name, expected: "a list of ids, or such lists by module, { embed_tokens = { 3, 4 } }\(what)")
        }
        guard let members = value.asMembers else { throw wrong("") }
        return .byModule(
            try members.map { module, ids in
                guard let indices = ids.asIntegers, indices.allSatisfy({ ClosedRange<Int>.count.contains(Int($0)) })
                else {
                    throw wrong("; '\(module.prefix(40))' has \(ids.shown)")
                }
                return TokenIndices.Entry(module, indices.map(Int.init))
            })
    }

    /// One text is an expression, several are path endings.
    private static func names(_ reader: OptionReader<some OptionValue>, _ name: String) -> ModuleNames? {
        if let text = reader[name]?.asString { return .pattern(text) }
        return reader[name]?.asStrings.map(ModuleNames.list)
    }

    /// Throws where `peft_type` is missing from a file, or is no method that there is here.
    private static func checkMethod(_ json: JSON, source: String, reading: Reading) throws {
        let type = try json.optional("peft_type", "a string", source: source) { $0.string }
        if type == nil, reading == .file { throw AdapterError("\(source): 'peft_type' is missing") }
        guard let type, type != "LORA" else { return }
        throw AdapterError("\(source): peft_type '\(type)' is not supported yet; there is 'LORA'")
    }

    /// What PEFT writes into adapter_config.json, as an object.
    public func toJSON() -> JSON {
        var members: [(String, JSON)] = LoraConfig.unsupported.map { ($0.key, $0.standard) }
        members += [
            ("peft_type", .string("LORA")), ("auto_mapping", .null), ("inference_mode", .bool(true)),
            ("r", .integer(Int64(r))), ("lora_alpha", LoraConfig.number(loraAlpha)),
            ("lora_dropout", .number(loraDropout)), ("target_modules", LoraConfig.names(targetModules)),
            ("exclude_modules", LoraConfig.names(excludeModules)),
            ("modules_to_save", modulesToSave.map { .array($0.map(JSON.string)) } ?? .null),
            ("bias", .string(bias.rawValue)), ("init_lora_weights", initialisationJSON),
            ("fan_in_fan_out", .bool(fanInFanOut)), ("use_rslora", .bool(useRslora)),
            ("rank_pattern", LoraConfig.object(rankPattern)),
            ("alpha_pattern", LoraConfig.object(alphaPattern)),
            ("layers_to_transform", layersToTransform.map { .array($0.map { .integer(Int64($0)) }) } ?? .null),
            ("layers_pattern", layersPattern.map { .array($0.map(JSON.string)) } ?? .null),
            ("trainable_token_indices", tokensJSON),
            ("task_type", taskType.map { .string($0.rawValue) } ?? .null),
            ("base_model_name_or_path", baseModelNameOrPath.map(JSON.string) ?? .null),
            ("revision", revision.map(JSON.string) ?? .null), ("peft_version", .string(peftVersion)),
        ]
        return .object(.init(members))
    }

    private var tokensJSON: JSON {
        guard let tokens = trainableTokenIndices, !tokens.isEmpty else { return .null }
        switch tokens {
        case .list(let indices): return .integers(indices)
        case .byModule(let entries): return .object(.init(entries.map { ($0.name, .integers($0.indices)) }))
        }
    }

    private var initialisationJSON: JSON {
        switch initLoraWeights {
        case .kaiming: .bool(true)
        case .random: .bool(false)
        case .gaussian: .string("gaussian")
        case .other(let name): .string(name)
        }
    }

    static func number(_ value: Double) -> JSON {
        Int64(exactly: value).map(JSON.integer) ?? .number(value)
    }

    private static func names(_ names: ModuleNames?) -> JSON {
        switch names {
        case nil: .null
        case .list(let list): .array(list.map(JSON.string))
        case .pattern(let pattern): .string(pattern)
        }
    }

    private static func object(_ entries: [PatternEntry]) -> JSON {
        .object(.init(entries.map { ($0.key, number($0.value)) }))
    }
}
