import Formats
import Foundation

/// One case under Tests/Goldens: figures made with transformers and PEFT (scripts/goldens/README.md says what each is).
public struct Golden {
    /// Name of the case, which is that of its folder.
    public let name: String
    /// golden.json.
    public let json: JSON
    /// golden.safetensors.
    public let file: SafetensorsFile
    /// Folder of the case.
    public let folder: Folder
    /// Folder of the base model.
    public let base: Folder

    /// Folder of the package, found from this file.
    public static var packageRoot: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
    }

    /// Folder Tests/Goldens.
    public static var root: String { packageRoot + "/Tests/Goldens" }

    /// Cases of decoders with an adapter: scripts/goldens/decoders.py.
    public static let decoders = [
        "llama-causal", "llama-seq-cls", "llama-token-cls", "llama-linear", "llama-dynamic", "llama-llama3",
        "llama-yarn",
        "mistral-causal", "qwen2-causal", "qwen2-seq-cls", "qwen2-token-cls", "qwen3-causal", "gemma2-causal",
        "gemma2-seq-cls", "gemma2-token-cls", "gemma3-causal", "gemma3-nested", "phi3-causal", "phi3-longrope",
        "phi3-seq-cls", "phi3-token-cls", "smollm3-causal", "gpt2-causal", "gpt2-seq-cls", "gpt2-token-cls",
    ]

    /// Cases of question answering: scripts/goldens/question_answering.py.
    public static let answers =
        trainedAnswers + [
            "distilbert-question-ans", "xlm-roberta-question-ans", "albert-question-ans", "mpnet-question-ans",
        ]

    /// Those of them that were trained.
    public static let trainedAnswers = [
        "bert-question-ans", "roberta-question-ans", "electra-question-ans", "modernbert-question-ans",
        "deberta-question-ans",
    ]

    /// Cases with trained rows of tokens: scripts/goldens/tokens.py.
    public static let tokens = [
        "llama-tokens", "llama-untied-tokens", "llama-input-tokens", "gpt2-tokens", "gemma2-tokens", "bert-tokens",
    ]

    /// Cases of further encoders with an adapter: scripts/goldens/encoders.py.
    public static let encoders =
        trainedEncoders + [
            "xlm-roberta-features", "electra-features", "mpnet-features", "albert-features", "modernbert-features",
            "deberta-v3-features",
        ]

    /// Those that train: all but the bare ones.
    public static let trainedEncoders = [
        "xlm-roberta-seq-cls", "xlm-roberta-token-cls", "electra-seq-cls", "electra-token-cls",
        "electra-square-seq-cls", "mpnet-seq-cls", "mpnet-token-cls", "albert-seq-cls", "albert-token-cls",
        "albert-groups-seq-cls", "modernbert-seq-cls", "modernbert-head", "modernbert-token-cls", "modernbert-mean",
        "deberta-v3-seq-cls", "deberta-v3-token-cls", "deberta-v2-seq-cls", "deberta-apart-seq-cls",
        "deberta-c2p-seq-cls", "deberta-p2c-token-cls", "deberta-plain-token-cls", "mpnet-long-token-cls",
        "modernbert-long-token-cls", "deberta-v3-long-token-cls",
    ]

    /// Cases of further encoders without one.
    public static let wholeEncoders = [
        "electra-full", "mpnet-full", "albert-groups-full", "modernbert-full", "modernbert-biased-full",
        "deberta-v2-full", "deberta-apart-full",
    ]

    /// Cases of decoders without one.
    public static let wholeDecoders = ["qwen2-full", "gemma2-full", "gpt2-full"]

    /// Opens a case.
    public init(_ name: String) throws {
        self.name = name
        folder = try Folder(path: "\(Golden.root)/\(name)")
        json = try JSON(parsing: folder.read("golden.json"), source: "\(name)/golden.json")
        file = try SafetensorsFile(folder, "golden.safetensors")
        base = try Folder(path: "\(Golden.root)/\(json["base"]?.string ?? "")")
    }

    /// Numbers of a tensor.
    public func floats(_ key: String) throws -> [Float] { try file.floats(key) }

    /// Names of tensors with this prefix, without it.
    public func names(under prefix: String) -> [String] {
        file.entries.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    /// Names under `grad/` or `final/` that hold rounding noise.
    public var indeterminate: [String] { json["indeterminate"]?.array?.compactMap(\.string) ?? [] }

    /// Rows of a padded integer tensor, cut to their real lengths.
    public func rows(_ key: String, batch: String = "input") throws -> [[Int]]? {
        let name = "\(batch).\(key)"
        guard let entry = file.entries[name], entry.shape.count == 2 else { return nil }
        let (values, lengths) = (try file.integers(name), try file.integers("\(batch).lengths"))
        return lengths.enumerated().map { row, length in
            let start = row * entry.shape[1]
            return values[start..<start + Int(length)].map { Int($0) }
        }
    }
}

/// Largest |a − b| over the largest |b|; infinite where lengths differ or a number is not finite.
public func relativeDistance(_ a: [Float], _ b: [Float]) -> Double {
    guard a.count == b.count else { return .infinity }
    var (distance, size) = (0.0, 0.0)
    for (x, y) in zip(a, b) {
        guard x.isFinite, y.isFinite else { return .infinity }
        distance = max(distance, abs(Double(x) - Double(y)))
        size = max(size, abs(Double(y)))
    }
    return distance == 0 ? 0 : distance / max(size, 1e-30)
}

/// Cosine of the angle between two vectors; 1 where both are zero.
public func cosine(_ a: [Float], _ b: [Float]) -> Double {
    var (product, first, second) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
        product += Double(x) * Double(y)
        first += Double(x) * Double(x)
        second += Double(y) * Double(y)
    }
    if first == 0, second == 0 { return 1 }
    return product / max((first * second).squareRoot(), 1e-30)
}
