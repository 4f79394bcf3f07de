#!/usr/bin/env python3
"""Every stage of tokenizer.json with its options, sentencepiece models, and GGUF's metadata: what the libraries make of texts.

    tokenizer_stages.py            writes stages.json, gguf.json and the folders *-model under Tests/Goldens/tokenizers
"""

import json
import os
import shutil
import sys
import tempfile

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
from tokenization import CORPUS, GOLDENS, TEXTS, answer, byte_fallback, random_texts, write_cases  # noqa: E402

STAGE_TEXTS = [
    "", " ", "the film", "  The  film\n", "She didn't say: \"no!\" (3 of 12, 45%)", "caf\u00e9 cafe\u0301 \ufb01lm \uff26\u0301 \u00bd\u2122x",
    "\u6771\u4eac\u306e\u685c\u30ab\u30fc Yes \ud55c", "a\u200bb\u00adc\x07d\r\ne\u0300\u0327", "\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea!", "<s>the film</s> <unk> thefilm \u4e2d", "\u2581the\u2581\u2581film x\u2581",
    "the 1st 22nd 333", "the,the.the the  the", "zzz\u00e4\u00f6\u00fcthe\u0416\u03a9film",
]


def sequence(key, stages):
    return {"type": "Sequence", key: stages}


def replace(pattern, content):
    return {"type": "Replace", "pattern": pattern if isinstance(pattern, dict) else {"String": pattern}, "content": content}


def metaspace(scheme="always", split=True):
    return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split}


