/// What becomes of each key of tokenizer_config.json.
enum TokenizerConfigKey {
    /// Keys that are obeyed, by every class, where there is no class that they are of (`TokenizerClass.options`).
    static let obeyed: Set<String> = [
        "add_bos_token", "add_eos_token", "added_tokens_decoder", "additional_special_tokens", "bos_token",
        "chat_template", "clean_up_tokenization_spaces",
        "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", "cls_token", "eos_token",
        "extra_special_tokens", "mask_token", "max_len", "model_max_length", "model_specific_special_tokens",
        "pad_token", "padding_side", "sep_token", "split_special_tokens", "tokenizer_class", "truncation_side",
        "unk_token",
    ]

    /// Keys that say nothing of what a text becomes here: where files lay, what only Python's classes did, what a call is given instead,
    /// and what concerns padding, which no batch has.
    static let meaningless: Set<String> = [
        "_commit_hash", "add_special_tokens", "auto_map", "backend", "chat_control_tokens", "clean_text", "device_map",
        "do_basic_tokenize", "do_word_tokenize", "errors", "files_loaded", "from_slow", "full_tokenizer_file",
        "init_inputs", "is_local", "is_split_into_words", "language", "local_files_only", "max_length",
        "merges_file", "model_input_names", "model_type", "name_or_path", "never_split", "pad_to_multiple_of",
        "pad_token_type_id", "padding", "processor_class", "remove_space", "response_schema", "response_template",
        "return_tensors", "return_token_type_ids", "sp_model_kwargs", "spaces_between_special_tokens",
        "special_tokens_map_file", "spm_file", "stride", "task", "tokenizer_file", "tokenizer_type",
        "tokenizer_version", "torch_dtype", "transformers_version", "trust_remote_code", "truncation",
        "truncation_strategy", "use_default_system_prompt", "use_fast", "verbose", "vocab_file", "vocab_size",
        "vocab_type", "wordpieces_prefix",
    ]

    /// Keys that would change what a text becomes and are not supported, with the reason.
    static let refused: [String: String] = [
        "fix_mistral_regex":
            "is not supported: the pattern of tokenizer.json is taken as it is; save the tokenizer anew with transformers and the option"
    ]

    /// Whether a key is one of the above, or of a class, or names a token or an id.
    static func isKnown(_ key: String) -> Bool {
        obeyed.contains(key) || meaningless.contains(key) || refused[key] != nil || TokenizerClass.options[key] != nil
            || key.hasSuffix("_token") || key.hasSuffix("_token_id")
    }
}
