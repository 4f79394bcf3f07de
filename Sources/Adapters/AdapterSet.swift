import Formats
import Models
import Tensors
import Words

/// The adapters of one model: which there are, which act, and what is trained.
///
/// Adapters sit in the seats of the model's linears; nothing is replaced or renamed. The first adapter freezes the model.
public final class AdapterSet {
    /// One adapter.
    public struct Adapter {
        /// Its name.
        public let name: String
        /// Its configuration, with targets written out.
        public internal(set) var config: LoraConfig
        /// Whether it is trained while it acts.
        public internal(set) var isTrainable: Bool
        /// Linears that it adapts.
        let linears: [Models.Linear]
        /// Modules that it trains and saves whole.
        let saved: [(path: String, module: any Module)]
        /// Tables of which it trains rows, with the rows.
        let tokens: [(target: TargetTokens, tokens: TokenRows)]
        /// Biases of the base that it trains, with their values before.
        let biases: [(weight: Weight, original: Tensor?)]
    }

    /// The model that the adapters sit on.
    public let model: any Module
    /// Where the base came from, for adapter_config.json.
    public var baseName: String?
    /// Revision of the base that was asked for, for adapter_config.json.
    public var baseRevision: String?
    /// Seed of new adapters.
    public var seed: UInt64
    /// Adapters in the order in which they were added.
    public internal(set) var adapters: [Adapter] = []
    /// Names of the adapters that act, or would if they were not disabled.
    public internal(set) var active: [String] = []
    /// Whether no adapter acts, whatever is active.
    public internal(set) var isDisabled = false
    /// Names of the adapters that are merged into the base.
    public internal(set) var merged: [String] = []

    /// The base as it was when the first of the adapters was added.
    var frozenBase: Fingerprint?

    /// No adapters on `model` yet.
    public init(model: any Module, baseName: String? = nil, seed: UInt64 = 0) {
        (self.model, self.baseName, self.seed) = (model, baseName, seed)
    }

    /// Names in the order in which they were added.
    public var names: [String] { adapters.map(\.name) }

    /// The adapter of this name; throws with what there is.
    public func adapter(_ name: String) throws -> Adapter {
        if let found = adapters.first(where: { $0.name == name }) { return found }
        let hint = nearestNameHint(for: name, in: names)
        let known = names.isEmpty ? "there is none" : "there is \(names.map { "'\($0)'" }.joined(separator: ", "))"
        throw AdapterError("no adapter is called '\(name)'; \(known)\(hint)")
    }

    /// Linears that an adapter changes, in the model's order, with the rank and the factor of the update on each.
    public func linears(of name: String) throws -> [(path: String, rank: Int, scaling: Double)] {
        try adapter(name).linears.compactMap { linear in
            AdapterSet.seat(of: linear)?.factors(of: name).map { (linear.path, $0.rank, $0.scaling) }
        }
    }

    /// Adds an adapter; the first one acts at once.
    ///
    /// - Returns: what a user should be told, a line each: heads trained beyond what PEFT's rule names.
    @discardableResult
    public func add(_ config: LoraConfig, name: String = "default") throws -> [String] {
        var config = config
        if config.taskType == nil { config.taskType = (model as? any Model)?.taskType }
        let note = trainNewTokens(&config)
        return try insert(config, name: name, reading: .recipe, isTrainable: true) + (note.map { [$0] } ?? [])
    }

    /// Has new rows of the vocabulary trained where `config` says nothing of rows: those of the table, and of a head that is not tied to it.
    ///
    /// PEFT trains none unless told to. Gives what a user should be told.
    private func trainNewTokens(_ config: inout LoraConfig) -> String? {
        guard config.trainableTokenIndices == nil, let model = model as? any Model,
            let first = model.vocabulary.firstNewToken
        else { return nil }
        let named = config.modulesToSave ?? []
        let heads = model.outputEmbedding.flatMap { $0.isTied ? nil : [$0.path] } ?? []
        let paths = ([model.inputEmbedding.path] + heads).filter { path in !named.contains { path.hasSuffix($0) } }
        guard !paths.isEmpty else { return nil }
        let indices = Array(first..<model.config.vocabSize)
        config.trainableTokenIndices =
            paths == [model.inputEmbedding.path]
            ? .list(indices) : .byModule(paths.map { TokenIndices.Entry($0, indices) })
        return "trained and saved besides, new in the vocabulary: rows \(first) to \(model.config.vocabSize - 1) of "
            + paths.joined(separator: " and ")
    }

