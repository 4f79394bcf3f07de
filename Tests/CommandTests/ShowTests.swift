import Foundation
import Testing

/// `lorawb.show`: a row as a language model is trained on it.
struct ShowTests {
    private static let start = """
        local tokenizer = lorawb.load_tokenizer("tiny-lm")
        local chat = lorawb.dataset { { messages = {
          { role = "user", content = "What is the sea?" }, { role = "assistant", content = "wide\\nand é" },
          { role = "user", content = "And?" }, { role = "assistant", content = "salt" },
        } } }
        local pairs = lorawb.dataset { { prompt = "The quick", completion = " brown fox" }, { prompt = "a", completion = "b" } }

        """

    private static func shown(_ lines: String) throws -> Outcome {
        let place = try Place()
        try place.makeLanguageModel()
        return try place.run(start + lines)
    }

    /// In a pipe what bears loss stands in brackets; each option is the trainer's.
    @Test(arguments: [
        (
            "chat, 1, { tokenizer = tokenizer }",
            """
            row 1: 36 tokens, 35 of them trained
            <|user|>⟦What is the sea?<|end|><|assistant|>wide
            and é<|end|><|user|>And?<|end|><|assistant|>salt<|end|>⟧
            """
        ),
        (
            "chat, 1, { tokenizer = tokenizer, assistant_only_loss = true }",
            """
            row 1: 36 tokens, 16 of them trained
            <|user|>What is the sea?<|end|><|assistant|>⟦wide
            and é<|end|>⟧<|user|>And?<|end|><|assistant|>⟦salt<|end|>⟧
            """
        ),
        (
            "chat, 1, { tokenizer = tokenizer, train_on = 'last', max_length = 20 }",
            """
            row 1: 20 tokens, cut from 36, none of them trained: a trainer leaves the row out
            <|user|>What is the sea?<|end|><|assistant|>wide
            and
            """
        ),
        (
            "pairs, 1, { tokenizer = tokenizer }",
            """
            row 1: 16 tokens, 10 of them trained
            The quick⟦ brown fox<|end|>⟧
            """
        ),
        (
            "pairs, 1, { tokenizer = tokenizer, packing = true, max_length = 40 }",
            """
            row 1: 19 tokens, 12 of them trained
            sequence 1 of 2: 16 tokens, 10 trained
            The quick⟦ brown fox<|end|>⟧
            sequence 2 of 2: 3 tokens, 2 trained
            a⟦b<|end|>⟧
            """
        ),
        // Nothing in a row moves the cursor, and an id that no token has is said.
        (
            "lorawb.dataset { { text = 'The\\27[31m fox' } }, 1, { tokenizer = tokenizer, max_length = false }",
            """
            row 1: 11 tokens, 10 of them trained
            The⟦\\u{1b}[31m fox<|end|>⟧
            """
        ),
        (
            "lorawb.dataset { { input_ids = { 5, 6, 7, 9999 }, labels = { -100, -100, 7, 9999 } } }, 1, { tokenizer = tokenizer }",
            """
            row 1: 4 tokens, 2 of them trained
            !"⟦#<no token 9999>⟧
            """
        ),
        (
            "lorawb.dataset { { input_ids = { 5, 6, 0 }, attention_mask = { 1, 1, 0 }, labels = 1 } }, 1, { tokenizer = tokenizer }",
            """
            row 1: 2 tokens, none of them trained, label 1
            !"
            """
        ),
    ])
    func inAPipe(_ call: String, _ expected: String) throws {
        let outcome = try Self.shown("lorawb.show(\(call))")
        #expect(outcome.code == 0 && outcome.out == expected + "\n", "\(outcome)")
    }

    /// A character of several byte tokens, of which the last alone bears loss, is shown once, where it is whole.
    @Test func charactersInPieces() throws {
        let outcome = try Self.shown(
            """
            local ids = tokenizer:encode("a日", { add_special_tokens = false })
            local labels = {}
            for i = 1, #ids do labels[i] = i == #ids and ids[i] or -100 end
            print(#ids)
            lorawb.show(lorawb.dataset { { input_ids = ids, labels = labels } }, 1, { tokenizer = tokenizer })
            """)
        #expect(outcome.out == "4\nrow 1: 4 tokens, 1 of them trained\na⟦日⟧\n", "\(outcome)")
    }

    /// On a terminal there are colours, unless NO_COLOR says otherwise.
    @Test(arguments: [
        ([:], "The quick\u{1B}[32;4m brown fox<|end|>\u{1B}[0m"), (["NO_COLOR": "1"], "The quick⟦ brown fox<|end|>⟧"),
        (["TERM": "dumb"], "The quick⟦ brown fox<|end|>⟧"),
    ])
    func onATerminal(_ variables: [String: String], _ expected: String) throws {
        let place = try Place()
        try place.makeLanguageModel()
        try place.put(
            "r.lua",
            "local lorawb = require \"lorawb\"\n" + Self.start
                + "lorawb.show(pairs, 1, { tokenizer = tokenizer })\nprint 'done'")
        let terminal = try Terminal([Running.program, "run", "r.lua"], cwd: place.path, env: variables)
        let text = try #require(terminal.reads(upTo: "done"))
        #expect(text == "row 1: 16 tokens, 10 of them trained\n\(expected)\ndone", "\(text)")
    }

    @Test(arguments: [
        ("pairs, 3, { tokenizer = tokenizer }", "show: row 3 is outside 1 to 2"),
        ("pairs, 0, { tokenizer = tokenizer }", "show: row 0 is outside 1 to 2"),
        (
            "pairs, 2, { tokenizer = tokenizer, packing = true, max_length = 40 }",
            "show: row 2 is outside 1 to 1, the packed rows"
        ),
        (
            "pairs, 1, { tokenizer = tokenizer, max_lenth = 3 }",
            "unknown option 'max_lenth'; did you mean 'max_length'?"
        ),
        ("pairs, 1, {}", "show: option 'tokenizer' is missing"),
        (
            "pairs, 1, { tokenizer = tokenizer, train_on = 'first' }",
            "option 'train_on' expected one of 'all', 'last', got string 'first'"
        ),
        (
            "lorawb.dataset { { x = 1 } }, 1, { tokenizer = tokenizer }",
            "dataset: row 1: there is neither text nor a column 'input_ids'; the columns are x"
        ),
        (
            "lorawb.dataset { { input_ids = { 1.5, 2 } } }, 1, { tokenizer = tokenizer }",
            "dataset: row 1: input_ids is no list of ids"
        ),
        (
            "lorawb.dataset { { input_ids = { 5, 6 }, labels = { 5 } } }, 1, { tokenizer = tokenizer }",
            "dataset: row 1: labels has 1 entries, input_ids 2"
        ),
        (
            "lorawb.dataset { { input_ids = { 5, 6 }, seq_lengths = { 1, 9 } } }, 1, { tokenizer = tokenizer }",
            "dataset: row 1: seq_lengths does not add up to the 2 tokens of input_ids"
        ),
    ])
    func refused(_ call: String, _ message: String) throws {
        let outcome = try Self.shown("lorawb.show(\(call))")
        #expect(outcome.code == 1 && outcome.line.contains(message) && !outcome.line.contains("\n"), "\(outcome)")
    }
}
