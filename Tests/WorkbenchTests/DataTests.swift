import TestSupport
import Testing
import Workbench

/// Data sets and tokenizers as recipes use them.
@Suite struct DataTests {
    @Test func columnsAreReadByName() throws {
        let place = try TemporaryBench()
        try place.run(
            """
            lorawb.save_json(lorawb.run_dir .. "/rows.json", { { text = "one", label = 1 }, { text = "two", label = 0 } })
            local d = lorawb.load_dataset(lorawb.run_dir .. "/rows.json")
            same(#d.text, 2); same(d.text[2], "two"); same(d["label"][1], 1); same(d[2].text, "two"); same(d.num_rows, 2)
            """)
        let failure = place.failure(
            #"local d = lorawb.load_dataset(lorawb.run_dir .. "/rows.json"); return d.txt"#)
        #expect(failure?.contains("no column or method 'txt'; did you mean 'text'?") == true, "\(failure ?? "")")
    }

    @Test func mapKeepsWhatRowsHave() throws {
        let place = try TemporaryBench()
        let prelude = """
            local rows = {}
            for i = 1, 300 do rows[i] = { a = i, b = "row " .. i } end
            lorawb.save_json(lorawb.run_dir .. "/rows.json", rows)
            local d = lorawb.load_dataset(lorawb.run_dir .. "/rows.json")

            """
        try place.run(
            prelude + """
                local m = d:map(function(row) return { ids = { row.a, row.a + 1 }, b = row.b .. "!" } end)
                same(table.concat(m.column_names, " "), "a b ids")
                for i = 1, 300 do
                  same(m[i].a, i); same(m[i].b, "row " .. i .. "!"); same(m[i].ids[2], i + 1)
                end
                """)
        let cases = [
            ("row.a == 9 and { x = 1, z = 1 } or { x = 1, y = 2 }", "map: row 9 has a column 'z' that row 1 has not"),
            ("row.a == 9 and { x = 1 } or { x = 1, y = 2 }", "map: row 9 has no 'y', which row 1 has"),
            ("{ x = print }", "row 1: 'x': a data set cannot hold function"),
        ]
        for (body, expected) in cases {
            let failure = place.failure(prelude + "d:map(function(row) return \(body) end)")
            #expect(failure?.contains(expected) == true, "\(failure ?? "nothing")")
        }
    }

    /// As `encode` gives them, in order, whatever the number of threads; many more texts than a thread takes at a time.
    @Test(arguments: [1, 2, 3]) func batchesOfTextsAreEncodedInOrder(_ threads: Int) throws {
        let place = try TemporaryBench()
        let goldens = place.allowGoldens()
        try withThreads(threads) {
            try place.run(
                """
                same(lorawb.threads, \(threads))
                for _, name in ipairs { "bert", "roberta", "qwen2" } do
                  local tokenizer = lorawb.load_tokenizer("\(goldens)/tokenizers/" .. name)
                  local texts, pairs = {}, {}
                  for i = 1, 9000 do
                    texts[i] = ("the keeper %d wrote letters to the sea "):format(i * 7919 % 4001):rep(i % 5)
                    pairs[i] = "lamp " .. i
                  end
                  local options = { max_length = 12, truncation_side = "left" }
                  local batch = tokenizer:encode_batch(texts, options)
                  same(#batch, #texts)
                  for i = 1, #texts do
                    same(table.concat(batch[i], " "), table.concat(tokenizer(texts[i], options).input_ids, " "))
                  end
                  batch = tokenizer:encode_batch(texts, { text_pair = pairs })
                  for i = 1, #texts, 97 do
                    same(table.concat(batch[i], " "), table.concat(tokenizer(texts[i], { text_pair = pairs[i] }).input_ids, " "))
                  end
                  same(#tokenizer:encode_batch({}), 0)
                end
                """)
        }
    }

    @Test func aBatchSaysWhichRowFailed() throws {
        let place = try TemporaryBench()
        let goldens = place.allowGoldens()
        let failure = place.failure(
            """
            local tokenizer = lorawb.load_tokenizer("\(goldens)/tokenizers/bert")
            local texts, pairs = {}, {}
            for i = 1, 5000 do 
              texts[i] = "the sea is wide"
              pairs[i] = i >= 3211 and i % 3 == 1 and "the sea answered the keeper" or "a"
            end
            tokenizer:encode_batch(texts, { text_pair = pairs, max_length = 7, truncation = "only_first" })
            """)
        #expect(
            failure?.contains("encode_batch: row 3211: truncation 'only_first' cannot bring") == true,
            "\(failure ?? "")")
    }
}
