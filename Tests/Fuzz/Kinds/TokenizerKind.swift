import Formats
import Tokenizers

/// Texts that tokenizers are tried on.
enum Samples {
    static let texts = [
        "", " ", "the cat was unaffable, aren't we? ", "Ünïcödé  ① ﬃ ǅ İ ß Σς", "日本語 한국어 ไทย",
        "👩‍🚀👨‍👩‍👧 e\u{301}\u{301}\u{323}",
        "a\u{0}b\r\n\t\u{2028}\u{FFFD}\u{FEFF}\u{AD}", "[CLS] x [SEP] <s> </s> <|endoftext|> [MASK]",
        "1234567 12,345.678 ''\"\"",
        String(repeating: "a", count: 300), String(repeating: " ", count: 70), "<0x41>▁▁Ġ##ing", "\u{10FFFF}\u{E000}",
        String(repeating: "\u{301}", count: 200),
    ]

    /// Encodes, cuts, joins and decodes.
    static func use(_ tokenizer: Tokenizer, _ dice: inout Dice) throws {
        _ = (tokenizer.count, tokenizer.vocabularySize, tokenizer.specialTokens, tokenizer.modelMaxLength)
        for name in SpecialToken.allCases { _ = tokenizer.id(name) }
        for isPair in [false, true] { _ = tokenizer.specialTokensCount(isPair: isPair) }
        for _ in 0..<4 {
            let (text, other) = (dice.pick(texts), dice.pick(texts))
            var options = EncodingOptions()
            if dice.oneIn(3) {
                options = EncodingOptions(
                    truncation: dice.pick(EncodingOptions.Truncation.allCases),
                    truncationSide: dice.oneIn(2) ? .left : .right,
                    maxLength: dice.pick([nil, 0, 1, 2, 3, 8, -1, .max, .min]),
                    stride: dice.pick([0, 1, 2, 7, -1, .max, .min]))
            }
            let pair = dice.oneIn(2) ? other : nil
            if let encoding = try? tokenizer.encode(text, pair: pair, options: options) {
                _ = try? tokenizer.decode(encoding.ids, skipSpecialTokens: dice.oneIn(2))
                for id in encoding.ids { _ = tokenizer.token(id) }
            }
            if let ids = try? tokenizer.ids(text, pair: pair, options: options) {
                _ = try? tokenizer.decode(ids, cleanUpTokenizationSpaces: dice.oneIn(2))
            }
            _ = try? tokenizer.encode(words: text.split(separator: " ").map(String.init), options: options)
        }
        let ids = [0, 1, 5, -1, .max, .min, 100, 101, 300, tokenizer.count, tokenizer.vocabularySize - 1]
        _ = try? tokenizer.decode(ids)
        _ = try? tokenizer.decode(Array(0..<200))
        var stream = tokenizer.stream(skipSpecialTokens: dice.oneIn(2))
        for id in ids { _ = try? stream.push(id) }
        _ = try? stream.end()
    }
}

/// A tokenizer's folder: loaded, then used.
struct TokenizerKind: Kind {
    static let name = "tokenizer"
    private let bases: [[String: [UInt8]]]

    init(root: Folder) throws {
        let folder = try root.subfolder("Tests/Goldens/tokenizers")
        bases = try folder.list().filter { folder.isFolder($0) }.map { name in
            var files = try Input.files(of: folder.subfolder(name))
            files["cases.json"] = nil
            return files
        }
    }

