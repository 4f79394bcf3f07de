import Formats
import Patterns

/// Reads the stages of tokenizer.json other than the model.
///
/// `stage` is the path of a stage in the file, such as `normalizer.normalizers[2]`, for messages.
struct StageReader {
    /// The file, for messages.
    let source: String

    /// Deepest nesting of sequences.
    private static let maxDepth = 16
    /// Most special tokens that a template may put, and most places where it may put one text.
    private static let maxSpecialTokens = 1024
    private static let maxPlaces = 4

    private func error(_ stage: String, _ message: String) -> TokenizerError {
        TokenizerError("\(source): \(stage): \(message)")
    }

    private func unsupported(_ stage: String, _ type: String, _ supported: [String]) -> TokenizerError {
        error(
            stage,
            "type '\(FormatError.shown(type))' is not supported; supported are \(supported.joined(separator: ", "))")
    }

    func type(_ json: JSON, _ stage: String) throws -> String {
        try json.required("type", "a string", source: "\(source): \(stage)") { $0.string }
    }

    func bool(_ json: JSON, _ key: String, _ stage: String, default value: Bool) throws -> Bool {
        try json.optional(key, "true or false", source: "\(source): \(stage)") { $0.bool } ?? value
    }

    func text(_ json: JSON, _ key: String, _ stage: String) throws -> String {
        try json.required(key, "a string", source: "\(source): \(stage)") { $0.string }
    }

    private func scalars(_ json: JSON, _ key: String, _ stage: String) throws -> [UInt32] {
        try text(json, key, stage).unicodeScalars.map(\.value)
    }

    /// The only scalar of a string.
    func scalar(_ json: JSON, _ key: String, _ stage: String) throws -> UInt32 {
        let scalars = try scalars(json, key, stage)
        guard scalars.count == 1 else {
            throw error(stage, "'\(key)' expected one character, got \(scalars.count)")
        }
        return scalars[0]
    }

    func list(_ json: JSON, _ key: String, _ stage: String) throws -> [JSON] {
        try json.required(key, "an array", source: "\(source): \(stage)") { $0.array }
    }

    /// `{"String": ".."}` or `{"Regex": ".."}`, or a plain string.
    func pattern(_ json: JSON, _ stage: String) throws -> SplitPattern {
        guard let pattern = json["pattern"] else { throw error(stage, "'pattern' is missing") }
        if let literal = pattern.string ?? pattern["String"]?.string { return .literal(Literal(literal)) }
        guard let regex = pattern["Regex"]?.string else {
            throw error(stage, "'pattern' expected a String or a Regex, got \(pattern.kind)")
        }
        do {
            return .regex(try Pattern(regex, dialect: .oniguruma))
        } catch let problem as PatternError {
            throw error(stage, problem.description)
        }
    }

    /// The section "normalizer".
    func normalizer(_ json: JSON, _ stage: String = "normalizer", depth: Int = 0) throws -> Normalizer {
        let type = try type(json, stage)
        switch type {
        case "BertNormalizer":
            return .bert(
                BertNormalizer(
                    cleanText: try bool(json, "clean_text", stage, default: true),
                    handleChineseChars: try bool(json, "handle_chinese_chars", stage, default: true),
                    stripAccents: try json.optional(
                        "strip_accents", "true, false or null", source: "\(source): \(stage)"
                    ) { $0.bool },
                    lowercase: try bool(json, "lowercase", stage, default: true)))
        case "Lowercase": return .lowercase
        case "NFC": return .nfc
        case "NFD": return .nfd
        case "NFKC": return .nfkc
        case "NFKD": return .nfkd
        case "StripAccents": return .stripAccents
        case "Nmt": return .nmt
        case "Precompiled":
            guard let block = Base64.decode(try text(json, "precompiled_charsmap", stage)) else {
                throw error(stage, "'precompiled_charsmap' is not base64")
            }
            return .precompiled(
                try TokenizerError.placing("\(source): \(stage)") { try Precompiled(charsmap: block) })
        case "Strip":
            return .strip(
                left: try bool(json, "strip_left", stage, default: true),
                right: try bool(json, "strip_right", stage, default: true))
        case "Replace": return .replace(try pattern(json, stage), with: try scalars(json, "content", stage))
        case "Prepend": return .prepend(try scalars(json, "prepend", stage))
        case "ByteLevel": return .byteLevel
        case "Sequence":
            return .sequence(
                try members(json, "normalizers", stage, depth) { try normalizer($0, $1, depth: depth + 1) })
        default:
            throw unsupported(
                stage, type,
                [
                    "BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled",
                    "Prepend", "Replace", "Sequence", "Strip", "StripAccents",
                ])
        }
    }

