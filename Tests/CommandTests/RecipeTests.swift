import Foundation
import Testing

/// What `lorawb run` makes of what the user typed and of what a recipe says.
struct RecipeTests {
    static let declaring = """
        #!/usr/bin/env lorawb
        -- probe: shows its parameters.
        local lorawb = require "lorawb"
        local args = lorawb.args {
          lr = { 1e-3, min = 0, help = "peak rate" }, epochs = 2, quiet = false,
          mode = { "fast", one_of = { "fast", "slow" } },
        }
        print(args.lr, args.epochs, args.quiet, args.mode)
        """

    /// The recipes that the binary holds.
    static let inside = [
        "answers", "chat_tune", "cola", "documents", "e2e_nlg", "finetune_text", "generate", "labels", "loop", "pairs",
        "predict", "quickstart", "sst2", "sweep", "tags", "text_to_sql", "translate", "zero_shot",
    ]

    @Test func helpListsParameters() throws {
        let place = try Place()
        try place.put("probe.lua", Self.declaring)
        let help = try lorawb("run", "probe.lua", "--help", cwd: place.path)
        #expect(help.code == 0 && help.err.isEmpty, "\(help)")
        #expect(help.out.hasPrefix("usage: lorawb run probe.lua [--name value ...]\n\nprobe: shows its parameters.\n"))
        for line in [
            "  --epochs <integer>  (default: 2)", "  --lr <number>       peak rate; of at least 0 (default: 0.001)",
            "  --mode <string>     one of fast, slow (default: fast)", "  --quiet <boolean>   (default: false)",
        ] { #expect(help.out.contains(line + "\n"), "\(help.out)") }
    }

    @Test func parametersAreTyped() throws {
        let place = try Place()
        try place.put("probe.lua", Self.declaring)
        #expect(try lorawb("run", "probe.lua", cwd: place.path).out == "0.001\t2\tfalse\tfast\n")
        let typed = try lorawb(
            "run", "probe.lua", "--lr=5e-4", "--epochs", "7", "--quiet", "--mode", "slow", cwd: place.path)
        #expect(typed.out == "0.0005\t7\ttrue\tslow\n")
        // A first line as an executable recipe has it means run.
        #expect(try lorawb("probe.lua", "--epochs", "3", cwd: place.path).out == "0.001\t3\tfalse\tfast\n")
    }

    @Test(arguments: [
        (["--epoch", "3"], "lorawb: unknown parameter --epoch; did you mean --epochs?"),
        (["--zzzz", "3"], "lorawb: unknown parameter --zzzz; this recipe takes --epochs, --lr, --mode, --quiet"),
        (["--epochs", "x"], "lorawb: --epochs expected an integer, got 'x'"),
        (["--epochs", "2.5"], "lorawb: --epochs expected an integer, got '2.5'"),
        (["--lr", "-1"], "lorawb: --lr expected a number of at least 0, got '-1'"),
        (["--lr"], "lorawb: --lr needs a value"),
        (["--mode", "slower"], "lorawb: --mode expected one of fast, slow, got 'slower'; did you mean 'slow'?"),
        (["3"], "lorawb: unexpected argument '3'; parameters are typed as --name value"),
        (
            ["--max-memory", "much"],
            "lorawb: --max-memory expects a size such as 512MB or 4GB (KB, MB, GB and TB by thousands; KiB, MiB, GiB and TiB, or K, M, G and T, by 1024), got 'much'"
        ),
        (["--threads", "0"], "lorawb: --threads expects at least 1, got 0"),
        (["--time-limit", "0"], "lorawb: --time-limit expects seconds above 0, got 0.0"),
        (["--resume", "a", "--run-dir", "b"], "lorawb: --resume names the run's folder already; leave --run-dir out"),
    ])
    func misuseExits64(_ words: [String], _ message: String) throws {
        let place = try Place()
        try place.put("probe.lua", Self.declaring)
        let outcome = try Running([Running.program, "run", "probe.lua"] + words, cwd: place.path).wait()
        #expect(outcome.code == 64 && outcome.line == message && outcome.out.isEmpty, "\(outcome)")
    }

    @Test func parametersThatNobodyTakesAreRefused() throws {
        let place = try Place()
        let none = try place.run("print(1)", "--foo", "3")
        #expect(none.code == 64 && none.out.isEmpty, "\(none)")
        #expect(none.line == "lorawb: r.lua declares no parameters (lorawb.args), got '--foo'")
        let mentioned = try place.run("print('args')", "--foo", "3")
        #expect(mentioned.code == 64, "\(mentioned)")
        #expect(mentioned.line == "lorawb: r.lua declares no parameters (lorawb.args), got '--foo'")
    }

    @Test func commands() throws {
        let version = try lorawb("--version")
        #expect(version.code == 0 && version.out.wholeMatch(of: /lorawb \d+\.\d+\.\d+\n/) != nil, "\(version)")
        let info = try lorawb("info", env: ["LORAWB_THREADS": "1"])
        #expect(info.code == 0, "\(info)")
        for word in ["processor", "threads", "instructions", "memory", "BLAS", "Lua", "model cache"] {
            #expect(info.out.contains("\n" + word), "\(info.out)")
        }
        let unknown = try lorawb("rum")
        #expect(unknown.code == 64 && unknown.line == "lorawb: unknown command 'rum'; did you mean 'run'?")
        #expect(try lorawb("--nope").code == 64)
        #expect(try lorawb("run").code == 64)
        #expect(try lorawb("run", "--bad", "x.lua").code == 64)
        #expect(try lorawb("--help").code == 0)
    }

    @Test func recipesThatAreNotThere() throws {
        let place = try Place()
        try place.put("folder/x", "")
        let missing = try lorawb("run", "none.lua", cwd: place.path)
        #expect(missing.code == 64, "\(missing)")
        #expect(
            missing.line
                == "lorawb: none.lua: no such recipe file; inside lorawb are: \(Self.inside.joined(separator: ", "))")
        let folder = try lorawb("run", "folder", cwd: place.path)
        #expect(folder.code == 64 && folder.line == "lorawb: folder: is a folder, expected a recipe", "\(folder)")
    }