    package func insert(
        _ config: LoraConfig, name: String, reading: LoraConfig.Reading, isTrainable: Bool, zeroed: Bool = false
    ) throws -> [String] {
        try checkRoom(for: config, name: name)
        try config.validate("add_adapter")
        var config = config
        if config.baseModelNameOrPath == nil {
            config.baseModelNameOrPath = baseName
            config.revision = config.revision ?? baseRevision
        }
        let targets = try TargetModules(config, in: model, reading: reading)
        try checkOverlap(targets, name: name)
        let tokens = try targets.tokens.map { target in
            let rows = try TokenRows(
                adapter: name, path: target.path, table: target.table.weight, indices: target.indices)
            return (target: target, tokens: rows)
        }
        let isShapeOnly = targets.linears.contains { if case .absent = $0.linear.weight.value { true } else { false } }
        let factors = try targets.linears.map { path, linear, rank, alpha in
            try LoRAFactors.make(
                adapter: name, linear: linear, rank: rank, scaling: config.scaling(rank: rank, alpha: alpha),
                dropout: config.loraDropout, initialisation: zeroed ? .kaiming : config.initLoraWeights, seed: seed,
                shapeOnly: isShapeOnly)
        }
        if adapters.isEmpty {
            for (_, weight) in model.namedParameters() { try weight.setRequiresGrad(false) }
            frozenBase = try Fingerprint(of: self)
        }
        for ((_, linear, _, _), factors) in zip(targets.linears, factors) {
            AdapterSet.seat(of: linear, create: true)?.factors.append(factors)
        }
        for (target, rows) in tokens {
            target.table.add(rows, isOwner: true)
            if let head = target.tied { TokenTable.head(head).add(rows, isOwner: false) }
        }
        for (path, module) in targets.saved {
            for (_, part) in module.namedModules() {
                for (_, weight) in part.weights {
                    let rest = weight.name.dropFirst(path.count)
                    try weight.addCopy(
                        adapter: name, name: "\(path).modules_to_save.\(name)\(rest)", requiresGrad: false)
                }
            }
        }
        let biases = try trainedBiases(targets.config, targets).map {
            (weight: $0, original: try $0.tensor.map { try Weight.tensor(copying: $0) })
        }
        adapters.append(
            Adapter(
                name: name, config: targets.config, isTrainable: isTrainable, linears: targets.linears.map(\.linear),
                saved: targets.saved, tokens: tokens, biases: biases))
        if active.isEmpty { active = [name] }
        try apply()
        guard !targets.addedByProvenance.isEmpty else { return [] }
        return [
            "trained and saved besides, not in the checkpoint: " + targets.addedByProvenance.joined(separator: ", ")
        ]
    }

    func checkRoom(for config: LoraConfig, name: String) throws {
        guard !name.isEmpty, !name.contains("."), !name.contains("/") else {
            throw AdapterError("an adapter cannot be called '\(name)': names are not empty and have no '.' and no '/'")
        }
        guard !names.contains(name) else { throw AdapterError("there is an adapter called '\(name)' already") }
        guard merged.isEmpty else { throw AdapterError("'\(merged[0])' is merged; unmerge it before adding '\(name)'") }
        if !adapters.isEmpty, config.bias != .none || adapters.contains(where: { $0.config.bias != .none }) {
            throw AdapterError("an adapter that trains the base's biases must be the only one")
        }
    }

