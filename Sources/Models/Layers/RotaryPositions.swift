import Formats
import Options
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How a model turns positions into the angles by which queries and keys are rotated: transformers' modeling_rope_utils.py
/// (5.23), in both of its spellings: `rope_theta` with `rope_scaling`, and `rope_parameters`.
///
/// The length that "dynamic" and "longrope" look at is each sequence's own, so that no result depends on what else is in the
/// batch.
struct RotaryPositions: Sendable {
    /// What becomes of the frequencies, by `rope_type`.
    enum Scaling: Sendable, Equatable {
        /// Nothing (Su and others 2021, arXiv:2104.09864).
        case standard
        /// All divided by a factor.
        case linear(factor: Float)
        /// The base grows with a length beyond the model's own (NTK-aware).
        case dynamic(factor: Float)
        /// Low frequencies divided, high ones kept (Peng and others 2023, arXiv:2309.00071).
        case yarn(factor: Float, original: Int, fast: Double, slow: Double, truncates: Bool)
        /// A divisor for each frequency, others for long sequences (Ding and others 2024, arXiv:2402.13753).
        case longrope(short: [Float], long: [Float], original: Int)
        /// Low frequencies divided, high ones kept, smoothly between (Llama 3.1).
        case llama3(factor: Float, low: Float, high: Float, original: Int)
    }

    /// Base of the frequencies.
    let theta: Float
    /// Numbers of a head that are rotated.
    let width: Int
    /// Length that the model was made for.
    let longest: Int
    /// What becomes of the frequencies.
    let scaling: Scaling
    /// Factor on cosines and sines.
    let attentionFactor: Float
    /// All that angles depend on, as a name: layers that rotate in the same way share them.
    let name: String

    /// Longest sequence that the scaling speaks of, where it reaches beyond the model's own.
    var reach: Int {
        switch scaling {
        case .dynamic(let factor), .linear(let factor):
            max(longest, Int(exactly: (Float(longest) * factor).rounded()) ?? longest)
        case .yarn(let factor, let original, _, _, _):
            max(longest, Int(exactly: (Float(original) * factor).rounded()) ?? longest)
        default: longest
        }
    }

    /// Length beyond which all positions are rotated otherwise than before; nil where there is none.
    ///
    /// With "dynamic" the reference keeps keys as they were rotated when they came.
    var cacheBorder: Int? {
        if case .longrope(_, _, let original) = scaling { original } else { nil }
    }

    /// Whether transformers' Phi-3 takes it.
    var isForPhi3: Bool {
        switch scaling {
        case .standard, .longrope: true
        default: false
        }
    }

    /// Inverse frequencies, one for each pair, of a sequence of `length` tokens.
    func frequencies(length: Int) -> [Float] {
        switch scaling {
        case .standard: return RotaryPositions.plain(theta, width)
        case .linear(let factor): return RotaryPositions.plain(theta, width).map { $0 / factor }
        case .dynamic(let factor):
            let ratio = factor * Float(max(length, longest)) / Float(longest) - (factor - 1)
            return RotaryPositions.plain(theta * pow(ratio, Float(width) / Float(width - 2)), width)
        case .yarn(let factor, let original, let fast, let slow, let truncates):
            return yarn(factor, original, fast, slow, truncates)
        case .longrope(let short, let long, let original):
            let divisors = length > original ? long : short
            return RotaryPositions.powers(theta, width).enumerated().map { 1 / (divisors[$0] * $1) }
        case .llama3(let factor, let low, let high, let original):
            return RotaryPositions.plain(theta, width).map {
                let length = 2 * Float.pi / $0
                if length < Float(original) / high { return $0 }
                if length > Float(original) / low { return $0 / factor }
                let smooth = (Float(original) / length - low) / (high - low)
                return (1 - smooth) * $0 / factor + smooth * $0
            }
        }
    }

    private static func powers(_ theta: Float, _ width: Int) -> [Float] {
        stride(from: 0, to: width, by: 2).map { pow(theta, Float($0) / Float(width)) }
    }

    private static func plain(_ theta: Float, _ width: Int) -> [Float] { powers(theta, width).map { 1 / $0 } }

    private func yarn(
        _ factor: Float, _ original: Int, _ fast: Double, _ slow: Double, _ truncates: Bool
    ) -> [Float] {
        func dimension(_ rotations: Double) -> Double {
            Double(width) * log(Double(original) / (rotations * 2 * .pi)) / (2 * log(Double(theta)))
        }
        var (low, high) = (dimension(fast), dimension(slow))
        if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        (low, high) = (max(low, 0), min(high, Double(width - 1)))
        if low == high { high += 0.001 }
        return RotaryPositions.powers(theta, width).enumerated().map { index, power in
            let kept = 1 - Float(min(1, max(0, (Double(index) - low) / (high - low))))
            return (1 - kept) / (factor * power) + kept / power
        }
    }

