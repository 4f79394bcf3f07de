import Formats
import Testing

@Suite struct DataTableTests {
    private let temporary: TemporaryFolder

    init() throws { temporary = try TemporaryFolder() }

    // MARK: TSV

    @Test func readsTSV() throws {
        let table = try temporary.table(
            "train.tsv", "sentence\tlabel\tscore\nhide \"new\" secretions\t0\t.5\r\n\nit 's , \t1\t-2e3")
        #expect(Array(table.columns.keys) == ["sentence", "label", "score"])
        #expect(table.rowCount == 2)
        #expect(table.columns["sentence"] == .strings(["hide \"new\" secretions", "it 's , "]))
        #expect(table.columns["label"] == .integers([0, 1]))
        #expect(table.columns["score"] == .floats([0.5, -2000]))
        #expect(table.columns["label"]?[1] == .integer(1) && table.columns["score"]?[0] == .number(0.5))
    }

    @Test func headersAndNames() throws {
        let rows = "gj04\t1\t\tOur friends.\ngj04\t0\t*\tMore.\n"
        let named = try temporary.table("a.tsv", rows, .init(columns: ["source", "label", "mark", "sentence"]))
        #expect(named.columns["label"] == .integers([1, 0]) && named.columns["mark"] == .strings(["", "*"]))
        let unnamed = try temporary.table("a.tsv", rows, .init(header: false))
        #expect(Array(unnamed.columns.keys) == ["column1", "column2", "column3", "column4"])
        #expect(unnamed.rowCount == 2)
        let renamed = try temporary.table("a.tsv", rows, .init(columns: ["a", "b", "c", "d"], header: true))
        #expect(renamed.rowCount == 1 && renamed.columns["b"] == .integers([0]))
        let pandas = try temporary.table("p.csv", ",text\n0,x\n", .init())
        #expect(Array(pandas.columns.keys) == ["column1", "text"])
        let bars = try temporary.table("e.csv", "a|b\n1|2\n", .init(delimiter: UInt8(ascii: "|")))
        #expect(bars.columns["b"] == .integers([2]))
    }

    @Test(
        arguments: [
            ("1\n2\n-3", .integers([1, 2, -3])), ("0\n-0\n10", .integers([0, 0, 10])), ("1\n2.0", .floats([1, 2])),
            ("007\n8", .strings(["007", "8"])), ("-01\n2", .strings(["-01", "2"])),
            ("00.5\n1", .strings(["00.5", "1"])),
            ("0.5\n1e-05", .floats([0.5, 1e-05])), ("1.\n.5", .floats([1, 0.5])), ("+1\n2", .strings(["+1", "2"])),
            ("1\nnan", .strings(["1", "nan"])), ("inf\n1", .strings(["inf", "1"])),
            ("0x10\n1", .strings(["0x10", "1"])),
            ("1e999\n1", .strings(["1e999", "1"])), (" 1\n2", .strings([" 1", "2"])),
            ("1_000\n2", .strings(["1_000", "2"])),
            ("9223372036854775807\n-9223372036854775808", .integers([.max, .min])),
            ("9223372036854775808\n1", .floats([9_223_372_036_854_775_808, 1])), ("-\n.", .strings(["-", "."])),
            ("1-2\n3", .strings(["1-2", "3"])), ("true\nfalse", .strings(["true", "false"])),
        ] as [(String, DataTable.Column)])
    func typesByAllRows(rows: String, expected: DataTable.Column) throws {
        #expect(try temporary.table("t.tsv", "x\n" + rows + "\n").columns["x"] == expected)
    }

    @Test func emptyFieldsKeepStrings() throws {
        let table = try temporary.table("t.csv", "a,b\n1,\n,2\n")
        #expect(table.columns["a"] == .strings(["1", ""]) && table.columns["b"] == .strings(["", "2"]))
    }

