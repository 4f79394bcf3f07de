/// Changes of bytes that are text.
enum Texts {
    static let words = [
        "", " ", "a", "Ġ", "▁", "##", "[UNK]", "[CLS]", "</s>", "<0x41>", "\\u0000", "\\ud800", "\\udfff\\ud800", "\\n",
        "\\r\\n", "\\u2028", "\\u202e", "e\\u0301\\u0301\\u0301", "\\ufb03", "\\ufdfa", "\u{1F469}\u{200D}\u{1F680}",
        "İ", "ß",
        "가", "..", "../x", "/etc/passwd", "a/b", ".", "model.safetensors", "bert", "roberta", "distilbert", "query",
        "value", "all-linear", "float32", "bfloat16", "nan", "9223372036854775807", "-1", "regression",
        "multi_label_classification", "LABEL_0", "A", "B", "$A", "Sequence", "ByteLevel", "NFKD", "Split", "Isolated",
        "MergedWithPrevious", "MergedWithNext", "Contiguous", "Removed", "first", "always", "LORA", "CAUSAL_LM",
        "SEQ_CLS",
    ]

    /// Expressions, most of which some dialect takes.
    static let patterns = [
        "query", ".*", ".*\\\\.query", "(query|value)", "((((){1000}){1000}){1000}){1000}query", "(a*)*b", "(a|a)*$",
        "(?:a{0,1000}){0,1000}", "a{9223372036854775807}", "a{2,1}", "[z-a]", "[^]", "[]", "(?i:x)", "(?<=a)b", "(?!a)",
        "(?=(?=(?=a)))", "\\\\p{L}+", "\\\\p{Foo}", "\\\\", "(", ")", "*", "+?", "a**", "^$", "\\\\b", "\\\\x41",
        "\\\\u{110000}",
        "[\\\\w-\\\\d]", "(?P<n>a)(?P=n)", "(a)\\\\1", ".{1,65535}", "(.{1,300}){1,300}", "\\\\s+(?!\\\\S)|\\\\s+",
        "[^\\\\s\\\\p{L}]", "|", "||", "(|)*",
        "(?:)*", "(?:a?){64}a{64}", "\\\\d{3}(?=\\\\d)", "\\u0000", "[[:alpha:]]", "(?#c)", "(?m)^a$", "a{,3}", "a{3,}",
        "x{0}",
        "(x{0}){5000}", "\\\\N", "\\\\Z", "\\\\A", ".*?a.*?a.*?a.*?a.*?b", "layer\\\\.[0-1]\\\\..*",
        "encoder.layer.(0|1).attention.self.query",
    ]

    /// One change of bytes that begin and end with a quote (not needed), such as a value of JSON.
    static func changed(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
        let isQuoted = bytes.count >= 2 && bytes.first == UInt8(ascii: "\"") && bytes.last == UInt8(ascii: "\"")
        let inner = isQuoted ? Array(bytes.dropFirst().dropLast()) : bytes
        var changed: [UInt8]
        switch dice.below(12) {
        case 0: changed = []
        case 1, 2: changed = Array(dice.pick(words).utf8)
        case 3: changed = inner + Array(dice.pick(words).utf8)
        case 4, 5: changed = Array(dice.pick(patterns).utf8)
        case 6: changed = Array(dice.pick(patterns).utf8) + Array(dice.pick(patterns).utf8)
        case 7:
            changed = Array(repeating: inner.isEmpty ? [97] : inner, count: dice.pick([2, 30, 1000])).flatMap { $0 }
        case 8: changed = Array(inner.dropLast(1 + dice.below(3)))
        case 9:
            changed = inner + dice.pick([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0]])
        case 10: changed = Array(dice.pick(Numbers.texts).utf8)
        default: changed = Bytes.changed(inner, &dice)
        }
        if changed.count > 1 << 16 { changed.removeLast(changed.count - 1 << 16) }
        return isQuoted ? [UInt8(ascii: "\"")] + changed + [UInt8(ascii: "\"")] : changed
    }
}