def split(pattern, behavior, invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def unigram(unknown=0, with_bytes=False):
    pieces = {
        "<unk>": 0.0, "\u2581": -3.0, "\u2581the": -4.0, "the": -5.5, "t": -6.1, "h": -6.2, "e": -5.9, "th": -7.0, "film": -5.0, "i": -6.0, "f": -6.0,
        "\u2581film": -4.5, "\u00e9": -7.5, "s": -5.5, "n": -6.0, "a": -5.0, "b": -5.0, "ab": -9.9, "\u6771\u4eac": -9.0, " ": -3.0}
    vocabulary = list(pieces.items()) + ([("<0x%02X>" % byte, -20.0) for byte in range(256)] if with_bytes else [])
    return {"type": "Unigram", "unk_id": unknown, "vocab": vocabulary, "byte_fallback": with_bytes}


def models():
    whole = json.loads(byte_fallback().to_str())["model"]
    letters = {"<unk>": 0}
    for letter in "abcdefghijklmnopqrstuvwxyz":
        for token in [letter, letter + "</w>", "##" + letter]:
            letters[token] = len(letters)
    for token in ["th", "the</w>", "in", "ing</w>", "fi", "fil", "film</w>", "the", "film", "##in", "##ing"]:
        letters[token] = len(letters)
    plain = {**whole, "vocab": letters, "byte_fallback": False}
    result = {"bytes": whole, "bytes-ignore-merges": {**whole, "ignore_merges": True}}
    for unknown in [None, "<unk>"]:
        for fuse in [False, True]:
            result[f"bpe {unknown} fuse {fuse}"] = {
                **plain, "unk_token": unknown, "fuse_unk": fuse, "merges": ["t h", "th e</w>", "i n", "in g</w>", "f i", "fi l", "fil m</w>"],
                "end_of_word_suffix": "</w>"}
    result["bpe-prefix"] = {
        **plain, "continuing_subword_prefix": "##", "merges": [["t", "##h"], ["th", "##e"], ["f", "##i"], ["fi", "##l"], ["fil", "##m"], ["##i", "##n"], ["##in", "##g"]]}
    result["unigram"] = unigram()
    result["unigram-bytes"] = unigram(with_bytes=True)
    result["unigram-no-unknown"] = unigram(None)
    result["unigram-other-unknown"] = unigram(5)
    repeated = unigram()
    repeated["vocab"] += [("the", -1.0), ("zz", -2.0)]
    result["unigram-repeated"] = repeated
    result["word-level"] = {"type": "WordLevel", "vocab": {"<unk>": 0, "the": 1, "film": 2, "a": 3, ",": 4}, "unk_token": "<unk>"}
    ctc = {"<unk>": 0, "<pad>": 1, "|": 2, "'": 3, ".": 4, ",": 5, **{letter: 6 + place for place, letter in enumerate("abcdefghilmnorstuxy")}}
    result["ctc"] = {"type": "WordLevel", "vocab": ctc, "unk_token": "<unk>"}
    return result


def charsmap():
    """A small map of its own: ligatures, full-width letters, a few compositions, controls that go."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    rules = {"\ufb01": "fi", "\uff26": "F", "\u2122": "TM", "\u00bd": "1/2", "e\u0301": "\u00e9", "\x07": "", "\u200b": " ", "\r": " ", "\n": " ", "\u00ad": ""}
    with tempfile.TemporaryDirectory() as folder:
        rule_file, corpus = f"{folder}/rules.tsv", f"{folder}/corpus.txt"
        with open(rule_file, "w", encoding="utf-8") as file:
            for source, target in rules.items():
                file.write("%s\t%s\n" % (" ".join("%X" % ord(c) for c in source), " ".join("%X" % ord(c) for c in target)))
        with open(corpus, "w", encoding="utf-8") as file:
            file.write("\n".join(CORPUS))
        sentencepiece.SentencePieceTrainer.train(
            input=corpus, model_prefix=f"{folder}/m", vocab_size=220, normalization_rule_tsv=rule_file, minloglevel=2)
        proto = sentencepiece_model_pb2.ModelProto()
        with open(f"{folder}/m.model", "rb") as file:
            proto.ParseFromString(file.read())
    import base64

    return base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()


def stage_cases():
    precompiled = {"type": "Precompiled", "precompiled_charsmap": charsmap()}
    cases = {}

    def case(name, model="bytes", **stages):
        cases[name] = {"model": model, **stages}

    for name in ["NFC", "NFD", "NFKC", "NFKD", "Nmt", "Lowercase", "StripAccents", "ByteLevel"]:
        case(f"normalizer {name}", normalizer={"type": name})
    case("normalizer Strip", normalizer={"type": "Strip", "strip_left": True, "strip_right": False})
    case("normalizer Precompiled", normalizer=precompiled)
    case("normalizer Sequence", normalizer=sequence("normalizers", [
        {"type": "NFD"}, {"type": "Nmt"}, precompiled, {"type": "Strip", "strip_left": True, "strip_right": True}, replace({"Regex": " {2,}"}, " "),
        {"type": "Prepend", "prepend": "\u2581"}, replace(" ", "\u2581")]))
    case("normalizer BertNormalizer", normalizer={
        "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": False})
    for scheme in ["always", "first", "never"]:
        for is_split in [True, False]:
            stage = metaspace(scheme, is_split)
            case(f"Metaspace {scheme} {is_split}", pre_tokenizer=stage, decoder=stage, added=True)
    old = {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True, "str_rep": "\u2581"}
    case("Metaspace old", pre_tokenizer=old, decoder=old, added=True)
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        for invert in [False, True]:
            case(f"Split Regex {behavior} {invert}", pre_tokenizer=split({"Regex": r"\s+|[aeiou]"}, behavior, invert))
        case(f"Split String {behavior}", pre_tokenizer=split({"String": " "}, behavior))
        case(f"Punctuation {behavior}", pre_tokenizer={"type": "Punctuation", "behavior": behavior})
    for individual in [True, False]:
        case(f"Digits {individual}", pre_tokenizer={"type": "Digits", "individual_digits": individual})
    for name in ["Whitespace", "WhitespaceSplit", "UnicodeScripts", "BertPreTokenizer"]:
        case(name, pre_tokenizer={"type": name})
    case("CharDelimiterSplit", pre_tokenizer={"type": "CharDelimiterSplit", "delimiter": "e"})
    case("FixedLength", pre_tokenizer={"type": "FixedLength", "length": 3})
    case("pre-tokenizer Sequence", pre_tokenizer=sequence(
        "pretokenizers", [metaspace(), {"type": "UnicodeScripts"}, {"type": "Digits", "individual_digits": True}]))
    fallback = sequence("decoders", [replace("\u2581", " "), {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}])
    case("byte fallback", pre_tokenizer=metaspace("first", False), decoder=fallback, added=True)
    case("ignore_merges", model="bytes-ignore-merges", pre_tokenizer=metaspace(), decoder=fallback)
    for unknown in [None, "<unk>"]:
        for fuse in [False, True]:
            case(f"end_of_word_suffix {unknown} {fuse}", model=f"bpe {unknown} fuse {fuse}", pre_tokenizer={"type": "WhitespaceSplit"},
                 decoder={"type": "BPEDecoder", "suffix": "</w>"})
    case("continuing_subword_prefix", model="bpe-prefix", pre_tokenizer={"type": "Whitespace"}, decoder={"type": "WordPiece", "prefix": "##", "cleanup": True})
    for model in ["unigram", "unigram-bytes", "unigram-no-unknown", "unigram-other-unknown", "unigram-repeated"]:
        case(model, model=model, pre_tokenizer=metaspace(), decoder=metaspace())
        case(f"{model} whole", model=model, normalizer=replace(" ", "\u2581"), decoder=fallback)
    case("WordLevel", model="word-level", pre_tokenizer={"type": "Whitespace"}, added=True)
    for cleanup in [True, False]:
        case(f"CTC {cleanup}", model="ctc", normalizer=replace(" ", "|"), pre_tokenizer=split({"Regex": "."}, "Isolated"), added=True,
             decoder={"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": cleanup})
    case("decoder Strip", decoder=sequence("decoders", [
        replace({"Regex": "[ae]"}, "X"), {"type": "Strip", "content": "X", "start": 2, "stop": 1}, {"type": "Fuse"},
        {"type": "Strip", "content": "t", "start": 3, "stop": 2}]))
    case("decoder none", pre_tokenizer=metaspace())
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    case("processor Sequence", pre_tokenizer=byte_level, decoder=byte_level, post_processor=sequence("processors", [byte_level, {
        "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<s>", "type_id": 1}},
                 {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}]))
    return cases


ADDED = [
    {"id": 0, "content": "<unk>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True},
    {"id": 900, "content": "<s>", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False, "special": True},
    {"id": 901, "content": "the film", "single_word": True, "lstrip": False, "rstrip": True, "normalized": True, "special": False},
    {"id": 902, "content": "\u4e2d", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False},
]


def answers(tokenizer, requests):
    result = []
    for request in requests:
        try:
            case = answer(tokenizer, request)
            if case["decoded_without_special"] == case["decoded"]:
                del case["decoded_without_special"]
            result.append(case)
        except BaseException:
            try:
                tokenizer.encode(request["text"], request.get("pair"))  # the decoder failed, of which nothing is asked
            except BaseException:
                result.append({**request, "fails": True})
    return result


def stages():
    from tokenizers import Tokenizer

    all_models = models()
    requests = [{"text": text} for text in STAGE_TEXTS] + [{"text": STAGE_TEXTS[4], "pair": STAGE_TEXTS[5]}]
    lines = []
    for name, case in stage_cases().items():
        file = {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": ADDED if case.pop("added", False) else [],
            **{stage: case.get(stage) for stage in ["normalizer", "pre_tokenizer", "post_processor", "decoder"]}}
        tokenizer = Tokenizer.from_str(json.dumps({**file, "model": all_models[case["model"]]}))
        lines.append({"name": name, "model": case["model"], "file": file, "cases": answers(tokenizer, requests)})

    def text(value):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    (GOLDENS / "stages.json").write_text(
        '{"models":{\n%s\n},\n"tokenizers":[\n%s\n]}\n' % (
            ",\n".join(f"{text(name)}:{text(model)}" for name, model in all_models.items()), ",\n".join(map(text, lines))))


def sentencepiece_models():
    import sentencepiece
    from transformers import GemmaTokenizer, LlamaTokenizer, T5Tokenizer

    few = TEXTS[:30] + STAGE_TEXTS + list(random_texts(10))
    plain = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False}
    kinds = {
        "llama-model": ("tokenizer.model", dict(
            model_type="bpe", vocab_size=480, byte_fallback=True, split_digits=True, user_defined_symbols=["<tool>", "the film"], control_symbols=["<ctl>"], **plain),
            {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False}),
        "t5-model": ("spiece.model", dict(
            model_type="unigram", vocab_size=300, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, user_defined_symbols=["<x>"], normalization_rule_name="identity"),
            {"tokenizer_class": "T5Tokenizer"}),
        "gemma-model": ("tokenizer.model", dict(
            model_type="bpe", vocab_size=480, byte_fallback=True, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
            control_symbols=["<mask>"], user_defined_symbols=["\u2581\u2581", "<x>"], add_dummy_prefix=False, **plain),
            {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True}),
    }
    for seed, (name, (file, options, config)) in enumerate(kinds.items()):
        folder = GOLDENS / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        corpus = folder / "corpus.txt"
        corpus.write_text("\n".join(CORPUS))
        sentencepiece.SentencePieceTrainer.train(input=str(corpus), model_prefix=str(folder / "m"), minloglevel=2, num_threads=1, **options)
        corpus.unlink()
        (folder / "m.vocab").unlink()
        (folder / "m.model").rename(folder / file)
        (folder / "tokenizer_config.json").write_text(json.dumps(config) + "\n")
        if name == "gemma-model":
            # transformers has no file name for it, but the same conversion.
            tokenizer = GemmaTokenizer(**GemmaTokenizer._convert_from_sentencepiece(str(folder / file), {}), add_bos_token=True)
        else:
            tokenizer = {"llama-model": LlamaTokenizer, "t5-model": T5Tokenizer}[name].from_pretrained(str(folder))
        write_cases(folder, tokenizer._tokenizer, few, 20 + seed)


def gguf():
    """Metadata of three files, and what transformers makes of them."""
    from transformers.integrations.gguf import convert_gguf_tokenizer

    byte_level = json.loads((GOLDENS / "gpt2/tokenizer.json").read_text())["model"]
    tokens = [token for token, _ in sorted(byte_level["vocab"].items(), key=lambda item: item[1])]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in byte_level["merges"]]
    pieces = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % byte for byte in range(256)] + [
        "\u2581", "t", "h", "e", "f", "i", "l", "m", "s", "a", "n", "\u00e9", "th", "the", "\u2581the", "fi", "il", "film", "\u2581film", "an", "  ", "<x>"]
    scores = [0.0] * 259 + [-float(place % 13 + place) for place in range(len(pieces) - 259)]
    kinds = [2, 3, 3] + [6] * 256 + [1] * (len(pieces) - 260) + [4]
    files = {
        "llama-bpe": ("llama", {
            "tokenizer_type": "gpt2", "pre_tokenizer_type": "llama-bpe", "tokens": tokens + ["<|bos|>", "<think>"],
            "token_type": [3] + [1] * (len(tokens) - 1) + [3, 4], "merges": merges}),
        "spm": ("llama", {"tokenizer_type": "llama", "tokens": pieces, "scores": scores, "token_type": kinds}),
        "phi3": ("phi3", {"tokenizer_type": "llama", "tokens": pieces, "scores": scores, "token_type": kinds}),
        "gemma2": ("gemma2", {"tokenizer_type": "llama", "tokens": pieces, "scores": scores, "token_type": kinds}),
    }
    result = []
    for name, (architecture, fields) in files.items():
        tokenizer, _ = convert_gguf_tokenizer(architecture, fields)
        tokenizer.post_processor = None
        requests = [{"text": text, "add_special_tokens": False} for text in STAGE_TEXTS + ["<x>the <think> <|bos|>film</s>  a   b"]]
        result.append({"name": name, "architecture": architecture, "fields": fields, "cases": answers(tokenizer, requests)})
    lines = ",\n".join(json.dumps(item, separators=(",", ":"), ensure_ascii=False) for item in result)
    (GOLDENS / "gguf.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    sys.path.pop(0)  # nothing beside this file may stand in for a library
    stages()
    sentencepiece_models()
    gguf()
