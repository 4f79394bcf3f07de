import Foundation
import Testing

/// What recipes give wrongly to language models, through the program: one line that says what is wrong, and nothing else.
struct LanguageMistakesTests {
    private static let start = """
        local model = lorawb.load_model("tiny-lm", { task_type = "CAUSAL_LM" })
        local tokenizer = lorawb.load_tokenizer("tiny-lm")
        local user = { role = "user", content = "a" }
        local function train(rows, args)
          lorawb.trainer { model = model, processing_class = tokenizer, train_dataset = lorawb.dataset(rows), args = args }
        end

        """

    /// What issue 10 names, each in a process of its own.
    @Test(arguments: [
        (
            "model:generate { prompt = ('long '):rep(90), tokenizer = tokenizer }",
            "generate: the prompt has 450 tokens, but the model has positions for 96; shorten it"
        ),
        (
            "model:generate { prompt = '', tokenizer = tokenizer }",
            "generate: the prompt is empty; give at least one token, such as the one that begins a text"
        ),
        (
            "tokenizer:apply_chat_template({ user }, { chat_template = \"{{ raise_exception('be kind') }}\" })",
            "apply_chat_template: chat template:1: TemplateError: be kind"
        ),
        (
            "tokenizer:apply_chat_template({ { role = 'pirate', content = 'a' } }, { chat_template = \"{% for m in messages %}{% if m.role not in ['user', 'assistant'] %}{{ raise_exception('unknown role ' + m.role) }}{% endif %}{% endfor %}\" })",
            "apply_chat_template: chat template:1: TemplateError: unknown role pirate"
        ),
        (
            "model:generate { prompt = 'a', tokenizer = tokenizer, do_sample = true, top_p = 2 }",
            "generate: option 'top_p' expected a number from 0 to 1, got 2"
        ),
        (
            "train({ { messages = { user } } }, { assistant_only_loss = true })",
            "train_dataset: row 1: the conversation has no turn of the assistant, so nothing of it would be trained"
        ),
        (
            "model:generate { input_ids = { 1, 300 } }",
            "generate: the prompt holds the id 300, but the model's vocabulary has 288; is the tokenizer the model's own?"
        ),
        (
            "train { { input_ids = { 1, 2, 300 } } }",
            "train_dataset: row 1: input_ids has 300, outside the model's vocabulary 0..<288: is the tokenizer another model's?"
        ),
    ])
    func named(_ call: String, _ message: String) throws {
        let place = try Place()
        try place.makeLanguageModel()
        let outcome = try place.run(Self.start + call)
        #expect(outcome.code == 1 && outcome.out.isEmpty, "\(outcome)")
        // Where a function of the recipe's is between, its line follows.
        let lines = outcome.line.split(separator: "\n")
        #expect(lines.first?.hasSuffix(message) == true, "\(outcome)")
        #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("  r.lua:") }, "\(outcome)")
    }