    /// One adapter may not adapt what another trains whole.
    private func checkOverlap(_ targets: TargetModules, name: String) throws {
        for other in adapters {
            for (path, _) in other.saved {
                let inside = { (inner: String) in inner == path || inner.hasPrefix(path + ".") }
                if let hit = targets.linears.first(where: { inside($0.path) }) {
                    throw AdapterError(
                        "'\(hit.path)' cannot be adapted by '\(name)': '\(other.name)' trains '\(path)' whole")
                }
            }
            for (path, table) in other.tokens.flatMap(\.target.paths) {
                if let hit = targets.linears.first(where: { $0.linear === table }) {
                    throw AdapterError(
                        "'\(hit.path)' cannot be adapted by '\(name)': '\(other.name)' trains rows of it")
                }
                if let hit = targets.saved.first(where: { path == $0.path || path.hasPrefix($0.path + ".") }) {
                    throw AdapterError(
                        "'\(hit.path)' cannot be trained whole by '\(name)': '\(other.name)' trains rows of '\(path)'")
                }
            }
            for (path, table) in targets.tokens.flatMap(\.paths) {
                if let hit = other.saved.first(where: { path == $0.path || path.hasPrefix($0.path + ".") }) {
                    throw AdapterError(
                        "rows of '\(path)' cannot be trained by '\(name)': '\(other.name)' trains '\(hit.path)' whole")
                }
                if other.linears.contains(where: { $0 === table }) {
                    throw AdapterError("rows of '\(path)' cannot be trained by '\(name)': '\(other.name)' adapts it")
                }
            }
            for (path, _) in targets.saved {
                if let hit = other.linears.first(where: { $0.path == path || $0.path.hasPrefix(path + ".") }) {
                    throw AdapterError(
                        "'\(path)' cannot be trained whole by '\(name)': '\(other.name)' adapts '\(hit.path)'")
                }
            }
        }
    }

    func trainedBiases(_ config: LoraConfig, _ targets: TargetModules) -> [Weight] {
        switch config.bias {
        case .none: []
        case .loraOnly: targets.linears.compactMap(\.linear.bias)
        case .all:
            model.namedModules().filter { path, _ in
                !targets.saved.contains { path == $0.path || path.hasPrefix($0.path + ".") }
            }.flatMap { $0.module.weights.filter { $0.name.contains("bias") }.map(\.weight) }
        }
    }

    /// LoRA's seat on `linear`.
    @discardableResult
    static func seat(of linear: Models.Linear, create: Bool = false) -> LoRASeat? {
        for seat in linear.seats { if let seat = seat as? LoRASeat { return seat } }
        guard create else { return nil }
        let seat = LoRASeat()
        linear.seats.append(seat)
        return seat
    }

    /// Makes the model do and train what the fields say.
    func apply() throws {
        let acting = isDisabled ? [] : active
        for adapter in adapters {
            let acts = acting.contains(adapter.name)
            let trains = acts && adapter.isTrainable && merged.isEmpty
            for linear in adapter.linears {
                guard let seat = AdapterSet.seat(of: linear) else { continue }
                seat.active = merged.isEmpty ? acting : []
                guard let factors = seat.factors(of: adapter.name) else { continue }
                try factors.a.setRequiresGrad(trains)
                try factors.b.setRequiresGrad(trains)
            }
            for (target, tokens) in adapter.tokens {
                target.table.seat?.active = merged.isEmpty ? acting : []
                if let head = target.tied { TokenTable.head(head).seat?.active = merged.isEmpty ? acting : [] }
                try tokens.rows.setRequiresGrad(trains)
            }
            for (_, module) in adapter.saved {
                for weight in module.namedModules().flatMap({ $0.module.weights.map(\.weight) }) {
                    try weight.copy(of: adapter.name)?.setRequiresGrad(trains)
                    if acts {
                        weight.activeCopy = adapter.name
                    } else if weight.activeCopy == adapter.name {
                        weight.activeCopy = nil
                    }
                }
            }
            for (weight, original) in adapter.biases {
                try weight.setRequiresGrad(trains)
                weight.standIn = acts ? nil : original.map { .tensor($0) }
            }
        }
    }

