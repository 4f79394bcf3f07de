import Formats
import Kernels
import Models
import Tensors
import TestSupport
import Testing

private func made(
    _ name: String, _ changes: [(String, JSON)] = [], task: TaskType? = .sequenceClassification,
    weights: LoadOptions.Weights = .random
) throws -> any Model {
    var members = try JSON(parsing: base(name).read("config.json"), source: "config.json").object ?? [:]
    for (key, value) in changes { members[key] = value }
    let config = try ModelConfig(.object(members), source: "config.json")
    return try makeModel(config, LoadOptions(taskType: task, weights: weights, seed: 4)).model
}

/// The rows of a table by distance, as distances.json has them: where each run begins.
private func rows(_ json: JSON?) throws -> [Int] {
    let runs = try #require(json?.array).map { try #require($0.array).compactMap(\.int) }
    return (-700...700).compactMap { distance in runs.last { $0[0] <= distance }?[1] }
}

@Test("distances take the rows of their tables that the reference gives them")
func distances() throws {
    let json = try JSON(parsing: Folder(path: Golden.root).read("distances.json"), source: "distances.json")
    let tables = try #require(json["deberta"]?.array)
    #expect(tables.count == 6)
    for table in tables {
        let (buckets, longest) = (try #require(table["buckets"]?.int), try #require(table["longest"]?.int))
        let own = (-700...700).map { DebertaDistances.place($0, buckets: max(0, buckets), longest: longest) }
        #expect(own == (try rows(table["rows"])), "\(buckets) buckets for \(longest)")
    }
    let entries = MPNetDistances.entries
    let own = (-700...700).map { entries[min(max($0 + MPNetDistances.zero, 0), entries.count - 1)] }
    #expect(own == (try rows(json["mpnet"])))
}

/// Remembers by what rows would draw.
private final class KeySeat: LinearSeat {
    var keys: [[RandomKey]] = []
    let isRandom = false
    let state = ""
    let weights: [(name: String, weight: Weight)] = []

    func adapt(_ y: Tensor, input x: Tensor, of linear: Models.Linear, _ pass: Pass) throws -> Tensor {
        let drawn = try #require(pass.keys(stream: linear.path))
        #expect(drawn.count == x.shape[0])
        keys.append(drawn)
        return y
    }
}

@Test("a shared layer is listed and counted once, and draws numbers of its own at each use")
func sharedLayers() throws {
    let model = try made("albert-groups")
    let names = model.namedParameters().map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.filter { $0.hasSuffix("attention.query.weight") }.count == 4)
    #expect(model.layerCount == 6)
    let query = try #require(
        model.namedModules().first { $0.name.hasSuffix("groups.0.albert_layers.1.attention.query") }?.module
            as? Models.Linear)
    let seat = KeySeat()
    query.seats.append(seat)
    _ = try model(ModelInput(inputIds: [[5, 6, 7], [8]]), draws: DropoutDraws(seed: 1))
    #expect(seat.keys.count == 2)
    #expect(Set(seat.keys.joined()).count == 8)
    let first = seat.keys
    _ = try model(ModelInput(inputIds: [[5, 6, 7], [8]]), draws: DropoutDraws(seed: 1))
    #expect(Array(seat.keys[2...]) == first)
}

@Test("what is projected of a table of distances draws by its own rows, whatever texts there are")
func drawsOfTables() throws {
    let model = try made("deberta-v3")
    let query = try #require(
        model.namedModules().first { $0.name.hasSuffix("layer.0.attention.self.query_proj") }?.module as? Models.Linear)
    let seat = KeySeat()
    query.seats.append(seat)
    _ = try model(ModelInput(inputIds: [[5, 6, 7], [8]]), draws: DropoutDraws(seed: 1))
    _ = try model(ModelInput(inputIds: [[5, 6]]), draws: DropoutDraws(seed: 1))
    // Distances 2...-2 take five rows, 1...-1 the three in their middle.
    #expect(seat.keys.map(\.count) == [4, 5, 2, 3])
    #expect(Set(seat.keys[0] + seat.keys[1]).count == 9)
    #expect(seat.keys[3] == Array(seat.keys[1][1...3]))
}

