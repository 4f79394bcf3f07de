import Formats
import Testing

@Suite struct JSONTests {
    private func parse(_ text: String) throws -> JSON { try JSON(parsing: text, source: "x.json") }

    @Test(arguments: ["sorted", "plain", "unicode"])
    func writesAsPythonDoes(form: String) throws {
        let folder = try goldens()
        let document = try JSON(parsing: folder.read("document.json"), source: "document.json")
        let text =
            switch form {
            case "sorted": document.serialized(indent: 2, sortedKeys: true)
            case "plain": document.serialized()
            default: document.serialized(indent: 1, asciiOnly: false)
            }
        #expect(try Array(text.utf8) == folder.read("document.\(form).json"))
        #expect(try parse(text) == document)
    }

    @Test func compactFormReadsBack() throws {
        let document = try JSON(parsing: goldens().read("document.json"), source: "document.json")
        #expect(try parse(document.compact()) == document)
        #expect(try parse(#"{"a":[1,{"b":"é"}],"c":{}}"#).compact() == #"{"a":[1,{"b":"é"}],"c":{}}"#)
    }

    @Test func numbersAreWrittenAsPythonWritesThem() throws {
        let lines = try goldens().readText("numbers.txt").split(separator: "\n")
        #expect(lines.count == 400)
        for line in lines {
            let parts = line.split(separator: " ")
            let bits = try #require(UInt64(parts[0], radix: 16))
            let number = Double(bitPattern: bits)
            #expect(JSON.number(number).serialized() == parts[1])
            #expect(try parse(String(parts[1])).double?.bitPattern == bits)
        }
    }

    @Test func nonFiniteNumbersOnlyWhereAskedFor() throws {
        let text = "[NaN, Infinity, -Infinity]"
        let read = try JSON(parsing: text, source: "x.json", allowsNonFinite: true)
        #expect(read.serialized() == text)
        #expect(message { _ = try parse(text) } == "x.json:1:2: expected a value, got 'N'")
        #expect(message { _ = try parse("-Infinity") } == "x.json:1:1: malformed number")
        #expect(message { _ = try parse("1e999") } == "x.json:1:1: the number 1e999 is too large")
    }

    @Test(arguments: [
        ("", "x.json:1:1: expected a value, got the end"),
        ("{\n  \"a\" 1}", "x.json:2:7: expected ':' after the key 'a', got '1'"),
        ("[1,]", "x.json:1:4: expected a value, got ']'"),
        ("{\"a\":1,}", "x.json:1:8: expected a key in quotes, got '}'"),
        ("[1 2]", "x.json:1:4: expected ',' or ']', got '2'"),
        ("{\"a\":1 2}", "x.json:1:8: expected ',' or '}', got '2'"),
        ("1 2", "x.json:1:3: expected the end, got '2'"), ("01", "x.json:1:1: malformed number"),
        ("-", "x.json:1:1: malformed number"), ("1.", "x.json:1:1: malformed number"),
        (".5", "x.json:1:1: expected a value, got '.'"),
        ("1e", "x.json:1:1: malformed number"), ("+1", "x.json:1:1: expected a value, got '+'"),
        ("tru", "x.json:1:1: expected a value, got 't'"), ("'a'", "x.json:1:1: expected a value, got '''"),
        ("\"a", "x.json:1:1: a string does not end"), ("\"a\\", "x.json:1:3: unknown escape in a string"),
        ("\"\\x\"", "x.json:1:2: unknown escape in a string"),
        ("\"\\u12g4\"", "x.json:1:6: \\u needs four hexadecimal digits"),
        ("\"a\nb\"", "x.json:1:3: a string holds the control character 10"),
        ("\u{1}", "x.json:1:1: expected a value, got byte 1"),
        ("[1, // no\n2]", "x.json:1:5: expected a value, got '/'"),
    ])
    func malformed(text: String, expected: String) {
        #expect(message { _ = try parse(text) } == expected)
    }

