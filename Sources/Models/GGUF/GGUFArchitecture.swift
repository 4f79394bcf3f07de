import Formats

/// A family of models as GGUF files have it: what its tensors are called, and what its metadata say of its configuration.
struct GGUFArchitecture: Sendable {
    /// `general.architecture`, which also begins its keys.
    let name: String
    /// Names of tensors.
    let names: GGUFNames
    /// Fills the members of a config.json.
    let configure: @Sendable (GGUFKeys, inout JSONObject) throws -> Void

    /// Every family that is read.
    static let all = [
        GGUFArchitecture(name: "llama", names: .llama, configure: GGUFConfig.llama),
        GGUFArchitecture(name: "qwen2", names: .qwen, configure: GGUFConfig.qwen2),
        GGUFArchitecture(name: "qwen3", names: .qwen, configure: GGUFConfig.qwen3),
        GGUFArchitecture(name: "gemma2", names: .gemma, configure: GGUFConfig.gemma2),
        GGUFArchitecture(name: "gemma3", names: .gemma, configure: GGUFConfig.gemma3),
        GGUFArchitecture(name: "phi3", names: .phi3, configure: GGUFConfig.phi3),
        GGUFArchitecture(name: "gpt2", names: .gpt2, configure: GGUFConfig.gpt2),
        GGUFArchitecture(name: "smollm3", names: .llama, configure: GGUFConfig.smollm3),
    ]

    /// The family of a file; throws for one that is not read, for adapters, and for a part of a model.
    static func of(_ file: GGUFFile) throws -> GGUFArchitecture {
        let path = file.file.path
        if let type = try file.text("general.type"), type != "model" {
            throw ModelError("\(path): is a GGUF file of type '\(FormatError.shown(type))', expected 'model'")
        }
        if let parts = try file.integer("split.count"), parts > 1 {
            throw ModelError(
                "\(path): is one of \(parts) parts of a model; put them together with llama-gguf-split --merge")
        }
        guard let name = try file.text("general.architecture") else {
            throw ModelError("\(path): metadata 'general.architecture' is missing")
        }
        guard let found = all.first(where: { $0.name == name }) else {
            let names = all.map { "'\($0.name)'" }.joined(separator: ", ")
            throw ModelError(
                "\(path): architecture '\(FormatError.shown(name))' is not supported; of GGUF files there are \(names)")
        }
        return found
    }
}

/// The metadata of one family in a file: keys are given without its name before them.
struct GGUFKeys {
    /// The file.
    let file: GGUFFile
    /// `general.architecture`.
    let architecture: String

    /// Largest size that models may have; config.json is held to the same.
    private static let largest = 1 << 24

    /// A size, from 1 to 2^24; throws where it is missing.
    func size(_ key: String) throws -> Int {
        guard let value = try optionalSize(key) else { throw ModelError("\(place(key)) is missing") }
        return value
    }

    /// A size, nil where the key is absent; an array of one number for each layer counts as that number where all are equal.
    func optionalSize(_ key: String, from least: Int = 1) throws -> Int? {
        let full = "\(architecture).\(key)"
        guard let found = file.metadata[full] else { return nil }
        var value = found.int
        if let array = found.array, array.count > 0, array.count <= GGUFKeys.largest {
            let values = try array.integers()
            guard values.allSatisfy({ $0 == values[0] }) else {
                throw ModelError("\(place(key)) differs from layer to layer, which is not supported")
            }
            value = values[0]
        }
        guard let value, (least...GGUFKeys.largest).contains(value) else {
            throw ModelError(
                "\(place(key)) expected an integer from \(least) to \(GGUFKeys.largest), got \(found.kind)")
        }
        return value
    }

    /// A number; throws where it is missing.
    func number(_ key: String) throws -> Double {
        guard let value = try optionalNumber(key) else { throw ModelError("\(place(key)) is missing") }
        return value
    }

    /// A finite number, nil where the key is absent.
    func optionalNumber(_ key: String) throws -> Double? {
        guard let value = try file.number("\(architecture).\(key)") else { return nil }
        guard value.isFinite else { throw ModelError("\(place(key)) is \(value)") }
        return value
    }

    /// A text, nil where the key is absent.
    func text(_ key: String) throws -> String? { try file.text("\(architecture).\(key)") }

    /// Whether the file has a tensor.
    func has(_ tensor: String) -> Bool { file.tensors[tensor] != nil }

    /// File and key, for messages.
    func place(_ key: String) -> String { "\(file.file.path): metadata '\(architecture).\(key)'" }
}
