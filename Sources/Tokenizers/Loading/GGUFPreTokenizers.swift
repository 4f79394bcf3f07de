/// How byte-level tokenizers of GGUF files cut words, by the name that `tokenizer.ggml.pre` gives (llama.cpp,
/// src/llama-vocab.cpp; the expressions are those of the models' own tokenizer.json where both say the same).
struct GGUFPreTokenizer: Sendable {
    /// Expressions, each of which cuts the pieces that the ones before have left.
    var expressions: [String]
    /// Whether GPT-2's expression cuts what they leave.
    var endsInGPT2 = false
    /// Whether a word that is a token is never put together from merges.
    var ignoresMerges = false
    /// Whether bos is put before a text where the file does not say it.
    var addsBos = false

    /// The way of a name; nil for an unknown one.
    ///
    /// "default", which stands for no name too, is GPT-2's.
    static func named(_ name: String) -> GGUFPreTokenizer? { table[name] }

    /// The names that are known.
    static var names: [String] { table.keys.sorted() }

    private static let gpt2 = GGUFPreTokenizer(expressions: [], endsInGPT2: true)
    private static let digitsThenGPT2 = GGUFPreTokenizer(expressions: [#"\p{N}"#], endsInGPT2: true)
    private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"

    /// Words with one character before them, numbers of so many digits, and what Llama 3 and Qwen 2 share beside.
    private static func words(numbers: String) -> String {
        contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|"# + numbers
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    private static let llama3 = GGUFPreTokenizer(
        expressions: [words(numbers: #"\p{N}{1,3}"#)], ignoresMerges: true, addsBos: true)
    private static let dbrx = GGUFPreTokenizer(expressions: [words(numbers: #"\p{N}{1,3}"#)])
    private static let qwen2 = GGUFPreTokenizer(expressions: [words(numbers: #"\p{N}"#)])

    /// Words whose capitals stand at their beginning, with what may follow them.
    private static func cased(after: String, numbers: String) -> String {
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"# + after
            + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"# + after + "|" + numbers
            + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    private static let gpt4o = GGUFPreTokenizer(
        expressions: [cased(after: contractions + "?", numbers: #"\p{N}{1,3}"#)])
    private static let tekken = GGUFPreTokenizer(
        expressions: [cased(after: "", numbers: #"\p{N}"#)], ignoresMerges: true, addsBos: true)

    private static let falcon = GGUFPreTokenizer(
        expressions: [#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2Expression, "[0-9][0-9][0-9]"])
    private static let gpt2Expression =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    private static let ideographs = "[\u{4E00}-\u{9FA5}\u{0800}-\u{4E00}\u{AC00}-\u{D7FF}]+"
    private static let deepseekCoder = GGUFPreTokenizer(
        expressions: [#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, ideographs, #"\p{N}"#])
    private static let deepseekLLM = GGUFPreTokenizer(
        expressions: [
            #"[\r\n]"#, deepseekLetters,
            "\\s?[!-/:-~\u{FF01}-\u{FF0F}\u{FF1A}-\u{FF5E}\u{2018}-\u{201F}\u{3000}-\u{3002}]+", #"\s+$"#, ideographs,
            #"\p{N}+"#,
        ])
    private static let deepseek3 = GGUFPreTokenizer(
        expressions: [
            #"\p{N}{1,3}"#, "[\u{4E00}-\u{9FA5}\u{3040}-\u{309F}\u{30A0}-\u{30FF}]+",
            ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
                + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
        ])

    /// The letters that have a case, as DeepSeek LLM's tokenizer lists them, from first to last (hexadecimal): of some, an
    /// editor that composes characters would make others.
    private static let casedLetters = """
        41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C 38E\
        -3A1 3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D7\
        7 1D79-1D9A 1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FB\
        C 1FBE 1FC2-1FC4 1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 211\
        9-211D 2124 2126 2128 212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B 2C7E-2CE4 2CE\
        B-2CEE 2CF2 2CF3 A640-A66D A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3\
        A FF41-FF5A 10400-1044F 104B0-104D3 104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943
        """

    private static let deepseekLetters: String = {
        let ranges = casedLetters.split(separator: " ").map { range in
            range.split(separator: "-").compactMap { UInt32($0, radix: 16).flatMap(Unicode.Scalar.init) }
                .map(String.init).joined(separator: "-")
        }
        return #"\s?["# + ranges.joined() + "]+"
    }()

    private static let sentences = " ?[^(\\s|.,!?\u{2026}\u{3002}\u{FF0C}\u{3001}\u{0964}\u{06D4}\u{060C})]+"
    private static let bloom = GGUFPreTokenizer(expressions: [sentences])
    private static let viking = GGUFPreTokenizer(expressions: [sentences, #"\p{N}"#])

    private static let table: [String: GGUFPreTokenizer] = {
        var table: [String: GGUFPreTokenizer] = [:]
        let families: [(GGUFPreTokenizer, String)] = [
            (llama3, "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2"),
            (dbrx, "dbrx smaug-bpe chatglm-bpe"),
            (
                qwen2,
                "qwen2 stablelm2 deepseek-r1-qwen kormo megrez hunyuan solar-open"
            ), (gpt4o, "gpt-4o llama4 kanana2"), (tekken, "tekken"),
            (
                gpt2,
                "default gpt-2 phi-2 mpt olmo jina-es jina-de jina-v2-es jina-v2-de gigachat trillion a.x-4.0 mellum exaone4 roberta-bpe modern-bert granite-docling"
            ), (digitsThenGPT2, "starcoder refact command-r smollm codeshell exaone minerva-7b"), (falcon, "falcon"),
            (deepseekCoder, "deepseek-coder"), (deepseekLLM, "deepseek-llm"),
            (deepseek3, "deepseek-v3 hunyuan-dense"), (bloom, "bloom poro-chat gpt3-finnish"), (viking, "viking"),
        ]
        for (way, names) in families {
            for name in names.split(separator: " ") { table[String(name)] = way }
        }
        return table
    }()
}
