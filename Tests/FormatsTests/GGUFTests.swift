import Formats
import Testing

@Suite struct GGUFTests {
    private let temporary: TemporaryFolder
    private var folder: Folder { temporary.folder }

    init() throws { temporary = try TemporaryFolder() }

    private func golden(_ name: String) throws -> GGUFFile {
        try GGUFFile(Folder(path: packageRoot + "/Tests/Goldens/gguf"), name)
    }

    // MARK: Blocks

    /// To the bits of gguf.dequantize, infinite and vanishing scales included; a NaN may be any, since two of them have no order.
    @Test func expandsBlocksToTheBitsOfTheReference() throws {
        let file = try golden("blocks.gguf")
        let expected = try SafetensorsFile(Folder(path: packageRoot + "/Tests/Goldens/gguf"), "blocks.safetensors")
        #expect(Set(file.tensors.keys) == Set(GGUFType.allCases.filter(\.isReadable).map(\.name)))
        for tensor in file.tensors.values {
            let reference = try expected.floats(tensor.name)
            let whole = try expanded(tensor, of: file, rows: 0..<tensor.rows)
            let inner = try expanded(tensor, of: file, rows: 2..<5)
            #expect(tensor.shape == [6, 512] && reference.count == 6 * 512)
            #expect(zip(whole, reference).allSatisfy(isSame), "\(tensor.name)")
            #expect(zip(inner, reference[1024..<2560]).allSatisfy(isSame), "\(tensor.name)")
        }
    }

    private func isSame(_ a: Float, _ b: Float) -> Bool { a.bitPattern == b.bitPattern || a.isNaN && b.isNaN }

    private func expanded(_ tensor: GGUFFile.Tensor, of file: GGUFFile, rows: Range<Int>) throws -> [Float] {
        try [Float](unsafeUninitializedCapacity: rows.count * tensor.columns) { buffer, count in
            try file.expand(tensor, rows: rows, into: buffer)
            count = rows.count * tensor.columns
        }
    }

