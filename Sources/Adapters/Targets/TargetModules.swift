import Formats
import Memory
import Models
import Words

/// Linears that a LoRA configuration adapts in a model, and modules that it trains whole.
struct TargetModules {
    /// Linears to adapt, in the model's order, with the rank and alpha of each.
    let linears: [(path: String, linear: Models.Linear, rank: Int, alpha: Double)]
    /// Modules to train and save whole, in the model's order.
    let saved: [(path: String, module: any Module)]
    /// Tables of which rows are trained, in the model's order.
    let tokens: [TargetTokens]
    /// The configuration with targets written out: defaults named, "all-linear" listed, head names added.
    let config: LoraConfig
    /// Modules that are trained whole because the checkpoint did not have them, beyond what PEFT's rule names.
    let addedByProvenance: [String]

    private static let headNames: [TaskType: [String]] = [
        .sequenceClassification: ["classifier", "score"], .tokenClassification: ["classifier", "score"],
        .questionAnswering: ["qa_outputs"],
    ]

    /// Whether PEFT adds a name to `modules_to_save` by itself, for some task.
    static func isHeadName(_ name: String) -> Bool { headNames.values.contains { $0.contains(name) } }

    /// Matches `config` against `model`; throws where a name of a recipe matches nothing, and where nothing matches at all.
    init(_ config: LoraConfig, in model: any Module, reading: LoraConfig.Reading) throws {
        var config = config
        let modules = model.namedModules().filter { !$0.name.isEmpty }
        let asked = config.modulesToSave ?? []
        if reading == .recipe { try TargetModules.checkSaved(asked, config.taskType, modules) }
        if let names = config.taskType.flatMap({ TargetModules.headNames[$0] }) {
            config.modulesToSave = asked + names.filter { !asked.contains($0) }
        }
        addedByProvenance =
            reading == .recipe ? TargetModules.newModules(modules, besides: config.modulesToSave ?? []) : []
        if !addedByProvenance.isEmpty { config.modulesToSave = (config.modulesToSave ?? []) + addedByProvenance }
        let savedNames = config.modulesToSave ?? []
        saved = TargetModules.topmost(
            try modules.filter { path, _ in
                try MemoryBudget.check()
                return savedNames.contains { path.hasSuffix($0) }
            })
        config.targetModules = try TargetModules.writtenOut(config, model, modules)
        let paths = try TargetModules.matching(config, modules, saved: saved.map(\.path), reading: reading)
        var ranks = try PatternTable(config.rankPattern, option: "rank_pattern")
        var alphas = try PatternTable(config.alphaPattern, option: "alpha_pattern")
        if reading == .recipe {
            let names = paths.map(\.name)
            try ranks.check(names)
            try alphas.check(names)
            if !config.patternsHaveOrder {
                try ranks.order(for: names)
                try alphas.order(for: names)
                (config.rankPattern, config.alphaPattern) = (ranks.entries, alphas.entries)
                config.patternsHaveOrder = true
            }
        }
        linears = try paths.map { path, module in
            guard let linear = module as? Models.Linear else {
                let why =
                    module is Models.Embedding
                    ? "LoRA on an Embedding is not supported yet" : "only a Linear can be adapted"
                throw AdapterError("target_modules matches '\(path)', which is of kind \(module.kind); \(why)")
            }
            let rank = try ranks.value(for: path).map { Int($0) } ?? config.r
            return (path, linear, rank, try alphas.value(for: path) ?? config.loraAlpha)
        }
        tokens = try TargetTokens.find(config, in: model, saved: saved.map(\.path))
        for target in tokens {
            let heads = [target.tied, { if case .head(let head) = target.table { head } else { nil } }()]
            if let hit = linears.first(where: { path in heads.contains { $0 === path.linear } }) {
                throw AdapterError(
                    "'\(hit.path)' cannot be adapted while rows of it are trained; leave it out of target_modules or of "
                        + "trainable_token_indices")
            }
        }
        config.fanInFanOut = linears.contains { $0.linear.isTransposed }
        self.config = config
    }

