import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Trainings above kept states, as somebody runs them.
struct KeptStatesTests {
    /// The tests' training with the upper of two layers adapted, its states below kept in a file.
    private static func place(_ more: String = "") throws -> Place {
        let place = try Place.training()
        let recipe = Place.trainingRecipe.replacing(
            "target_modules = {", with: "layers_to_transform = 1, layers_pattern = \"layer\", target_modules = {"
        ).replacing(
            "logging_steps = 1,",
            with: "logging_steps = 1, freeze_dropout = true, prefix_cache = true, prefix_cache_place = \"file\",\(more)"
        )
        try place.put("train.lua", recipe)
        return place
    }

    @Test(arguments: [(SIGINT, 130, 2), (SIGINT, 130, 11), (SIGTERM, 143, 3), (SIGKILL, 137, 3), (SIGKILL, 137, 12)])
    func stoppedAndContinued(signal: Int32, code: Int32, step: Int) throws {
        let place = try Self.place()
        let whole = try place.train("--pause", "30", "--run-dir", "whole")
        #expect(whole.code == 0 && whole.out.contains("for the 32 rows of train_dataset: "), "\(whole)")
        #expect(whole.out.contains("(float32) in a file\n"), "\(whole)")
        // In the first of two epochs of 8 steps states are computed, in the second they are read.
        let running = try place.startTraining("--pause", "30", "--run-dir", "cut")
        #expect(running.waits(for: "step \(step)\n"))
        running.signal(signal)
        #expect(running.wait().code == code)
        let allowed = [
            "recipe.lua", "params.json", "environment.json", "metrics.jsonl", ".lorawb.lock", "trainer_state.json",
            "run.json", "details.json", "report.html",
        ]
        #expect(place.files("cut").allSatisfy { allowed.contains($0) || $0.hasPrefix("checkpoint-") })
        let resumed = try place.train("--pause", "30", "--resume", "cut")
        #expect(resumed.code == 0, "\(resumed)")
        #expect(try place.adapter("cut/best") == place.adapter("whole/best"))
    }

    @Test("disable_tqdm takes the bar away, not what is to be read")
    func quiet() throws {
        let place = try Self.place(" disable_tqdm = true,")
        let outcome = try place.train("--epochs", "1")
        for line in [
            "freeze_dropout: nothing is dropped below layer 1 of 2", "     epoch  training loss  validation loss",
        ] {
            #expect(outcome.out.contains(line), "\(outcome)")
        }
        #expect(outcome.out.count("prefix_cache: keeping the states that enter layer 1 of 2") == 2, "\(outcome)")
        // On a terminal too there is no line that is drawn again and again.
        for (more, bars) in [(" disable_tqdm = true,", false), ("", true)] {
            let place = try Self.place(more)
            let terminal = try Terminal([Running.program, "run", "train.lua"], cwd: place.path)
            let text = try #require(terminal.reads(upTo: "losses ", timeout: 60))
            #expect(text.contains("samples/s") == bars && text.contains("prefix_cache: keeping"), "\(text)")
            #expect(text.replacing("\r\n", with: "\n").contains("\r") == bars, "\(text)")
            #expect(terminal.end() == 0)
        }
    }

    @Test func aFolderThatCannotBeMade() throws {
        let place = try Self.place()
        // No user may make a folder there; the reason is not that there is none.
        let outcome = try place.train("--run-dir", "/sys/lorawb-run")
        #expect(outcome.code == 1 && outcome.line.contains("cannot make the run's folder: "), "\(outcome)")
        #expect(!outcome.line.contains("no such file"), "\(outcome)")
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func count(_ text: String) -> Int { components(separatedBy: text).count - 1 }
}