/// (base, changes of its config.json, part of the message).
private let wrongConfigs: [(String, [(String, JSON)], String)] = [
    ("mpnet", [("relative_attention_num_buckets", .integer(16))], "expected an integer from 32"),
    ("albert", [("inner_group_num", .integer(9_999))], "3 times 'inner_group_num' 9999 layers are more than 10000"),
    ("albert", [("num_hidden_groups", .integer(0))], "'num_hidden_groups' expected an integer from 1"),
    ("modernbert", [("classifier_pooling", .string("max"))], "'classifier_pooling' expected one of 'cls', 'mean'"),
    ("modernbert", [("layer_types", .array([.string("full_attention")]))], "'layer_types' has 1 entries for 4 layers"),
    ("modernbert", [("global_attn_every_n_layers", .integer(0))], "expected an integer from 1"),
    ("deberta-v3", [("position_buckets", .integer(1))], "'position_buckets' 1 has no middle"),
    ("deberta-v3", [("pos_att_type", .integer(3))], "'pos_att_type' expected a list of names"),
    ("deberta-v2", [("conv_kernel_size", .integer(4))], "'conv_kernel_size' 4 is even"),
    ("deberta-v2", [("conv_groups", .integer(2))], "'conv_groups'"),
    ("deberta-v2", [("attention_head_size", .integer(16))], "'attention_head_size' is 16"),
    ("deberta-v2", [("pooler_hidden_size", .integer(16))], "'pooler_hidden_size' is 16"),
    ("electra", [("position_embedding_type", .string("relative_key"))], "'position_embedding_type'"),
]

@Test("what a configuration says that cannot be is refused by name", arguments: wrongConfigs.indices)
func wrongConfig(index: Int) throws {
    let (name, changes, message) = wrongConfigs[index]
    #expect(messageOf { try made(name, changes, weights: .none) }.contains(message))
}

@Test("ModernBERT's new weights lie within the cutoff, smaller where they are added to the states")
func modernBertStart() throws {
    let model = try made("modernbert")
    let weights = Dictionary(uniqueKeysWithValues: model.namedParameters().map { ($0.name, $0.weight) })
    func check(_ name: String, _ deviation: Float) throws {
        let values = try #require(weights[name], "\(name)").floats()
        #expect(values.allSatisfy { abs($0) <= 2 * deviation })
        // What lies within two deviations of N(0, 1) has a deviation of 0.88; 1,000 draws and more tell it to 5 %.
        let found = (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
        #expect(abs(found / (0.88 * deviation) - 1) < 0.1, "\(name)")
    }
    try check("model.layers.0.attn.Wqkv.weight", 0.2)
    try check("model.layers.1.attn.Wo.weight", 0.2 / Float(8).squareRoot())
    try check("model.embeddings.tok_embeddings.weight", 0.2)
    try check("head.dense.weight", 0.2 / Float(8).squareRoot())
}

@Test("token types of a family without any, and texts longer than max_position_embeddings")
func lengths() throws {
    let free = try made("deberta-v3")
    #expect(throws: Never.self) { try free(ModelInput(inputIds: [Array(repeating: 7, count: 100)])) }
    let table = try made("deberta-apart")
    #expect(
        messageOf { try table(ModelInput(inputIds: [Array(repeating: 7, count: 65)])) }.contains("positions for 64"))
    let mpnet = try made("mpnet")
    #expect(mpnet.config.maxLength == 62)
    #expect(throws: Never.self) { try mpnet(ModelInput(inputIds: [Array(repeating: 7, count: 62)])) }
}

@Test("heads that a file lacks are new: DeBERTa's pooler, ModernBERT's head, all of MPNet's and ELECTRA's")
func newHeads() throws {
    func initialised(_ name: String) throws -> [String] {
        try loadModel(base(name), LoadOptions(taskType: .sequenceClassification)).initialised
    }
    #expect(
        try initialised("deberta-v3") == [
            "pooler.dense.weight", "pooler.dense.bias", "classifier.weight", "classifier.bias",
        ])
    #expect(try initialised("deberta-v2").isEmpty)
    #expect(try initialised("modernbert") == ["classifier.weight", "classifier.bias"])
    #expect(
        try initialised("electra-square") == [
            "classifier.dense.weight", "classifier.dense.bias", "classifier.out_proj.weight",
            "classifier.out_proj.bias",
        ])
    #expect(try initialised("albert") == ["classifier.weight", "classifier.bias"])
}
