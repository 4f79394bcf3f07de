import Formats
import Testing
import Training

/// What is done to data sets, against the datasets library, scikit-learn and pandas (scripts/goldens/data.py).
struct DatasetTests {
    private func golden(_ name: String) throws -> [JSON] {
        try Goldens.elements(JSON(parsing: Goldens.folder().read("data.json"), source: "data.json")[name])
    }

    private func values(_ dataset: Dataset, _ name: String) -> [JSON] {
        (0..<dataset.count).compactMap { dataset.value(name, row: $0) }
    }

    /// Columns with the number of each row, from 1.
    private func dataset(_ columns: JSONObject) throws -> Dataset {
        let count = try #require(columns.first?.value.array?.count)
        return try Dataset(
            rows: (0..<count).map { row in
                columns.map { JSON.Member($0, $1.array?[row] ?? .null) } + [.init("row", .integer(row + 1))]
            })
    }

    @Test("rows are sorted as the datasets library sorts them, through a view as well")
    func sorts() throws {
        for json in try golden("sorts") {
            let data = try dataset(try #require(json["columns"]?.object))
            let reverse = try Goldens.elements(json["reverse"]).map { $0 == .bool(true) }
            let by = try Goldens.elements(json["by"]).map { try #require($0.string) }
            let orders = zip(by, reverse).map { Dataset.SortOrder($0, descending: $1) }
            #expect(try values(data.sorted(by: orders), "row") == json["rows"]?.array, "\(by) \(reverse)")
            // A view whose rows stand otherwise: equal rows keep the order that they have there.
            let turned = try data.selecting(Array((0..<data.count).reversed()))
            let direct = try turned.sorted(by: orders)
            let copied = try Dataset(rows: (0..<data.count).map { turned.row($0) }).sorted(by: orders)
            #expect(values(direct, "row") == values(copied, "row"))
        }
        let data = try dataset(["n": .array([.number(.nan), .integer(2), .null, .integer(1)])])
        #expect(try values(data.sorted(by: [.init("n")]), "row") == [4, 2, 1, 3].map(JSON.integer))
        #expect(try values(data.sorted(by: [.init("n", descending: true)]), "row") == [2, 4, 1, 3].map(JSON.integer))
        #expect(throws: TrainingError("sort: there is no column 'rows'; did you mean 'row'?")) {
            try data.sorted(by: [.init("rows")])
        }
        #expect(throws: TrainingError("sort: column 'x' holds lists, which have no order")) {
            try dataset(["x": .array([.integers([1]), .integers([2])])]).sorted(by: [.init("x")])
        }
        #expect(throws: TrainingError.self) {
            try dataset(["x": .array([.integer(1), .string("a")])]).sorted(by: [.init("x")])
        }
    }

    @Test("stratified parts have scikit-learn's numbers of each class, and the same rows for the same seed")
    func stratified() throws {
        for json in try golden("splits") {
            let sizes = try Goldens.elements(json["sizes"]).map { try #require($0.int) }
            let labels = sizes.enumerated().flatMap { id, size in Array(repeating: id, count: size) }
            let data = try Dataset(columns: [("label", .integers(labels)), ("row", .integers(Array(labels.indices)))])
                .shuffled(seed: 9)
            let size = try #require(json["test_size"]?.double)
            func split(_ seed: Int) throws -> (train: Dataset, test: Dataset) {
                try data.trainTestSplit(testSize: size, seed: seed, stratifiedBy: "label")
            }
            guard let expected = json["counts"]?.array else {
                #expect(throws: TrainingError.self) { try split(1) }
                continue
            }
            var found: Set<[Int]> = []
            for seed in 0..<12 {
                let (train, test) = try split(seed)
                let tests = values(test, "label").compactMap(\.int)
                let counts = sizes.indices.map { id in tests.count { $0 == id } }
                #expect(expected.contains(.integers(counts)), "\(sizes) \(size): \(counts)")
                found.insert(counts)
                let rows = (values(train, "row") + values(test, "row")).compactMap(\.int)
                #expect(rows.sorted() == Array(labels.indices))
                #expect(try values(split(seed).test, "row") == values(test, "row"))
            }
            #expect(expected.count == 1 || found.count > 1, "where chance decides, seeds differ")
        }
        let texts = try Dataset(columns: [("l", .strings(["a", "b", "a", "b"])), ("x", .floats([1, 2, 1, 2]))])
        #expect(try values(texts.trainTestSplit(testSize: 2, seed: 1, stratifiedBy: "l").test, "l").count == 2)
        #expect(
            throws: TrainingError(
                "train_test_split: stratify_by_column: 'x' holds numbers; expected a class in each row: an integer, a string or a boolean"
            )
        ) { try texts.trainTestSplit(testSize: 2, seed: 1, stratifiedBy: "x") }
        #expect(
            throws: TrainingError(
                "train_test_split: stratify_by_column: class 'c' of 'l' has one row; each needs two at least, one for each part"
            )
        ) {
            try Dataset(columns: [("l", .strings(["a", "c", "a"]))]).trainTestSplit(
                testSize: 1, seed: 1, stratifiedBy: "l")
        }
    }

    @Test("columns are renamed, removed, selected, in views too")
    func columns() throws {
        let data = try Dataset(columns: [("a", .integers([1, 2, 3])), ("b", .strings(["x", "y", "z"]))])
            .selecting([2, 0])
        let renamed = try data.renamingColumns([("a", "b"), ("b", "a")])
        #expect(renamed.columnNames == ["b", "a"] && values(renamed, "b") == [.integer(3), .integer(1)])
        #expect(try values(data.removingColumns(["a"]), "b") == [.string("z"), .string("x")])
        #expect(try data.selectingColumns(["b", "a"]).columnNames == ["b", "a"])
        #expect(throws: TrainingError("rename_columns: two columns would be called 'b'")) {
            try data.renamingColumns([("a", "b")])
        }
        #expect(throws: TrainingError("remove_columns: there is no column 'c'; the columns are a, b")) {
            try data.removingColumns(["c"])
        }
        #expect(throws: TrainingError("remove_columns: no column would be left, so no rows")) {
            try data.removingColumns(["a", "b"])
        }
        #expect(throws: TrainingError.self) { try data.selectingColumns([]) }
    }

    @Test("data sets are put together, their columns by name")
    func concatenation() throws {
        let a = try Dataset(columns: [("n", .integers([1, 2])), ("t", .strings(["x", "y"]))]).selecting([1])
        let b = try Dataset(columns: [("t", .strings(["z"])), ("n", .floats([0.5]))])
        let both = try Dataset.concatenated([a, b], names: ["first", "second"])
        #expect(both.columnNames == ["n", "t"] && both.column("n") == .floats([2, 0.5]))
        #expect(both.column("t") == .strings(["y", "z"]))
        #expect(throws: TrainingError("concatenate: second has no column 'n', which first has")) {
            try Dataset.concatenated([a, b.removingColumns(["n"])], names: ["first", "second"])
        }
    }

    @Test("one row becomes any number of rows, with the columns that it had")
    func flatMap() throws {
        let data = try Dataset(columns: [("n", .integers([0, 1, 2])), ("t", .strings(["x", "y", "z"]))])
            .selecting([2, 0, 1])
        let parts = try data.flatMapped { row in
            let n = data.value("n", row: row)?.int ?? 0
            return (0..<n).map { [.init("part", .integer($0)), .init("n", .integer(10 * n))] }
        }
        #expect(parts.columnNames == ["t", "part", "n"])
        #expect(parts.column("t") == .strings(["z", "z", "y"]) && parts.column("part") == .integers([0, 1, 0]))
        #expect(parts.column("n") == .integers([20, 20, 10]))
        #expect(throws: TrainingError("flat_map: row 2 has a column 'b' that row 1 has not")) {
            try data.flatMapped { row in [[.init(row == 0 ? "a" : "b", .null)]] }
        }
        #expect(try data.flatMapped { _ in [] }.count == 0)
    }

    @Test("a row is named by its file and line through whatever is done to it")
    func origins() throws {
        try Tiny.folder { folder in
            try folder.write("a.csv", text: "t,n\n\"x\ny\",1\nz,2\n")
            try folder.write("b.jsonl", text: "{\"t\": \"w\", \"n\": 3}\n")
            func read(_ name: String) throws -> Dataset { try Dataset(DataTable(folder, name), source: name) }
            let (a, b) = (try read("a.csv"), try read("b.jsonl"))
            #expect(a.name(ofRow: 1) == "row 2 (a.csv:4)")
            let made = try Dataset(columns: [("t", .strings(["v"])), ("n", .integers([0]))])
            let all = try Dataset.concatenated([a.selecting([1]), made, b, a], names: ["1", "2", "3", "4"])
            #expect(
                (0..<all.count).map(all.name(ofRow:))
                    == ["row 1 (a.csv:4)", "row 2", "row 3 (b.jsonl:1)", "row 4 (a.csv:2)", "row 5 (a.csv:4)"])
            let sorted = try all.sorted(by: [.init("n", descending: true)]).mapped { _ in [.init("m", .null)] }
            #expect(sorted.name(ofRow: 0) == "row 1 (b.jsonl:1)")
            let parts = try sorted.flatMapped { _ in [[.init("p", .integer(0))], [.init("p", .integer(1))]] }
            #expect(parts.name(ofRow: 3) == "row 4 (a.csv:4)")
            #expect(
                try parts.renamingColumns([("p", "q")]).selectingColumns(["q"]).name(ofRow: 1) == "row 2 (b.jsonl:1)")
            #expect(all.name(ofRow: 9) == "row 10")
        }
    }

    @Test("a label that made the column text is blamed, with its row and line")
    func blame() throws {
        let model = try Tiny.model()
        func failure(_ labels: [String]) throws -> String {
            let ids = Column.integerLists(flat: labels.map { _ in 5 }, offsets: Array(0...labels.count))
            let data = try Dataset(columns: [("input_ids", ids), ("labels", .strings(labels))])
            do {
                _ = try Trainer(model: model, trainDataset: data)
                return "none"
            } catch { return "\(error)" }
        }
        let expected = "expected a whole number from 0 to 1, since the model has 2 labels"
        #expect(try failure(["1", "0", "0", "", "1"]) == "train_dataset: row 4: labels is ''; \(expected)")
        var many = Array(repeating: "1", count: 700)
        many[650] = "n/a"
        #expect(try failure(many) == "train_dataset: row 651: labels is 'n/a'; \(expected)")
        #expect(try failure(["good", "bad"]) == "train_dataset: row 1: labels is 'good'; \(expected)")
        #expect(
            try failure(["01", "00"])
                == "train_dataset: row 1: labels is '01'; \(expected); the texts are numbers: load_dataset(path, { types = { labels = \"integer\" } }) reads them so"
        )
    }

    @Test("rows are written as pandas writes them, and read back equal")
    func saving() throws {
        try Tiny.folder { folder in
            for json in try golden("tables") {
                let columns = try #require(json["columns"]?.object)
                let data = try dataset(columns).removingColumns(["row"])
                for kind in ["csv", "tsv"] {
                    try data.save(to: folder, "t.\(kind)")
                    #expect(String(decoding: try folder.read("t.\(kind)"), as: UTF8.self) == json[kind]?.string)
                }
                try data.save(to: folder, "t.jsonl")
                let back = try Dataset(DataTable(folder, "t.jsonl"))
                #expect(back.columnNames == data.columnNames)
                for name in back.columnNames { #expect(back.column(name) == data.column(name)) }
            }
            let data = try dataset([
                "ids": .array([.integers([1, 2]), .array([])]), "x": .array([.null, .number(0.5)]),
                "b": .array([.bool(true), .bool(false)]), "o": .array([.object(["k": .null]), .null]),
            ])
            try data.selecting([1, 0]).save(to: folder, "v.jsonl")
            #expect(
                String(decoding: try folder.read("v.jsonl"), as: UTF8.self) == """
                    {"ids": [], "x": 0.5, "b": false, "o": null, "row": 2}
                    {"ids": [1, 2], "x": null, "b": true, "o": {"k": null}, "row": 1}

                    """)
            try data.selectingColumns(["b", "x"]).save(to: folder, "v.csv")
            #expect(String(decoding: try folder.read("v.csv"), as: UTF8.self) == "b,x\ntrue,\nfalse,0.5\n")
            #expect(
                throws: TrainingError(
                    "v.csv: row 1: 'ids' is a list of 2 integers, which a field cannot hold; save as .jsonl, or leave the column out with remove_columns"
                )
            ) { try data.save(to: folder, "v.csv") }
            #expect(String(decoding: try folder.read("v.csv"), as: UTF8.self) == "b,x\ntrue,\nfalse,0.5\n")
            let infinite = try Dataset(columns: [("x", .floats([1, .infinity]))])
            for name in ["w.csv", "w.jsonl"] {
                #expect(
                    throws: TrainingError("\(name): row 2: 'x' holds a number that is not finite, which is not saved")
                ) { try infinite.save(to: folder, name) }
            }
            #expect(throws: TrainingError("t.txt: unknown kind of data file; known are .jsonl, .csv and .tsv")) {
                try data.save(to: folder, "t.txt")
            }
            #expect(try folder.list() == ["t.csv", "t.jsonl", "t.tsv", "v.csv", "v.jsonl"])
        }
    }
}
