import Formats
import Foundation
import TestSupport
import Testing

@testable import Models

/// Files that scripts/goldens/gguf_files.py made of tiny decoders by the rules of llama.cpp's converter.
@Suite struct GGUFTests {
    private static let cases = [
        "llama", "llama-biases", "llama-linear", "llama-q8_0", "llama3", "llama3-short", "mistral", "qwen2", "qwen3",
        "gemma2", "gemma3",
        "phi3", "gpt2", "smollm3",
    ]

    private func folder() throws -> Folder { try Folder(path: Golden.root + "/gguf") }

    private func told(_ name: String) throws -> JSON {
        try JSON(parsing: folder().read(name + ".json"), source: name)
    }

    /// The tensors of the folder that the file was made of, to the bit: changes undone, blocks expanded.
    @Test(arguments: cases) func hasTheWeightsOfTheFolder(_ name: String) throws {
        let weights = try GGUFWeights(GGUFFile(folder(), name + ".gguf"))
        let tensors = try #require(try told(name)["tensors"]?.object)
        #expect(Set(weights.names) == Set(tensors.map(\.key)))
        for (key, tensor) in tensors {
            let entry = try #require(weights.entry(key))
            #expect(entry.shape == tensor["shape"]?.array?.compactMap(\.int), "\(name) \(key)")
            let rows = entry.shape.dropLast().reduce(1, *)
            let columns = try #require(entry.shape.last)
            // Whole, and in pieces that fit neither heads nor blocks.
            for piece in [rows, 7] {
                var hash = SHA256()
                for first in stride(from: 0, to: rows, by: piece) {
                    let part = first..<min(rows, first + piece)
                    var floats = [Float](repeating: .nan, count: part.count * columns)
                    try floats.withUnsafeMutableBufferPointer { try weights.readFloats(of: key, rows: part, into: $0) }
                    floats.withUnsafeBytes { hash.update($0) }
                }
                #expect(hash.hexadecimal() == tensor["sha256"]?.string, "\(name) \(key)")
            }
            if let mapped = weights.mappedNumbers(of: key) {
                var hash = SHA256()
                hash.update(UnsafeRawBufferPointer(start: mapped.start, count: rows * columns * 4))
                #expect(hash.hexadecimal() == tensor["sha256"]?.string, "\(name) \(key)")
            }
        }
    }

