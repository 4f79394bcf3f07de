/// The names that transformers gives to special tokens.
public enum SpecialToken: String, CaseIterable, Sendable {
    /// Begins a text.
    case bos = "bos_token"
    /// Ends a text.
    case eos = "eos_token"
    /// Stands for what no token has.
    case unk = "unk_token"
    /// Stands between texts.
    case sep = "sep_token"
    /// Fills up batches.
    case pad = "pad_token"
    /// Its row is what a classifier reads.
    case cls = "cls_token"
    /// Hides a token that is to be guessed.
    case mask = "mask_token"
}

/// What the folder says beside the stages.
struct TokenizerSettings: Sendable {
    var specialTokens: [SpecialToken: String] = [:]
    /// Special tokens without a name that were added since.
    var extraSpecialTokens: [String] = []
    var modelMaxLength: Int?
    var cleanUpTokenizationSpaces = false
    /// Whether that concerns byte-pair texts too.
    var cleansUpBytePairs = false
    var truncationSide = EncodingOptions.Side.right
    var paddingSide = EncodingOptions.Side.right
}
