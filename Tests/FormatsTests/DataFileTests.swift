import Formats
import Testing

/// Data files as other programs write them, against pandas and the datasets library (scripts/goldens/data.py).
@Suite struct DataFileTests {
    private let temporary: TemporaryFolder

    init() throws { temporary = try TemporaryFolder() }

    private func cases(_ name: String) throws -> [JSON] {
        let folder = try Folder(path: packageRoot + "/Tests/Goldens", access: .read)
        let json = try JSON(parsing: folder.read("data.json"), source: "data.json")
        return try #require(json[name]?.array)
    }

    /// The values of a column, numbers as numbers.
    private func values(_ column: DataTable.Column?) -> [JSON] {
        guard let column else { return [] }
        return (0..<column.count).map { column[$0] }
    }

    @Test func readsWhatPandasReads() throws {
        for file in try cases("files") {
            let name = try #require(file["name"]?.string)
            let options = DataTable.Options(quotes: file["options"]?["quotes"]?.bool)
            let table = try temporary.table(name, try #require(file["text"]?.string), options)
            let columns = try #require(file["columns"]?.object)
            #expect(Array(table.columns.keys) == Array(columns.keys), "\(name)")
            for (column, expected) in columns {
                #expect(values(table.columns[column]) == expected.array, "\(name): \(column)")
            }
        }
    }

    @Test func linesOfTextEndWhereTheyDoForPython() throws {
        for file in try cases("lines") {
            let table = try temporary.table("t.txt", try #require(file["text"]?.string))
            #expect(values(table.columns["text"]) == file["lines"]?.array)
        }
        // A line end that was translated twice is one, here as in rows of fields.
        #expect(try temporary.table("t.txt", "one\r\r\ntwo\r\r\n").columns["text"] == .strings(["one", "two"]))
        #expect(try temporary.table("t.txt", "\u{FEFF}one\ntwo").columns["text"] == .strings(["one", "two"]))
    }

    @Test(arguments: ["\n", "\r\n", "\r", "\r\r\n"]) func linesAreCountedWhateverEndsThem(end: String) throws {
        let csv = ["a,b", "\"x\(end)y\",1", "", "z,2", "w,3"].joined(separator: end)
        #expect(try temporary.table("t.csv", csv).lines == [2, 5, 6])
        #expect(
            message { _ = try temporary.table("t.csv", csv + "\(end)1,2,3") }
                == "t.csv:7: row has 3 fields, the header has 2")
        #expect(
            message { _ = try temporary.table("t.csv", csv, .init(types: ["a": .integer])) }.hasPrefix(
                "t.csv:2: 'a' expected an integer, got 'x"))
        let objects = ["{\"a\": 1}", "", "{\"a\": 2}"].joined(separator: end)
        let read = try temporary.table("t.jsonl", objects)
        #expect(read.columns["a"] == .integers([1, 2]) && read.lines == [1, 3])
        #expect(message { _ = try temporary.table("t.jsonl", objects + "\(end){\"a\"}") }.hasPrefix("t.jsonl:4:5: "))
    }