    /// Every key of the configuration that the file was made of, but Llama 3's four numbers where they are not the well-known ones.
    @Test(arguments: cases) func hasTheConfigurationOfTheFolder(_ name: String) throws {
        let config = try GGUFConfig.json(of: GGUFFile(folder(), name + ".gguf"))
        let expected = try #require(try told(name)["config"]?.object)
        for (key, value) in expected where !(name == "llama3-short" && key == "rope_scaling") {
            guard key != "n_inner" else { continue }
            if let number = value.double {
                #expect(config[key]?.double == number, "\(name) \(key)")
            } else {
                #expect(config[key] == value, "\(name) \(key)")
            }
        }
        if expected["rope_scaling"] == nil { #expect(config["rope_scaling"] == nil) }
    }

    /// The logits of the last token that transformers gives with the folder of which the file was made.
    @Test(arguments: cases) func givesTheLogitsOfTheFolder(_ name: String) throws {
        let told = try told(name)
        // Of quantised blocks there are the weights alone.
        guard let expected = told["logits"]?.array?.compactMap(\.double) else { return #expect(name == "llama-q8_0") }
        let model = try loadModel(folder(), gguf: name + ".gguf", LoadOptions(taskType: .causalLM)).model
        let input = ModelInput(inputIds: [try #require(told["input_ids"]?.array).compactMap(\.int)])
        let logits = try #require(try model.forward(input, Pass(over: input, read: .last)).logits).floatArray()
        // DESIGN's bound: float32 sums in another order.
        #expect(relativeDistance(logits, expected.map(Float.init)) < 1e-4, "\(name)")
    }

    /// Factors that are no model's that is known are written as such.
    @Test func keepsFactorsOfFrequencies() throws {
        let config = try GGUFConfig.json(of: GGUFFile(folder(), "llama3-short.gguf"))
        let scaling = try #require(config["rope_scaling"])
        #expect(scaling["rope_type"] == .string("longrope") && scaling["attention_factor"]?.double == 1)
        let factors = try #require(scaling["long_factor"]?.array).compactMap(\.double)
        // head_dim 8, theta 10,000, factor 4, 64 positions, of which wavelengths up to 16 stay and from 64 on are divided.
        let expected = (0..<4).map { pair in
            let length = 2 * Double.pi * pow10(pair)
            let smooth = min(1, max(0, (64 / length - 1) / 3))
            return 1 / ((1 - smooth) / 4 + smooth)
        }
        #expect(factors.count == 4 && scaling["short_factor"] == scaling["long_factor"])
        for (factor, wanted) in zip(factors, expected) { #expect(abs(factor - wanted) < 1e-5) }
    }

    private func pow10(_ exponent: Int) -> Double { (0..<exponent).reduce(1) { value, _ in value * 10 } }

    @Test func translatesNames() {
        #expect(GGUFNames.llama.translated("blk.12.ffn_gate.weight")?.name == "model.layers.12.mlp.gate_proj.weight")
        #expect(GGUFNames.gpt2.translated("blk.0.attn_qkv.bias")?.change == GGUFNames.Change.none)
        for name in [
            "blk.01.ffn_gate.weight", "blk.-1.ffn_gate.weight", "blk.ffn_gate.weight", "blk.1.weight", "token_embd",
            "a.scale", "",
        ] {
            #expect(GGUFNames.llama.translated(name) == nil, "\(name)")
        }
    }

    // MARK: Refusals

    private func refusal(_ fill: (GGUFMaker) -> GGUFMaker) throws -> String {
        let maker = fill(GGUFMaker())
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("lorawb-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let place = try Folder(path: path)
        try place.write("m.gguf", maker.bytes)
        do {
            let file = try GGUFFile(place, "m.gguf")
            _ = try GGUFConfig.json(of: file)
            _ = try GGUFWeights(file)
            return "no error"
        } catch { return "\(error)".replacing(path + "/", with: "") }
    }

    @Test func refusesWhatItCannotBe() throws {
        #expect(try refusal { $0 } == "no error")
        let cases: [(String, GGUFMaker.Value?, String)] = [
            ("general.architecture", nil, "m.gguf: metadata 'general.architecture' is missing"),
            (
                "general.architecture", .text("falcon"),
                "m.gguf: architecture 'falcon' is not supported; of GGUF files there are 'llama', 'qwen2', 'qwen3', 'gemma2', 'gemma3', 'phi3', 'gpt2', 'smollm3'"
            ),
            ("general.type", .text("adapter"), "m.gguf: is a GGUF file of type 'adapter', expected 'model'"),
            (
                "split.count", .integer(3),
                "m.gguf: is one of 3 parts of a model; put them together with llama-gguf-split --merge"
            ),
            ("llama.block_count", nil, "m.gguf: metadata 'llama.block_count' is missing"),
            (
                "llama.block_count", .integer(0),
                "m.gguf: metadata 'llama.block_count' expected an integer from 1 to 16777216, got integer 0"
            ),
            (
                "llama.block_count", .integer(1 << 20),
                "m.gguf: metadata 'llama.block_count' expected an integer from 1 to 10000, got integer 1048576"
            ),
            (
                "llama.block_count", .text("2"),
                "m.gguf: metadata 'llama.block_count' expected an integer from 1 to 16777216, got string '2'"
            ),
            (
                "llama.expert_count", .integer(8),
                "m.gguf: metadata 'llama.expert_count' is 8: mixtures of experts are not supported"
            ),
            (
                "llama.attention.head_count", .integer(3),
                "m.gguf: metadata 'llama.embedding_length', 4, is no multiple of the number of heads, 3"
            ),
            (
                "llama.attention.value_length", .integer(4),
                "m.gguf: metadata 'llama.attention.value_length' is 4 and that of keys 2; both must be equal"
            ),
            (
                "llama.rope.scaling.type", .text("su"),
                "m.gguf: metadata 'llama.rope.scaling.type' 'su' is not supported; there are 'none', 'linear', 'yarn', 'longrope'"
            ),
            (
                "llama.rope.scaling.type", .text("linear"),
                "m.gguf: metadata 'llama.rope.scaling.factor' is missing or 0"
            ),
            ("llama.attention.layer_norm_rms_epsilon", .integer(1), "no error"),
        ]
        for (key, value, expected) in cases {
            let seen = try refusal { maker in
                var maker = maker
                if key == "llama.attention.value_length" { maker.values["llama.attention.key_length"] = .integer(2) }
                maker.values[key] = value
                return maker
            }
            #expect(seen == expected, "\(key)")
        }
        #expect(
            try refusal { maker in
                var maker = maker
                maker.tensors["blk.0.attn_q.weight"] = [4, 3]
                return maker
            } == "m.gguf: tensor 'blk.0.attn_q.weight' of shape [3, 4] is not made of 2 heads of an even width")
        #expect(
            try refusal { maker in
                var maker = maker
                maker.tensors["token_embd.weight"] = nil
                return maker
            }.hasPrefix("m.gguf: no tensor 'token_embd.weight'"))
    }
}

/// A GGUF file of zeros with a few metadata.
struct GGUFMaker {
    enum Value { case text(String), integer(UInt64) }
    var values: [String: Value] = [
        "general.architecture": .text("llama"), "llama.block_count": .integer(1), "llama.embedding_length": .integer(4),
        "llama.feed_forward_length": .integer(4), "llama.attention.head_count": .integer(2),
        "llama.context_length": .integer(8),
        "llama.attention.layer_norm_rms_epsilon": .integer(0),
    ]
    /// Sizes in the file's order.
    var tensors: [String: [UInt64]] = ["token_embd.weight": [4, 3], "blk.0.attn_q.weight": [4, 4]]

    var bytes: [UInt8] {
        var bytes = Array("GGUF".utf8)
        func add(_ number: some FixedWidthInteger) { withUnsafeBytes(of: number.littleEndian) { bytes += $0 } }
        func string(_ text: String) {
            add(UInt64(text.utf8.count))
            bytes += text.utf8
        }
        add(UInt32(3))
        add(UInt64(tensors.count))
        add(UInt64(values.count))
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            string(key)
            switch value {
            case .text(let text):
                add(GGUFValueType.string.rawValue)
                string(text)
            case .integer(let number):
                add(GGUFValueType.uint64.rawValue)
                add(number)
            }
        }
        var offset: UInt64 = 0
        for (name, sizes) in tensors.sorted(by: { $0.key < $1.key }) {
            string(name)
            add(UInt32(sizes.count))
            for size in sizes { add(size) }
            add(GGUFType.f32.rawValue)
            add(offset)
            offset += (sizes.reduce(4, *) + 31) / 32 * 32
        }
        return bytes + [UInt8](repeating: 0, count: 32 + Int(offset))
    }
}
