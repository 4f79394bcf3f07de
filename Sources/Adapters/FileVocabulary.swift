import Formats
import Memory
import Models
import Tensors

/// What an adapter file says of the vocabulary of its base, and how a base without the adapter's new tokens gets them again.
///
/// Files of lorawb hold no whole table: the rows that the adapter trains lie in it, and metadata say how many entries the base had been
/// given and how the others of them start, so that they are made again. PEFT (0.21.2, save_embedding_layers) writes the whole table, and
/// the head, where config.json at base_model_name_or_path has another vocab_size; then its rows beyond those of this base are
/// taken, as they are of a table that the adapter trains whole (modules_to_save). Where a file has neither, the base grows to the last row that the adapter trains, its other new rows are the mean of the old.
struct FileVocabulary {
    /// Key in `__metadata__`.
    static let key = "lorawb.vocabulary"

    /// Keys of tensors that the base has already: whole tables, and what a tied head repeats.
    let keys: Set<String>
    private let file: SafetensorsFile
    private let resizes: [VocabularyResize]
    private let tables: [(key: String, weight: Weight, rows: Int)]
    /// The last row that the adapter trains of a table of tokens, and how many of them lie beyond this base.
    private let lastRow: Int?
    private let size: Int
    private let trainedBeyond: Int

    /// Rows beyond the base that an adapter may leave to the mean: as many as padding to a multiple makes, far fewer than another
    /// base would lack.
    private static let mostUntrained = 1024

    /// Text for a file's metadata; nil where the vocabulary is the checkpoint's.
    static func text(_ vocabulary: Vocabulary) -> String? {
        guard !vocabulary.resizes.isEmpty else { return nil }
        let entries = vocabulary.resizes.map { resize -> JSON in
            var members: JSONObject = ["from": .integer(resize.from), "to": .integer(resize.to)]
            if case .normal(let seed) = resize.start { members["seed"] = .string(String(seed)) }
            return .object(members)
        }
        return JSON.array(entries).serialized()
    }

    private static func read(_ text: String, source: String) throws -> [VocabularyResize] {
        let place = "\(source): metadata '\(key)'"
        guard let entries = try JSON(parsing: text, source: place).array else {
            throw AdapterError("\(place) is no list")
        }
        return try entries.map { entry in
            func size(_ key: String) throws -> Int {
                guard let size = entry[key]?.int, (1...VocabularyResize.largest).contains(size) else {
                    throw AdapterError("\(place): '\(key)' expected an integer from 1 to \(VocabularyResize.largest)")
                }
                return size
            }
            let seed = entry["seed"]?.string.flatMap(UInt64.init)
            return VocabularyResize(
                from: try size("from"), to: try size("to"), start: seed.map { .normal(seed: $0) } ?? .mean)
        }
    }

    /// What `file`, of an adapter with this configuration, says to `model`.
    init(_ file: SafetensorsFile, _ config: LoraConfig, _ model: any Module) throws {
        self.file = file
        resizes =
            try file.metadata[FileVocabulary.key].map { try FileVocabulary.read($0, source: file.file.path) } ?? []
        guard let model = model as? any Model else {
            (keys, tables, lastRow, size, trainedBeyond) = ([], [], nil, 0, 0)
            return
        }
        let (input, head) = (model.inputEmbedding, model.outputEmbedding)
        let modules: [(path: String, weight: Weight)] =
            [(input.path, input.weight)] + (head.map { [($0.path, $0.weight)] } ?? [])
        let saved = config.modulesToSave ?? []
        var (keys, tables): (Set<String>, [(key: String, weight: Weight, rows: Int)]) = ([], [])
        for (path, weight) in modules {
            let isOwn = saved.contains { path.hasSuffix($0) }
            for name in isOwn ? ["weight"] : ["weight", "base_layer.weight", "token_adapter.base_layer.weight"] {
                let key = "\(PEFTFormat.prefix)\(path).\(name)"
                guard let entry = file.entries[key] else { continue }
                guard entry.shape.count == 2, entry.shape[1] == weight.shape[1],
                    (1...VocabularyResize.largest).contains(entry.shape[0])
                else {
                    throw AdapterError(
                        "\(file.file.path): tensor '\(key)' has shape \(entry.shape), this model's is \(weight.shape)")
                }
                if !isOwn { keys.insert(key) }
                tables.append((key, weight, entry.shape[0]))
            }
        }
        if let head, head.isTied, saved.contains(where: { input.path.hasSuffix($0) }),
            let key = keys.first(where: { $0.hasPrefix("\(PEFTFormat.prefix)\(head.path).") })
        {
            throw AdapterError(
                "\(file.file.path): '\(key)' is the head apart from the table that it is tied to and that modules_to_save trains; "
                    + "a tied head follows its table here")
        }
        if let head, head.isTied { keys.insert("\(PEFTFormat.prefix)\(head.path).\(TokenRows.localName)") }
        (self.keys, self.tables, size) = (keys, tables, model.config.vocabSize)
        let indices: [Int]
        switch config.trainableTokenIndices {
        case nil: indices = []
        case .list(let list): indices = list
        case .byModule(let entries):
            indices = entries.filter { entry in modules.contains { $0.path.hasSuffix(entry.name) } }.flatMap(\.indices)
        }
        lastRow = indices.max()
        trainedBeyond = Set(indices.filter { $0 >= model.config.vocabSize }).count
    }

