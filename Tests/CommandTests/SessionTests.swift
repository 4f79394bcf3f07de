import Foundation
import Testing

/// The interactive session, on a terminal.
@Suite(.serialized) struct SessionTests {
    static func start(_ words: String..., place: Place? = nil, env: [String: String] = [:]) throws -> (Terminal, Place)
    {
        let place = try place ?? Place()
        let terminal = try Terminal([Running.program] + words, cwd: place.path, env: env)
        #expect(terminal.reads(upTo: "> ")?.hasPrefix("lorawb ") == true)
        return (terminal, place)
    }

    /// Types a line and gives what is printed until the next prompt.
    static func answer(_ terminal: Terminal, _ line: String, prompt: String = "\n> ", timeout: Double = 10) -> String? {
        terminal.type(line + "\n")
        guard terminal.reads(upTo: line) != nil else { return nil }
        let answer = terminal.reads(upTo: prompt.replacing("\n", with: "\r\n"), timeout: timeout)
        return answer.map { String($0.replacing(prompt, with: "").drop { $0 == "\n" }) }
    }

    /// Types keys and Enter, and gives the last line that is printed before the next prompt: what a line comes to however it was edited.
    static func result(_ terminal: Terminal, _ keys: String) -> String? {
        terminal.type(keys + "\n")
        return terminal.reads(upTo: "\r\n> ")?.split(separator: "\n").dropLast().last.map(String.init)
    }

    private static func end(_ terminal: Terminal) -> Int32 {
        terminal.type("\u{4}")
        return terminal.end()
    }