    /// A model in a file of one tokenizer, texts by another one.
    @Test func tokenizerOfAnotherModel() throws {
        let place = try Place()
        try place.makeLanguageModel()
        try place.put("other.gguf", Data(contentsOf: URL(fileURLWithPath: Place.goldens + "/gguf/llama.gguf")))
        let outcome = try place.run(
            Self.start
                + "lorawb.load_model('other.gguf'):generate { prompt = 'a word', tokenizer = tokenizer, max_new_tokens = 2 }"
        )
        #expect(
            outcome.code == 1
                && outcome.line.contains("but the model's vocabulary has 56; is the tokenizer the model's own?"),
            "\(outcome)")
    }

    /// Other members of the kinds: calls, and how the error ends; all in one process.
    private static let others: [(call: String, message: String)] = [
        ("gen { temperature = 0/0 }", "option 'temperature' expected a number from 1e-06 to 1000000, got"),
        ("gen { temperature = -1 }", "option 'temperature' expected a number from 1e-06 to 1000000, got -1"),
        ("gen { temperature = 0 }", "got 0"), ("gen { temperature = 1/0 }", "got inf"),
        ("gen { temperature = 'hot' }", "got string 'hot'"),
        ("gen { top_k = -1 }", "option 'top_k' expected an integer from 0 to 2147483648, got -1"),
        ("gen { top_k = 2^62 }", "got 4.611686018427388e+18"), ("gen { top_p = 0/0 }", "option 'top_p' expected"),
        ("gen { min_p = -0.5 }", "option 'min_p' expected a number from 0 to 1, got -0.5"),
        ("gen { typical_p = 0 }", "option 'typical_p' expected a number above 0"),
        ("gen { repetition_penalty = 0 }", "option 'repetition_penalty' expected"),
        ("gen { max_new_tokens = 2^62 }", "option 'max_new_tokens' expected an integer from 1 to 2147483648"),
        ("gen { max_new_tokens = math.mininteger }", "got -9223372036854775808"),
        ("gen { max_new_tokens = 0 }", "got 0"), ("gen { max_new_tokens = 1.5 }", "got 1.5"),
        ("gen { num_beams = 2^40 }", "option 'num_beams' expected an integer from 1 to 1024"),
        ("gen { num_return_sequences = 5000 }", "option 'num_return_sequences' expected an integer from 1 to 1024"),
        ("gen { no_repeat_ngram_size = -3 }", "option 'no_repeat_ngram_size' expected"),
        ("gen { seed = 1.5 }", "option 'seed' expected an integer, got 1.5"),
        ("gen { on_token = 3 }", "option 'on_token' expected a function, got 3"),
        ("gen { stop = '' }", "option 'stop' holds an empty text"),
        ("gen { stop = { 'a', 3 } }", "option 'stop' expected a string or a list of strings, got 3 at place 2"),
        ("gen { eos_token_id = -1 }", "option 'eos_token_id' expected"),
        ("gen { eos_token_id = { 1, 'x' } }", "got string 'x' at place 2"),
        ("gen { tokenizer = model }", "option 'tokenizer' expected lorawb.Tokenizer, got lorawb.Model"),
        ("choose {}", "option 'choices' is empty"), ("choose { '' }", "choice 1 has no tokens"),
        ("choose { 'a', 2 }", "option 'choices' expected a string or a list of strings, got 2 at place 2"),
        (
            "choose { ('x'):rep(500), 'y' }",
            "prompt with choice 1 has 501 tokens, but the model has positions for 96; shorten it"
        ),
        ("ask '\\xff'", "option 'prompt' expected a string or a list of strings, got bytes that are not UTF-8"),
        ("ask { 'a', '\\xff' }", "got bytes that are not UTF-8 at place 2"), ("ask {}", "option 'prompt' is empty"),
        ("ask(7)", "option 'prompt' expected a string or a list of strings, got 7"),
        ("model:generate { input_ids = { 1, -1 } }", "the prompt holds the id -1"),
        ("model:generate { input_ids = { 1, 2^40 } }", "the prompt holds the id 1099511627776"),
        ("model:generate { input_ids = { 1, 2.5 } }", "option 'input_ids' expected a list of ids"),
        ("model:generate { input_ids = { { 1 }, {} } }", "prompt 2 is empty"),
        ("model:generate { input_ids = { { 1 }, 2 } }", "option 'input_ids' expected a list of ids"),
        ("model:generate { input_ids = 5 }", "option 'input_ids' expected a table, got 5"),
        ("chat 'hi'", "option 'messages' expected a table, got string 'hi'"),
        ("chat {}", "messages is empty"), ("chat { 'hi' }", "message 1 has no role"),
        ("chat { { role = 3, content = 'x' } }", "message 1 has no role"),
        ("chat { { role = 'user', content = print } }", "function cannot be written as json"),
        ("chat { { role = 'user', content = '\\xff' } }", "bytes that are not UTF-8 cannot be written as json"),
        ("chat { { user }, 'y' }", "message 1 has no role"), ("template '{{ 1/0 }}'", "ZeroDivisionError"),
        ("template '{{ messages.foo.bar }}'", "UndefinedError: 'list object' has no attribute 'foo'"),
        ("template '{% if %}'", "TemplateSyntaxError"),
        ("template '{% for i in range(10**9) %}x{% endfor %}'", "OverflowError: Range too big"),
        ("model:score('', { tokenizer = tokenizer })", "score: the text is empty"),
        ("model:score(('a '):rep(500), { tokenizer = tokenizer })", "score: the text has 501 tokens"),
        ("model:score('\\xff', { tokenizer = tokenizer })", "got bytes that are not UTF-8"),
        ("train { { messages = { user } }, { messages = {} } }", "row 2: messages is empty; expected a list"),
        ("train { { messages = 'x' } }", "row 1: messages is string 'x'; expected a list of messages"),
        ("train { { messages = { 3 } } }", "row 1: messages has a message without role"),
        ("train { { prompt = 3, completion = 'x' } }", "row 1: prompt is integer 3; expected a text"),
        (
            "train { { prompt = 'a', completion = { { role = 'assistant', content = 'x' } } } }",
            "row 1: prompt is string 'a'; expected a list of messages"
        ), ("train { { text = 3 } }", "row 1: text is integer 3; expected a text"),
        (
            "train({ { messages = { user }, n = 1 } }, { train_on = 'last' })",
            "row 1: the conversation has no turn of the assistant"
        ), ("train({ { text = 'a' } }, { max_length = 0 })", "option 'max_length' expected"),
        (
            "train({ { text = 'a' } }, { max_length = 1 })",
            "no row has a token that bears loss once cut to max_length 1"
        ),
        ("train({ { text = 'a' } }, { packing = true, max_length = false })", "packing needs max_length"),
        ("train({ { text = 'a' } }, { assistant_only_loss = true })", "assistant_only_loss is for conversations"),
        ("lorawb.dataset {}", "rows is empty"), ("lorawb.dataset { 3 }", "row 1 is 3, expected a table by column"),
        ("lorawb.dataset { { a = print } }", "row 1: 'a': a data set cannot hold function"),
        ("lorawb.dataset { { 1, 2 } }", "row 1: expected a table with names, got a list"),
        ("lorawb.dataset { a = 1 }", "column 'a' is 1, expected a list with a value for each row"),
    ]

    @Test func others() throws {
        let place = try Place()
        try place.makeLanguageModel()
        let calls = Self.others.map { "try(function() \($0.call) end)" }.joined(separator: "\n")
        let outcome = try place.run(
            Self.start + """
                local function ask(prompt) model:generate { prompt = prompt, tokenizer = tokenizer, max_new_tokens = 2 } end
                local function chat(messages) model:generate { messages = messages, tokenizer = tokenizer, max_new_tokens = 2 } end
                local function choose(choices) model:generate { prompt = "a", tokenizer = tokenizer, choices = choices } end
                local function template(text) tokenizer:apply_chat_template({ user }, { chat_template = text }) end
                local function gen(options)
                  options.prompt = "a"
                  options.tokenizer = options.tokenizer or tokenizer
                  if options.temperature or options.top_k or options.top_p or options.min_p or options.typical_p then options.do_sample = true end
                  model:generate(options)
                end
                local function try(body)
                  local ok, message = pcall(body)
                  print(ok and "went through" or (message:gsub("\\n", " NEW LINE ")))
                end

                """ + calls)
        #expect(outcome.code == 0, "\(outcome)")
        let lines = outcome.out.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == Self.others.count + 1, "\(outcome)")
        for ((call, message), line) in zip(Self.others, lines) {
            #expect(line.contains(message) && !line.contains(" NEW LINE "), "\(call): \(line)")
        }
    }

    /// Many and long stop strings are only that.
    @Test func manyStops() throws {
        let place = try Place()
        try place.makeLanguageModel()
        let outcome = try place.run(
            Self.start + """
                local stops = {}
                for i = 1, 1000000 do stops[i] = "stop" .. i end
                stops[7] = ("x"):rep(1000000)
                print(model:generate { prompt = "a", tokenizer = tokenizer, stop = stops, max_new_tokens = 4 }.finish_reason)
                """)
        #expect(outcome.code == 0 && outcome.out == "length\n", "\(outcome)")
    }

    // MARK: GGUF files

    /// A file's beginning, or the whole of it with some bytes changed.
    private static func number(_ value: UInt64, _ bytes: Int = 8) -> Data {
        Data((0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) })
    }
    private static func text(_ text: String) -> Data { number(UInt64(text.utf8.count)) + Data(text.utf8) }
    /// A header with the architecture, other metadata, and one tensor of a name, shape, type and offset.
    private static func file(_ entries: [Data] = [], shape: [UInt64]? = nil, type: UInt64 = 0, offset: UInt64 = 0)
        -> Data
    {
        let all = [text("general.architecture") + number(8, 4) + text("llama")] + entries
        var data = Data("GGUF".utf8) + number(3, 4) + number(shape == nil ? 0 : 1) + number(UInt64(all.count))
        for entry in all { data += entry }
        guard let shape else { return data }
        data += text("token_embd.weight") + number(UInt64(shape.count), 4)
        for size in shape { data += number(size) }
        return data + number(type, 4) + number(offset) + Data(count: 4096)
    }
    private static func array(_ key: String, type: UInt64, count: UInt64) -> Data {
        text(key) + number(9, 4) + number(type, 4) + number(count)
    }

    private static let files: [(name: String, bytes: @Sendable (Data) -> Data, message: String)] = [
        ("empty", { _ in Data() }, "not a GGUF file: it is empty"),
        ("magic", { Data("GGML".utf8) + $0.dropFirst(4) }, "not a GGUF file: it begins with the bytes 47 47 4d 4c"),
        ("version", { $0.prefix(4) + number(99, 4) + $0.dropFirst(8) }, "GGUF version 99 is not known"),
        ("big-endian", { $0.prefix(4) + Data([0, 0, 0, 3]) + $0.dropFirst(8) }, "is a big-endian GGUF file"),
        ("cut-count", { $0.prefix(10) }, "truncated: the number of tensors at byte 8 takes 8 bytes"),
        ("cut-metadata", { $0.prefix(300) }, "truncated: metadata '"),
        ("cut-data", { $0.dropLast(1000) }, "truncated: F32 of shape "),
        (
            "tensors", { $0.prefix(8) + number(1 << 63) + $0.dropFirst(16) },
            "truncated: it would have 9223372036854775808 tensors"
        ),
        (
            "entries", { $0.prefix(16) + number(1 << 60) + $0.dropFirst(24) },
            "truncated: it would have 1152921504606846976 metadata entries"
        ),
        (
            "strings", { _ in file([array("tokenizer.ggml.tokens", type: 8, count: 1 << 60)]) },
            "metadata 'tokenizer.ggml.tokens' would have 1152921504606846976 elements of type string"
        ),
        (
            "bytes", { _ in file([array("x", type: 0, count: 1 << 60)]) },
            "metadata 'x' would have 1152921504606846976 elements"
        ),
        (
            "string", { _ in file([text("x") + number(8, 4) + number(1 << 62)]) },
            "truncated: metadata 'x' at byte 90 takes 4611686018427387904 bytes"
        ),
        ("kind", { _ in file([text("x") + number(77, 4) + number(0)]) }, "metadata 'x' has unknown type 77"),
        ("dimensions", { _ in file(shape: Array(repeating: 1, count: 100)) }, "has 100 dimensions; at most 4 are read"),
        (
            "product", { _ in file(shape: [1 << 40, 1 << 40]) },
            "F32 of shape [1099511627776, 1099511627776] is more than a file can hold"
        ),
        ("sign", { _ in file(shape: [1 << 63, 1]) }, "a dimension of 9223372036854775808 is out of range"),
        ("nothing", { _ in file(shape: [0, 4]) }, "a dimension of 0 is out of range"),
        (
            "offset", { _ in file(shape: [4, 4], offset: UInt64.max - 31) },
            "truncated: F32 of shape [4, 4] takes 64 bytes from byte 18446744073709551584 of the tensors on"
        ),
        ("unaligned", { _ in file(shape: [4, 4], offset: 7) }, "its offset 7 is no multiple of the alignment, 32"),
        ("block", { _ in file(shape: [32, 4], type: 99) }, "tensor 'token_embd.weight': unknown block type 99"),
        ("ragged", { _ in file(shape: [33, 4], type: 2) }, "rows of 33 are no whole number of Q4_0's blocks of 32"),
        ("model", { _ in file(shape: [4, 4]) }, "metadata 'llama."),
    ]

    /// Model, tokenizer and chat alike.
    @Test(arguments: files.map(\.name))
    func brokenFiles(_ name: String) throws {
        let (_, bytes, message) = try #require(Self.files.first { $0.name == name })
        let place = try Place()
        let good = try Data(contentsOf: URL(fileURLWithPath: Place.goldens + "/gguf/llama.gguf"))
        try place.put("m.gguf", bytes(good))
        let model = try place.run("lorawb.load_model('m.gguf')")
        #expect(model.code == 1 && model.out.isEmpty && model.line.hasPrefix("r.lua:2: load_model: "), "\(model)")
        #expect(model.line.contains(message) && !model.line.contains("\n"), "\(model)")
        // The path is told once.
        #expect(model.line.components(separatedBy: "m.gguf").count == 2, "\(model)")
        let chat = try lorawb("chat", "m.gguf", cwd: place.path)
        #expect(chat.code == 1 && !chat.line.contains("\n") && chat.line.contains("m.gguf: "), "\(chat)")
    }

    /// Blocks that are known by name and not read.
    @Test(arguments: [(16, "IQ2_XXS", 256), (39, "MXFP4", 32), (34, "TQ1_0", 256)])
    func blocksThatAreNotRead(_ type: UInt32, _ name: String, _ columns: UInt64) throws {
        let place = try Place()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: Place.goldens + "/gguf/llama.gguf"))
        // The type stands behind the name, the number of dimensions and two of them; rows are whole numbers of blocks.
        let found = try #require(bytes.range(of: Data("token_embd.weight".utf8)))
        bytes.replaceSubrange(found.upperBound + 4..<found.upperBound + 12, with: Self.number(columns))
        bytes.replaceSubrange(found.upperBound + 20..<found.upperBound + 24, with: Self.number(UInt64(type), 4))
        try place.put("m.gguf", bytes)
        let outcome = try place.run("lorawb.load_model('m.gguf')")
        #expect(
            outcome.code == 1 && outcome.line.contains("token_embd.weight' has type \(name); there are "), "\(outcome)")
    }
}