    /// The section "pre_tokenizer".
    func preTokenizer(_ json: JSON, _ stage: String = "pre_tokenizer", depth: Int = 0) throws -> PreTokenizer {
        let type = try type(json, stage)
        switch type {
        case "BertPreTokenizer": return .bert
        case "ByteLevel":
            return .byteLevel(
                addPrefixSpace: try bool(json, "add_prefix_space", stage, default: true),
                useRegex: try bool(json, "use_regex", stage, default: true))
        case "Whitespace": return .whitespace
        case "WhitespaceSplit": return .whitespaceSplit
        case "Metaspace": return .metaspace(try metaspace(json, stage))
        case "Digits": return .digits(individually: try bool(json, "individual_digits", stage, default: false))
        case "Punctuation": return .punctuation(try behavior(json, stage, default: .isolated))
        case "UnicodeScripts": return .unicodeScripts
        case "FixedLength":
            let length = try json.optional("length", "a number from 1 on", source: "\(source): \(stage)") {
                $0.int.flatMap { $0 > 0 ? $0 : nil }
            }
            return .fixedLength(length ?? 5)
        case "CharDelimiterSplit":
            let delimiter = try scalar(json, "delimiter", stage)
            return .split(.scalars { $0 == delimiter }, .removed, invert: false)
        case "Split":
            return .split(
                try pattern(json, stage), try behavior(json, stage, default: nil),
                invert: try bool(json, "invert", stage, default: false))
        case "Sequence":
            return .sequence(
                try members(json, "pretokenizers", stage, depth) { try preTokenizer($0, $1, depth: depth + 1) })
        default:
            throw unsupported(
                stage, type,
                [
                    "BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "FixedLength", "Metaspace",
                    "Punctuation", "Sequence", "Split", "UnicodeScripts", "Whitespace", "WhitespaceSplit",
                ])
        }
    }

    private func behavior(_ json: JSON, _ stage: String, default behavior: SplitBehavior?) throws -> SplitBehavior {
        if let behavior, json["behavior"] == nil { return behavior }
        let name = try text(json, "behavior", stage)
        guard let behavior = SplitBehavior(rawValue: name) else {
            throw error(stage, "unknown behavior '\(FormatError.shown(name))'")
        }
        return behavior
    }

    private func metaspace(_ json: JSON, _ stage: String) throws -> Metaspace {
        let scheme: Metaspace.Scheme
        if let name = try json.optional("prepend_scheme", "a string", source: "\(source): \(stage)", { $0.string }) {
            guard let known = Metaspace.Scheme(rawValue: name) else {
                throw error(stage, "unknown prepend_scheme '\(FormatError.shown(name))'")
            }
            scheme = known
        } else {
            scheme = try bool(json, "add_prefix_space", stage, default: true) ? .always : .never
        }
        return Metaspace(
            replacement: try scalar(json, "replacement", stage), scheme: scheme,
            split: try bool(json, "split", stage, default: true))
    }

    /// The stages of a sequence, each read with its path.
    private func members<Stage>(
        _ json: JSON, _ key: String, _ stage: String, _ depth: Int, _ read: (JSON, String) throws -> Stage
    ) throws -> [Stage] {
        guard depth < Self.maxDepth else { throw error(stage, "sequences nested deeper than \(Self.maxDepth)") }
        return try list(json, key, stage).enumerated().map { try read($1, "\(stage).\(key)[\($0)]") }
    }

    /// The section "decoder".
    func decoder(_ json: JSON, _ stage: String = "decoder", depth: Int = 0) throws -> Decoder {
        let type = try type(json, stage)
        switch type {
        case "WordPiece":
            return .wordPiece(
                prefix: Array(
                    (try json.optional("prefix", "a string", source: "\(source): \(stage)") { $0.string } ?? "##").utf8),
                cleanup: try bool(json, "cleanup", stage, default: true))
        case "ByteLevel": return .byteLevel
        case "ByteFallback": return .byteFallback
        case "Fuse": return .fuse
        case "CTC":
            return .ctc(
                CTC(
                    padToken: Literal(try text(json, "pad_token", stage)),
                    wordDelimiter: Literal(try text(json, "word_delimiter_token", stage)),
                    cleanup: try bool(json, "cleanup", stage, default: true)))
        case "BPEDecoder": return .bpe(suffix: Literal(try text(json, "suffix", stage)))
        case "Metaspace": return .metaspace(try metaspace(json, stage))
        case "Replace": return .replace(try pattern(json, stage), with: Array(try text(json, "content", stage).utf8))
        case "Strip":
            let counts = try ["start", "stop"].map { key in
                try json.required(key, "a number from 0 on", source: "\(source): \(stage)") {
                    $0.int.flatMap { $0 >= 0 ? $0 : nil }
                }
            }
            return .strip(content: try scalar(json, "content", stage), start: counts[0], stop: counts[1])
        case "Sequence":
            return .sequence(
                try members(json, "decoders", stage, depth) { try decoder($0, $1, depth: depth + 1) })
        default:
            throw unsupported(
                stage, type,
                [
                    "BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace", "Replace", "Sequence",
                    "Strip",
                    "WordPiece",
                ])
        }
    }