    @Test func expressionsPrintAndErrorsStay() throws {
        let (terminal, place) = try Self.start()
        #expect(Self.answer(terminal, "40 + 2") == "42")
        #expect(Self.answer(terminal, "_ / 2") == "21.0")
        #expect(Self.answer(terminal, "1, 'two', nil") == "1\ttwo\tnil")
        #expect(Self.answer(terminal, "= 5") == "5")
        #expect(Self.answer(terminal, "lorawb.tensor({1, 2}):sum():item()") == "3")
        #expect(Self.answer(terminal, "error('no')")?.hasSuffix("no") == true)
        #expect(Self.answer(terminal, "prin(1)")?.contains("did you mean 'print'?") == true)
        let syntax = Self.answer(terminal, "1 +* 2")
        #expect(syntax?.contains("near") == true, "\(syntax ?? "nothing")")
        #expect(Self.answer(terminal, "print('still here')") == "still here")
        // What a recipe prints cannot move the cursor.
        #expect(Self.answer(terminal, "print('\\27[2J')") == "\\u{1b}[2J")
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    @Test func incompleteChunksContinue() throws {
        let (terminal, place) = try Self.start()
        terminal.type("function double(x)\n")
        #expect(terminal.reads(upTo: "\r\n>> ") != nil)
        terminal.type("return 2 * x\n")
        #expect(terminal.reads(upTo: "\r\n>> ") != nil)
        terminal.type("end\n")
        #expect(terminal.reads(upTo: "\r\n> ") != nil)
        #expect(Self.answer(terminal, "double(21)") == "42")
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    @Test(arguments: ["edited", "plain"])
    func controlCEndsTheLineAndTheLoop(_ mode: String) throws {
        let (terminal, place) = try Self.start(env: mode == "plain" ? ["LORAWB_EDIT": "0"] : [:])
        #expect(Self.answer(terminal, "x = 7 print 'set'") == "set")
        terminal.type("for i = 1,")
        #expect(terminal.reads(upTo: "for i = 1,") != nil)
        terminal.type("\u{3}")
        #expect(terminal.reads(upTo: "\n> ") != nil)
        for loop in [
            "while true do end", "coroutine.wrap(function() while true do end end)()",
            "while true do pcall(function() while true do end end) end",
            "while true do xpcall(error, function() while true do end end) end",
            "repeat local t = setmetatable({}, { __close = function() while true do end end }) do local c <close> = t end until false",
        ] {
            terminal.type(loop + "\n")
            #expect(terminal.reads(upTo: loop + "\r\n") != nil)
            usleep(100_000)
            terminal.type("\u{3}")
            #expect(terminal.reads(upTo: "interrupted\r\n> ", timeout: 3) != nil, "\(loop)")
        }
        terminal.type("function f()\n")
        #expect(terminal.reads(upTo: ">> ") != nil)
        terminal.type("\u{3}")
        #expect(terminal.reads(upTo: "\n> ") != nil)
        #expect(Self.answer(terminal, "x") == "7")
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    /// A text of 24 megabytes, and texts without end.
    @Test func controlCStopsALongTokenization() throws {
        let place = try Place()
        try place.makeModel()
        let (terminal, _) = try Self.start(place: place)
        #expect(Self.answer(terminal, "t = lorawb.load_tokenizer 'tiny'") == "")
        #expect(Self.answer(terminal, "long = ('a fine film '):rep(2000000)", timeout: 30) != nil)
        #expect(
            Self.answer(terminal, "texts = {} for i = 1, 100000 do texts[i] = 'a fine film' end", timeout: 30) != nil)
        for line in ["t:encode(long)", "while true do t:encode_batch(texts) end"] {
            terminal.type(line + "\n")
            #expect(terminal.reads(upTo: line + "\r\n") != nil)
            usleep(300_000)
            let start = Date()
            terminal.type("\u{3}")
            #expect(terminal.reads(upTo: "interrupted\r\n> ", timeout: 10) != nil, "\(line)")
            #expect(Date().timeIntervalSince(start) < 3, "\(line)")
        }
        #expect(Self.end(terminal) == 0)
    }

    @Test func controlCStopsAFill() throws {
        let (terminal, place) = try Self.start()
        for line in ["a = lorawb.randn(30000, 10000)", "a = lorawb.rand(50000, 10000)"] {
            terminal.type(line + "\n")
            #expect(terminal.reads(upTo: line + "\r\n") != nil)
            usleep(300_000)
            let start = Date()
            terminal.type("\u{3}")
            #expect(terminal.reads(upTo: "interrupted\r\n> ", timeout: 10) != nil, "\(line)")
            #expect(Date().timeIntervalSince(start) < 2, "\(line)")
        }
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    /// A product of several seconds, forward and backward.
    @Test func controlCStopsALongProduct() throws {
        let (terminal, place) = try Self.start()
        #expect(Self.answer(terminal, "a = lorawb.ones(16384, 8192)", timeout: 30) != nil)
        for line in [
            "b = a:matmul(a:t())", "b = a:exp()", "b = a:tolist()", "a.requires_grad = true", "a:matmul(a:t())",
        ] {
            terminal.type(line + "\n")
            #expect(terminal.reads(upTo: line + "\r\n") != nil)
            guard line.contains("(") else { continue }
            usleep(400_000)
            let start = Date()
            terminal.type("\u{3}")
            #expect(terminal.reads(upTo: "interrupted\r\n> ", timeout: 10) != nil, "\(line)")
            #expect(Date().timeIntervalSince(start) < 1.5, "\(line)")
        }
        #expect(Self.answer(terminal, "b")?.contains("undefined") == true)
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    // MARK: Editing

    private static let left = "\u{1b}[D", right = "\u{1b}[C", up = "\u{1b}[A", down = "\u{1b}[B"
    private static let home = "\u{1b}[H", end = "\u{1b}[F", delete = "\u{1b}[3~"

    @Test(arguments: ["xterm", "screen-256color", "no-such-terminal"])
    func keysEditTheLine(_ name: String) throws {
        let (terminal, place) = try Self.start(env: ["TERM": name])
        let (left, right, home, end) = (Self.left, Self.right, Self.home, Self.end)
        #expect(Self.result(terminal, "1 + 3" + left + "1") == "14")
        #expect(Self.result(terminal, "0 + 3" + home + "4" + end + "2") == "72")
        #expect(Self.result(terminal, "12345" + left + left + "\u{b}") == "123")  // Ctrl-K
        #expect(Self.result(terminal, "never" + "\u{15}" + "8") == "8")  // Ctrl-U
        #expect(Self.result(terminal, "12 + one" + "\u{17}" + "30") == "42")  // Ctrl-W
        #expect(Self.result(terminal, "1234\u{7f}\u{7f}") == "12")
        #expect(Self.result(terminal, "1234" + home + right + Self.delete) == "134")
        #expect(Self.result(terminal, "23\u{1}1\u{5}4") == "1234")  // Ctrl-A, Ctrl-E
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    @Test func wideCharactersAreOneCharacter() throws {
        let (terminal, place) = try Self.start()
        #expect(Self.result(terminal, "'漢字😀x'" + Self.left + Self.left + "\u{7f}") == "漢字x")
        #expect(Self.result(terminal, "'äé'" + Self.left + Self.left + "ö") == "äöé")
        #expect(Self.result(terminal, "#'漢字'" + Self.left + "語\u{7f}") == "6")
        #expect(Self.result(terminal, Self.up + Self.up) == "äöé")
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    @Test func historyLastsAndIsPrivate() throws {
        let (first, place) = try Self.start()
        #expect(Self.result(first, "6 * 7") == "42")
        first.type("function twice(x)\n")
        #expect(first.reads(upTo: "\r\n>> ") != nil)
        first.type("return 2 * x end\n")
        #expect(first.reads(upTo: "\r\n> ") != nil)
        #expect(Self.result(first, Self.up + Self.up) == "42")
        #expect(Self.end(first) == 0)

        let file = ".local/state/lorawb/history"
        #expect(try place.text(file) == "6 * 7\nfunction twice(x)\\nreturn 2 * x end\n6 * 7\n")
        let mode = try FileManager.default.attributesOfItem(atPath: place.path + "/" + file)[.posixPermissions] as? Int
        #expect(mode == 0o600)

        let (second, _) = try Self.start("--allow-read", place.path, "--allow-write", place.path, place: place)
        #expect(Self.result(second, Self.up + Self.up + " print(twice(4))") == "8")  // the chunk of two lines
        for path in [file, place.path + "/" + file, ".local/../.local/state/lorawb/history"] {
            let answer = Self.answer(second, "lorawb.read_text('\(path)')")
            #expect(answer?.contains("typed in sessions") == true, "\(answer ?? "")")
        }
        #expect(Self.answer(second, "lorawb.save_text('\(file)', '')")?.contains("typed in sessions") == true)
        #expect(Self.end(second) == 0)
        try place.link("other", to: file)
        try place.put("r.lua", "print(require('lorawb').read_text('other'))")
        let run = try lorawb("run", "r.lua", "--allow-read", place.path, cwd: place.path, env: ["HOME": place.path])
        #expect(run.code == 1 && run.err.contains("typed in sessions"), "\(run)")
    }

    @Test func withoutAPlaceThereIsNoHistory() throws {
        let (terminal, place) = try Self.start(env: ["XDG_STATE_HOME": "/proc/none"])
        #expect(Self.result(terminal, "1 + 1") == "2")
        #expect(Self.result(terminal, Self.up) == "2")
        #expect(Self.end(terminal) == 0)
        #expect(!place.exists(".local"))
    }

    // MARK: Pastes

    private static let pasted = [
        "local sum = 0", "local function add(n)", "  sum = sum + n", "end", "for i = 1, 4 do", "  add(i)", "end",
        "-- a comment", "add(10)", "sum",
    ]

    @Test func pastesOfTenLinesWork() throws {
        let (terminal, place) = try Self.start()
        // Between its marks a paste is one entry, of which nothing runs before Enter.
        terminal.type("\u{1b}[200~" + Self.pasted.joined(separator: "\r") + "\r\u{1b}[201~")
        usleep(300_000)
        #expect(Self.result(terminal, "") == "20")
        #expect(Self.result(terminal, Self.up + " + 1") == "21")
        // One that is wrong somewhere runs nothing.
        terminal.type("\u{1b}[200~sum = 1000\rsum +* 1\u{1b}[201~")
        usleep(200_000)
        #expect(Self.result(terminal, "")?.contains("near") == true)
        #expect(Self.result(terminal, "sum") == "20")
        // Without marks the lines are typed.
        terminal.type(Self.pasted.joined(separator: "\n") + "\nprint('the ' .. 'end')\n")
        let typed = terminal.reads(upTo: "the end\r\n> ")
        #expect(typed?.contains("\n20\n") == true, "\(typed ?? "")")
        // A Tab within a paste is a space and completes nothing.
        terminal.type("\u{1b}[200~\tlor\t= 5\u{1b}[201~")
        usleep(200_000)
        #expect(Self.result(terminal, " lor = lor + 1 print(lor)") == "6")
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    @Test func linesOfAnEntryAreReached() throws {
        let (terminal, place) = try Self.start()
        terminal.type("\u{1b}[200~do\rlocal a = 1\rprint(a + 1)\rend\u{1b}[201~")
        usleep(200_000)
        // Up twice, to the end of `local a = 1`, then on.
        #expect(Self.result(terminal, Self.up + Self.up + Self.right + "0") != nil)
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    // MARK: Completion

    /// What Tab makes of typed keys: the line with what it put in, or what it lists.
    private static func completed(_ terminal: Terminal, _ keys: String, expects: String) -> Bool {
        terminal.type(keys + "\t")
        let found = terminal.reads(upTo: expects, timeout: 5) != nil
        terminal.type("\u{15}")
        usleep(50_000)
        return found
    }

    @Test func tabCompletes() throws {
        let place = try Place()
        try place.makeModel()
        try place.put("data/reviews-of-films.tsv", "text\tlabel\nfine\t1\nbad\t0\n")
        try place.put("cache/models--some--model/refs/main", "x")
        let (terminal, _) = try Self.start(place: place, env: ["HF_HUB_CACHE": place.path + "/cache"])
        #expect(Self.answer(terminal, "some_variable = { inner_field = 1, inner_call = print }") != nil)
        #expect(Self.answer(terminal, "local own_local = 3") != nil)
        #expect(Self.answer(terminal, "model = lorawb.load_model('tiny', { task_type = 'SEQ_CLS' })") != nil)
        #expect(Self.answer(terminal, "data = lorawb.load_dataset('data/reviews-of-films.tsv')") != nil)
        let cases: [(keys: String, expects: String)] = [
            ("some_v", "ariable"), ("own_l", "ocal"), ("whi", "le"), ("lorawb.load_da", "taset"),
            ("model:print_t", "rainable_parameters"),
            ("some_variable.", "inner_"), ("some_variable:inner_", "call"), ("model:merge_a", "adapter"),
            ("data.col", "umn_names"), ("data:map(print):shuf", "fle"), ("lorawb.nn.Lin", "ear"),
            ("lorawb.load_model('tiny', { num_", "labels = "),
            ("lorawb.load_model('tiny', { num_labels = 2, ", "weights"),
            ("lorawb.trainer{ train_d", "ataset = "), ("lorawb.trainer({ eval_d", "ataset = "),
            ("data:shuffle{ s", "eed = "),
            ("lorawb.trainer{ args = { learning_", "rate = "),
            ("lorawb.trainer({ args = { lr_scheduler_type = 'cosine', warmup_r", "atio = "),
            ("model:add_adapter{ lora_al", "pha = "), ("lorawb.trainer{ args = { eval_strategy = 'ep", "och'"),
            ("model:classify('x', { tokenizer = 1, trunc", "ation_side = "),
            ("lorawb.load_model('tiny', { task_type = \"SEQ_C", "LS\""),
            ("lorawb.load_model('tiny', { weights = \"", "random"),
            ("lorawb.load_model('tiny', { packed = fa", "lse"),
            ("lorawb.load_dataset(\"data/rev", "iews-of-films.tsv\""), ("lorawb.load_model 'ti", "ny/"),
            ("lorawb.load_model('some/", "model'"), (":he", "lp "), (":load data/rev", "iews-of-films.tsv"),
            (":help lorawb.load_m", "odel"),
        ]
        for (keys, expects) in cases {
            #expect(Self.completed(terminal, keys, expects: expects), "\(keys) → \(expects)")
        }
        // Nothing of a table's own runs for it.
        #expect(
            Self.answer(terminal, "trap = setmetatable({}, { __index = function() print('ran') end, __pairs = error })")
                != nil)
        terminal.type("trap.x\t")
        usleep(300_000)
        terminal.type("\u{15}")
        #expect(Self.answer(terminal, "'quiet'") == "quiet")
        #expect(Self.end(terminal) == 0)
    }

    // MARK: Local variables

    @Test func localsLiveOn() throws {
        let (terminal, place) = try Self.start()
        for (line, expected) in [
            ("local x = 5", ""), ("x + 1", "6"), ("local function f() x = x + 1 return x end", ""), ("f(), x", "6\t6"),
            ("local a, b <const> = 1, 2", ""), ("a + b", "3"), ("b = 3", "assign to const variable 'b'"),
            ("local print = print local type = 7", ""), ("print(type)", "7"), ("_G.type(1)", "number"),
            ("do local x = 1 end return x", "6"), ("local y", ""), ("y", "nil"),
            ("nothing", "undefined global 'nothing'"),
            ("local text = 'local z = 1' -- local q = 2", ""), ("z", "undefined global 'z'"),
            ("q", "undefined global 'q'"),
            ("local e = error('stop')", "stop"), ("e", "undefined global 'e'"),
            (
                "local c <close> = setmetatable({}, { __close = function() _G.closed = true end }) print(closed == nil)",
                "undefined global 'closed'"
            ),
            ("closed", "true"), ("for i = 1, 2 do local x = i end return x", "6"),
        ] {
            let answer = Self.answer(terminal, line)
            #expect(
                expected.isEmpty ? answer == "" || answer == nil : answer?.contains(expected) == true,
                "\(line): \(answer ?? "")")
            if answer == nil { break }
        }
        #expect(Self.end(terminal) == 0)
        withExtendedLifetime(place) {}
    }

    // MARK: Without editing

    @Test(arguments: [["TERM": "dumb"], ["LORAWB_EDIT": "0"], ["TERM": ""]])
    func plainLinesWork(_ env: [String: String]) throws {
        let (terminal, place) = try Self.start(env: env)
        #expect(Self.answer(terminal, "40 + 2") == "42")
        #expect(Self.answer(terminal, "local x = 3") != nil)
        #expect(Self.answer(terminal, "x") == "3")
        terminal.type("1 + 1\n")
        #expect(terminal.reads(upTo: "\r\n2\r\n> ") != nil)
        terminal.type("\u{4}")
        #expect(terminal.end() == 0)
        #expect(!place.exists(".local"))
        withExtendedLifetime(place) {}
    }
}