    /// Cosines and sines for each row of a pass.
    func angles(_ pass: Pass) throws -> RotaryAngles {
        switch scaling {
        case .dynamic, .longrope:
            // Frequencies are a sequence's own.
            var parts: [RotaryAngles] = []
            for (start, end) in zip(pass.boundaries, pass.boundaries.dropFirst()) where start < end {
                let positions = Array(pass.positions[start..<end])
                parts.append(
                    try RotaryAngles(
                        positions: positions, frequencies: frequencies(length: (positions.last ?? 0) + 1),
                        scaling: attentionFactor))
            }
            return try RotaryAngles(joining: parts)
        default:
            return try RotaryAngles(
                positions: pass.positions, frequencies: frequencies(length: longest), scaling: attentionFactor)
        }
    }
}

// MARK: Reading

extension RotaryPositions {
    /// The options that a config.json may have for it.
    static let options = [
        Option("rope_theta", .number(NumberRange(1, 1e12)), "Base of the rotary frequencies."),
        Option("rope_scaling", .table, "How rotary frequencies are scaled."),
        Option("rope_parameters", .table, "Base and scaling of rotary frequencies."),
        Option("partial_rotary_factor", .number(.unit), "Share of a head that is rotated."),
        Option("original_max_position_embeddings", ConfigReader.size, "Positions before scaling."),
    ]

    /// What config.json says; `layerType` picks one where rope_parameters has one for each kind of layer.
    ///
    /// - Parameters:
    ///   - headWidth: numbers of a head.
    ///   - standard: the base where the file has none.
    ///   - layerType: kind of layer, by its name in layer_types.
    ///   - original: `original_max_position_embeddings` that stands beside the table, which goes before the table's.
    init(
        _ reader: ConfigReader, headWidth: Int, standard: Double = 10_000, layerType: String? = nil,
        original beside: Int? = nil
    ) throws {
        let name = reader["rope_scaling"]?.object?.isEmpty == false ? "rope_scaling" : "rope_parameters"
        var table = reader[name]?.object ?? [:]
        if let layerType, let own = table[layerType] { table = own.object ?? [:] }
        try self.init(
            reader, RopeTable(table, place: "\(reader.source): \(name)"), headWidth: headWidth,
            theta: reader.optionalNumber("rope_theta") ?? standard, original: beside)
    }

    private init(
        _ reader: ConfigReader, _ values: RopeTable, headWidth: Int, theta standard: Double, original beside: Int?
    ) throws {
        theta = Float(try values.number("rope_theta", 1...1e12) ?? standard)
        longest = try reader.integer("max_position_embeddings")
        let part =
            try values.number("partial_rotary_factor", 0...1) ?? reader.optionalNumber("partial_rotary_factor") ?? 1
        width = Int(Double(headWidth) * part)
        guard width > 0, width % 2 == 0 else {
            throw ModelError(
                "\(reader.source): \(width) of the \(headWidth) numbers of a head would be rotated; an even number can be"
            )
        }
        let type = try values.string("rope_type") ?? values.string("type") ?? "default"
        let original = try beside ?? values.integer("original_max_position_embeddings") ?? longest
        let (scaling, factor) = try RotaryPositions.scaling(
            type, values, width: width, longest: longest, original: original)
        self.scaling = scaling
        attentionFactor = factor
        name = "\(width)/\(theta)/\(longest)/\(factor)/\(scaling)"
    }