    func input(_ dice: inout Dice) -> Input {
        var files = dice.pick(bases)
        let names = files.keys.sorted()
        for _ in 0...(dice.oneIn(4) ? 1 : 0) {
            let name = dice.pick(names)
            files[name] = files[name].map { Bytes.mutated($0, named: name, &dice) }
        }
        if dice.oneIn(20) { files["tokenizer_config.json"] = dice.pick(bases)["tokenizer_config.json"] }
        if dice.oneIn(50) { files[dice.pick(names)] = nil }
        return Input(files: files, choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws { try Samples.use(Tokenizer.load(from: folder), &dice) }
}

/// A tokenizer.json put together from stages of every kind in any order, a few values changed.
struct StagesKind: Kind {
    static let name = "stages"

    init(root: Folder) throws {}

    private static let patterns = [#"{"String":" "}"#, #"{"String":"a"}"#, #"{"String":""}"#]
    private static let models = [
        #"{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"continuing_subword_prefix":null,"end_of_word_suffix":null,"vocab":{"<unk>":0,"a":1,"b":2,"ab":3,"▁":4,"aa":5,"<0x41>":6,"aab":7,"Ġ":8,"t":9,"h":10,"th":11},"merges":[["a","b"],["a","a"],["aa","b"],["t","h"]]}"#,
        #"{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"Ġ":3},"merges":["a b"],"ignore_merges":true}"#,
        ###"{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"a":1,"##a":2,"##b":3,"the":4,"##t":5}}"###,
    ]
    private static let normalizers = [
        #"{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}"#,
        #"{"type":"Lowercase"}"#, #"{"type":"NFC"}"#, #"{"type":"NFD"}"#, #"{"type":"NFKC"}"#, #"{"type":"NFKD"}"#,
        #"{"type":"StripAccents"}"#, #"{"type":"Strip","strip_left":true,"strip_right":true}"#,
        #"{"type":"Replace","pattern":PATTERN,"content":"CONTENT"}"#, #"{"type":"Prepend","prepend":"CONTENT"}"#,
        #"{"type":"ByteLevel"}"#,
    ]
    private static let preTokenizers = [
        #"{"type":"BertPreTokenizer"}"#,
        #"{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}"#,
        #"{"type":"Whitespace"}"#,
        #"{"type":"WhitespaceSplit"}"#,
        #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"#,
        #"{"type":"Digits","individual_digits":true}"#, #"{"type":"Punctuation","behavior":"BEHAVIOR"}"#,
        #"{"type":"CharDelimiterSplit","delimiter":"a"}"#,
        #"{"type":"Split","pattern":PATTERN,"behavior":"BEHAVIOR","invert":false}"#,
        #"{"type":"Split","pattern":PATTERN,"behavior":"BEHAVIOR","invert":true}"#,
    ]
    private static let decoders = [
        ###"{"type":"WordPiece","prefix":"##","cleanup":true}"###, ###"{"type":"ByteLevel"}"###,
        ###"{"type":"ByteFallback"}"###,
        #"{"type":"Fuse"}"#, #"{"type":"BPEDecoder","suffix":"CONTENT"}"#,
        #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}"#,
        #"{"type":"Replace","pattern":PATTERN,"content":"CONTENT"}"#,
        #"{"type":"Strip","content":" ","start":1,"stop":1}"#,
    ]
    private static let postProcessors = [
        #"{"type":"BertProcessing","sep":["a",1],"cls":["b",2]}"#,
        #"{"type":"RobertaProcessing","sep":["a",1],"cls":["b",2],"trim_offsets":true,"add_prefix_space":true}"#,
        #"{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}"#,
        #"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"a","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"a":{"id":"a","ids":[1,2],"tokens":["a","b"]}}}"#,
    ]

    /// A stage, or a sequence of stages, with its blanks filled in.
    private func stage(_ choices: [String], _ key: String, _ dice: inout Dice, depth: Int = 0) -> String {
        if depth < 3, dice.oneIn(3) {
            let inner = (0..<dice.below(6)).map { _ in stage(choices, key, &dice, depth: depth + 1) }
            return "{\"type\":\"Sequence\",\"\(key)\":[\(inner.joined(separator: ","))]}"
        }
        let pattern = dice.oneIn(3) ? dice.pick(Self.patterns) : "{\"Regex\":\"\(dice.pick(Texts.patterns))\"}"
        let content = dice.oneIn(6) ? String(repeating: "ab ", count: dice.pick([50, 2000])) : dice.pick(Texts.words)
        let behavior = dice.pick(["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"])
        return dice.pick(choices).replacing("PATTERN", with: pattern).replacing("CONTENT", with: content)
            .replacing("BEHAVIOR", with: behavior)
    }

    func input(_ dice: inout Dice) -> Input {
        var members = ["\"version\":\"1.0\"", "\"model\":" + dice.pick(Self.models)]
        let added =
            #"{"id":12,"content":"CONTENT","single_word":false,"lstrip":true,"rstrip":true,"normalized":true,"special":false}"#
        members.append("\"added_tokens\":[\(dice.oneIn(3) ? stage([added], "", &dice, depth: 3) : "")]")
        if !dice.oneIn(3) { members.append("\"normalizer\":" + stage(Self.normalizers, "normalizers", &dice)) }
        if !dice.oneIn(3) { members.append("\"pre_tokenizer\":" + stage(Self.preTokenizers, "pretokenizers", &dice)) }
        if !dice.oneIn(3) { members.append("\"decoder\":" + stage(Self.decoders, "decoders", &dice)) }
        if !dice.oneIn(3) { members.append("\"post_processor\":" + stage(Self.postProcessors, "processors", &dice)) }
        var bytes = Array("{\(members.joined(separator: ","))}".utf8)
        if dice.oneIn(3) { bytes = Bytes.mutatedJSON(bytes, &dice) }
        return Input(files: ["tokenizer.json": bytes], choice: dice.next())
    }

    func use(_ folder: Folder, _ dice: inout Dice) throws { try Samples.use(Tokenizer.load(from: folder), &dice) }
}