    /// Rectangles of whole blocks, which transposing takes.
    @Test func expandsColumns() throws {
        let file = try golden("blocks.gguf")
        for tensor in file.tensors.values {
            let whole = try expanded(tensor, of: file, rows: 0..<6)
            let part = try [Float](unsafeUninitializedCapacity: 3 * 256) { buffer, count in
                try file.expand(tensor, rows: 1..<4, columns: 256..<512, into: buffer)
                count = 3 * 256
            }
            for row in 0..<3 {
                let expected = whole[(row + 1) * 512 + 256..<(row + 2) * 512]
                #expect(zip(part[row * 256..<(row + 1) * 256], expected).allSatisfy(isSame), "\(tensor.name)")
            }
        }
        let tensor = try file.tensor("Q4_K")
        var few = [Float](repeating: 0, count: 512)
        few.withUnsafeMutableBufferPointer { few in
            for (rows, columns) in [
                (0..<2, 0..<512), (5..<7, 0..<256), (-1..<0, 0..<512), (0..<1, 0..<128), (0..<1, 256..<768),
            ] {
                #expect(
                    message { try file.expand(tensor, rows: rows, columns: columns, into: few) }.contains(
                        "tensor 'Q4_K' of shape [6, 512] has no rows"))
            }
        }
    }

    // MARK: Metadata

    @Test func readsEveryTypeOfValue() throws {
        let file = try golden("values.gguf")
        #expect(file.version == 3 && file.tensors.isEmpty)
        let told = try JSON(
            parsing: Folder(path: packageRoot + "/Tests/Goldens/gguf").read("values.json"), source: "values.json")
        let keys = file.metadata.elements.map(\.key).filter { $0.hasPrefix("x.") }
        let toldKeys = (told.object ?? [:]).map(\.key)
        #expect(keys == toldKeys)
        func bits(_ number: Double) -> JSON {
            let text = String(number.bitPattern, radix: 16)
            return .string(String(repeating: "0", count: 16 - text.count) + text)
        }
        for key in keys {
            let value = try #require(file.metadata[key])
            let seen: JSON =
                switch value {
                case .unsigned(let number): .string("\(number)")
                case .integer(let number): .string("\(number)")
                case .float(let number): bits(Double(number))
                case .double(let number): bits(number)
                case .bool(let flag): .bool(flag)
                case .string(let text): text.text.map { .string($0) } ?? .null
                case .array(let array):
                    switch array.type {
                    case .string where key == "x.list.bytes": .null
                    case .string: .array(try array.strings().map { .string(String(decoding: $0, as: UTF8.self)) })
                    case .bool: .array(try array.booleans().map { .bool($0) })
                    case .float32: .array(try array.numbers().map(bits))
                    default: .integers(try array.integers())
                    }
                }
            #expect(seen == told[key]?["value"], "\(key)")
        }
        #expect(try file.array("x.list.bytes")?.strings() == [[0xFF, 0xFE], Array("ok".utf8)])
        #expect(try file.number("x.f32") == 1e-5)
        #expect(try file.integer("x.u8") == 255 && file.flag("x.yes") == true && file.text("x.none") == nil)
        #expect(
            message { _ = try file.integer("x.u64") }.hasSuffix(
                "metadata 'x.u64' expected an integer, got integer 18446744073709551615"))
        #expect(message { _ = try file.text("x.i8") }.hasSuffix("metadata 'x.i8' expected a text, got integer -128"))
        let list = try #require(try file.array("x.list.int"))
        #expect(
            message { _ = try list.strings() }.hasSuffix(
                "metadata 'x.list.int' expected an array of strings, got an array of 3 int32"))
    }

    @Test func readsArraysOfArraysAndOtherAlignments() throws {
        var bytes = GGUFBytes(entries: 2, tensors: 2)
        bytes.key("nested", .array)
        bytes.array(.array, 2)
        bytes.array(.string, 2)
        bytes.string("a")
        bytes.string("")
        bytes.array(.uint8, 1)
        bytes.add(UInt8(7))
        bytes.key("general.alignment", .uint32)
        bytes.add(UInt32(8))
        bytes.tensor("b", [2, 1], .f32, offset: 8)
        bytes.tensor("a", [], .f32, offset: 0)
        bytes.pad(to: 8)
        for number in [1.5, 0, 2.5, 3.5] as [Float] { bytes.add(number.bitPattern) }
        temporary.put("m", bytes.bytes)
        let file = try GGUFFile(folder, "m")
        let inner = try #require(try file.array("nested")).values().compactMap(\.array)
        #expect(try inner.first?.strings() == [[97], []] && inner.last?.integers() == [7])
        #expect(try file.tensor("b").shape == [1, 2] && file.tensor("a").shape == [])
        #expect(try expanded(file.tensor("a"), of: file, rows: 0..<1) == [1.5])
        #expect(try expanded(file.tensor("b"), of: file, rows: 0..<1) == [2.5, 3.5])
        #expect(message { _ = try file.tensor("c") }.contains("no tensor 'c'"))
    }

    // MARK: Malformed files

    private func open(_ bytes: [UInt8]) -> String {
        temporary.put("m", bytes)
        return message { _ = try GGUFFile(folder, "m") }.replacing(temporary.path + "/", with: "")
    }

    @Test func refusesOtherFilesByName() {
        #expect(open([]) == "m: not a GGUF file: it is empty")
        #expect(
            open(Array("ggjt....".utf8)) == "m: not a GGUF file: it begins with the bytes 67 67 6a 74, expected 'GGUF'")
        #expect(open(Array("GGUF".utf8)).hasPrefix("m: truncated: the version at byte 4 takes 4 bytes"))
        #expect(open(GGUFBytes(version: 1).bytes).hasPrefix("m: GGUF version 1 is not read, only 2 and 3"))
        #expect(open(GGUFBytes(version: 4).bytes).hasPrefix("m: GGUF version 4 is not known"))
        #expect(open(GGUFBytes(version: 3 << 24).bytes).hasPrefix("m: is a big-endian GGUF file"))
        #expect(open(GGUFBytes(version: 2).bytes) == "no error")
    }

    @Test func refusesCountsBeyondTheFile() {
        for count in [1, 1 << 60, UInt64.max] {
            #expect(
                open(GGUFBytes(entries: count).bytes)
                    == "m: truncated: it would have \(count) metadata entries, the file ends after 0 bytes")
            #expect(
                open(GGUFBytes(tensors: count).bytes)
                    == "m: truncated: it would have \(count) tensors, the file ends after 0 bytes")
            for type in [GGUFValueType.uint8, .bool, .string, .array, .float64] {
                var bytes = GGUFBytes(entries: 1)
                bytes.key("k", .array)
                bytes.array(type, count)
                #expect(
                    open(bytes.bytes)
                        == "m: metadata 'k' would have \(count) elements of type \(type), the file ends after 0 bytes")
            }
            var bytes = GGUFBytes(entries: 1)
            bytes.key("k", .string)
            bytes.add(count)
            #expect(
                open(bytes.bytes)
                    == "m: truncated: metadata 'k' at byte 45 takes \(count) bytes, the file ends after 0")
        }
    }

    @Test func refusesBadMetadata() {
        func entries(_ count: UInt64, _ fill: (inout GGUFBytes) -> Void) -> String {
            var bytes = GGUFBytes(entries: count)
            fill(&bytes)
            return open(bytes.bytes)
        }
        #expect(
            entries(2) { bytes in
                for _ in 0..<2 {
                    bytes.key("k", .uint8)
                    bytes.add(UInt8(1))
                }
            } == "m: metadata 'k': the key is there twice")
        #expect(
            entries(1) {
                $0.string("k")
                $0.add(UInt32(13))
                $0.add(UInt64(0))
            } == "m: metadata 'k' has unknown type 13")
        #expect(
            entries(1) {
                $0.key("k", .bool)
                $0.add(UInt8(2))
            } == "m: metadata 'k' is a boolean of 2, expected 0 or 1")
        #expect(
            entries(1) {
                $0.string([0xFF])
                $0.add(GGUFValueType.uint8.rawValue)
                $0.add(UInt8(0))
            } == "m: the key of metadata entry 0, at byte 32, is not UTF-8")
        #expect(
            entries(1) {
                $0.key("k", .array)
                for _ in 0..<9 { $0.array(.array, 1) }
                $0.array(.uint8, 0)
            } == "m: metadata 'k' holds arrays more than 8 deep")
        for (type, value) in [(GGUFValueType.uint32, 0), (.uint32, 48), (.uint64, 1 << 40), (.float64, 32)]
            as [(GGUFValueType, UInt64)]
        {
            let message = entries(1) {
                $0.key("general.alignment", type)
                if type == .uint32 { $0.add(UInt32(value)) } else { $0.add(value) }
            }
            #expect(message.hasPrefix("m: metadata 'general.alignment' expected a power of two up to 2^30, got "))
        }
    }

    @Test func refusesBadTensors() {
        func tensor(_ shape: [UInt64], _ type: UInt32 = 0, offset: UInt64 = 0, name: String = "a", data: Int = 64)
            -> String
        {
            var bytes = GGUFBytes(tensors: 1)
            bytes.tensor(name, shape, type, offset: offset)
            bytes.pad(to: 32)
            return open(bytes.bytes + [UInt8](repeating: 0, count: data))
        }
        #expect(tensor([16]) == "no error")
        #expect(tensor([1, 1, 2, 2]) == "no error")
        #expect(tensor([1, 1, 1, 1, 1]) == "m: tensor 'a': has 5 dimensions; at most 4 are read")
        #expect(tensor([4, 0]) == "m: tensor 'a': a dimension of 0 is out of range")
        #expect(tensor([1 << 63]) == "m: tensor 'a': a dimension of 9223372036854775808 is out of range")
        #expect(tensor([1 << 62, 4]).hasSuffix("is more than a file can hold"))
        #expect(tensor([1 << 40, 1 << 40]).hasSuffix("is more than a file can hold"))
        #expect(
            tensor([17]).hasPrefix(
                "m: tensor 'a': truncated: F32 of shape [17] takes 68 bytes from byte 0 of the tensors on"))
        #expect(
            tensor([16], offset: 32).hasPrefix(
                "m: tensor 'a': truncated: F32 of shape [16] takes 64 bytes from byte 32"))
        #expect(tensor([16], offset: 1 << 63).hasPrefix("m: tensor 'a': truncated"))
        #expect(tensor([16], offset: .max - 31).hasPrefix("m: tensor 'a': truncated"))
        #expect(tensor([16], offset: 4) == "m: tensor 'a': its offset 4 is no multiple of the alignment, 32")
        #expect(tensor([16], data: 0).hasPrefix("m: tensor 'a': truncated"))
        for unknown in [4, 31, 42, UInt32.max] {
            #expect(tensor([16], unknown) == "m: tensor 'a': unknown block type \(unknown)")
        }
        #expect(
            tensor([33], GGUFType.q4_0.rawValue)
                == "m: tensor 'a': rows of 33 are no whole number of Q4_0's blocks of 32")
        var twice = GGUFBytes(tensors: 2)
        for _ in 0..<2 { twice.tensor("a", [8], .f32, offset: 0) }
        twice.pad(to: 32)
        #expect(open(twice.bytes + [UInt8](repeating: 0, count: 64)) == "m: tensor 'a': there is another of that name")
        var over = GGUFBytes(tensors: 2)
        over.tensor("a", [16], .f32, offset: 0)
        over.tensor("b", [8], .f32, offset: 32)
        over.pad(to: 32)
        #expect(open(over.bytes + [UInt8](repeating: 0, count: 64)) == "m: tensor 'b': overlaps the tensor before it")
    }

    /// What is known and not read is refused by name when its numbers are asked for: a tokenizer may still be taken from such a file.
    @Test func refusesOtherBlocksByName() throws {
        for type in GGUFType.allCases where !type.isReadable {
            var bytes = GGUFBytes(tensors: 1)
            bytes.tensor("a", [256], type, offset: 0)
            bytes.pad(to: 32)
            temporary.put("m", bytes.bytes + [UInt8](repeating: 0, count: 2048))
            let file = try GGUFFile(folder, "m")
            #expect(
                message { _ = try expanded(file.tensor("a"), of: file, rows: 0..<1) }.hasSuffix(
                    "tensor 'a' has type \(type.name); there are F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, BF16"
                ))
        }
    }

    @Test func refusesEveryTruncation() throws {
        let root = try Folder(path: packageRoot + "/Tests/Goldens/gguf")
        for name in ["values.gguf", "llama-q8_0.gguf"] {
            let bytes = try root.read(name)
            var step = 0
            while step < bytes.count - 32 {
                #expect(open(Array(bytes.prefix(step))) != "no error", "\(name) cut to \(step)")
                step += step < 1200 ? 1 : 997
            }
        }
    }

    /// Whatever a few changed bytes make of a file, it is refused or expanded; Tests/Fuzz tries more of them.
    @Test func survivesChangedBytes() throws {
        let root = try Folder(path: packageRoot + "/Tests/Goldens/gguf")
        var random = Random(state: 10)
        for name in ["values.gguf", "llama-q8_0.gguf"] {
            let bytes = try root.read(name)
            let header = min(bytes.count, 1600)
            for _ in 0..<1500 {
                var changed = bytes
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    changed[Int.random(in: 0..<header, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                temporary.put("m", changed)
                guard let file = try? GGUFFile(folder, "m") else { continue }
                for tensor in file.tensors.values where tensor.count < 1 << 20 {
                    _ = try? expanded(tensor, of: file, rows: 0..<tensor.rows)
                }
                for value in file.metadata.values { _ = try? value.array?.values() }
            }
        }
    }
}

/// A GGUF file written by hand.
struct GGUFBytes {
    private(set) var bytes: [UInt8]

    init(version: UInt32 = 3, entries: UInt64 = 0, tensors: UInt64 = 0) {
        bytes = Array("GGUF".utf8)
        add(version)
        add(tensors)
        add(entries)
    }

    mutating func add(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func string(_ text: some Sequence<UInt8>) {
        let text = Array(text)
        add(UInt64(text.count))
        bytes += text
    }

    mutating func string(_ text: String) { string(text.utf8) }

    mutating func key(_ name: String, _ type: GGUFValueType) {
        string(name)
        add(type.rawValue)
    }

    mutating func array(_ type: GGUFValueType, _ count: UInt64) {
        add(type.rawValue)
        add(count)
    }

    /// A tensor with its sizes in the file's order.
    mutating func tensor(_ name: String, _ sizes: [UInt64], _ type: UInt32, offset: UInt64) {
        string(name)
        add(UInt32(sizes.count))
        for size in sizes { add(size) }
        add(type)
        add(offset)
    }

    mutating func tensor(_ name: String, _ sizes: [UInt64], _ type: GGUFType, offset: UInt64) {
        tensor(name, sizes, type.rawValue, offset: offset)
    }

    mutating func pad(to alignment: Int) { while bytes.count % alignment != 0 { bytes.append(0) } }
}