    @Test func quotesAreToldOf() throws {
        #expect(
            message { _ = try temporary.table("t.tsv", "text\tlabel\n\"two\nlines\"\t1\n") }
                == "t.tsv:2: row has 1 field, the header has 2; a field begins with a quote: quotes = true reads fields between quotes"
        )
        #expect(
            message { _ = try temporary.table("t.jsonl", "{}", .init(quotes: true)) }
                == "t.jsonl: quotes is an option of .tsv and .csv files")
    }

    @Test func otherEncodingsAreNamed() {
        for bytes: [UInt8] in [[0xFF, 0xFE, 0x61, 0], [0xFE, 0xFF, 0, 0x61]] {
            temporary.put("t.csv", bytes)
            #expect(
                message { _ = try DataTable(temporary.folder, "t.csv") } == "t.csv: is UTF-16; convert it to UTF-8")
        }
    }

    // MARK: JSON

    /// `df.to_json(orient=)` of pandas 3.0 and other forms; all are the rows of `df`.
    @Test(arguments: [
        #"[{"a":1,"b":"x"},{"a":2,"b":"y"}]"#, #"{"a":[1,2],"b":["x","y"]}"#,
        #"{"a":{"0":1,"1":2},"b":{"0":"x","1":"y"}}"#,
        #"{"columns":["a","b"],"index":[0,1],"data":[[1,"x"],[2,"y"]]}"#,
        #"{"data":[{"a":1,"b":"x"},{"a":2,"b":"y"}]}"#,
        #"{"version":"1.1","data":[{"a":1,"b":"x"},{"a":2,"b":"y"}],"tags":["t"]}"#,
        #"{"version":"1.1","rows":[{"a":1,"b":"x"},{"a":2,"b":"y"}]}"#,
        "\u{FEFF}{\"a\":1,\"b\":\"x\"}\r{\"a\":2,\"b\":\"y\"}\r",
    ])
    func tablesInJSON(text: String) throws {
        let table = try temporary.table("t.json", text)
        #expect(Array(table.columns.keys) == ["a", "b"])
        #expect(table.columns["a"] == .integers([1, 2]) && table.columns["b"] == .strings(["x", "y"]))
        let some = try temporary.table("t.json", text, .init(columns: ["b"], types: ["b": .string]))
        #expect(Array(some.columns.keys) == ["b"] && some.rowCount == 2)
    }

    @Test func columnsOfObjects() throws {
        let table = try temporary.table("t.json", #"{"a":[{"x":1},{"x":2}],"n":[1,2]}"#)
        #expect(table.rowCount == 2 && table.columns["n"] == .integers([1, 2]))
        #expect(table.columns["a"] == .json([["x": .integer(1)], ["x": .integer(2)]].map { JSON.object($0) }))
    }

    @Test(arguments: [
        (
            #"{"a":1}"#,
            "t.json: expected an array of objects, columns as {\"text\": […], \"label\": […]}, or rows as {\"data\": [{…}]}, got an object with 'a'"
        ),
        (#"{"a":[1,2],"b":[1]}"#, "t.json: column 'b' has 1 rows, 'a' has 2"), (#"{"data":[]}"#, "t.json: is empty"),
        (#"{"a":[]}"#, "t.json: is empty"), ("3", "t.json: expected an array of objects, got integer 3"),
    ])
    func tablesThatAreNone(text: String, expected: String) throws {
        #expect(message { _ = try temporary.table("t.json", text) } == expected)
    }

    // MARK: Several files

    private func parts(_ files: [(String, String)], _ options: DataTable.Options = .init()) throws -> [DataTable] {
        try DataTable.parts(
            files.map { name, text in
                temporary.put(name, Array(text.utf8))
                return DataTable.File(folder: temporary.folder, name: name, source: name)
            }, options: options)
    }

    @Test func partsAgree() throws {
        let same = try parts([("a.csv", "t,n\nx,1\n"), ("b.tsv", "n\tt\n2\ty\n"), ("c.jsonl", "{\"n\":3,\"t\":\"z\"}")])
        #expect(same.map { $0.columns["n"] } == [.integers([1]), .integers([2]), .integers([3])])
        // One bad cell makes the column text everywhere, as it would in one file.
        let bad = try parts([("a.csv", "t,n\nx,1\n"), ("b.csv", "t,n\ny,\n")])
        #expect(bad.map { $0.columns["n"] } == [.strings(["1"]), .strings([""])])
        #expect(
            message { _ = try parts([("a.csv", "t,n\nx,1\n"), ("b.csv", "t,m\ny,1\n")]) }
                == "b.csv: has no column 'n', which a.csv has")
        #expect(
            message { _ = try parts([("a.csv", "text\nx\n"), ("b.csv", "text,label\ny,1\n")]) }
                == "b.csv: has a column 'label' that a.csv has not")
        #expect(
            message { _ = try parts([("a.csv", "label\n1\n"), ("b.csv", "labels\n1\n")]) }
                == "b.csv: has no column 'label', which a.csv has; did you mean 'labels'?")
    }

    // MARK: Writing

    @Test func writesWhatPandasWrites() throws {
        for table in try cases("tables") {
            let columns = try #require(table["columns"]?.object)
            let names = Array(columns.keys)
            let count = columns.first?.value.array?.count ?? 0
            for (name, delimiter) in [("csv", UInt8(ascii: ",")), ("tsv", UInt8(ascii: "\t"))] {
                try temporary.folder.write("t.\(name)", header: names, rows: count, delimiter: delimiter) { row in
                    columns.map { _, values in
                        let value = values.array?[row] ?? .null
                        return value.string ?? value.compact()
                    }
                }
                let written = String(decoding: try temporary.folder.read("t.\(name)"), as: UTF8.self)
                #expect(written == table[name]?.string)
                let back = try DataTable(
                    temporary.folder, "t.\(name)",
                    options: .init(
                        quotes: true, types: columns.first?.value.array?[0].string == nil ? [:] : [names[0]: .string]))
                #expect(Array(back.columns.keys) == names)
                #expect(values(back.columns[names[0]]) == columns[names[0]]?.array)
            }
        }
    }

    /// pandas leaves a lone CR without quotes, and cannot read it back then; quoted it reads it.
    @Test func writesAreReadBack() throws {
        let texts = ["cr\rhere", "\r", "\n", "a\"", ",", "\t", "\u{2028}"]
        try temporary.folder.write("t.csv", header: ["t"], rows: texts.count, delimiter: 44) { [texts[$0]] }
        #expect(try DataTable(temporary.folder, "t.csv").columns["t"] == .strings(texts))
        try temporary.folder.write("t.jsonl", lines: texts.count) { .object(["t": .string(texts[$0])]) }
        #expect(try DataTable(temporary.folder, "t.jsonl").columns["t"] == .strings(texts))
        // Whole or not at all.
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try temporary.folder.write("t.csv", header: ["t"], rows: 9, delimiter: 44) { row in
                if row == 5 { throw Stop() }
                return ["x"]
            }
        }
        #expect(try DataTable(temporary.folder, "t.csv").columns["t"] == .strings(texts))
        #expect(try temporary.folder.list() == ["t.csv", "t.jsonl"])
    }
}
