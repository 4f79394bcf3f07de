import Foundation
import Testing

/// `lorawb profile`: what its tables and its trace say, and that the training is the same.
struct ProfileTests {
    /// A trace as it was written.
    private struct Trace {
        let events: [[String: Any]]
        let other: [String: Any]

        init(_ data: Data) throws {
            let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            let all = try #require(object["traceEvents"] as? [[String: Any]])
            events = all.filter { $0["ph"] as? String == "X" }
            other = try #require(object["otherData"] as? [String: Any])
        }

        func number(_ name: String) throws -> Double { try #require((other[name] as? NSNumber)?.doubleValue) }

        func table(_ name: String) throws -> [[String]] { try #require(other[name] as? [[String]]) }
    }

    private static func profile(_ place: Place, _ words: String...) throws -> Outcome {
        try Running([Running.program, "profile", "train.lua"] + words, cwd: place.path).wait()
    }

    /// Column "ms a step" of the tables.
    private static let milliseconds = 3

    @Test func linesAddUpToTheStep() throws {
        let place = try Place.training()
        let outcome = try Self.profile(place, "--epochs", "1", "--trace", "t.json")
        #expect(outcome.code == 0 && outcome.err.isEmpty, "\(outcome)")
        #expect(outcome.out.contains("profile of 7 training steps: "), "\(outcome)")
        #expect(outcome.out.contains("; the first step is left out as warm-up"), "\(outcome)")
        #expect(outcome.out.contains("beside the steps: evaluation "), "\(outcome)")
        let trace = try Trace(try place.data("t.json"))
        for name in ["operations", "modules"] {
            let table = try trace.table(name)
            let times = table.compactMap { Double($0[Self.milliseconds]) }
            let step = try #require(times.last)
            #expect(table.last?.first == "step" && times.count == table.count)
            // Each line is rounded to a thousandth of a millisecond.
            #expect(abs(times.dropLast().reduce(0, +) - step) <= 0.0005 * Double(times.count), "\(table)")
            #expect(abs(step - (try trace.number("step_ms"))) <= 0.0005)
            let shares = table.dropLast().compactMap { Double($0[Self.milliseconds + 1].dropLast(2)) }
            #expect(abs(shares.reduce(0, +) - 100) <= 0.05 * Double(shares.count), "\(table)")
        }
        let names = Set(try trace.table("operations").map { $0[0] })
        #expect(
            names.isSuperset(of: ["data", "clipping", "optimizer", "callbacks", "the rest of the step"]), "\(names)")
    }

    /// Products of one layer's wide half: forward and backward, 2 · tokens · width · intermediate width each.
    @Test func countsTheArithmetic() throws {
        let place = try Place.training()
        let config = try #require(
            try JSONSerialization.jsonObject(with: try place.data("tiny/config.json")) as? [String: Any])
        let width = try #require(config["hidden_size"] as? Int)
        let inner = try #require(config["intermediate_size"] as? Int)
        let recipe =
            Place.trainingRecipe + "\n"
                + """
                local tokens = 0
                for i = 1, #data.train do tokens = tokens + #data.train[i].input_ids end
                print("tokens " .. tokens)
                """
        try place.put("train.lua", recipe)
        let outcome = try Self.profile(
            place, "--epochs", "1", "--skip-steps", "0", "--every-layer", "--trace", "t.json")
        #expect(outcome.code == 0, "\(outcome)")
        let line = try #require(outcome.out.split(separator: "\n").first { $0.hasPrefix("tokens ") })
        let tokens = try #require(Int(line.dropFirst(7)))
        let trace = try Trace(try place.data("t.json"))
        // Only the steps: the evaluation makes such products too.
        let steps = trace.events.filter { $0["cat"] as? String == "step" }.map(Self.interval)
        let flops = trace.events.filter { event in
            let args = event["args"] as? [String: Any]
            return event["cat"] as? String == "product"
                && (args?["module"] as? String)?.hasSuffix("layer.0.intermediate.dense") == true
                && steps.contains { Self.lies(Self.interval(event), within: $0) }
        }.reduce(0) { $0 + (($1["args"] as? [String: Any])?["flops"] as? Int ?? 0) }
        #expect(flops == 2 * 2 * tokens * width * inner, "\(tokens) tokens")
        #expect(outcome.out.contains("encoder.layer.0.intermediate.dense"), "\(outcome)")
        #expect(!outcome.out.contains("layer.*"), "\(outcome)")
    }

