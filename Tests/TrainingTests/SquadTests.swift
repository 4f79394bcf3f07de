import Formats
import TestSupport
import Testing
import Training

@Suite struct SquadTests {
    @Test("exact match and F1 are those of SQuAD's evaluation")
    func scores() throws {
        let folder = try Folder(path: "\(Golden.root)/texts")
        let json = try JSON(parsing: folder.read("texts.json"), source: "texts.json")
        let golden = try #require(json["answered"]?["squad"])
        let rows = golden["rows"]?.array?.compactMap(\.array) ?? []
        let scores = try Squad.score(
            rows.map { $0[0].string ?? "" }, references: rows.map { $0[1].array?.compactMap(\.string) ?? [] })
        #expect(rows.count == 11)
        // The same sums in double precision.
        #expect(abs(scores.exactMatch - (golden["exact_match"]?.double ?? .nan)) < 1e-9)
        #expect(abs(scores.f1 - (golden["f1"]?.double ?? .nan)) < 1e-9)
        #expect(throws: (any Error).self) { try Squad.score([], references: []) }
        #expect(throws: (any Error).self) { try Squad.score(["a"], references: [["a"], ["b"]]) }
    }
}