    /// The section "post_processor".
    func postProcessor(_ json: JSON, _ stage: String = "post_processor", depth: Int = 0) throws -> PostProcessor {
        let type = try type(json, stage)
        switch type {
        case "BertProcessing":
            return .bert(separator: try tokenID(json, "sep", stage), classifier: try tokenID(json, "cls", stage))
        case "RobertaProcessing":
            return .roberta(
                separator: try tokenID(json, "sep", stage), classifier: try tokenID(json, "cls", stage),
                trimOffsets: try bool(json, "trim_offsets", stage, default: true),
                addPrefixSpace: try bool(json, "add_prefix_space", stage, default: true))
        case "ByteLevel":
            guard try bool(json, "trim_offsets", stage, default: true) else { return PostProcessor() }
            return PostProcessor(
                trims: [PostProcessor.Trim(addPrefixSpace: try bool(json, "add_prefix_space", stage, default: true))])
        case "TemplateProcessing":
            let special = try json.required("special_tokens", "an object", source: "\(source): \(stage)") { $0.object }
            var ids: [String: [Int]] = [:]
            for (name, token) in special {
                let place = "\(stage): special_tokens: '\(FormatError.shown(name))'"
                ids[name] = try list(token, "ids", place).map { try self.id($0, place) }
            }
            return PostProcessor(
                single: try template(json, "single", stage, ids), pair: try template(json, "pair", stage, ids))
        case "Sequence":
            return try sequence(
                try members(json, "processors", stage, depth) { try postProcessor($0, $1, depth: depth + 1) }, stage)
        default:
            throw unsupported(
                stage, type, ["BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing"])
        }
    }

    private func sequence(_ processors: [PostProcessor], _ stage: String) throws -> PostProcessor {
        var result = PostProcessor()
        for processor in processors {
            result.trims += processor.trims
            guard processor.single != nil else { continue }
            guard result.single == nil else {
                throw error(stage, "a sequence of two that put special tokens is not supported")
            }
            result.single = processor.single
            result.pair = processor.pair
        }
        return result
    }

    private func id(_ json: JSON, _ stage: String) throws -> Int {
        guard let id = json.int, id >= 0, id < Int(Int32.max) else {
            throw error(stage, "expected a token's id, got \(json.kind)")
        }
        return id
    }

    /// The id of `["[SEP]", 102]`.
    private func tokenID(_ json: JSON, _ key: String, _ stage: String) throws -> Int {
        let pair = try list(json, key, stage)
        guard pair.count == 2 else { throw error(stage, "'\(key)' expected a token and its id") }
        return try id(pair[1], stage)
    }

    private func template(
        _ json: JSON, _ key: String, _ stage: String, _ ids: [String: [Int]]
    ) throws -> [PostProcessor.Piece] {
        var specialTokens = 0
        var places = [0, 0]
        return try list(json, key, stage).enumerated().map { index, piece in
            let stage = "\(stage).\(key)[\(index)]"
            if let sequence = piece["Sequence"] {
                let name = try text(sequence, "id", stage)
                guard name == "A" || name == "B" else {
                    throw error(stage, "unknown sequence '\(FormatError.shown(name))'")
                }
                let text = name == "A" ? 0 : 1
                places[text] += 1
                guard places[text] <= Self.maxPlaces else {
                    throw error(stage, "the template puts text \(name) more than \(Self.maxPlaces) times")
                }
                return .sequence(text, typeId: try typeID(sequence, stage))
            }
            guard let special = piece["SpecialToken"] else {
                throw error(stage, "expected a Sequence or a SpecialToken, got \(piece.kind)")
            }
            let name = try text(special, "id", stage)
            guard let tokens = ids[name] else {
                throw error(stage, "'\(FormatError.shown(name))' is not among its special_tokens")
            }
            specialTokens += tokens.count
            guard specialTokens <= Self.maxSpecialTokens else {
                throw error(stage, "the template puts more than \(Self.maxSpecialTokens) special tokens")
            }
            return .special(tokens, typeId: try typeID(special, stage))
        }
    }

    private func typeID(_ json: JSON, _ stage: String) throws -> Int {
        try json.required("type_id", "a number from 0 on", source: "\(source): \(stage)") {
            $0.int.flatMap { $0 >= 0 && $0 < Int(Int32.max) ? $0 : nil }
        }
    }
}