    /// What the first lines say of the products: medians over the steps that the trace shows, the warm-up left out.
    @Test func productsAreMediansOverTheSteps() throws {
        let place = try Place.training()
        let outcome = try Self.profile(place, "--epochs", "1", "--trace", "t.json")
        #expect(outcome.code == 0, "\(outcome)")
        let trace = try Trace(try place.data("t.json"))
        let products = trace.events.filter { $0["cat"] as? String == "product" }
        var (shares, rates): ([Double], [Double]) = ([], [])
        for step in trace.events.filter({ $0["cat"] as? String == "step" }).map(Self.interval).dropFirst() {
            let own = products.filter { Self.lies(Self.interval($0), within: step) }
            let time = Double(own.reduce(0) { $0 + Self.interval($1).count })
            let flops = own.reduce(0) { $0 + (($1["args"] as? [String: Any])?["flops"] as? Int ?? 0) }
            shares.append(time / Double(step.count))
            rates.append(Double(flops) / time)
        }
        #expect(shares.count == 7)
        // Seven steps have one in the middle; beside the steps of this run lie no asides. Times of the trace are whole nanoseconds.
        #expect(abs(try trace.number("products_share") - shares.sorted()[3]) < 1e-6, "\(shares)")
        #expect(abs(try trace.number("products_gflops") / rates.sorted()[3] - 1) < 1e-6, "\(rates)")
    }

    /// Nanoseconds of an event, whole since the trace has three digits behind the microsecond.
    private static func interval(_ event: [String: Any]) -> Range<Int> {
        func nanoseconds(_ name: String) -> Int {
            Int((((event[name] as? NSNumber)?.doubleValue ?? -1) * 1000).rounded())
        }
        let start = nanoseconds("ts")
        return start..<start + max(0, nanoseconds("dur"))
    }

    private static func lies(_ inner: Range<Int>, within outer: Range<Int>) -> Bool {
        outer.lowerBound <= inner.lowerBound && inner.upperBound <= outer.upperBound
    }