    @Test func bytesThatAreNotUTF8() {
        let text: [UInt8] = [0x5B, 0x22, 0x61, 0x22, 0x2C, 0x0A, 0x22, 0xC3, 0x22, 0x5D]
        #expect(message { _ = try JSON(parsing: text, source: "x.json") } == "x.json:2:1: a string is not UTF-8")
        #expect(
            message { _ = try JSON(parsing: [0xFF], source: "x.json") } == "x.json:1:1: expected a value, got byte 255")
    }

    @Test func surrogates() throws {
        #expect(try parse(#""\ud83d\ude00""#) == .string("😀"))
        #expect(try parse(#""\ud83dx""#) == .string("\u{FFFD}x"))
        #expect(try parse(#""\ude00\ud83d""#) == .string("\u{FFFD}\u{FFFD}"))
        #expect(try parse(#""\ud83d\u0041""#) == .string("\u{FFFD}A"))
        #expect(message { _ = try parse(#""\ud83d\u00""#) } == #"x.json:1:12: \u needs four hexadecimal digits"#)
    }

    @Test func depthIsBounded() throws {
        _ = try parse(String(repeating: "[", count: 512) + String(repeating: "]", count: 512))
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(message { _ = try parse(deep) } == "x.json:1:513: nested deeper than 512 levels")
    }

    /// Work grows with the bytes, whatever they say.
    @Test(.timeLimit(.minutes(1))) func largeDocumentsTakeTimeByTheirSize() throws {
        let members = (0..<200_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        let object = try #require(try parse("{\(members)}").object)
        #expect(object.count == 200_000 && object["k123456"] == .integer(123_456) && object[7].key == "k7")
        #expect(JSON.object(object).serialized(sortedKeys: true).utf8.count > members.utf8.count)
        #expect(try parse("[\(String(repeating: "9", count: 1_000_000))e-999999]").array == [.number(10)])
        let nested = (0..<2000).map { _ in String(repeating: "[", count: 500) + String(repeating: "]", count: 500) }
        #expect(try parse("[\(nested.joined(separator: ","))]").array?.count == 2000)
    }

    @Test func integersBeyond64BitsBecomeNumbers() throws {
        #expect(try parse("9223372036854775807") == .integer(Int64.max))
        #expect(try parse("-9223372036854775808") == .integer(Int64.min))
        #expect(try parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
        #expect(try parse("999999999999999999") == .integer(999_999_999_999_999_999))
        #expect(try parse("-0") == .integer(0))
    }

    @Test func keysAreComparedByteForByte() throws {
        let object = try parse("{\"\u{212B}\": 1, \"\u{C5}\": 2, \"A\u{30A}\": 3, \"b\": 4, \"b\": 5}")
        #expect(object.object?.count == 4)
        #expect(object["\u{212B}"] == .integer(1))
        #expect(object["\u{C5}"] == .integer(2))
        #expect(object["A\u{30A}"] == .integer(3))
        #expect(object["b"] == .integer(5))
        let twice = "{\"a\": 1,\n \"a\": 2}"
        #expect(
            message { _ = try JSON(parsing: Array(twice.utf8), source: "x.json", refusesEqualKeys: true) }
                == "x.json:2:2: the key 'a' is there twice")
    }

    @Test func objectsWithManyMembers() {
        var object = JSONObject()
        for i in 0..<5000 { object["k\(i * 7919 % 5000)"] = .integer(Int64(i)) }
        #expect(object.count == 5000)
        #expect(object[1].key == "k2919")
        for i in 0..<5000 { #expect(object["k\(i * 7919 % 5000)"] == .integer(Int64(i))) }
        #expect(object["k5000"] == nil)
        #expect(object.removeValue(forKey: "k0") == .integer(0))
        object["k1"] = nil
        #expect(object.count == 4998)
        #expect(object["k0"] == nil && object["k1"] == nil)
        #expect(object["k7919"] == nil && object["k2919"] == .integer(1))
        object["k0"] = .null
        #expect(object.keys.last == "k0")
    }

    @Test func membersAreNamedInErrors() throws {
        let config = try parse(#"{"hidden_size": "768", "layers": 12.0, "eps": 1, "none": null}"#)
        let read = { (name: String) in try config.required(name, "an integer", source: "config.json") { $0.int } }
        #expect(
            message { _ = try read("hidden_size") }
                == "config.json: 'hidden_size' expected an integer, got string '768'")
        #expect(message { _ = try read("width") } == "config.json: 'width' is missing")
        #expect(try read("layers") == 12)
        #expect(try config.optional("none", "an integer", source: "config.json") { $0.int } == nil)
        #expect(try config.required("eps", "a number", source: "config.json") { $0.double } == 1)
        #expect(JSON.string("a\u{1B}[31m\u{202E}").kind == "string 'a\\u{1b}[31m\\u{202e}'")
    }

    @Test func linesOfJSON() throws {
        let text = "\u{FEFF}{\"a\": 1}\r\n\n  \n[2]\n{\"b\": }\n"
        var rows: [(line: Int, value: JSON)] = []
        let error = message {
            try Array(text.utf8).withUnsafeBufferPointer {
                try JSONLines.forEach($0, source: "x.jsonl") { rows.append(($0, $1)) }
            }
        }
        #expect(error == "x.jsonl:5:7: expected a value, got '}'")
        #expect(rows.map(\.line) == [1, 4])
        #expect(rows.map(\.value) == [.object(["a": .integer(1)]), .array([.integer(2)])])
    }

    /// Whatever the bytes are, parsing ends with a value or an error.
    @Test func mutatedDocumentsOnlyThrow() throws {
        let original = try goldens().read("document.json")
        var (random, parsed) = (Random(state: 1), 0)
        for _ in 0..<3000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count > 1 {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(contentsOf: "{[\"\\,:-1eu".utf8.shuffled(using: &random).prefix(2), at: place)
                default: bytes.removeLast(min(bytes.count - 1, place))
                }
            }
            if let json = try? JSON(parsing: bytes, source: "x") {
                parsed += 1
                #expect(try JSON(parsing: json.serialized(), source: "y") == json)
            }
        }
        #expect(parsed > 10 && parsed < 2900)
    }
}
