import TestSupport
import Testing
import Workbench

/// Data sets as recipes make, change and save them.
@Suite struct DatasetLuaTests {
    /// Values from pandas 3.1 and datasets 5.2, by the cases of DataFileTests and DatasetTests.
    @Test(arguments: [
        """
        local d = lorawb.dataset { text = { "b", "a", "c" }, label = { 1, 0, 1 }, ids = { { 1, 2 }, { 3 }, {} } }
        same(#d, 3); same(d[1].text, "b"); same(d[2].ids[1], 3); same(d.column_names[1], "ids")
        same(#lorawb.dataset { { text = "x" }, { text = "y", n = 1 } }, 2)
        local s = d:sort("text")
        same(table.concat(s.text, ""), "abc")
        same(table.concat(d:sort({ "label", "text" }, { reverse = { true, false } }).text, ""), "bca")
        same(table.concat(d:sort({ "label", "text" }, { reverse = true }).text, ""), "cba")
        same(table.concat(d:rename_columns { text = "sentence" }.sentence, ""), "bac")
        same(table.concat(d:remove_columns { "ids", "label" }.column_names, " "), "text")
        same(table.concat(d:select_columns { "text", "ids" }.column_names, " "), "text ids")
        local both = lorawb.concatenate { d, s:select(1, 1) }
        same(table.concat(both.text, ""), "baca")
        """,
        """
        -- The position comes second; long texts in pieces, each with what its row had.
        local d = lorawb.dataset { { text = "one two three", label = 1 }, { text = "four", label = 0 } }
        local m = d:map(function(row, i) return { number = i } end):filter(function(row, i) return i == 2 end)
        same(#m, 1); same(m[1].number, 2)
        local parts = d:flat_map(function(row, i)
          local rows = {}
          for word in row.text:gmatch "%a+" do rows[#rows + 1] = { text = word, row = i } end
          return rows
        end)
        same(table.concat(parts.text, " "), "one two three four")
        same(table.concat(parts.label, " "), "1 1 1 0"); same(table.concat(parts.row, " "), "1 1 1 2")
        """,
        """
        -- Splits have what changes a data set.
        local splits = lorawb.dataset { n = { 3, 1, 2, 4, 5, 6, 7, 8 }, c = { 0, 0, 0, 0, 1, 1, 1, 1 } }
          :train_test_split { test_size = 0.5, seed = 3, stratify_by_column = "c" }
        local sum = 0
        for _, c in ipairs(splits.test.c) do sum = sum + c end
        same(sum, 2)
        local s = splits:sort("n", { reverse = true }):rename_columns { n = "m" }:remove_columns "c":map(function(row, i) return { i = i } end)
        for _, name in ipairs { "train", "test" } do
          same(table.concat(s[name].column_names, " "), "m i")
          for i = 2, 4 do assert(s[name][i - 1].m > s[name][i].m) end
        end
        same(#s:flat_map(function(row) return { {}, {} } end).test, 8)
        """,
        """
        -- A batch goes to forward as it is.
        local d = lorawb.dataset { { text = "a", input_ids = { 1, 2 }, label = 1 }, { text = "b", input_ids = { 3 }, label = 0 } }
        local seen = 0
        for batch in d:batches { batch_size = 2 } do
          same(#batch.input_ids, 2); same(batch.labels[1], 1); seen = seen + 1
          same(pcall(function() return batch.text end), false)
        end
        same(seen, 1)
        for batch in d:batches { batch_size = 2, columns = { "text", "label" } } do same(batch.text[2], "b"); same(batch.label[2], 0) end
        for batch in d:select_columns { "text" }:batches { batch_size = 1 } do same(#batch.text, 1) end
        """,
        """
        local path = lorawb.run_dir .. "/t"
        local d = lorawb.dataset { text = { 'say "hi"', "two\\nlines", "tab\\there", "a,b" }, n = { 1, 2, 3, 4 }, x = { 0.5, 1.0, -2e-05, 3.0 } }
        for _, o in ipairs { { ".csv" }, { ".tsv", { quotes = true } }, { ".jsonl" } } do
          d:save(path .. o[1])
          local back = lorawb.load_dataset(path .. o[1], o[2])
          same(#back, 4)
          for i = 1, 4 do same(back[i].text, d[i].text); same(back[i].n, d[i].n); same(back[i].x, d[i].x) end
        end
        same(lorawb.read_text(path .. ".csv"):match "[^\\n]*", "n,text,x")
        -- Several files for one data set, and for a split.
        same(#lorawb.load_dataset { path .. ".csv", path .. ".jsonl" }, 8)
        same(#lorawb.load_dataset { train = { path .. ".csv", path .. ".jsonl" }, test = path .. ".csv" }.train, 8)
        """,
    ])
    func works(recipe: String) throws { try TemporaryBench().run(recipe) }

    @Test func aBatchGoesToForward() throws {
        let bench = try TemporaryBench()
        let goldens = bench.allowGoldens()
        try bench.run(
            """
            local model = lorawb.load_model("\(goldens)/models/bert-bare", { task_type = "SEQ_CLS", num_labels = 2 })
            local d = lorawb.dataset { { sentence = "a", input_ids = { 5, 6 }, token_type_ids = { 0, 1 }, label = 1 }, { sentence = "b", input_ids = { 7 }, token_type_ids = { 0 }, label = 0 } }
            for batch in d:batches { batch_size = 2 } do
              local output = model(batch)
              close(output.loss, nn.cross_entropy(output.logits, { 1, 0 }))
            end
            """)
    }

