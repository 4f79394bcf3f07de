import Models

extension AdapterSet {
    /// Weights of the base that were trained since the first adapter was added, and that no adapter's file holds, in the model's order.
    ///
    /// Those that ask for a gradient, and those whose numbers are others than when the base was frozen.
    func trainedBeside() throws -> [Weight] {
        let held = Set(adapters.flatMap { PEFTFormat.tensors(of: $0).map { ObjectIdentifier($0.weight) } })
        let before = Dictionary(frozenBase?.parts.map { ($0.name, $0.part) } ?? [], uniquingKeysWith: { $1 })
        let now = Dictionary(try Fingerprint(of: self).parts.map { ($0.name, $0.part) }, uniquingKeysWith: { $1 })
        return model.namedModules().flatMap { $0.module.weights.map(\.weight) }.filter { weight in
            guard !held.contains(ObjectIdentifier(weight)), weight.copies.isEmpty else { return false }
            if weight.requiresGrad { return true }
            guard let old = before[weight.name], let new = now[weight.name], old.shape == new.shape else {
                return false
            }
            return old.values != new.values
        }
    }

    /// The fingerprint of the base that an adapter's file carries: what was trained beside the adapters counts as it was before.
    func savedFingerprint(besides trained: [Weight]) throws -> Fingerprint {
        let names = Set(trained.map(\.name))
        guard !names.isEmpty else { return try Fingerprint(of: self) }
        let before = Dictionary(frozenBase?.parts.map { ($0.name, $0.part) } ?? [], uniquingKeysWith: { $1 })
        return try Fingerprint(of: self).replacing(names) { before[$0] }
    }

    /// What a user should be told of trained weights that the file of adapter `name` does not hold, a line each.
    func notes(onTrained weights: [Weight], besides name: String) throws -> [String] {
        guard !weights.isEmpty else { return [] }
        let adapter = try adapter(name)
        let adapted = Set(adapter.linears.map(\.path))
        func path(_ weight: Weight) -> String { weight.name.split(separator: ".").dropLast().joined(separator: ".") }
        func note(_ weights: [Weight], _ advice: String) -> String? {
            guard !weights.isEmpty else { return nil }
            let names = LoadedModel.list(weights.map(\.name), limit: 3)
            return
                "the file of '\(name)' does not hold \(weights.count) trained weight\(weights.count == 1 ? "" : "s"): \(names); \(advice)"
        }
        let ofAdapted = weights.filter { adapted.contains(path($0)) }
        let names = savedNames(covering: Set(weights.map(path)).subtracting(adapted), of: adapter)
        let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
        return [
            note(
                weights.filter { !adapted.contains(path($0)) },
                "add_adapter with modules_to_save = { \(list) } trains them and saves them with it"),
            note(
                ofAdapted.filter { $0.name.hasSuffix(".bias") },
                "add_adapter with bias = \"lora_only\" trains and saves the biases of adapted modules"),
            note(
                ofAdapted.filter { !$0.name.hasSuffix(".bias") },
                "no adapter's file can, since they are adapted; merge_and_unload and save_pretrained write the whole model"
            ),
        ].compactMap { $0 }
    }

    /// What `modules_to_save` must name for the modules at `paths`, beside what the recipe gave: the shortest endings that match no
    /// other module.
    private func savedNames(covering paths: Set<String>, of adapter: Adapter) -> [String] {
        let modules = model.namedModules().map(\.name).filter { !$0.isEmpty }
        var names = (adapter.config.modulesToSave ?? []).filter { !TargetModules.isHeadName($0) }
        for path in modules where paths.contains(path) && !names.contains(where: { path.hasSuffix($0) }) {
            let ending = ModuleMatcher.endings(of: path).reversed().first { ending in
                modules.allSatisfy { !$0.hasSuffix(ending) || paths.contains($0) }
            }
            names.append(ending ?? path)
        }
        return names
    }
}
