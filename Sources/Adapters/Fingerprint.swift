import Formats
import Models

/// What tells a base model from another: its type, the shapes of its weights, and eight numbers of each.
///
/// It stands in the metadata of an adapter file, which PEFT ignores. Numbers are compared within bfloat16's rounding, so that
/// neither the dtype nor the sharding of the base matters.
struct Fingerprint: Equatable {
    /// Key in `__metadata__`.
    static let key = "lorawb.base"

    /// One weight.
    struct Part: Equatable {
        let shape: [Int]
        /// Up to eight numbers at equal distances, the first and the last among them.
        let values: [Double]
    }

    let modelType: String
    /// Weights by name, in the model's order.
    let parts: [(name: String, part: Part)]

    static func == (a: Fingerprint, b: Fingerprint) -> Bool {
        a.modelType == b.modelType && a.parts.map(\.name) == b.parts.map(\.name)
            && a.parts.map(\.part) == b.parts.map(\.part)
    }

    /// Places of the numbers in a weight of `count` elements.
    static func places(_ count: Int) -> [Int] {
        count <= 8 ? Array(0..<max(count, 0)) : (0..<8).map { $0 * (count - 1) / 7 }
    }

    /// Fingerprint of the base beneath `adapters`; what a checkpoint did not have, and what an adapter saves whole, is left
    /// out.
    ///
    /// Of tables with a row for each token only the rows that the checkpoint had count, so that a base is the same before and after its
    /// vocabulary grew; or as many as `other` looked at, where it has fewer.
    init(of adapters: AdapterSet, like other: Fingerprint? = nil) throws {
        let model = adapters.model as? any Model
        let tables = [model?.inputEmbedding.weight, model?.outputEmbedding?.weight].compactMap {
            $0.map(ObjectIdentifier.init)
        }
        let theirs = Dictionary(other?.parts.map { ($0.name, $0.part.shape) } ?? [], uniquingKeysWith: { $1 })
        modelType = (adapters.model as? any Model)?.config.modelType ?? ""
        var originals: [ObjectIdentifier: Weight.Value] = [:]
        for adapter in adapters.adapters {
            for (weight, original) in adapter.biases {
                originals[ObjectIdentifier(weight)] = original.map { .tensor($0) }
            }
        }
        var parts: [(name: String, part: Part)] = []
        for (_, module) in adapters.model.namedModules() {
            for (_, weight) in module.weights where weight.copies.isEmpty && weight.origin != .initialised {
                let value = originals[ObjectIdentifier(weight)] ?? weight.value
                var shape = weight.shape
                if tables.contains(ObjectIdentifier(weight)) {
                    shape[0] = model?.vocabulary.firstNewToken ?? shape[0]
                    if let rows = theirs[weight.name]?.first, (0..<weight.shape[0]).contains(rows) { shape[0] = rows }
                }
                let values = try Fingerprint.numbers(Fingerprint.places(shape.reduce(1, *)), of: value)
                parts.append((weight.name, Part(shape: shape, values: values)))
            }
        }
        self.parts = parts
    }

    private init(modelType: String, parts: [(name: String, part: Part)]) {
        (self.modelType, self.parts) = (modelType, parts)
    }

    /// The same with other parts for the weights called `names`; those for which there are none are left out.
    func replacing(_ names: Set<String>, by part: (String) -> Part?) -> Fingerprint {
        Fingerprint(
            modelType: modelType,
            parts: parts.compactMap { entry in
                guard names.contains(entry.name) else { return entry }
                return part(entry.name).map { (entry.name, $0) }
            })
    }

    private static func numbers(_ places: [Int], of value: Weight.Value) throws -> [Double] {
        switch value {
        case .matrix(let matrix): return try matrix.values(at: places).map(Double.init)
        case .tensor(let tensor):
            let numbers = unsafe try tensor.floats()
            return places.map { unsafe Double(numbers[$0]) }
        case .absent: return []
        }
    }

    /// Fingerprint out of a file's metadata.
    init(_ text: String, source: String) throws {
        let place = "\(source): metadata '\(Fingerprint.key)'"
        let json = try JSON(parsing: text, source: place)
        modelType = try json.required("model_type", "a string", source: place) { $0.string }
        let weights = try json.required("weights", "an object", source: place) { $0.object }
        parts = try weights.map { name, value in
            let shape = try value.required("shape", "integers", source: place) { Fingerprint.all($0, \.int) }
            let values = try value.required("values", "numbers", source: place) { Fingerprint.all($0, \.double) }
            return (name, Part(shape: shape, values: values))
        }
    }

    private static func all<Value>(_ json: JSON, _ read: (JSON) -> Value?) -> [Value]? {
        guard let elements = json.array else { return nil }
        let values = elements.compactMap(read)
        return values.count == elements.count ? values : nil
    }

    /// Text for a file's metadata.
    var text: String {
        let weights = parts.map { name, part in
            (
                name,
                JSON.object([
                    "shape": .array(part.shape.map { .integer(Int64($0)) }),
                    "values": .array(part.values.map { .number($0) }),
                ])
            )
        }
        return JSON.object([
            "model_type": .string(modelType), "weights": .object(.init(weights)),
        ]).serialized()
    }

    /// Throws where `base` is not the model that this fingerprint was taken of; the message shows both.
    func check(_ base: Fingerprint, source: String) throws {
        let advice = "; check_base = false goes on"
        guard modelType == base.modelType else {
            throw AdapterError(
                "\(source): the adapter was trained on a '\(modelType)' model, this one is '\(base.modelType)'\(advice)"
            )
        }
        let there = Dictionary(base.parts.map { ($0.name, $0.part) }, uniquingKeysWith: { $1 })
        for (name, part) in parts {
            guard let other = there[name] else {
                throw AdapterError("\(source): the adapter's base has '\(name)', this model has not\(advice)")
            }
            guard part.shape == other.shape else {
                throw AdapterError(
                    "\(source): '\(name)' has shape \(part.shape) in the adapter's base and \(other.shape) here\(advice)"
                )
            }
            guard part.values.count == other.values.count else {
                throw AdapterError(
                    "\(source): metadata '\(Fingerprint.key)' has \(part.values.count) numbers of '\(name)', expected \(other.values.count)\(advice)"
                )
            }
            for (index, (a, b)) in zip(part.values, other.values).enumerated() where !Fingerprint.agree(a, b) {
                throw AdapterError(
                    "\(source): the adapter was trained on another base: element "
                        + "\(Fingerprint.places(part.shape.reduce(1, *))[index]) of '\(name)' is \(Float(a)) there and "
                        + "\(Float(b)) here\(advice)")
            }
        }
    }

    /// Equal within the rounding of both numbers to bfloat16 (8 bits), or of small ones to float16.
    static func agree(_ a: Double, _ b: Double) -> Bool {
        abs(a - b) <= max(abs(a), abs(b)) * 0x1p-8 + 0x1p-24
    }
}

extension AdapterSet {
    /// Text that tells the base beneath the adapters from others: what adapter files carry in their metadata.
    public func baseFingerprint() throws -> String { try Fingerprint(of: self).text }
}