    /// Makes these adapters act, and no other; those that can be trained are, the others stay frozen.
    public func setActive(_ names: [String]) throws {
        guard !names.isEmpty else {
            throw AdapterError("set_adapter needs a name; disable_adapters leaves none active")
        }
        guard merged.isEmpty else { throw AdapterError("'\(merged[0])' is merged; unmerge it before setting another") }
        var paths: [String: String] = [:]
        for (index, name) in names.enumerated() {
            guard !names[..<index].contains(name) else { throw AdapterError("set_adapter names '\(name)' twice") }
            for (path, _) in try adapter(name).saved {
                if let other = paths[path] {
                    throw AdapterError("'\(other)' and '\(name)' cannot act together: both save '\(path)' whole")
                }
                paths[path] = name
            }
        }
        try checkRows(of: names)
        active = names
        try apply()
    }

    /// Adapters that act together train different rows of a table.
    private func checkRows(of names: [String]) throws {
        for (place, name) in names.enumerated() {
            for (target, tokens) in try adapter(name).tokens {
                for other in try names[..<place].map(adapter) {
                    for theirs in other.tokens where theirs.target.table.weight === target.table.weight {
                        guard let row = tokens.indices.first(where: { theirs.tokens.place(of: $0) != nil }) else {
                            continue
                        }
                        throw AdapterError(
                            "'\(other.name)' and '\(name)' cannot act together: both train row \(row) of '\(target.path)'"
                        )
                    }
                }
            }
        }
    }

    /// Makes the base act alone, whatever is active.
    public func disable() throws {
        guard merged.isEmpty else {
            throw AdapterError("'\(merged[0])' is merged; unmerge it before disabling adapters")
        }
        isDisabled = true
        try apply()
    }

    /// Makes the active adapters act again.
    public func enable() throws {
        isDisabled = false
        try apply()
    }

    /// Forgets an adapter; where it was the only active one, the first of those left becomes active.
    public func delete(_ name: String) throws {
        let gone = try adapter(name)
        guard merged.isEmpty else {
            throw AdapterError("'\(merged[0])' is merged; unmerge it before deleting adapters")
        }
        for linear in gone.linears {
            guard let seat = AdapterSet.seat(of: linear) else { continue }
            seat.factors.removeAll { $0.adapter == name }
            seat.active.removeAll { $0 == name }
            if seat.factors.isEmpty { linear.seats.removeAll { $0 === seat } }
        }
        for (target, _) in gone.tokens {
            target.table.remove(adapter: name)
            if let head = target.tied { TokenTable.head(head).remove(adapter: name) }
        }
        for (_, module) in gone.saved {
            for (_, part) in module.namedModules() {
                for (_, weight) in part.weights { weight.removeCopy(adapter: name) }
            }
        }
        for (weight, original) in gone.biases {
            try weight.setRequiresGrad(false)
            weight.standIn = original.map { .tensor($0) }
            try weight.settle()
        }
        adapters.removeAll { $0.name == name }
        active.removeAll { $0 == name }
        if active.isEmpty, let first = adapters.first { active = [first.name] }
        if adapters.isEmpty { isDisabled = false }
        try apply()
    }

    /// Whether the model is trained or used with an adapter that is not part of its weights.
    public var hasUnmerged: Bool { !adapters.isEmpty && merged.isEmpty }

    /// The line that PEFT prints: `trainable params: 665,858 || all params: 125,313,028 || trainable%: 0.5314`.
    public var trainableParametersLine: String {
        let (trainable, all) = model.parameterCounts()
        return AdapterSet.line(trainable: trainable, all: all)
    }

    /// PEFT's line for these counts.
    public static func line(trainable: Int, all: Int) -> String {
        "trainable params: \(Figures.grouped(trainable)) || all params: \(Figures.grouped(all)) || "
            + "trainable%: \(percent(trainable, of: all))"
    }

    /// 100 · part / whole with four digits after the point.
    static func percent(_ part: Int, of whole: Int) -> String {
        guard whole > 0 else { return "0.0000" }
        let scaled = Int((1_000_000 * Double(part) / Double(whole)).rounded(.toNearestOrEven))
        let fraction = String(scaled % 10_000)
        return "\(scaled / 10_000)." + String(repeating: "0", count: 4 - fraction.count) + fraction
    }
}