    @Test func typesAreForced() throws {
        let text = "id\tx\n007\t1\n012\t2\n"
        let table = try temporary.table("t.tsv", text, .init(types: ["id": .integer, "x": .float]))
        #expect(table.columns["id"] == .integers([7, 12]) && table.columns["x"] == .floats([1, 2]))
        #expect(try temporary.table("t.tsv", text, .init(types: ["x": .string])).columns["x"] == .strings(["1", "2"]))
        #expect(
            message { _ = try temporary.table("t.tsv", "id\tx\n1\ta\n2\tb\n", .init(types: ["x": .integer])) }
                == "t.tsv:2: 'x' expected an integer, got 'a'")
        #expect(
            message { _ = try temporary.table("t.tsv", "id\tx\n1\t1\n2\t\n", .init(types: ["x": .float])) }
                == "t.tsv:3: 'x' expected a number, got ''")
        #expect(
            message { _ = try temporary.table("t.tsv", "ident\tx\n1\t1\n", .init(types: ["idnt": .float])) }
                == "t.tsv: types names a column 'idnt'; did you mean 'ident'?")
        #expect(
            message { _ = try temporary.table("t.tsv", "ident\tx\n1\t1\n", .init(types: ["zzz": .float])) }
                == "t.tsv: types names a column 'zzz'; there are 'ident', 'x'")
    }

    // MARK: CSV

    @Test func readsQuotedCSV() throws {
        let text =
            "\u{FEFF}text,\"la,bel\",n\r\n\"one, \"\"two\"\"\r\nthree\",\"\",1\r\nplain \"quoted\" text,\"x\",2\r\n\"\"\"\u{301}\",é,3"
        let table = try temporary.table("t.csv", text)
        #expect(Array(table.columns.keys) == ["text", "la,bel", "n"])
        #expect(table.columns["text"] == .strings(["one, \"two\"\r\nthree", "plain \"quoted\" text", "\"\u{301}"]))
        #expect(table.columns["la,bel"] == .strings(["", "x", "é"]))
        #expect(table.columns["n"] == .integers([1, 2, 3]))
        #expect(try temporary.table("s.csv", "a\n\"\"\n\nx\n").columns["a"] == .strings(["", "x"]))
        #expect(try temporary.table("n.csv", "a,b\n\"1\",\"2.5\"\n").columns["b"] == .floats([2.5]))
    }

    @Test(arguments: [
        ("t.tsv", "a\tb\n1\t2\n1\t2\t3\n", "t.tsv:3: row has 3 fields, the header has 2"),
        ("t.tsv", "a\tb\n1\n", "t.tsv:2: row has 1 field, the header has 2"), ("t.tsv", "", "t.tsv: is empty"),
        ("t.tsv", "\n\n", "t.tsv: is empty"), ("t.tsv", "a\tb\n", "t.tsv: has a header and no rows"),
        ("t.tsv", "a\ta\n1\t2\n", "t.tsv: two columns are called 'a'"),
        ("t.csv", "a,b\n\"x\ny\",1\n\"2,3\n", "t.csv:4: the quote of a field is not closed"),
        ("t.csv", "a,b\n\"x\"y,1\n", "t.csv:2: text follows the closing quote of a field"),
        ("t.csv", "a,b\n\"x\ny\",1\n1,2,3\n", "t.csv:4: row has 3 fields, the header has 2"),
        ("t.xlsx", "a", "t.xlsx: unknown kind of data file; known are .tsv, .csv, .jsonl, .json and .txt"),
        ("t.json", "[]", "t.json: is empty"),
        ("t.json", "[{\"a\": 1}, 2]", "t.json: row 2: expected an object, got integer 2"),
        ("t.json", "[{\"a\": 1},\n}", "t.json:2:1: expected a value, got '}'"), ("t.jsonl", "\n", "t.jsonl: is empty"),
        ("t.jsonl", "{\"a\": 1}\n[1]\n", "t.jsonl:2: expected an object, got an array"),
        ("t.jsonl", "{\"a\": 1}\n{\"a\" 1}\n", "t.jsonl:2:6: expected ':' after the key 'a', got '1'"),
    ])
    func malformed(name: String, text: String, expected: String) {
        #expect(message { _ = try temporary.table(name, text) } == expected)
    }

    @Test func optionsThatDoNotFit() throws {
        #expect(
            message { _ = try temporary.table("t.tsv", "a\tb\n1\t2\n", .init(columns: ["x"])) }
                == "t.tsv:1: row has 2 fields, columns names 1")
        #expect(
            message { _ = try temporary.table("t.json", "[]", .init(header: true)) }
                == "t.json: header and delimiter are options of .tsv and .csv files")
        #expect(
            message { _ = try temporary.table("t.csv", "a", .init(delimiter: 10)) }
                == "t.csv: a line end or quote cannot be the delimiter")
        #expect(
            message { _ = try temporary.table("t.txt", "a", .init(columns: ["a", "b"])) }
                == "t.txt: a text file has one column, columns names 2")
        #expect(
            message { _ = try temporary.table("t.txt", "a", .init(types: ["text": .integer])) }
                == "t.txt: the column of a text file is a string")
        #expect(
            message { _ = try DataTable(temporary.folder, "none.tsv") }
                == "\(temporary.path)/none.tsv: no such file or folder")
    }

    @Test func bytesThatAreNotUTF8() {
        temporary.put("t.tsv", Array("text\nfine\nGr\u{FC}n".unicodeScalars.map { UInt8($0.value) }))
        #expect(
            message { _ = try DataTable(temporary.folder, "t.tsv") }
                == "t.tsv:3: not UTF-8 at byte 13 of the file; convert it to UTF-8")
    }

    // MARK: JSON and text

    @Test func readsJSON() throws {
        let rows = #"{"a": 1, "b": "x", "c": [1, 2], "f": 1}"# + "\n\n" + #"{"b": "y", "a": 2, "d": true, "f": 0.5}"#
        for (name, text) in [
            ("t.jsonl", rows), ("t.json", rows), ("t.json", "[" + rows.replacing("\n\n", with: ",") + "]"),
            ("t.NDJSON", rows),
        ] {
            let table = try temporary.table(name, text)
            #expect(Array(table.columns.keys) == ["a", "b", "c", "f", "d"])
            #expect(table.columns["a"] == .integers([1, 2]) && table.columns["b"] == .strings(["x", "y"]))
            #expect(table.columns["c"] == .json([.array([.integer(1), .integer(2)]), .null]))
            #expect(table.columns["d"] == .json([.null, .bool(true)]) && table.columns["f"] == .floats([1, 0.5]))
        }
        let some = try temporary.table("t.jsonl", rows, .init(columns: ["b", "a"], types: ["a": .float]))
        #expect(Array(some.columns.keys) == ["b", "a"] && some.columns["a"] == .floats([1, 2]))
        #expect(
            message { _ = try temporary.table("t.jsonl", rows, .init(columns: ["c"])) }
                == "t.jsonl:3: has no 'c'; it has 'b', 'a', 'd', 'f'")
        #expect(
            message { _ = try temporary.table("t.jsonl", rows, .init(types: ["b": .integer])) }
                == "t.jsonl:1: 'b' expected an integer, got string 'x'")
    }

    @Test func readsLinesOfText() throws {
        let table = try temporary.table("t.txt", "one\r\n\n\"two\"\tx\n")
        #expect(table.columns["text"] == .strings(["one", "", "\"two\"\tx"]))
        #expect(try Array(temporary.table("t.txt", "x", .init(columns: ["line"])).columns.keys) == ["line"])
    }

    /// A table is not far larger than its file.
    @Test(.timeLimit(.minutes(1))) func smallFilesMakeSmallTables() throws {
        let sparse = (0..<20_000).map { "{\"k\($0)\":1}" }
        for (name, text) in [
            ("s.jsonl", sparse.joined(separator: "\n")), ("s.json", "[\(sparse.joined(separator: ","))]"),
        ] {
            let error = message { _ = try temporary.table(name, text) }
            #expect(error.hasPrefix(name) && error.contains("different keys: a table of"), "\(error)")
        }
        let wide = (0..<300_000).map { "c\($0)" }.joined(separator: ",")
        let values = String(repeating: "1,", count: 299_999) + "1"
        #expect(try temporary.table("w.csv", "\(wide)\n\(values)\n").columns.count == 300_000)
        let error = message { _ = try temporary.table("w.csv", "\(wide)\n1\n") }
        #expect(error == "w.csv:2: row has 1 field, the header has 300000")
        #expect(
            message { _ = try temporary.table("d.jsonl", String(repeating: "[", count: 1 << 20)) }.contains(
                "nested deeper"))
        #expect(
            message { _ = try temporary.table("q.csv", "a\n\"" + String(repeating: "\"\"", count: 1 << 19)) }.contains(
                "not closed"))
    }

    @Test func tablesOfUnequalColumnsAreRefused() {
        #expect(
            message { _ = try DataTable(columns: ["a": .integers([1]), "b": .floats([])]) }
                == "column 'b' has 0 rows, 'a' has 1")
    }

    /// Whatever the bytes are, reading ends with a table or an error.
    @Test(arguments: ["m.csv", "m.tsv", "m.jsonl", "m.json", "m.txt"])
    func mutatedFilesOnlyThrow(name: String) {
        let text = "a,b\tc\n\"x,\"\"\ny\",1\r\n{\"a\":[1,{\"b\":\"é\"}]}\n{\"a\":null}\n,\t\n"
        var random = Random(state: 9)
        for _ in 0..<300 {
            var bytes = Array(text.utf8)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[place] = Array("\",\t\n\r{}[]".utf8).randomElement(using: &random) ?? 0
                default: bytes.insert(contentsOf: bytes[place...].prefix(7), at: 0)
                }
            }
            temporary.put(name, bytes)
            if let table = try? DataTable(temporary.folder, name) {
                #expect(table.columns.values.allSatisfy { $0.count == table.rowCount })
            }
        }
    }

    // MARK: Real data

    @Test(.enabled(if: sharedPath != nil, "the folder shared is absent")) func readsRealData() throws {
        let data = try Folder(path: #require(sharedPath) + "/data", access: .read)
        let train = try DataTable(data, "sst2/train.tsv")
        #expect(train.rowCount == 67_349)
        #expect(train.columns["sentence"]?[0] == .string("hide new secretions from the parental units"))
        guard case .integers(let labels) = train.columns["label"] else { throw FormatError("labels are no integers") }
        #expect(labels.filter { $0 == 1 }.count == 37_569)
        let cola = try DataTable(
            data, "cola/in_domain_train.tsv", options: .init(columns: ["source", "label", "mark", "sentence"]))
        #expect(cola.rowCount == 8551)
        #expect(try DataTable(data, "chat/alpaca_en_demo.json").rowCount == 999)
        #expect(try DataTable(data, "wikisql/train.jsonl").rowCount == 1000)
        #expect(try DataTable(data, "e2e/valid.txt").rowCount == 4672)
    }
}
