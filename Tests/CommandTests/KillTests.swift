import Foundation
import Testing

/// Trainings that are stopped on the way and go on to the same bits.
@Suite(.serialized) struct KillTests {
    /// A place with a run `whole` that ran through.
    private static func place(_ words: String...) throws -> Place {
        let place = try Place.training()
        let outcome = try Running(
            [Running.program, "run", "train.lua", "--run-dir", "whole"] + words, cwd: place.path
        ).wait()
        #expect(outcome.code == 0, "\(outcome)")
        return place
    }

    /// Ctrl-C, and what a machine that goes down or a queue sends.
    @Test(arguments: [(SIGINT, 130, "interrupted"), (SIGTERM, 143, "terminated")])
    func stopped(_ signal: Int32, _ code: Int32, _ word: String) throws {
        let place = try Self.place("--pause", "60")
        let running = try place.startTraining("--pause", "60", "--run-dir", "cut run")
        #expect(running.waits(for: "step 5\n"))
        running.signal(signal)
        // timeout(1) sends it to the process and to its group.
        if signal == SIGTERM { running.signal(signal) }
        let stopped = running.wait()
        #expect(stopped.code == code && stopped.err.contains("\(word)\n"), "\(stopped)")
        let hint = "to go on: lorawb run train.lua --pause 60 --resume 'cut run'"
        #expect(stopped.err.contains(hint + "\n"), "\(stopped)")
        #expect(!place.exists("cut run/best"))
        let resumed = try place.train("--pause", "60", "--resume", "cut run")
        #expect(resumed.code == 0 && resumed.out.contains("resuming from "), "\(resumed)")
        #expect(try place.adapter("cut run/best") == place.adapter("whole/best"))
        #expect(
            try place.data("cut run/checkpoint-16/optimizer.safetensors")
                == place.data("whole/checkpoint-16/optimizer.safetensors"))
    }

    @Test func killedAnywhere() throws {
        let place = try Self.place("--pause", "30", "--save", "steps")
        // Few by default, since each takes two trainings; LORAWB_KILLS says how many.
        let attempts = ProcessInfo.processInfo.environment["LORAWB_KILLS"].flatMap { Int($0) } ?? 6
        for attempt in 0..<attempts {
            let running = try place.startTraining("--pause", "30", "--save", "steps", "--run-dir", "cut\(attempt)")
            _ = running.waits(for: "step \(1 + attempt * 2 % 15)\n")
            usleep(UInt32.random(in: 0..<30_000))
            running.signal(SIGKILL)
            #expect(running.wait().code == 137)
            let resumed = try place.train("--pause", "30", "--save", "steps", "--resume", "cut\(attempt)")
            #expect(resumed.code == 0, "\(resumed)")
            #expect(try place.adapter("cut\(attempt)/best") == place.adapter("whole/best"))
            // What the killed process was writing is gone.
            #expect(
                place.files("cut\(attempt)").filter { $0.contains("/.") || $0.hasPrefix(".") || $0.contains("tmp") }
                    == [])
        }
    }

    /// One process at a time writes in a run's folder; the other says which one has it, and changes nothing.
    @Test func twoProcessesInOneFolder() throws {
        let place = try Place.training()
        let lines =
            "print(lorawb.run_dir)\nwhile not lorawb.exists('go') do end\nlorawb.save_text(lorawb.run_dir .. '/a', 'x')"
        try place.put("wait.lua", "local lorawb = require 'lorawb'\n" + lines)
        let first = try Running([Running.program, "run", "wait.lua", "--run-dir", "run"], cwd: place.path)
        #expect(first.waits(for: "/run\n"))
        for words in [["--run-dir", "run"], ["--resume", "run"], ["--run-dir", "data/../run"]] {
            let second = try Running([Running.program, "run", "train.lua"] + words, cwd: place.path).wait()
            #expect(second.code == 1, "\(second)")
            #expect(
                second.line.hasSuffix(
                    "\(place.path)/run: process \(first.process) is writing in this folder; wait for its end, or give another one (--run-dir, output_dir)"
                ), "\(second)")
            #expect(place.files("run") == [".lorawb.lock"])
        }
        try place.put("go", "")
        #expect(first.wait().code == 0 && place.files("run") == ["a"])
        // After a kill the file is still there and nobody's, and so is what was being written.
        let killed = try Running([Running.program, "run", "wait.lua", "--run-dir", "killed"], cwd: place.path)
        try place.remove("go")
        #expect(killed.waits(for: "/killed\n"))
        killed.signal(SIGKILL)
        #expect(killed.wait().code == 137 && place.files("killed") == [".lorawb.lock"])
        try place.put("killed/best/.lorawb-tmp-12-abc", "half")
        try place.put("killed/.lorawb-tmp-13-abc/x", "half")
        try place.put("killed/.mine", "whole")
        try place.put("go", "")
        let next = try Running([Running.program, "run", "wait.lua", "--run-dir", "killed"], cwd: place.path).wait()
        #expect(next.code == 0, "\(next)")
        #expect(place.files("killed") == [".mine", "a", "best"])
    }

    @Test func fullDisk() throws {
        let place = try Self.place()
        // A limit on the size of files, in blocks of 512 bytes, refuses what a full disk refuses.
        let full = try Running(
            [
                "/bin/sh", "-c", "ulimit -f 12; exec \"$0\" \"$@\"", Running.program, "run", "train.lua", "--run-dir",
                "full",
            ],
            cwd: place.path
        ).wait()
        #expect(full.code == 1, "\(full)")
        #expect(full.line.contains("cannot write: "), "\(full)")
        #expect(place.files("full").filter { $0.contains("checkpoint") || $0.contains("best") } == [])
        let resumed = try place.train("--resume", "full")
        #expect(resumed.code == 0, "\(resumed)")
        #expect(try place.adapter("full/best") == place.adapter("whole/best"))
    }

    @Test func anotherRunIsRefusedByName() throws {
        let place = try Self.place("--save", "steps")
        func refusal(_ words: String..., expects: String) throws {
            let outcome = try Running(
                [Running.program, "run", "train.lua", "--save", "steps"] + words + ["--resume", "whole"],
                cwd: place.path
            ).wait()
            #expect(outcome.code == 1 && outcome.err.contains(expects), "\(outcome)")
        }
        try refusal("--lr", "2e-2", expects: "the run was made with lr = 0.01, now it is 0.02")
        try place.makeData("other/train.tsv", rows: 31)
        try place.makeData("other/dev.tsv", rows: 12)
        try refusal("--data", "other", expects: "the run was made with data = 'data', now it is ")
        let data = try place.data("data/train.tsv")
        try place.makeData("data/train.tsv", rows: 31)
        try refusal(expects: "the run was made with another train_dataset: recorded 32 rows")
        try place.put("data/train.tsv", data)
        try place.change("tiny/model.safetensors") { _, tensors in tensors = Data(count: tensors.count) }
        try refusal(expects: "the run was made with another base")
        try place.makeModel(dropout: 0.1)
        try place.put("train.lua", Place.trainingRecipe + "\nprint('more')\n")
        try refusal(expects: "another recipe")
        try place.put("train.lua", Place.trainingRecipe)
        let again = try place.train("--save", "steps", "--run-dir", "whole")
        #expect(again.code == 1 && again.err.contains("there is checkpoint-2 of another run"), "\(again)")
        let nothing = try place.train("--resume", "nowhere")
        #expect(nothing.code == 64 && nothing.line == "lorawb: --resume: no run folder 'nowhere'", "\(nothing)")
        #expect(!place.exists("nowhere"))
    }

    @Test func secondControlCEndsAtOnce() throws {
        let place = try Place()
        try place.put("r.lua", "print('ready')\nwhile true do pcall(function() while true do end end) end")
        let running = try Running([Running.program, "run", "r.lua"], cwd: place.path)
        #expect(running.waits(for: "ready\n"))
        running.signal(SIGINT)
        usleep(600_000)
        running.signal(SIGINT)
        #expect(running.wait().code == 130)
    }

    @Test func controlCInCallbacks() throws {
        let place = try Place.training()
        try place.put(
            "r.lua",
            """
            local lorawb = require "lorawb"
            local data = lorawb.load_dataset("data/train.tsv")
            print("ready")
            data:map(function(row) while true do end end)
            """)
        let running = try Running([Running.program, "run", "r.lua"], cwd: place.path)
        #expect(running.waits(for: "ready\n"))
        running.signal(SIGINT)
        let outcome = running.wait()
        #expect(outcome.code == 130 && outcome.line == "interrupted", "\(outcome)")
    }

    @Test func closedPipes() throws {
        let place = try Place.training()
        let outcome = try Running(
            ["/bin/sh", "-c", "\"$0\" run train.lua --run-dir run | head -1; exit 0", Running.program], cwd: place.path
        ).wait()
        #expect(outcome.code == 0 && outcome.out.split(separator: "\n").count == 1, "\(outcome)")
        for _ in 0..<1000 where !place.exists("run/best/adapter_model.safetensors") { usleep(10_000) }
        #expect(place.exists("run/best/adapter_model.safetensors"))
    }

    @Test func limits() throws {
        let place = try Place()
        let time = try place.run("while true do end", "--time-limit", "0.5")
        #expect(time.code == 124 && time.line.hasPrefix("time limit: stopped after 0.5 seconds"), "\(time)")
        let caught = try place.run("while true do pcall(function() while true do end end) end", "--time-limit", "0.5")
        #expect(caught.code == 124, "\(caught)")
        let strings = try place.run(
            "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e5) .. i end", "--max-memory", "32MB")
        #expect(strings.code == 125 && strings.err.hasPrefix("memory limit: "), "\(strings)")
        let tensors = try place.run(
            "local t = {} for i = 1, 1e9 do t[i] = lorawb.zeros(1000000) end", "--max-memory", "64MB")
        #expect(tensors.code == 125 && tensors.err.contains("memory limit"), "\(tensors)")
        let one = try place.run("lorawb.zeros(100000000)", "--max-memory", "64MB")
        #expect(one.code == 125 && one.err.contains("memory limit"), "\(one)")

        let trained = try Place.training()
        let cut = try trained.train("--pause", "4000", "--time-limit", "2", "--run-dir", "run")
        #expect(cut.code == 124 && cut.err.contains("--resume run"), "\(cut)")
    }
}
