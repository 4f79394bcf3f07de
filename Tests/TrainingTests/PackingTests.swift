import Formats
import Testing
import Training

/// Sequences in rows, beside what TRL makes of them (scripts/goldens/supervised.py).
@Suite struct PackingTests {
    private struct Case {
        let strategy: PackingStrategy
        let length: Int
        let rows: [[Int]]
        let lengths: [[Int]]?
    }

    private func golden(_ name: String) throws -> Case {
        let json = try JSON(parsing: Goldens.folder().read("supervised.json"), source: "supervised.json")
        let found = try #require(json["cases"]?.array?.first { $0["name"] == .string(name) })
        let rows = try #require(found["found"]?.array)
        return Case(
            strategy: PackingStrategy(rawValue: found["options"]?["packing_strategy"]?.string ?? "bfd") ?? .bfd,
            length: try #require(found["options"]?["max_length"]?.int),
            rows: rows.map { $0["input_ids"]?.array?.compactMap(\.int) ?? [] },
            lengths: rows.first?["seq_lengths"] == nil
                ? nil : rows.map { $0["seq_lengths"]?.array?.compactMap(\.int) ?? [] })
    }

    @Test("rows of packed sequences hold what TRL's hold", arguments: ["packed", "packed-split", "packed-wrapped"])
    func likeTRL(_ name: String) throws {
        let golden = try golden(name)
        let sequences = try unpacked(name)
        let packed = golden.strategy.rows(sequences.map(\.count), rowLength: golden.length)
        #expect(packed.map { $0.flatMap { Array(sequences[$0.sequence][$0.part]) } } == golden.rows)
        if let lengths = golden.lengths { #expect(packed.map { $0.map(\.part.count) } == lengths) }
    }

    /// The sequences themselves: those of the case without packing, as often as its rows repeat.
    private func unpacked(_ name: String) throws -> [[Int]] {
        let json = try JSON(parsing: Goldens.folder().read("supervised.json"), source: "supervised.json")
        let texts = try #require(json["cases"]?.array?.first { $0["name"] == .string("text") })
        let ids = try #require(texts["found"]?.array).map { $0["input_ids"]?.array?.compactMap(\.int) ?? [] }
        let times = ["packed": 3, "packed-split": 2, "packed-wrapped": 1][name] ?? 1
        return Array(repeating: ids, count: times).flatMap { $0 }
    }

    @Test("no sequence is lost, cut only where the strategy says so, and no row is too long")
    func whole() {
        let lengths = (0..<200).map { 1 + ($0 * 37) % 50 }
        for strategy in PackingStrategy.allCases {
            let rows = strategy.rows(lengths, rowLength: 32)
            #expect(rows.allSatisfy { $0.reduce(0) { $0 + $1.part.count } <= 32 })
            var found = lengths.map { _ in 0 }
            for piece in rows.joined() { found[piece.sequence] += piece.part.count }
            #expect(found == lengths.map { strategy == .bfd ? min($0, 32) : $0 })
        }
        #expect(PackingStrategy.bfd.rows([0, 3], rowLength: 0).isEmpty)
    }
}
