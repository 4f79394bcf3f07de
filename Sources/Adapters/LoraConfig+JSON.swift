import Formats
import Models

extension LoraConfig {
    /// Where a configuration is read from: a recipe is held to every name, a file is read as PEFT reads it.
    public enum Reading: Sendable { case recipe, file }

    /// Keys that are understood.
    static let keys = [
        "r", "lora_alpha", "lora_dropout", "target_modules", "exclude_modules", "modules_to_save", "bias",
        "init_lora_weights", "use_rslora", "rank_pattern", "alpha_pattern", "layers_to_transform", "layers_pattern",
        "task_type", "base_model_name_or_path", "revision", "peft_version", "peft_type", "inference_mode",
        "auto_mapping",
    ]

    /// Keys of PEFT whose only supported value is the default, with that value.
    static let refused: [(key: String, standard: JSON)] = [
        ("alora_invocation_tokens", .null), ("arrow_config", .null), ("corda_config", .null),
        ("ensure_weight_tying", .bool(false)), ("eva_config", .null), ("fan_in_fan_out", .bool(false)),
        ("kasa_config", .null), ("layer_replication", .null), ("loftq_config", .object([:])),
        ("lora_bias", .bool(false)),
        ("lora_ga_config", .null), ("megatron_config", .null), ("megatron_core", .string("megatron.core")),
        ("monteclora_config", .null), ("qalora_group_size", .integer(16)), ("target_parameters", .null),
        ("trainable_token_indices", .null), ("use_bdlora", .null), ("use_dora", .bool(false)),
        ("use_qalora", .bool(false)), ("velora_config", .null),
    ]

    /// Keys that change nothing unless the method that they belong to is used, which is refused by its own key.
    private static let inert: Set<String> = ["megatron_core", "qalora_group_size"]

    /// Configuration of an object with PEFT's keys; `source` names the file or the call in errors.
    ///
    /// What is not supported is refused by name. Unknown keys are an error in a recipe; in a file they are told to `warn`
    /// and left out, as in PEFT, which writes new ones with every version.
    public init(_ json: JSON, source: String, reading: Reading, warn: (String) -> Void = { _ in }) throws {
        guard let members = json.object else {
            throw AdapterError("\(source): expected an object, got \(json.kind)")
        }
        let known = LoraConfig.keys + LoraConfig.refused.map(\.key)
        for key in members.keys where !known.contains(key) {
            if reading == .file {
                if key != "runtime_config" { warn("\(source): unknown key '\(key)' is left out") }
                continue
            }
            let hint = nearestNameHint(for: key, in: known)
            throw AdapterError("\(source): unknown option '\(key)'\(hint)")
        }
        try LoraConfig.checkMethod(json, source: source, reading: reading)
        for (key, standard) in LoraConfig.refused where !LoraConfig.inert.contains(key) {
            guard let value = members[key], !value.isNull, value != standard, value != .bool(false) else { continue }
            throw AdapterError("\(source): '\(key)' is not supported yet")
        }
        let reader = OptionReader(json: json, source: source)
        r = try reader.integer("r") ?? r
        loraAlpha = try reader.number("lora_alpha") ?? loraAlpha
        loraDropout = try reader.number("lora_dropout") ?? loraDropout
        targetModules = try reader.names("target_modules")
        excludeModules = try reader.names("exclude_modules")
        modulesToSave = try reader.strings("modules_to_save")
        bias = try reader.choice("bias", Bias.allCases) ?? bias
        initLoraWeights = try reader.initialisation("init_lora_weights", reading) ?? initLoraWeights
        useRslora = try reader.flag("use_rslora") ?? useRslora
        rankPattern = try reader.pattern("rank_pattern")
        alphaPattern = try reader.pattern("alpha_pattern")
        layersToTransform = try reader.integers("layers_to_transform")
        layersPattern = try reader.stringOrStrings("layers_pattern")
        taskType = try reader.choice("task_type", TaskType.allCases)
        baseModelNameOrPath = try reader.text("base_model_name_or_path")
        revision = try reader.text("revision")
        peftVersion = try reader.text("peft_version") ?? peftVersion
        try validate(source)
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
        var members: [(String, JSON)] = LoraConfig.refused.map { ($0.key, $0.standard) }
        members += [
            ("peft_type", .string("LORA")), ("auto_mapping", .null), ("inference_mode", .bool(true)),
            ("r", .integer(Int64(r))), ("lora_alpha", LoraConfig.number(loraAlpha)),
            ("lora_dropout", .number(loraDropout)), ("target_modules", LoraConfig.names(targetModules)),
            ("exclude_modules", LoraConfig.names(excludeModules)),
            ("modules_to_save", modulesToSave.map { .array($0.map(JSON.string)) } ?? .null),
            ("bias", .string(bias.rawValue)), ("init_lora_weights", initialisationJSON),
            ("use_rslora", .bool(useRslora)), ("rank_pattern", LoraConfig.object(rankPattern)),
            ("alpha_pattern", LoraConfig.object(alphaPattern)),
            ("layers_to_transform", layersToTransform.map { .array($0.map { .integer(Int64($0)) }) } ?? .null),
            ("layers_pattern", layersPattern.map { .array($0.map(JSON.string)) } ?? .null),
            ("task_type", taskType.map { .string($0.rawValue) } ?? .null),
            ("base_model_name_or_path", baseModelNameOrPath.map(JSON.string) ?? .null),
            ("revision", revision.map(JSON.string) ?? .null), ("peft_version", .string(peftVersion)),
        ]
        return .object(.init(members, uniquingKeysWith: { $1 }))
    }

