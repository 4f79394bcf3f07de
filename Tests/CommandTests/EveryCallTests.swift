import Foundation
import LuaBridge
import Testing

/// Every registered function, method, field and option with numbers at which arithmetic breaks: an error or a result.
struct EveryCallTests {
    /// Parts that run side by side.
    private static let parts = 8

    @Test("there is an object of every registered type to call methods of")
    func everyType() throws {
        let calls = EveryCall(try EveryCall.documentation())
        #expect(calls.types.count > 10)
        let place = try Self.place()
        let names = calls.types.map { "\"\($0)\"" }.joined(separator: ", ")
        let body =
            EveryCall.recipe([], from: 0)
            + "for _, name in ipairs { \(names) } do if not make[name] or make[name]() == nil then print('lacks ' .. name) end end\n"
        try place.put("calls.lua", body)
        let outcome = try Running([Running.program, "run", "calls.lua", "--run-dir", "run"], cwd: place.path).wait()
        #expect(outcome.code == 0 && !outcome.out.contains("lacks"), "\(outcome)")
    }

    @Test("no number in any place of a call ends the process", arguments: 0..<parts)
    func calls(part: Int) throws {
        let all = EveryCall(try EveryCall.documentation()).cases
        #expect(all.count > 2000)
        let items = Set(all.map(\.item)).sorted().enumerated().filter { $0.offset % Self.parts == part }.map(\.element)
        let answered = try Self.check(all.filter { items.contains($0.item) })
        #expect(items.filter { !answered.contains($0) && !Self.silent.contains($0) } == [], "no call of ours is right")
    }

    @Test("no number as any training argument ends the process")
    func trainings() throws {
        let answered = try Self.check(EveryCall.trainings(EveryCall.documentation()))
        #expect(answered.count > 20, "\(answered.sorted())")
    }

    /// What no call of ours gets a result from.
    private static let silent: Set<String> = []

    /// Runs the calls until all are done, and gives the items of which a call had a result.
    ///
    /// Calls that end the process, or never end, are failures with their text.
    private static func check(_ cases: [EveryCall.Case]) throws -> Set<String> {
        let place = try place()
        var (next, failures, answered) = (0, [String](), Set<String>())
        while next < cases.count, failures.count < 20 {
            try place.put("calls.lua", EveryCall.recipe(cases, from: next))
            let outcome = try Running(
                [
                    Running.program, "run", "calls.lua", "--run-dir", "run-\(next)", "--time-limit", "20",
                    "--max-memory", "400MB",
                    "--threads", "1",
                ], cwd: place.path, timeout: 40
            ).wait()
            var last: Int?
            for line in outcome.out.split(separator: "\n") {
                if let number = Int(line) { last = number }
                if line == "result", let last, cases.indices.contains(last) { answered.insert(cases[last].item) }
            }
            if outcome.code == 0, outcome.out.hasSuffix("done\n") { break }
            guard let last, cases.indices.contains(last) else {
                failures.append("the recipe failed: \(String("\(outcome)".suffix(600)))")
                break
            }
            // The limit of time is for one call; where there were others before it, it begins anew with the last.
            if outcome.code == 124, last > next {
                next = last
                continue
            }
            // A call may meet the limit of memory, which nothing catches; the next begin anew.
            if outcome.code != 125 {
                failures.append("\(cases[last].title): exit code \(outcome.code) \(String(outcome.line.suffix(300)))")
            }
            next = last + 1
        }
        #expect(failures == [])
        return answered
    }

    /// A folder with a model, a tokenizer and data.
    private static func place() throws -> Place {
        let place = try Place()
        try place.makeModel()
        try place.makeLanguageModel()
        try place.makeData("d.tsv", rows: 4)
        let rows = (0..<4).map { "{\"input_ids\": [1, \($0), 2], \"labels\": \($0 % 2)}" }
        try place.put("rows.jsonl", rows.joined(separator: "\n"))
        return place
    }
}
