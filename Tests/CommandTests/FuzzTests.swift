import Foundation
import Testing

/// The fuzzer for a few seconds, what once failed, and the cases beside the repository.
@Suite(.serialized) struct FuzzTests {
    private static let program: String = (Running.program as NSString).deletingLastPathComponent + "/fuzz"
    private static let corpusFolder: String = (Place.goldens as NSString).deletingLastPathComponent + "/Corpus"

    private static func names(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
    }

    /// Folders of the corpus, as kind/case.
    private static let cases: [String] = names(corpusFolder).flatMap { kind in
        names(corpusFolder + "/" + kind).map { "\(kind)/\($0)" }
    }

    private static let kinds: [String] = [
        "safetensors", "json", "data", "tokenizer", "stages", "model", "adapter", "pattern", "resume", "recipe",
        "record", "check",
    ]

    @Test("the first inputs of a seed end nothing", arguments: kinds)
    func short(kind: String) throws {
        let place = try Place()
        let outcome = try Running(
            [
                Self.program, "--only", kind, "--seed", "1", "--count", "250", "--minutes", "0.03", "--found",
                place.path,
                "--most-finds", "1",
            ], cwd: place.path, timeout: 60
        ).wait()
        #expect(outcome.code == 0, "\(outcome)")
    }

    @Test("an input is the same for the same seed, and its files give what the seed gives")
    func repeated() throws {
        let place = try Place()
        for copy in ["a", "b"] {
            let outcome = try Running(
                [
                    Self.program, "--only", "resume", "--seed", "7", "--first", "3", "--count", "1", "--keep",
                    place.path + "/" + copy,
                ], cwd: place.path
            ).wait()
            #expect(outcome.code == 0, "\(outcome)")
        }
        let files = place.files("a")
        #expect(files.contains("resume-7-3/choice.txt") && files == place.files("b"))
        for name in files where !name.hasSuffix(".lorawb.lock") {
            let same = try? place.data("a/" + name) == place.data("b/" + name)
            #expect(same ?? true, "\(name)")
        }
        let replayed = try Running(
            [Self.program, "--only", "resume", "--replay", place.path + "/a/resume-7-3"], cwd: place.path
        ).wait()
        #expect(replayed.code == 0, "\(replayed)")
    }

    @Test("what once ended the process, or never ended, gives an error or a result", arguments: cases)
    func replayed(_ name: String) throws {
        let outcome = try Running(
            [
                Self.program, "--only", name.split(separator: "/").first.map(String.init) ?? "", "--replay",
                Self.corpusFolder + "/" + name,
            ],
            cwd: "/", timeout: 20
        ).wait()
        #expect(outcome.code == 0, "\(outcome)")
    }
}