    @Test(arguments: [
        (
            "d:map(function(row) return { x = row.n < 3 and 1 or row.n + nil } end)",
            "bench.lua:2: attempt to perform arithmetic on a nil value; this is row 3 (d.csv:5)"
        ),
        (
            "d:map(function(row) if row.n == 3 then error('no') end return {} end)",
            "bench.lua:2: no; this is row 3 (d.csv:5)"
        ),
        ("d:filter(function(row) return row.m end)", "the row has no field 'm'; it has n, t; this is row 1 (d.csv:2)"),
        (
            "d:map(function(row) return row.n < 3 and {} or 4 end)",
            "map: fn gave 4 for row 3 (d.csv:5), expected a table of columns"
        ),
        (
            "d:map(function(row) return row.n < 3 and {} or { x = print } end)",
            "map: row 3 (d.csv:5): 'x': a data set cannot hold function"
        ),
        (
            "d:flat_map(function(row) return { 1 } end)",
            "flat_map: fn gave 1 for row 1 (d.csv:2), expected a table of columns"
        ),
        (
            "d:flat_map(function(row) return { x = 1 } end)",
            "flat_map: fn gave a table with names for row 1 (d.csv:2), expected a list of tables of columns"
        ),
        (
            "d:rename_columns { 'a' }",
            "bad argument #1 'names' to 'rename_columns' (new names by old ones expected: { old = \"new\" })"
        ),
        ("d:rename_columns { m = 'k' }", "rename_columns: there is no column 'm'"),
        ("d:sort('n', { descending = true })", "option 'descending' is called reverse"),
        (
            "d:sort({ 'n', 't' }, { reverse = { true } })",
            "option 'reverse' has 1 entries for 2 columns; give one for each"
        ),
        ("lorawb.dataset { a = { 1, 2 }, b = { 1 } }", "dataset: columns: column 'b' has 1 rows, 'a' has 2"),
        ("lorawb.dataset { a = 1 }", "dataset: column 'a' is 1, expected a list with a value for each row"),
        ("lorawb.dataset { a = {} }", "dataset: the columns are empty; give at least one row"),
        (
            "lorawb.concatenate { d, d:remove_columns 't' }",
            "concatenate: data set 2 has no column 't', which data set 1 has"
        ),
        ("lorawb.concatenate {}", "a list of data sets expected"),
        ("d:save('/etc/d.csv')", "save: "),
        ("d:save(lorawb.run_dir .. '/d.txt')", "unknown kind of data file; known are .jsonl, .csv and .tsv"),
        ("d:batches { batch_size = 1, columns = { 'm' } }", "batches: there is no column 'm'"),
        (
            "d:train_test_split { test_size = 1, stratify_by_column = 'k' }",
            "stratify_by_column: there is no column 'k'; the columns are t, n"
        ),
        ("lorawb.load_dataset { 'd.csv', 'e.csv' }", "load_dataset: e.csv: has no column 'n', which d.csv has"),
        (
            "lorawb.load_dataset { train = { 'd.csv', 4 } }",
            "split 'train' expected a file's path, or a list of them, got table"
        ),
    ])
    func mistakes(recipe: String, expected: String) throws {
        let bench = try TemporaryBench()
        try bench.run(
            """
            lorawb.save_text("d.csv", "t,n\\n\\"x\\ny\\",1\\nz,2\\nw,3\\n")
            lorawb.save_text("e.csv", "t,k\\nx,1\\n")
            d = lorawb.load_dataset "d.csv"
            """)
        let failure = bench.failure("local _\n" + recipe)
        #expect(failure?.contains(expected) == true, "\(failure ?? "nothing")")
    }

    /// Error values that are no texts are the recipe's own: they come through as they are.
    @Test func errorObjectsStay() throws {
        try TemporaryBench().run(
            """
            local own = setmetatable({}, { __tostring = function() return "own" end })
            local d = lorawb.dataset { n = { 1 } }
            local ok, e = pcall(d.map, d, function() error(own) end)
            same(ok, false); same(e, own)
            """)
    }

    @Test func digitsAsTextsAreHinted() throws {
        let bench = try TemporaryBench()
        let goldens = bench.allowGoldens()
        let prelude = """
            lorawb.save_text("d.csv", "text,label\\n123,1\\n45,0\\n")
            local tokenizer = lorawb.load_tokenizer("\(goldens)/tokenizers/bert")

            """
        let hint =
            "a column of digits is read as numbers: load_dataset(path, { types = { column = \"string\" } }) keeps their text"
        let inMap = bench.failure(
            prelude
                + "lorawb.load_dataset('d.csv'):map(function(row) return { input_ids = tokenizer:encode(row.text) } end)"
        )
        #expect(
            inMap?.contains("(string expected, got 123; \(hint)); this is row 1 (d.csv:2)") == true, "\(inMap ?? "")")
        let batch = bench.failure(prelude + "tokenizer:encode_batch(lorawb.load_dataset('d.csv').text)")
        #expect(batch?.contains("expected a list of strings, got numbers; \(hint)") == true, "\(batch ?? "")")
        try bench.run(
            prelude + """
                local d = lorawb.load_dataset("d.csv", { types = { text = "string" } })
                same(d[1].text, "123"); assert(#tokenizer:encode(d[1].text) > 0)
                """)
    }
}