    /// A scaling by its name, and the factor on cosines and sines that it takes where none is given.
    private static func scaling(
        _ type: String, _ values: RopeTable, width: Int, longest: Int, original: Int
    ) throws -> (Scaling, attention: Float) {
        func needed() throws -> Float { Float(try values.needed("factor", 1e-6...1e9)) }
        // The other types take no factor, whatever the file says.
        func given(_ usual: Float) throws -> Float {
            try values.number("attention_factor", 0...1e6).map { Float($0) } ?? usual
        }
        switch type {
        case "default": return (.standard, 1)
        case "linear": return (.linear(factor: try needed()), 1)
        case "dynamic":
            guard width > 2 else { throw values.error("scales heads of more than 2 numbers, got \(width)") }
            return (.dynamic(factor: try needed()), 1)
        case "yarn":
            let ratio = Float(try values.number("factor", 1e-6...1e9) ?? Double(longest) / Double(original))
            let scaling = Scaling.yarn(
                factor: ratio, original: original,
                fast: try values.number("beta_fast", 0...1e9).flatMap { $0 == 0 ? nil : $0 } ?? 32,
                slow: try values.number("beta_slow", 0...1e9).flatMap { $0 == 0 ? nil : $0 } ?? 1,
                truncates: values.table["truncate"]?.bool ?? true)
            return (scaling, try given(RotaryPositions.yarnFactor(ratio, values)))
        case "longrope", "su":
            func divisors(_ key: String) throws -> [Float] {
                let numbers = try values.numbers(key)
                guard numbers.count == width / 2 else {
                    throw values.error(
                        "'\(key)' has \(numbers.count) numbers; \(width / 2) are needed, one for each pair of a head")
                }
                return numbers
            }
            let scaling = Scaling.longrope(
                short: try divisors("short_factor"), long: try divisors("long_factor"), original: original)
            let ratio = try values.number("factor", 1e-6...1e9) ?? Double(longest) / Double(original)
            let usual = ratio <= 1 ? 1 : (1 + log(ratio) / log(Double(max(2, original)))).squareRoot()
            return (scaling, try given(Float(usual)))
        case "llama3":
            let (low, high) = (
                Float(try values.needed("low_freq_factor", 1e-6...1e9)),
                Float(try values.needed("high_freq_factor", 1e-6...1e9))
            )
            guard low < high else {
                throw values.error("'low_freq_factor' \(low) is not below 'high_freq_factor' \(high)")
            }
            return (.llama3(factor: try needed(), low: low, high: high, original: original), 1)
        default:
            throw values.error(
                "rope_type '\(FormatError.shown(type))' is not supported; there are 'default', 'linear', 'dynamic', 'yarn', 'longrope' and 'llama3'"
            )
        }
    }

    /// The frequencies of one kind of layer: those of its own table in rope_parameters, or of a base of their own.
    ///
    /// - Parameter isScaled: whether rope_scaling is theirs too; it is not with Gemma 3's layers that have a window.
    init(
        local reader: ConfigReader, headWidth: Int, standard: Double, layerType: String, isScaled: Bool = false
    ) throws {
        var table = reader["rope_parameters"]?.object?[layerType]?.object ?? [:]
        if isScaled {
            for (key, value) in reader["rope_scaling"]?.object ?? [:] { table[key] = value }
        }
        try self.init(
            reader, RopeTable(table, place: "\(reader.source): rope_parameters"), headWidth: headWidth,
            theta: standard, original: nil)
    }

    /// The factor on cosines and sines that yarn takes where none is given.
    private static func yarnFactor(_ factor: Float, _ values: RopeTable) throws -> Float {
        func scale(_ mscale: Double) -> Double { factor <= 1 ? 1 : 0.1 * mscale * log(Double(factor)) + 1 }
        let (part, all) = (try values.number("mscale", 0...1e6) ?? 0, try values.number("mscale_all_dim", 0...1e6) ?? 0)
        return Float(part != 0 && all != 0 ? scale(part) / scale(all) : scale(1))
    }
}

/// The values of a rope table, checked.
private struct RopeTable {
    let table: JSONObject
    let place: String

    init(_ table: JSONObject, place: String) { (self.table, self.place) = (table, place) }

    func error(_ what: String) -> ModelError { ModelError("\(place): \(what)") }

    func number(_ key: String, _ range: ClosedRange<Double>) throws -> Double? {
        guard let value = table[key], !value.isNull else { return nil }
        guard let number = value.double, range.contains(number) else {
            throw error("'\(key)' expected a number from \(range.lowerBound) to \(range.upperBound), got \(value.kind)")
        }
        return number
    }

    func needed(_ key: String, _ range: ClosedRange<Double>) throws -> Double {
        guard let number = try number(key, range) else { throw error("'\(key)' is missing") }
        return number
    }

    func integer(_ key: String) throws -> Int? {
        guard let value = table[key], !value.isNull else { return nil }
        guard let integer = value.int, (2...1 << 30).contains(integer) else {
            throw error("'\(key)' expected an integer from 2 to \(1 << 30), got \(value.kind)")
        }
        return integer
    }

    func string(_ key: String) throws -> String? {
        guard let value = table[key], !value.isNull else { return nil }
        guard let text = value.string else { throw error("'\(key)' expected a string, got \(value.kind)") }
        return text
    }

    func numbers(_ key: String) throws -> [Float] {
        guard let value = table[key], !value.isNull else { throw error("'\(key)' is missing") }
        let numbers = value.array?.compactMap(\.double).map { Float($0) }
        guard let numbers, numbers.count == value.array?.count, numbers.allSatisfy({ $0 > 0 && $0.isFinite }) else {
            throw error("'\(key)' expected a list of numbers above 0, got \(value.kind)")
        }
        return numbers
    }
}