    private var initialisationJSON: JSON {
        switch initLoraWeights {
        case .kaiming: .bool(true)
        case .random: .bool(false)
        case .gaussian: .string("gaussian")
        case .other(let name): .string(name)
        }
    }

    private static func number(_ value: Double) -> JSON {
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
        .object(.init(entries.map { ($0.key, number($0.value)) }, uniquingKeysWith: { $1 }))
    }
}

/// Reads options with their types; null is the same as absent.
private struct OptionReader {
    let json: JSON
    let source: String

    private func read<Value>(_ key: String, _ what: String, _ convert: (JSON) -> Value?) throws -> Value? {
        guard let value = json[key], !value.isNull else { return nil }
        if let converted = convert(value) { return converted }
        throw AdapterError("\(source): '\(key)' expected \(what), got \(value.kind)")
    }

    func integer(_ key: String) throws -> Int? { try read(key, "an integer") { $0.int } }
    func number(_ key: String) throws -> Double? { try read(key, "a number") { $0.double } }
    func flag(_ key: String) throws -> Bool? { try read(key, "a boolean") { $0.bool } }
    func text(_ key: String) throws -> String? { try read(key, "a string") { $0.string } }

    func choice<Value: RawRepresentable<String>>(_ key: String, _ all: [Value]) throws -> Value? {
        try read(key, "one of " + all.map { "'\($0.rawValue)'" }.joined(separator: ", ")) {
            $0.string.flatMap(Value.init(rawValue:))
        }
    }

    private static func texts(_ value: JSON) -> [String]? {
        guard let elements = value.array else { return nil }
        let texts = elements.compactMap(\.string)
        return texts.count == elements.count && !texts.contains("") ? texts : nil
    }

    func strings(_ key: String) throws -> [String]? {
        try read(key, "a list of names") { OptionReader.texts($0) }
    }

    func stringOrStrings(_ key: String) throws -> [String]? {
        try read(key, "a name or a list of names") { $0.string.map { [$0] } ?? OptionReader.texts($0) }
    }

    func names(_ key: String) throws -> ModuleNames? {
        try read(key, "a string or a list of names") { value in
            if let text = value.string { return .pattern(text) }
            return OptionReader.texts(value).map(ModuleNames.list)
        }
    }

    func integers(_ key: String) throws -> [Int]? {
        try read(key, "an integer or a list of integers") { value in
            if let number = value.int { return [number] }
            guard let elements = value.array else { return nil }
            let numbers = elements.compactMap(\.int)
            return numbers.count == elements.count ? numbers : nil
        }
    }

    func pattern(_ key: String) throws -> [LoraConfig.PatternEntry] {
        try read(key, "an object of numbers") { value in
            guard let members = value.object else { return value.array?.isEmpty == true ? [] : nil }
            let entries = members.compactMap { key, value in value.double.map { LoraConfig.PatternEntry(key, $0) } }
            return entries.count == members.count ? entries : nil
        } ?? []
    }

    func initialisation(_ key: String, _ reading: LoraConfig.Reading) throws -> LoraConfig.Initialisation? {
        guard let value = json[key], !value.isNull else { return nil }
        if let flag = value.bool { return flag ? .kaiming : .random }
        guard let name = value.string else {
            throw AdapterError("\(source): '\(key)' expected a boolean or a string, got \(value.kind)")
        }
        if name.lowercased() == "gaussian" { return .gaussian }
        // These leave the base as it is, so what they made is all in the file.
        if reading == .file, name == "eva" || name == "orthogonal" { return .other(name) }
        throw AdapterError(
            "\(source): '\(key)' of '\(name)' is not supported yet; there are true, false and 'gaussian'")
    }
}
