import Formats

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How a GGUF file stretches rotary positions: metadata under `rope.scaling`, and tensors of a factor for each pair of features.
struct GGUFRope {
    private let keys: GGUFKeys
    /// Features of a head that are turned.
    private let rotated: Int

    init(_ keys: GGUFKeys, rotated: Int) { (self.keys, self.rotated) = (keys, rotated) }

    /// Adds `rope_scaling` to a configuration, and what stands beside it, where positions are stretched.
    func write(to config: inout JSONObject) throws {
        if let long = try factors("rope_factors_long.weight"), let short = try factors("rope_factors_short.weight") {
            return try longrope(long: long, short: short, &config)
        }
        if let frequencies = try factors("rope_freqs.weight") { return divided(by: frequencies, &config) }
        let type = try keys.text("rope.scaling.type") ?? "none"
        // Files of before `rope.scaling.type` have the factor alone.
        let old = try keys.optionalNumber("rope.scale_linear")
        let factor = try keys.optionalNumber("rope.scaling.factor") ?? old
        var scaling: JSONObject = [:]
        switch type {
        case "none" where old == nil || old == 1: return
        case "linear", "none":
            guard let factor, factor != 0 else {
                throw ModelError("\(keys.place("rope.scaling.factor")) is missing or 0")
            }
            if factor == 1 { return }
            scaling = ["rope_type": .string("linear"), "factor": .number(factor)]
        case "yarn":
            scaling = ["rope_type": .string("yarn"), "factor": .number(try keys.number("rope.scaling.factor"))]
            let original = try keys.size("rope.scaling.original_context_length")
            scaling["original_max_position_embeddings"] = .integer(original)
            let attention =
                try keys.optionalNumber("rope.scaling.yarn_attn_factor")
                ?? keys.optionalNumber("rope.scaling.attn_factor")
            if let attention { scaling["attention_factor"] = .number(attention) }
            for beta in ["beta_fast", "beta_slow"] {
                if let value = try keys.optionalNumber("rope.scaling.yarn_\(beta)") { scaling[beta] = .number(value) }
            }
            // transformers has no names for these two.
            for (key, usual) in [("rope.scaling.yarn_ext_factor", 1.0), ("rope.scaling.yarn_log_multiplier", 0.0)] {
                if let value = try keys.optionalNumber(key), value != usual {
                    throw ModelError("\(keys.place(key)) is \(value), which is not supported; expected \(usual)")
                }
            }
        case "longrope":
            // Short models of families that can be long have the type alone.
            return
        default:
            throw ModelError(
                "\(keys.place("rope.scaling.type")) '\(FormatError.shown(type))' is not supported; there are 'none', 'linear', 'yarn', 'longrope'"
            )
        }
        config["rope_scaling"] = .object(scaling)
    }

    /// Phi 3: factors for texts up to the original length and beyond it.
    private func longrope(long: [Float], short: [Float], _ config: inout JSONObject) throws {
        let original = try keys.size("rope.scaling.original_context_length")
        config["original_max_position_embeddings"] = .integer(original)
        var scaling: JSONObject = [
            "rope_type": .string("longrope"), "long_factor": numbers(long), "short_factor": numbers(short),
        ]
        // The factor of attention is a function of the lengths; it is said where the file has another.
        let stretch = Double(try keys.size("context_length")) / Double(original)
        let usual = stretch > 1 && original > 1 ? (1 + log(stretch) / log(Double(original))).squareRoot() : 1
        if let attention = try keys.optionalNumber("rope.scaling.attn_factor"), abs(attention - usual) > 1e-5 {
            scaling["attention_factor"] = .number(attention)
        }
        config["rope_scaling"] = .object(scaling)
    }

    /// Llama 3: the frequencies divided by factors that were computed from four numbers, of which the file keeps none.
    ///
    /// The numbers of Llama 3.1 and 3.2 are recognised by the factors that they give; others are written as the factors themselves, which
    /// "longrope" takes and with which it computes the same.
    private func divided(by factors: [Float], _ config: inout JSONObject) {
        let largest = factors.max() ?? 1
        if largest == 1, factors.allSatisfy({ $0 == 1 }) { return }
        let theta = config["rope_theta"]?.double ?? 10_000
        let (original, low, high, factor) = (8192.0, 1.0, 4.0, Double(largest))
        let known = (0..<factors.count).allSatisfy { pair in
            let frequency = pow(theta, -2 * Double(pair) / Double(rotated))
            let length = 2 * Double.pi / frequency
            let smooth = min(1, max(0, (original / length - low) / (high - low)))
            // Converters compute these in float32.
            return abs(Double(factors[pair]) - 1 / ((1 - smooth) / factor + smooth)) <= 1e-3 * factor
        }
        if known {
            config["rope_scaling"] = .object([
                "rope_type": .string("llama3"), "factor": .number(Double(largest.description) ?? factor),
                "low_freq_factor": .number(low), "high_freq_factor": .number(high),
                "original_max_position_embeddings": .integer(Int(original)),
            ])
            return
        }
        config["rope_scaling"] = .object([
            "rope_type": .string("longrope"), "long_factor": numbers(factors), "short_factor": numbers(factors),
            "attention_factor": .number(1), "factor": .number(1),
            "original_max_position_embeddings": config["max_position_embeddings"] ?? .null,
        ])
    }

    private func numbers(_ values: [Float]) -> JSON {
        .array(values.map { .number(Double($0.description) ?? Double($0)) })
    }

    /// The factors in a tensor; nil where there is none; throws where they are not one positive number for each pair.
    private func factors(_ name: String) throws -> [Float]? {
        guard let tensor = keys.file.tensors[name] else { return nil }
        let place = "\(keys.file.file.path): tensor '\(name)'"
        guard tensor.shape == [rotated / 2], tensor.type == .f32 else {
            throw ModelError(
                "\(place) is \(tensor.type.name) of shape \(tensor.shape), expected F32 of shape [\(rotated / 2)]")
        }
        let values = unsafe try [Float](unsafeUninitializedCapacity: tensor.count) { buffer, count in
            unsafe try keys.file.expand(tensor, rows: 0..<1, into: buffer)
            count = tensor.count
        }
        guard values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw ModelError("\(place) expected positive numbers")
        }
        return values
    }
}
