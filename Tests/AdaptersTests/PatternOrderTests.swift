import Adapters
import Formats
import Models
import TestSupport
import Testing

/// Patterns that overlap: which of them holds.
private func ranks(_ adapters: AdapterSet, _ name: String = "default") throws -> [Int] {
    try adapters.linears(of: name).map(\.rank)
}

private func added(
    _ patterns: [(String, Double)], alphas: [(String, Double)] = [], targets: [String] = ["query"]
) throws -> AdapterSet {
    let adapters = AdapterSet(model: try tinyModel())
    try adapters.add(
        config(targets, r: 2) {
            $0.patternsHaveOrder = false
            $0.rankPattern = patterns.map { LoraConfig.PatternEntry($0.0, $0.1) }
            $0.alphaPattern = alphas.map { LoraConfig.PatternEntry($0.0, $0.1) }
        })
    return adapters
}

@Test("in a recipe the entry that matches more of a path holds, in whatever order the entries come")
func longerMatch() throws {
    // As PEFT 0.21.2 gives them where the longer keys stand first: layer 0, layer 1.
    let cases: [([(String, Double)], [Int])] = [
        ([("attention.self.query", 8), ("layer.1.attention.self.query", 4)], [8, 4]),
        ([("query", 3), ("self.query", 5), ("layer.0.attention.self.query", 7)], [7, 5]),
        ([(".*query", 6), ("layer\\.1\\..*query", 4)], [6, 4]),
        ([("bert.encoder.layer.0.attention.self.query", 9), (".*", 1)], [9, 1]),
        ([("query", 3), ("self.query", 3)], [3, 3]),
        ([("query|key", 3), ("layer.1.attention.self.(query|key)", 5)], [3, 5]),
    ]
    for (patterns, expected) in cases {
        #expect(try ranks(added(patterns)) == expected, "\(patterns)")
        #expect(try ranks(added(patterns.reversed())) == expected, "\(patterns)")
        let alphas = try added([], alphas: patterns).linears(of: "default").map { $0.scaling * 2 }
        #expect(alphas == expected.map(Double.init), "\(patterns)")
    }
}

@Test("a tie is an error, and so is an entry that no order gives its place")
func ties() throws {
    func said(_ patterns: [(String, Double)], _ targets: [String] = ["query"]) throws -> String {
        try #require(throws: AdapterError.self) { try added(patterns, targets: targets) }.description
    }
    #expect(
        try said([("self.query", 4), ("self.(query|key)", 8)])
            == "'self.query' and 'self.(query|key)' in rank_pattern match as much of 'bert.encoder.layer.0.attention.self.query' and say 4 and 8; make one of them longer"
    )
    // Each is the longer one for some modules.
    #expect(
        try said([("self.query|key", 4), ("query|self.key", 8)], ["query", "key"]).hasPrefix(
            "'self.query|key' and 'query|self.key' in rank_pattern each match more of some module's path than the other does"
        ))
    #expect(
        try ranks(added([("self.query|key", 4), ("query|self.key", 4)], targets: ["query", "key"])) == [4, 4, 4, 4])
    #expect(try said([("valeu", 3)]) == "'valeu' in rank_pattern matches none of the adapted modules")
}

@Test("the file has them in an order in which the first match is the right one; reading, the first match counts")
func orderOfFiles() throws {
    let adapters = try added([("attention.self.query", 8), ("layer.1.attention.self.query", 4)])
    let scratch = try Scratch()
    try adapters.saveAll(to: scratch.folder)
    let text = try scratch.folder.readText("adapter_config.json")
    let json = try JSON(parsing: text, source: "config")
    #expect(json["rank_pattern"]?.object?.keys.map { $0 } == ["layer.1.attention.self.query", "attention.self.query"])
    // Other keys stand in order, as PEFT writes them.
    let keys = try #require(json.object?.keys.map { $0 })
    #expect(keys == keys.sorted())
    let again = AdapterSet(model: try tinyModel())
    try again.load(scratch.folder)
    #expect(try ranks(again) == [8, 4])
    // PEFT's own order: the first that matches, though another matches more; then the tensors are those of that rank.
    let first = AdapterSet(model: try tinyModel())
    try first.add(config(["query"], r: 2) { $0.rankPattern = [.init("attention.self.query", 8)] })
    let other = try Scratch()
    try first.saveAll(to: other.folder)
    let changed = try other.folder.readText("adapter_config.json").replacing(
        "\"attention.self.query\": 8", with: "\"attention.self.query\": 8, \"layer.1.attention.self.query\": 4")
    try other.folder.write("adapter_config.json", text: changed)
    let read = AdapterSet(model: try tinyModel())
    try read.load(other.folder)
    #expect(try ranks(read) == [8, 8])
}
