import Foundation
import Testing

/// Memory that is short: `--max-memory` counts all that the process allocates, and an address space without room is an error.
struct LimitTests {
    /// Runs a recipe; gives how it ended and the most bytes of its own, without pages of files, that it held at any look.
    private static func run(
        _ place: Place, _ lines: String, _ words: String...
    ) throws -> (outcome: Outcome, peak: Int) {
        try place.put("r.lua", "local lorawb = require 'lorawb'\n" + lines)
        let running = try Running([Running.program, "run", "r.lua"] + words, cwd: place.path)
        var peak = 0
        while !running.hasEnded {
            let status = (try? String(contentsOfFile: "/proc/\(running.process)/status", encoding: .utf8)) ?? ""
            for line in status.split(separator: "\n") where line.hasPrefix("RssAnon:") {
                let number = line.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) } ?? 0
                peak = max(peak, number * 1024)
            }
            usleep(1000)
        }
        return (running.wait(), peak)
    }

    /// Recipes that take memory without end, each of another kind.
    static let floods: [(name: String, lines: String)] = [
        ("tensors", "local keep = {} for i = 1, 1e9 do keep[i] = lorawb.zeros(100000) end"),
        ("small tensors", "local keep = {} for i = 1, 1e9 do keep[i] = lorawb.zeros(1) end"),
        ("views", "local x, keep = lorawb.zeros(10, 10), {} for i = 1, 1e9 do keep[i] = x:reshape(100) end"),
        ("the tape", "local x = lorawb.zeros(1, { requires_grad = true }) for i = 1, 1e9 do x = x * 2 end"),
        ("a large tensor", "lorawb.zeros(1 << 30)"),
        ("a range", "lorawb.arange(1e10)"),
        ("random numbers", "lorawb.randn(1 << 18, 1 << 18)"),
        ("lua's tables", "local t = {} for i = 1, 1e9 do t[i] = { i } end"),
        ("lua's strings", "local s = 'x' while true do s = s .. s end"),
        ("a list of a tensor", "local keep, x = {}, lorawb.zeros(1000000) for i = 1, 1e9 do keep[i] = x:tolist() end"),
        (
            "orders of a data set",
            "local d, keep = lorawb.load_dataset('d.jsonl'), {} for i = 1, 1e9 do keep[i] = d:shuffle { seed = i } end"
        ),
        (
            "rows of a data set",
            """
            local d, keep = lorawb.load_dataset('d.jsonl'), {}
            for i = 1, 1e9 do keep[i] = d:map(function(r) return { b = ('x'):rep(100) .. r.a } end) end
            """
        ),
        (
            "modules", "local keep = {} for i = 1, 1e9 do keep[i] = lorawb.nn.Linear(100, 1000) end"
        ),
    ]

    /// The peak stays within 110 % of the limit and 40 MB, and the exit code says why it ended.
    @Test(arguments: floods.indices)
    func everythingCounts(_ index: Int) throws {
        let place = try Place()
        try place.put("d.jsonl", (0..<50_000).map { "{\"a\":\($0)}\n" }.joined())
        let flood = LimitTests.floods[index]
        let (outcome, peak) = try LimitTests.run(place, flood.lines, "--max-memory", "100MB", "--time-limit", "30")
        #expect(outcome.code == 125, "\(flood.name): \(outcome)")
        #expect(outcome.err.contains("memory limit: "), "\(flood.name): \(outcome)")
        #expect(peak < 150_000_000, "\(flood.name): \(peak)")
    }

    /// One call each that makes much of what it is given.
    static let large: [(name: String, lines: String)] = [
        ("a table", "print(#lorawb.load_dataset('d.tsv'))"),
        ("lines", "print(#lorawb.load_dataset('d.txt'))"),
        (
            "decoding",
            """
            local ids, tokenizer = {}, lorawb.load_tokenizer('words')
            for i = 1, 3000000 do ids[i] = 4 + i % 3 end
            print(#tokenizer:decode(ids))
            """
        ),
        (
            "writing json",
            """
            local t = {}
            for i = 1, 2000 do t[i] = ('x'):rep(10000) .. i end
            lorawb.save_json(lorawb.run_dir .. '/t.json', t)
            """
        ),
        (
            "selecting rows",
            """
            local d, rows = lorawb.load_dataset('d.jsonl'), {}
            for i = 1, 2000000 do rows[i] = i % #d + 1 end
            print(#d:select(rows))
            """
        ),
    ]

    /// Whether it is refused or goes through: the peak stays within the bound.
    @Test(arguments: large.indices, [60, 120])
    func oneLargeCall(_ index: Int, _ megabytes: Int) throws {
        let place = try Place()
        try place.put("d.jsonl", (0..<1000).map { "{\"a\":\($0)}\n" }.joined())
        try place.put("d.tsv", "a\tb\n" + String(repeating: "x\t1\n", count: 3_000_000))
        try place.put("d.txt", String(repeating: "x\n", count: 6_000_000))
        try place.put(
            "words/vocab.txt", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "film", "##s"].joined(separator: "\n"))
        let call = LimitTests.large[index]
        let (outcome, peak) = try LimitTests.run(
            place, call.lines, "--max-memory", "\(megabytes)MB", "--time-limit", "60")
        #expect([0, 125].contains(outcome.code), "\(call.name): \(outcome)")
        #expect(peak < (megabytes * 11 / 10 + 40) * 1_000_000, "\(call.name): \(peak)")
    }

    /// What was refused can be caught, and memory that was freed serves again.
    @Test func aRefusalCanBeCaught() throws {
        let place = try Place()
        let lines = """
            for round = 1, 3 do
              local keep = {}
              print(pcall(function() for i = 1, 1e9 do keep[i] = lorawb.zeros(100000) end end))
              assert(#keep > 150)
            end
            """
        let (outcome, _) = try LimitTests.run(place, lines, "--max-memory", "100MB")
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.out.split(separator: "\n").count { $0.hasPrefix("false\tr.lua:4: zeros: memory limit: ") } == 3)
    }

    /// A small folder that asks for a large model is refused before anything is filled.
    @Test(arguments: ["SEQ_CLS", nil])
    func aModelLargerThanMemory(_ task: String?) throws {
        let place = try Place()
        try place.makeModel()
        let config = try place.text("tiny/config.json")
        let key = try #require(config.firstMatch(of: try Regex("\"hidden_size\": [0-9]+")))
        try place.put("tiny/config.json", config.replacing(String(config[key.range]), with: "\"hidden_size\": 1048576"))
        let option = task.map { "{ task_type = '\($0)' }" } ?? "{}"
        let started = Date()
        let (outcome, peak) = try LimitTests.run(
            place, "print(pcall(lorawb.load_model, 'tiny', \(option)))", "--max-memory", "500MB")
        #expect(outcome.code == 0 && outcome.out.hasPrefix("false\t"), "\(outcome)")
        #expect(peak < 60_000_000 && Date().timeIntervalSince(started) < 10)
        let random = "print(pcall(lorawb.load_model, 'tiny', { weights = 'random' }))"
        let (made, held) = try LimitTests.run(place, random, "--max-memory", "500MB")
        #expect(made.out.contains("memory limit: ") && made.out.contains("is the largest weight"), "\(made)")
        #expect(held < 60_000_000)
    }

    private func limited(_ kilobytes: Int, _ place: Place, _ words: String...) throws -> Outcome {
        try Running(
            ["/bin/sh", "-c", "ulimit -v \(kilobytes); exec \"$0\" \"$@\"", Running.program] + words, cwd: place.path,
            timeout: 30
        ).wait()
    }

    /// The library of products wants 128 MiB a thread, for which it would ask for ever: what needs none does not open it.
    @Test func anAddressSpaceWithoutRoom() throws {
        let place = try Place.training()
        try place.put("r.lua", "print(1)")
        let empty = try limited(200_000, place, "run", "r.lua")
        #expect(empty.code == 0 && empty.out == "1\n", "\(empty)")
        let product = """
            local lorawb = require "lorawb"
            print(pcall(function() return lorawb.ones(2, 3):matmul(lorawb.ones(3, 2)) end))
            """
        try place.put("p.lua", product)
        let refused = try limited(200_000, place, "run", "p.lua", "--threads", "2")
        #expect(refused.code == 0, "\(refused)")
        #expect(
            refused.out.hasPrefix("false\tp.lua:2: ") && refused.out.contains("OpenBLAS cannot be opened: "),
            "\(refused)")
        #expect(try lorawb("run", "p.lua", cwd: place.path).out.hasPrefix("true\tTensor float32[2, 2]"))
        for kilobytes in [250_000, 400_000, 600_000] {
            let trained = try limited(kilobytes, place, "run", "train.lua", "--run-dir", "run\(kilobytes)")
            #expect([0, 1, 125].contains(trained.code), "\(kilobytes): \(trained)")
        }
    }
}
