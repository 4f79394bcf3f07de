import Formats
import OrderedCollections
import Testing

@Suite struct SafetensorsTests {
    private let temporary: TemporaryFolder
    private var folder: Folder { temporary.folder }

    init() throws { temporary = try TemporaryFolder() }

    /// The file as bytes read back, written anew with the same tensors in another order.
    private func rewritten(_ file: SafetensorsFile) throws -> [UInt8] {
        let items = file.entries.map { name, entry in
            SafetensorsWriter.Item(name: name, dtype: entry.dtype, shape: entry.shape) {
                try $0.append(file.bytes(of: entry))
            }
        }
        try SafetensorsWriter.write(items.reversed(), metadata: file.metadata, to: folder, "again")
        return try folder.read("again")
    }

    /// Every file of the goldens was written by the library, through torch or PEFT.
    @Test func writesTheBytesOfTheLibrary() throws {
        let root = try Folder(path: packageRoot + "/Tests/Goldens")
        var seen = 0
        for name in try root.list() where root.isFolder(name) {
            let inner = try root.subfolder(name)
            let paths =
                try inner.list()
                + (inner.isFolder("adapter") ? inner.subfolder("adapter").list().map { "adapter/" + $0 } : [])
            for path in paths where path.hasSuffix(".safetensors") {
                let file = try SafetensorsFile(inner, path)
                #expect(try rewritten(file) == inner.read(path), "\(name)/\(path)")
                seen += 1
            }
        }
        #expect(seen >= 10)
    }