    /// Names in `modules_to_save` of a recipe must each match.
    private static func checkSaved(
        _ names: [String], _ taskType: TaskType?, _ modules: [(name: String, module: any Module)]
    ) throws {
        for name in names where !modules.contains(where: { $0.name.hasSuffix(name) }) {
            // The names that the task adds by itself may be written down without there being such a module.
            if let taskType, headNames[taskType]?.contains(name) == true { continue }
            throw AdapterError(
                "no module matches '\(FormatError.shown(name))' in modules_to_save"
                    + suggestion(name, modules, linearsOnly: false))
        }
    }

    /// Modules with a weight that was not in the checkpoint and that no name covers.
    private static func newModules(_ modules: [(name: String, module: any Module)], besides names: [String]) -> [String]
    {
        modules.filter { path, module in
            module.weights.contains { $0.weight.origin == .initialised }
                && !names.contains { name in path.hasSuffix(name) || isBeneath(path, name) }
        }.map(\.name)
    }

    /// Whether a part of `path` ends with `name`: then the whole part is trained.
    private static func isBeneath(_ path: String, _ name: String) -> Bool {
        let parts = path.split(separator: ".")
        return parts.indices.contains { parts[...$0].joined(separator: ".").hasSuffix(name) }
    }

    private static func topmost(
        _ modules: [(name: String, module: any Module)]
    ) -> [(path: String, module: any Module)] {
        modules.filter { path, _ in !modules.contains { path.hasPrefix($0.name + ".") } }.map { ($0.name, $0.module) }
    }

    /// The targets as names or an expression: defaults by model_type, "all-linear" as the list that it stands for.
    private static func writtenOut(
        _ config: LoraConfig, _ model: any Module, _ modules: [(name: String, module: any Module)]
    ) throws -> ModuleNames {
        guard let targets = config.targetModules else {
            guard let names = (model as? any Model)?.config.usualTargets(of: "LORA") else {
                throw AdapterError(
                    "target_modules is needed: there are no usual targets for this model"
                        + known(modules, linearsOnly: true))
            }
            return .list(names)
        }
        guard case .pattern(let text) = targets, text.lowercased() == "all-linear" else { return targets }
        let head = config.taskType == .sequenceClassification ? ["score", "classifier"] : []
        let excluded = head.first { name in modules.contains { $0.name == name } }
        let output = (model as? any Model)?.outputEmbedding
        return .list(
            modules.filter {
                $0.module is Models.Linear && $0.module !== output && (output != nil || $0.name != excluded)
            }.map(\.name))
    }

    /// Modules that the targets name and nothing excludes.
    private static func matching(
        _ config: LoraConfig, _ modules: [(name: String, module: any Module)], saved: [String],
        reading: LoraConfig.Reading
    ) throws -> [(name: String, module: any Module)] {
        guard let targets = config.targetModules else { return [] }
        let matcher = try ModuleMatcher(targets, option: "target_modules")
        let excluded = try config.excludeModules.map { try ModuleMatcher($0, option: "exclude_modules") }
        let guards = try (config.modulesToSave ?? []).map {
            try OptionPattern("(^|.*\\.)\($0)($|\\..*)", option: "modules_to_save")
        }
        let layers = config.layersToTransform.flatMap { $0.isEmpty ? nil : Set($0) }
        let index = try LayerIndex(patterns: config.layersPattern ?? [])
        var found: [(name: String, module: any Module)] = []
        var named: [String] = []
        var seen: Set<Int> = []
        for (path, module) in modules where try matcher.matches(path) {
            named.append(path)
            if try excluded?.matches(path) == true { continue }
            if try guards.contains(where: { try $0.matchesStart(of: path) }) { continue }
            // PEFT cannot train a module whole that it adapts as well (DistilBERT's pre_classifier under "all-linear").
            if saved.contains(where: { path == $0 || path.hasPrefix($0 + ".") }) { continue }
            if let layers, !matcher.isExact(path) {
                guard let layer = try index.of(path), layers.contains(layer) else { continue }
                seen.insert(layer)
            }
            found.append((path, module))
        }
        if reading == .recipe { try check(config, modules, named: named, layers: layers, seen: seen) }
        guard !found.isEmpty else {
            throw AdapterError(
                named.isEmpty
                    ? "target_modules matches no module" + known(modules, linearsOnly: true)
                    : "target_modules matches \(named.count) modules, such as '\(named[0])', but exclude_modules, "
                        + "modules_to_save and layers_to_transform leave none of them")
        }
        return found
    }