    /// Lets the base beneath `set` grow to what the adapter needs; gives what takes it back, in order.
    func grow(_ set: AdapterSet, note: (String) -> Void) throws -> [TokenEmbeddings] {
        var steps = resizes.filter { $0.to > $0.from }
        if steps.isEmpty, let rows = tables.map(\.rows).max(), rows > size {
            let (file, tables) = (file, tables.map { (key: $0.key, name: $0.weight.name, rows: $0.rows) })
            steps = [
                VocabularyResize(
                    from: size, to: rows,
                    start: .given { name, range in
                        guard let table = tables.first(where: { $0.name == name && $0.rows >= range.upperBound }) else {
                            throw AdapterError(
                                "\(file.file.path): there is a table of \(rows) rows, but none for '\(name)'")
                        }
                        return try FileVocabulary.rows(range, of: table.key, in: file)
                    })
            ]
        }
        if steps.isEmpty, let lastRow, lastRow >= size {
            guard lastRow < VocabularyResize.largest, lastRow - size < trainedBeyond + FileVocabulary.mostUntrained
            else {
                throw AdapterError(
                    "\(file.file.path): the adapter trains row \(lastRow) of the vocabulary, this model has \(size); is it the "
                        + "adapter's base? model:resize_token_embeddings makes room")
            }
            steps = [VocabularyResize(from: size, to: lastRow + 1)]
        }
        var (grown, now): ([TokenEmbeddings], Int) = ([], size)
        do {
            for step in steps where step.to > now {
                grown.append(try set.resizeTokenEmbeddings(step))
                now = step.to
            }
        } catch {
            for before in grown.reversed() { (set.model as? any Model)?.restore(before) }
            throw error
        }
        if now > size { note("the vocabulary grew from \(size) to \(now) entries, which the adapter's base had") }
        return grown
    }

    private static func rows(_ range: Range<Int>, of key: String, in file: SafetensorsFile) throws -> [Float] {
        let width = try file.entry(key).shape.last ?? 0
        let count = range.count * width
        try MemoryBudget.reserve(count, of: 4)
        return unsafe try [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
            unsafe try file.readFloats(of: key, rows: range, into: buffer)
            initialised = count
        }
    }

    /// Throws where a whole table of the file is not the base's, by some of its rows.
    func checkTables() throws {
        for (key, weight, rows) in tables where keys.contains(key) {
            let shared = min(rows, weight.shape[0])
            for row in stride(from: 0, to: shared, by: max(1, shared / 64)) {
                let theirs = try FileVocabulary.rows(row..<row + 1, of: key, in: file)
                let ours: [Float]
                switch weight.value {
                case .absent: continue
                case .matrix(let matrix): ours = try Tensor.gather(matrix, [row]).floatArray()
                case .tensor(let tensor): ours = try Recording.off { try tensor.gatherRows([row]).floatArray() }
                }
                guard zip(ours, theirs).allSatisfy({ Fingerprint.agree(Double($0), Double($1)) }) else {
                    throw AdapterError(
                        "\(file.file.path): row \(row) of '\(key)' is not that of this base, which an adapter leaves as it is; "
                            + "check_base = false goes on with this base's")
                }
            }
        }
    }
}

extension AdapterSet {
    /// Changes the number of entries of the model's vocabulary, as transformers' resize_token_embeddings.
    ///
    /// Throws where an adapter is merged or holds a table of tokens whole, where it would lose rows, and as the model does.
    ///
    /// - Returns: what the model's `restore` takes.
    @discardableResult
    public func resizeTokenEmbeddings(_ resize: VocabularyResize) throws -> TokenEmbeddings {
        guard let model = model as? any Model else {
            throw AdapterError("resize_token_embeddings: a \(model.kind) of your own has no vocabulary")
        }
        guard merged.isEmpty else {
            throw AdapterError("'\(merged[0])' is merged; unmerge it before the vocabulary changes its size")
        }
        let head = model.outputEmbedding
        for adapter in adapters {
            let tables = [model.inputEmbedding.path] + (head.map { [$0.path] } ?? [])
            if let path = tables.first(where: { path in
                adapter.saved.contains { path == $0.path || path.hasPrefix($0.path + ".") }
            }) {
                throw AdapterError(
                    "'\(adapter.name)' trains '\(path)' whole; change the vocabulary's size before adding it")
            }
            if let head, adapter.linears.contains(where: { $0 === head }) {
                throw AdapterError(
                    "'\(adapter.name)' adapts '\(head.path)'; change the vocabulary's size before adding it")
            }
            for (target, tokens) in adapter.tokens where tables.contains(target.path) {
                if let row = tokens.indices.max(), row >= resize.to {
                    throw AdapterError(
                        "'\(adapter.name)' trains row \(row) of '\(target.path)', which a vocabulary of \(resize.to) entries has not"
                    )
                }
            }
        }
        return try model.resizeTokenEmbeddings(resize)
    }
}