    @Test func spansOfAThreadAreNested() throws {
        let place = try Place.training()
        #expect(try Self.profile(place, "--epochs", "1", "--trace", "t.json").code == 0)
        let events = try Trace(try place.data("t.json")).events
        #expect(events.count > 100)
        for event in events {
            let isWhole =
                event["name"] is String && event["pid"] is Int && event["tid"] is Int && event["args"] is [String: Any]
            #expect(isWhole, "\(event)")
        }
        for (_, spans) in Dictionary(grouping: events, by: { $0["tid"] as? Int ?? 0 }) {
            let intervals = spans.map(Self.interval).sorted {
                ($0.lowerBound, $1.upperBound) < ($1.lowerBound, $0.upperBound)
            }
            var open: [Range<Int>] = []
            for interval in intervals {
                while let last = open.last, last.upperBound <= interval.lowerBound {
                    open.removeLast()
                }
                if let last = open.last { #expect(Self.lies(interval, within: last), "\(interval) \(last)") }
                open.append(interval)
            }
        }
        let operation = try #require(events.first { $0["name"] as? String == "attention" })
        #expect((operation["args"] as? [String: Any])?["shapes"] is [[Int]], "\(operation)")
    }

    /// Own times of the trace's spans, operation by operation, are those of the printed table.
    @Test func traceAddsUpToTheTable() throws {
        let place = try Place.training()
        let outcome = try Self.profile(place, "--epochs", "1", "--trace", "t.json")
        #expect(outcome.code == 0, "\(outcome)")
        let events = try Trace(try place.data("t.json")).events.filter { $0["tid"] as? Int == 1 }
        let kind = { (event: [String: Any]) in event["cat"] as? String ?? "" }
        let sorted = events.filter { kind($0) != "product" }.map { ($0, Self.interval($0)) }.sorted {
            ($0.1.lowerBound, $1.1.upperBound) < ($1.1.lowerBound, $0.1.upperBound)
        }
        // The first step is the warm-up; what is done between steps is no part of them.
        let steps = sorted.filter { kind($0.0) == "step" }.dropFirst()
        let asides = sorted.filter { kind($0.0) == "aside" }
        var own = sorted.map { $0.1.count }
        var open: [Int] = []
        for (index, event) in sorted.enumerated() {
            while let last = open.last, sorted[last].1.upperBound <= event.1.lowerBound { open.removeLast() }
            if let last = open.last { own[last] -= event.1.count }
            open.append(index)
        }
        var sums: [String: (calls: Int, time: Int)] = [:]
        for (index, event) in sorted.enumerated() where ["forward", "backward"].contains(kind(event.0)) {
            guard steps.contains(where: { Self.lies(event.1, within: $0.1) }),
                !asides.contains(where: { Self.lies(event.1, within: $0.1) })
            else { continue }
            let name = event.0["name"] as? String ?? ""
            let key = kind(event.0) == "forward" ? name + " forward" : name
            sums[key, default: (0, 0)].calls += 1
            sums[key, default: (0, 0)].time += own[index]
        }
        #expect(steps.count == 7 && sums.count >= 15, "\(sums.keys)")
        // Printed as "name  forward  calls  ms  share …", names with one blank at most.
        let lines = outcome.out.split(separator: "\n", omittingEmptySubsequences: false)
        let first = try #require(lines.firstIndex { $0.hasPrefix("by operation") })
        var found = 0
        for line in lines[(first + 1)...].prefix(while: { !$0.isEmpty }) {
            let cells = line.split(separator: " ").map(String.init)
            guard cells.count > 3, ["forward", "backward"].contains(cells[1]) else { continue }
            let sum = try #require(sums["\(cells[0]) \(cells[1])"], "\(line)")
            // Rounded to a tenth of a call and to a thousandth of a millisecond.
            let (calls, time) = (try #require(Double(cells[2])), try #require(Double(cells[3])))
            #expect(abs(Double(sum.calls) / 7 - calls) <= 0.0501, "\(line)")
            #expect(abs(Double(sum.time) / 7e6 - time) <= 0.000501, "\(line)")
            found += 1
        }
        #expect(found == sums.count)
    }

    @Test func trainsAsRunDoes() throws {
        let place = try Place.training()
        let plain = try place.train("--epochs", "1", "--run-dir", "plain")
        let profiled = try Self.profile(place, "--epochs", "1", "--run-dir", "profiled")
        let losses = { (outcome: Outcome) in outcome.out.split(separator: "\n").first { $0.hasPrefix("losses ") } }
        #expect(losses(plain) != nil && losses(plain) == losses(profiled), "\(plain) \(profiled)")
        #expect(try place.adapter("plain/best") == place.adapter("profiled/best"))
    }

    @Test func stopsWhereAsked() throws {
        let place = try Place.training()
        let outcome = try Self.profile(place, "--save", "no", "--stop-after", "2")
        #expect(outcome.code == 0 && outcome.err.isEmpty, "\(outcome)")
        #expect(outcome.out.contains("profile of 2 training steps: ") && !outcome.out.contains("losses"), "\(outcome)")
        #expect(!place.files().contains { $0.contains("checkpoint") })
    }

    @Test func interruptedShowsWhatWasGathered() throws {
        let place = try Place.training()
        let running = try Running(
            [Running.program, "profile", "train.lua", "--epochs", "100", "--pause", "20"], cwd: place.path)
        #expect(running.waits(for: "step 4\n"))
        running.signal(SIGINT)
        let outcome = running.wait()
        #expect(outcome.code == 130, "\(outcome)")
        #expect(outcome.out.contains("profile of ") && outcome.out.contains("by module"), "\(outcome)")
    }

    @Test func countsLoopsWrittenByHand() throws {
        let place = try Place.training()
        try place.put(
            "train.lua",
            """
            local lorawb = require "lorawb"
            local model = lorawb.load_model("tiny", { task_type = "SEQ_CLS", num_labels = 2 })
            model:add_adapter { r = 2, target_modules = { "query" } }
            model:train()
            local optimizer = lorawb.optim.AdamW(model:parameter_groups(), { lr = 1e-3 })
            for step = 1, 5 do
              model:forward({ input_ids = { { 2, 5, 6, 3 }, { 2, 7, 3 } }, labels = { 0, 1 } }).loss:backward()
              optimizer:step() optimizer:zero_grad()
            end
            """)
        let outcome = try Self.profile(place)
        // The first step's beginning is not known, so it is no step; the second is the warm-up.
        #expect(outcome.code == 0 && outcome.out.contains("profile of 3 training steps: "), "\(outcome)")
        #expect(outcome.out.contains("cross_entropy"), "\(outcome)")
    }

    @Test func saysWhereThereIsNothingToShow() throws {
        let place = try Place.training()
        try place.put("train.lua", "print(1)")
        let none = try Self.profile(place)
        #expect(
            none.code == 0 && none.out == "1\nprofile: the recipe made no training step, so there is nothing to show\n")
        let traced = try Self.profile(place, "--trace", "t.json")
        #expect(traced.code == 0 && traced.out.hasSuffix("nothing to show; no trace is written\n"), "\(traced)")
        #expect(!place.exists("t.json"))
        try place.put("train.lua", Place.trainingRecipe)
        let one = try Self.profile(place, "--epochs", "1", "--batch", "32")
        #expect(one.code == 0 && one.out.contains("one training step, which is left out as warm-up"), "\(one)")
        let help = try Self.profile(place, "--help")
        #expect(help.code == 0 && help.out.contains("--epochs") && !help.out.contains("profile"), "\(help)")
    }

    @Test func refusesWhatItCannotDo() throws {
        let place = try Place.training()
        // Where the trace cannot be written is said before the recipe runs.
        for (trace, message) in [
            ("none/t.json", "--trace: there is no folder '\(place.path)/none'; make it, or name another file"),
            ("tiny", "--trace: 'tiny' is a folder, expected the name of a file"),
            ("/dev/null", "--trace: '/dev/null' is a pipe, socket or device, expected the name of a file"),
        ] {
            let refused = try Self.profile(place, "--epochs", "1", "--trace", trace)
            #expect(refused.code == 64 && refused.out == "" && refused.line == "lorawb: " + message, "\(refused)")
        }
        // The run's folder is made by the run.
        let inRun = try Self.profile(place, "--epochs", "1", "--run-dir", "new/run", "--trace", "new/run/t.json")
        #expect(inRun.code == 0 && place.exists("new/run/t.json"), "\(inRun)")
        try place.put("typo.lua", "local lorawb = require 'lorawb'\nlorawb.trianer {}\n")
        let typo = try Running([Running.program, "profile", "typo.lua", "--trace", "t.json"], cwd: place.path).wait()
        #expect(typo.code == 1 && typo.out == "" && typo.err.contains("did you mean 'trainer'?"), "\(typo)")
        #expect(!place.exists("t.json"))
        let negative = try Self.profile(place, "--skip-steps=-1")
        #expect(negative.code == 64 && negative.line.contains("--skip-steps expects at least 0"), "\(negative)")
        try place.put("train.lua", "local lorawb = require 'lorawb' lorawb.args { every_layer = 1 }")
        #expect(try place.train().code == 0)
        let taken = try Self.profile(place)
        #expect(taken.code == 1 && taken.line.contains("'every_layer' is an option of lorawb itself"), "\(taken)")
    }
}
