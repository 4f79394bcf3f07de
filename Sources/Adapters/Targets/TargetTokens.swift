import Formats
import Models
import Words

/// Which rows of a table an adapter trains, by `trainable_token_indices`.
public enum TokenIndices: Sendable, Equatable {
    /// Rows of the table of ids, and of a head that is tied to it.
    case list([Int])
    /// Rows by modules: embeddings, or a language head, whose path ends with the name.
    case byModule([Entry])

    /// Rows of the modules with this name.
    public struct Entry: Sendable, Equatable {
        /// End of the module's path.
        public var name: String
        /// Rows, from 0.
        public var indices: [Int]

        /// New entry.
        public init(_ name: String, _ indices: [Int]) { (self.name, self.indices) = (name, indices) }
    }

    /// Whether nothing is named.
    var isEmpty: Bool {
        switch self {
        case .list(let indices): indices.isEmpty
        case .byModule(let entries): entries.isEmpty
        }
    }
}

/// A table of which an adapter trains rows.
struct TargetTokens {
    /// Path of the module.
    let path: String
    /// The module.
    let table: TokenTable
    /// The rows.
    let indices: [Int]
    /// The language head that is tied to the table, and so has the same rows.
    let tied: Models.Linear?

    /// Where its rows act: paths, with the linear where that is a head.
    var paths: [(path: String, head: Models.Linear?)] {
        var own: Models.Linear?
        if case .head(let linear) = table { own = linear }
        return [(path, own)] + (tied.map { [($0.path, $0)] } ?? [])
    }

    /// The tables that `config` names in `model`, in the model's order.
    ///
    /// As in PEFT (`set_additional_trainable_modules`): a list means the table of ids; a head that is tied to it follows, unless other rows
    /// are given for the head, which are then trained on their own. Throws for names that match nothing, or no table, and for rows that are
    /// not there.
    static func find(
        _ config: LoraConfig, in model: any Module, saved: [String]
    ) throws -> [TargetTokens] {
        guard let tokens = config.trainableTokenIndices, !tokens.isEmpty else { return [] }
        let modules = model.namedModules().filter { !$0.name.isEmpty }
        let whole = model as? any Model
        var entries: [TokenIndices.Entry]
        switch tokens {
        case .byModule(let given): entries = given
        case .list(let indices):
            let input = modules.first { $0.module === whole?.inputEmbedding }?.name
            entries = [TokenIndices.Entry(input ?? "embed_tokens", indices)]
        }
        var found: [(path: String, table: TokenTable, indices: [Int])] = []
        for entry in entries {
            let matches = modules.filter { $0.name.hasSuffix(entry.name) }
            guard !entry.name.isEmpty, !matches.isEmpty else {
                let names = modules.filter { $0.module is Models.Embedding }.map(\.name)
                let last = names.compactMap { $0.split(separator: ".").last.map(String.init) }
                throw AdapterError(
                    "no module matches '\(FormatError.shown(entry.name))' in trainable_token_indices"
                        + nearestNameHint(for: entry.name, in: last)
                        + (last.isEmpty ? "" : "; this model has \(last.joined(separator: ", "))"))
            }
            for (path, module) in matches {
                guard !found.contains(where: { $0.path == path }) else {
                    throw AdapterError("trainable_token_indices names '\(path)' twice")
                }
                found.append((path, try table(module, path, whole), entry.indices))
            }
        }
        for (path, table, indices) in found {
            try check(indices, of: table, path)
            if let hit = saved.first(where: { path == $0 || path.hasPrefix($0 + ".") }) {
                throw AdapterError(
                    "'\(path)' is trained whole already ('\(hit)' in modules_to_save); give it there or in trainable_token_indices"
                )
            }
        }
        return withTiedHead(found, whole)
    }

    private static func table(_ module: any Module, _ path: String, _ model: (any Model)?) throws -> TokenTable {
        if let embedding = module as? Models.Embedding { return .embedding(embedding) }
        if let linear = module as? Models.Linear, linear === model?.outputEmbedding { return .head(linear) }
        throw AdapterError(
            "trainable_token_indices matches '\(path)', which is of kind \(module.kind); only an embedding and a language head "
                + "have rows of tokens")
    }

    private static func check(_ indices: [Int], of table: TokenTable, _ path: String) throws {
        let rows = table.weight.shape.first ?? 0
        if let wrong = indices.first(where: { !(0..<rows).contains($0) }) {
            throw AdapterError(
                "trainable_token_indices has \(wrong), but '\(path)' has \(rows) rows, from 0; model:resize_token_embeddings "
                    + "makes new ones")
        }
        guard Set(indices).count == indices.count else {
            let twice = Dictionary(grouping: indices, by: { $0 }).filter { $0.value.count > 1 }.keys.min() ?? 0
            throw AdapterError("trainable_token_indices has \(twice) of '\(path)' twice")
        }
    }

    /// The same with the head that is tied to the table of ids as a part of that, where it has the same rows or none given.
    private static func withTiedHead(
        _ found: [(path: String, table: TokenTable, indices: [Int])], _ model: (any Model)?
    ) -> [TargetTokens] {
        var tied: Models.Linear?
        if let head = model?.outputEmbedding, head.isTied { tied = head }
        func isHead(_ table: TokenTable) -> Bool {
            if case .head(let linear) = table { linear === tied } else { false }
        }
        let ofHead = found.first { isHead($0.table) }?.indices
        let ofInput = found.first { $0.table.weight === tied?.weight && !isHead($0.table) }?.indices
        let follows = ofInput != nil && (ofHead == nil || ofHead == ofInput)
        return found.compactMap { path, table, indices in
            if follows, isHead(table) { return nil }
            let head = follows && table.weight === tied?.weight ? tied : nil
            return indices.isEmpty ? nil : TargetTokens(path: path, table: table, indices: indices, tied: head)
        }
    }
}