    /// Every name of a recipe must do something.
    private static func check(
        _ config: LoraConfig, _ modules: [(name: String, module: any Module)], named: [String], layers: Set<Int>?,
        seen: Set<Int>
    ) throws {
        for (option, names) in [("target_modules", config.targetModules), ("exclude_modules", config.excludeModules)] {
            switch names {
            case .list(let entries):
                let known = Set(modules.flatMap { ModuleMatcher.endings(of: $0.name) })
                for entry in entries where !known.contains(entry) {
                    throw AdapterError(
                        "no module matches '\(FormatError.shown(entry))' in \(option)"
                            + suggestion(entry, modules, linearsOnly: true))
                }
            case .pattern(let pattern):
                let expression = try OptionPattern(pattern, option: option)
                guard try modules.contains(where: { try expression.matchesAll(of: $0.name) }) else {
                    throw AdapterError(
                        "no module matches the expression '\(FormatError.shown(pattern, limit: 60))' in \(option); "
                            + (try advice(on: pattern, modules)
                                ?? "it must match a whole path, such as '\(modules.last { $0.module is Models.Linear }?.name ?? "")'")
                    )
                }
            case nil: break
            }
        }
        if let layer = layers?.subtracting(seen).min() {
            throw AdapterError("no targeted module lies in layer \(layer) of layers_to_transform")
        }
    }

    /// What a pattern was meant as that is a name, or nearly one: a string stands for all of a path, entries of a list for its end.
    private static func advice(on pattern: String, _ modules: [(name: String, module: any Module)]) throws -> String? {
        guard
            pattern.utf8.allSatisfy({ $0 == 95 || $0 == 46 || (48...57).contains($0) || (97...122).contains($0 | 32) })
        else { return nil }
        let isName = modules.contains { ModuleMatcher.endings(of: $0.name).contains(pattern) }
        let near =
            isName ? pattern : nearestName(to: pattern, in: endings(modules.filter { $0.module is Models.Linear }))
        return near.map {
            "a string is a pattern for a module's whole path; for all modules called '\($0)' write { \"\($0)\" }"
        }
    }

    /// A near name, and what there is.
    private static func suggestion(
        _ name: String, _ modules: [(name: String, module: any Module)], linearsOnly: Bool
    ) -> String {
        let names = endings(modules.filter { !linearsOnly || $0.module is Models.Linear })
        if let near = nearestName(to: name, in: names) { return "; did you mean '\(near)'?" }
        return known(modules, linearsOnly: linearsOnly)
    }

    private static func known(_ modules: [(name: String, module: any Module)], linearsOnly: Bool) -> String {
        let names = endings(modules.filter { !linearsOnly || $0.module is Models.Linear })
        guard !names.isEmpty else { return "" }
        return "; this model has " + names.prefix(20).joined(separator: ", ")
    }

    /// Last parts of the paths, each once, in the model's order.
    private static func endings(_ modules: [(name: String, module: any Module)]) -> [String] {
        var seen: Set<String> = []
        return modules.compactMap { path, _ in path.split(separator: ".").last.map(String.init) }.filter {
            Int($0) == nil && seen.insert($0).inserted
        }
    }
}