    @Test func readsEveryDType() throws {
        let file = try SafetensorsFile(goldens(), "dtypes.safetensors")
        #expect(file.metadata == ["format": "pt"])
        #expect(file.entries.count == 21)
        #expect(Set(file.entries.values.map(\.dtype)).count == 19)
        #expect(file.entries.keys.first == "uint64" && file.entries.keys.last == "b.é")
        for name in ["float64", "float32", "float16", "bfloat16"] {
            #expect(try file.floats(name) == [1, 2, 4, 8, 16, 32], "\(name)")
            #expect(file.entries[name]?.shape == [2, 3])
        }
        for name in ["int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64"] {
            #expect(try file.integers(name) == [1, 2, 4, 8, 16, 32], "\(name)")
        }
        #expect(try file.integers("b.é") == [1, 0])
        #expect(try file.floats("scalar") == [1.5])
        #expect(file.entries["scalar"]?.shape == [] && file.entries["scalar"]?.count == 1)
        #expect(try file.floats("empty") == [])
        #expect(file.entries["complex64"]?.count == 6)
        let float32 = try file.entry("float32")
        #expect(file.mappedNumbers(of: float32)?.start.loadUnaligned(fromByteOffset: 20, as: Float.self) == 32)
        #expect(try file.mappedNumbers(of: file.entry("float16")) == nil)
        #expect(
            message { _ = try file.floats("int64") }.hasSuffix(
                "tensor 'int64' has dtype I64, expected F32, F16, BF16 or F64"))
        #expect(
            message { _ = try file.integers("float32") }.hasSuffix("tensor 'float32' has dtype F32, expected integers"))
        #expect(message { _ = try file.entry("flaot32") }.hasSuffix("no tensor 'flaot32'; did you mean 'float32'?"))
    }

    // MARK: 16-bit floats

    @Test func halvesAreRoundedAsTorchDoes() throws {
        let file = try SafetensorsFile(goldens(), "halves.safetensors")
        let values = try file.floats("in")
        #expect(values.count == 300)
        func bits(_ name: String) throws -> [UInt16] {
            let bytes = try file.bytes(of: file.entry(name))
            return stride(from: 0, to: bytes.count, by: 2).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: UInt16.self)
            }
        }
        #expect(try values.map(HalfFloats.float16) == bits("f16"))
        #expect(try values.map(HalfFloats.bfloat16) == bits("bf16"))
        #expect(try file.floats("f16").map(\.bitPattern) == file.floats("f16.back").map(\.bitPattern))
        #expect(try file.floats("bf16").map(\.bitPattern) == file.floats("bf16.back").map(\.bitPattern))
    }

    @Test func halvesComeBackFromFloats() {
        var wrong = 0
        for bits in UInt16.min...UInt16.max {
            let half = HalfFloats.float(float16: bits)
            let brain = HalfFloats.float(bfloat16: bits)
            if half.isNaN
                ? !HalfFloats.float(float16: HalfFloats.float16(half)).isNaN : HalfFloats.float16(half) != bits
            {
                wrong += 1
            }
            if brain.isNaN
                ? !HalfFloats.float(bfloat16: HalfFloats.bfloat16(brain)).isNaN : HalfFloats.bfloat16(brain) != bits
            {
                wrong += 1
            }
        }
        #expect(wrong == 0)
        #expect(
            HalfFloats.float16(.infinity) == 0x7C00 && HalfFloats.float16(65519) == 0x7BFF
                && HalfFloats.float16(65520) == 0x7C00)
        #expect(HalfFloats.bfloat16(.greatestFiniteMagnitude) == 0x7F80)
    }

    // MARK: Writing

    @Test func writesHalvesIntegersAndChecksSizes() throws {
        try SafetensorsWriter.write(
            [
                .init(name: "h", shape: [2], float16: [0.1, -2]), .init(name: "b", shape: [2], bfloat16: [0.1, -2]),
                .init(name: "i", shape: [1, 1], integers: [-7]), .init(name: "f", shape: [], floats: [3]),
            ], to: folder, "x.safetensors")
        let file = try SafetensorsFile(folder, "x.safetensors")
        #expect(Array(file.entries.keys) == ["i", "f", "b", "h"])
        #expect(try file.floats("h") == [0.099975586, -2])
        #expect(try file.floats("b") == [0.10009765625, -2])
        #expect(try file.integers("i") == [-7])
        #expect(file.metadata.isEmpty)
        let path = temporary.path + "/y"
        let refused: [([SafetensorsWriter.Item], String)] = [
            ([.init(name: "a", shape: [3], floats: [1])], "tensor 'a': F32 of shape [3] takes 12 bytes, got 4"),
            ([.init(name: "a", shape: [-1], floats: [])], "tensor 'a': F32 cannot have shape [-1]"),
            (
                [.init(name: "a", shape: [.max, 2], floats: [])],
                "tensor 'a': F32 cannot have shape [9223372036854775807, 2]"
            ),
            (
                [.init(name: "a", shape: [0], floats: []), .init(name: "a", shape: [0], integers: [])],
                "tensor 'a': there is another of that name"
            ),
            (
                [.init(name: "__metadata__", shape: [0], floats: [])],
                "tensor '__metadata__': a tensor cannot have this name"
            ),
        ]
        for (items, expected) in refused {
            #expect(message { try SafetensorsWriter.write(items, to: folder, "y") } == "\(path): \(expected)")
        }
        #expect(try folder.list() == ["x.safetensors"])
    }

    // MARK: Malformed files

    private func open(_ header: String, data: Int = 8, length: UInt64? = nil) -> String {
        message {
            var length = (length ?? UInt64(header.utf8.count)).littleEndian
            let bytes =
                withUnsafeBytes(of: &length) { Array($0) } + Array(header.utf8) + [UInt8](repeating: 0, count: data)
            temporary.put("m", bytes)
            _ = try SafetensorsFile(folder, "m")
        }.replacing(temporary.path + "/", with: "")
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "no error"),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"e":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}   "#,
            "no error"
        ),
        (#"{"__metadata__":null,"a":{"dtype":"U64","shape":[],"data_offsets":[0,8],"more":1}}"#, "no error"),
        (#"{"a":{"dtype":"F4","shape":[16],"data_offsets":[0,8]}}"#, "no error"),
        (
            #"{"a":{"dtype":"F4","shape":[15],"data_offsets":[0,8]}}"#,
            "m: tensor 'a': F4 of shape [15] takes no whole number of bytes below 2^63"
        ),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "m: the tensors end at byte 66, the file at 70"),
        (
            #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#,
            "m: tensor 'a': truncated: it ends at byte 12 of the tensors, the file at 8"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            "m: tensor 'a': F32 of shape [2] takes 8 bytes, its data_offsets are [0, 4]"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
            "m: tensor 'a': F32 of shape [2] takes 8 bytes, its data_offsets are [8, 0]"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
            "m: tensor 'a': 'shape' expected natural numbers, got an array"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#,
            "m: tensor 'a': 'shape' expected natural numbers, got an array"
        ),
        (
            #"{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}"#,
            "m: tensor 'a': 'shape' expected natural numbers, got integer 2"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#,
            "m: tensor 'a': 'data_offsets' expected two natural numbers, got an array"
        ),
        (#"{"a":{"dtype":"F32","shape":[2]}}"#, "m: tensor 'a': 'data_offsets' is missing"),
        (#"{"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}"#, "m: tensor 'a': unknown dtype 'F99'"),
        (
            #"{"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}}"#,
            "m: tensor 'a': 'dtype' expected a string, got integer 4"
        ),
        (
            #"{"a":{"dtype":"I64","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
            "m: tensor 'a': I64 of shape [4611686018427387904, 4] takes no whole number of bytes below 2^63"
        ),
        (
            #"{"a":{"dtype":"I64","shape":[1],"data_offsets":[9223372036854775799,9223372036854775807]}}"#,
            "m: tensor 'a': truncated: it ends at byte 9223372036854775807 of the tensors, the file at 8"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            "m: tensor 'b' overlaps the tensor before it"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}}"#,
            "m: tensor 'b' leaves a hole before it"
        ),
        (
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
            "m: header:1:54: the key 'a' is there twice"
        ),
        (
            "{\"\u{C5}\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"A\u{30A}\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
            "m: tensor 'A\u{30A}': there is another of that name, written with other code points"
        ),
        (#"{"__metadata__":{"a":1}}"#, "m: 'a' of '__metadata__' expected a string, got integer 1"),
        (#"{"__metadata__":[]}"#, "m: '__metadata__' expected an object, got an array"),
        (#"{"a":[]}"#, "m: tensor 'a': expected an object, got an array"),
        ("{\"a\u{1B}[2J\":1}", "m: header:1:4: a string holds the control character 27"),
        (#"{"a\u001b[2J":1}"#, #"m: tensor 'a\u{1b}[2J': expected an object, got integer 1"#),
        ("[]", "m: not a safetensors file: its header does not begin with '{'"),
        ("", "m: not a safetensors file: its header does not begin with '{'"),
        ("{", "m: header:1:2: expected a key in quotes, got the end"),
        ("{}x", "m: header:1:3: expected the end, got 'x'"),
        ("{}", "m: the tensors end at byte 10, the file at 18"),
    ])
    func malformed(header: String, expected: String) { #expect(open(header) == expected) }

    @Test func lengthsBeyondTheFile() throws {
        #expect(open("{}", length: 11) == "m: truncated: the header ends at byte 19, the file at 18")
        #expect(
            open("{}", length: .max) == "m: not a safetensors file: its header would be 18446744073709551615 bytes long"
        )
        #expect(
            open("{}", length: 1 << 60)
                == "m: not a safetensors file: its header would be \(UInt64(1) << 60) bytes long")
        let ones = String(repeating: "1,", count: 100_000)
        #expect(
            open("{\"t\":{\"dtype\":\"F32\",\"shape\":[\(ones)1],\"data_offsets\":[0,4]}}")
                == "m: tensor 't': has 100001 dimensions; at most 64 are read")
        #expect(
            open("{}", length: 100_000_001) == "m: not a safetensors file: its header would be 100000001 bytes long")
        let header = #"{"a\#u{FFFD}"#
        let bytes = [UInt8](header.utf8.dropLast(2)) + [0x22, 0x7D]
        try folder.write("u", [UInt8(bytes.count), 0, 0, 0, 0, 0, 0, 0] + bytes)
        #expect(
            message { _ = try SafetensorsFile(folder, "u") } == "\(temporary.path)/u: header:1:2: a string is not UTF-8"
        )
        try folder.write("a", [1, 2, 3])
        #expect(
            message { _ = try SafetensorsFile(folder, "a") }.hasSuffix(
                "it has 3 bytes, the header's length alone takes 8"))
    }

    @Test func everyTruncationIsAnError() throws {
        let bytes = try goldens().read("dtypes.safetensors")
        for count in 0..<bytes.count {
            temporary.put("t", Array(bytes[..<count]))
            #expect(throws: FormatError.self) { try SafetensorsFile(folder, "t") }
        }
        temporary.put("t", bytes + [0])
        #expect(message { _ = try SafetensorsFile(folder, "t") }.contains("the tensors end at byte"))
    }

    /// Whatever the bytes are, opening ends with a file whose tensors can all be read, or an error.
    @Test func mutatedFilesOnlyThrow() throws {
        let original = try goldens().read("dtypes.safetensors")
        let headerEnd = 8 + Int(original[0]) + 256 * Int(original[1])
        var (random, opened) = (Random(state: 3), 0)
        for _ in 0..<2000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<(Bool.random(using: &random) ? 8 : headerEnd), using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[max(place, 8)] = "0123456789-,[]{}\"".utf8.randomElement(using: &random) ?? 0
                case 2: bytes.swapAt(max(place, 8), Int.random(in: 8..<headerEnd, using: &random))
                default: bytes.removeSubrange(max(place, 8)..<min(bytes.count, max(place, 8) + 3))
                }
            }
            temporary.put("f", bytes)
            guard let file = try? SafetensorsFile(folder, "f") else { continue }
            opened += 1
            for name in file.entries.keys {
                _ = try? file.floats(name)
                _ = try? file.integers(name)
            }
        }
        #expect(opened > 5)
    }

    // MARK: Several files

    @Test func shardsAreFoundByTheIndex() throws {
        for (name, tensor) in [("model-1.safetensors", "a"), ("model-2.safetensors", "b")] {
            try SafetensorsWriter.write(
                [.init(name: tensor, shape: [1], floats: [1])], metadata: ["format": "pt", "of": name], to: folder, name
            )
        }
        let index = "model.safetensors.index.json"
        func weights(_ map: String) throws -> SafetensorsWeights {
            try folder.write(index, text: #"{"metadata": {"total_size": 8}, "weight_map": \#(map)}"#)
            return try SafetensorsWeights(folder)
        }
        let good = try weights(#"{"b": "model-2.safetensors", "a": "model-1.safetensors"}"#)
        #expect(try good.files["a"]?.floats("a") == [1])
        #expect(
            good.files["b"]?.metadata["of"] == "model-2.safetensors" && good.metadata["of"] == "model-2.safetensors")
        let path = temporary.path
        for (map, expected) in [
            (
                #"{"a": "model-3.safetensors"}"#,
                "'a' is in model-3.safetensors: \(path)/model-3.safetensors: no such file or folder"
            ),
            (#"{"c": "model-1.safetensors"}"#, "there is no tensor 'c' in model-1.safetensors"),
            (
                #"{"a": "../model-1.safetensors"}"#,
                "'a' expected the name of a .safetensors file of this folder, got string '../model-1.safetensors'"
            ),
            (
                #"{"a": "/etc/passwd"}"#,
                "'a' expected the name of a .safetensors file of this folder, got string '/etc/passwd'"
            ),
            (#"{"a": 1}"#, "'a' expected the name of a .safetensors file of this folder, got integer 1"),
            ("{}", "'weight_map' is empty"),
            ("[]", "'weight_map' expected an object, got an array"),
        ] {
            #expect(message { _ = try weights(map) } == "\(path)/\(index): \(expected)")
        }
        try SafetensorsWriter.write([.init(name: "only", shape: [1], floats: [1])], to: folder, "model.safetensors")
        #expect(try Array(SafetensorsWeights(folder).files.keys) == ["only"])
    }

    @Test func foldersWithoutWeights() throws {
        let path = temporary.path
        let none = "\(path): there is no model.safetensors and no model.safetensors.index.json"
        #expect(message { _ = try SafetensorsWeights(folder) } == none)
        try folder.write("pytorch_model.bin", [0x80])
        #expect(
            message { _ = try SafetensorsWeights(folder) }
                == none
                + ", only pytorch_model.bin; pickles are never read: convert them with the `safetensors` library")
    }
}