    @Test func recipesFromElsewhere() throws {
        for words in [["run", "-"], []] {
            let piped = try Running([Running.program] + words, stdin: "local x = 40\nprint(x + 2)", cwd: "/").wait()
            #expect(piped.code == 0 && piped.out == "42\n", "\(piped)")
        }
        let broken = try lorawb(stdin: "print(1\nprint(2)")
        #expect(broken.code == 1 && broken.out.isEmpty, "\(broken)")
        #expect(broken.line == "stdin:2: ')' expected (to close '(' at line 1) near 'print'")
        for name in Self.inside {
            let help = try lorawb("run", name, "--help")
            #expect(help.code == 0 && help.out.hasPrefix("usage: lorawb run \(name) "), "\(help)")
        }
    }

    @Test(arguments: [
        ("print(prin)", "r.lua:2: undefined global 'prin'; did you mean 'print'?"),
        ("local x = epochz", "r.lua:2: undefined global 'epochz'"),
        ("print(1", "r.lua:2: ')' expected near <eof>"),
        ("local t = {}\nt.x.y = 1", "r.lua:3: attempt to index a nil value (field 'x')"),
        ("lorawb.lod_model('x')", "r.lua:2: lorawb has no 'lod_model'; did you mean 'load_model'?"),
        ("print(lorawb.nn.Liner)", "r.lua:2: lorawb.nn has no 'Liner'; did you mean 'Linear'?"),
        (
            "lorawb.args { threads = 1 }",
            "r.lua:2: args: 'threads' is an option of lorawb itself; call the parameter something else"
        ),
        (
            "lorawb.args { run_dir = 'x' }",
            "r.lua:2: args: 'run_dir' is an option of lorawb itself; call the parameter something else"
        ),
        (
            "lorawb.load_dataset('x.tsv', { colums = {} })",
            "r.lua:2: load_dataset: unknown option 'colums'; did you mean 'columns'?"
        ),
        (
            "io.open('x')",
            "r.lua:2: attempt to call a nil value (field 'open'); 'io.open' is not available to recipes; read and write files with lorawb.read_text and lorawb.save_text"
        ),
    ])
    func errorsSayWhere(_ lines: String, _ message: String) throws {
        let outcome = try Place().run(lines)
        #expect(outcome.code == 1 && outcome.line == message && outcome.out.isEmpty, "\(outcome)")
    }

    @Test func errorsInFunctionsShowTheWayThere() throws {
        let outcome = try Place().run("local function f() error('deep') end\nlocal function g() f() end\ng()")
        #expect(outcome.code == 1, "\(outcome)")
        #expect(
            outcome.line.split(separator: "\n") == [
                "r.lua:2: deep", "  r.lua:2: in upvalue 'f'", "  r.lua:3: in local 'g'", "  r.lua:4: in main chunk",
            ], "\(outcome)")
    }

    @Test func seedsThreadsAndRunFolders() throws {
        let place = try Place()
        let draw = "print(lorawb.randn(3):tolist()[1])"
        let (one, again, two) = (
            try place.run(draw, "--seed", "1"), try place.run(draw, "--seed=1", "--threads", "1"),
            try place.run(draw, "--seed", "2")
        )
        #expect(one.code == 0 && one.out == again.out && one.out != two.out, "\(one) \(again) \(two)")
        #expect(try place.run("lorawb.args { x = 1 }\n" + draw, "--seed", "2").out == two.out)
        let typed = try place.run("print(lorawb.args { seed = 3 }.seed)", "--seed", "9")
        #expect(typed.out == "9\n", "\(typed)")
        let seed = try place.run(draw, "--seed", "x")
        #expect(seed.code == 64 && seed.line == "lorawb: --seed expects an integer, got 'x'", "\(seed)")

        #expect(try place.run("print(lorawb.run_dir)").out == "\(place.path)/runs/r-1\n")
        #expect(try place.run("print(lorawb.run_dir)").out == "\(place.path)/runs/r-2\n")
        #expect(try place.run("print(lorawb.run_dir)", "--run-dir", "a/b").out == "\(place.path)/a/b\n")
        #expect(place.exists("a/b"))
        // A run that asks for no folder leaves none.
        _ = try place.run("print(1)", "--run-dir", "unused")
        #expect(!place.exists("unused") && place.files("runs") == ["r-1", "r-2"])
    }
}
