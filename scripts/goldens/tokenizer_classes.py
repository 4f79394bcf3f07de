#!/usr/bin/env python3
"""Makes Tests/Goldens/tokenizer_classes.json: what transformers' AutoTokenizer makes of tokenizer.json under classes and options.

    files   name -> tokenizer.json of a few tokens
    cases   file, changes (of the file, by section), config (tokenizer_config.json), model_type (config.json; null: there is none),
            class (what AutoTokenizer took), texts: [text, pair or null, ids, text of the ids without special tokens],
            length: ids of a long text with truncation=True, max_length=6
"""

import json
import sys
import tempfile
from pathlib import Path

import transformers
from transformers import AutoTokenizer

transformers.logging.set_verbosity_error()
OUT = Path(__file__).resolve().parents[2] / "Tests" / "Goldens" / "tokenizer_classes.json"


def special(names, first=0):
    return [
        {"id": first + i, "content": name, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for i, name in enumerate(names)
    ]


def document(model, added, **stages):
    base = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None}
    return base | stages | {"model": model}


def template(first, last, ids, pair_last=None):
    def token(name, kind):
        return {"SpecialToken": {"id": name, "type_id": kind}}
    def text(name, kind):
        return {"Sequence": {"id": name, "type_id": kind}}
    single = ([token(first, 0)] if first else []) + [text("A", 0)] + ([token(last, 0)] if last else [])
    pair = single + [text("B", 1)] + ([token(last, 1)] if last else [])
    return {"type": "TemplateProcessing", "single": single, "pair": pair,
            "special_tokens": {n: {"id": n, "ids": [ids[n]], "tokens": [n]} for n in (first, last) if n}}


def wordpiece():
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = ["good", "GOOD", "film", "Film", "e", "é", "中", "国", "中国", "a", "##b", "##é", "##e", "!", "<s>", "</s>",
             "<pad>", "<mask>", "great", "fun", "movie", "love", "<", "s", ">", "[", "]", "sep", "mask", "/"]
    vocab = {token: i for i, token in enumerate(names + words)}
    return document(
        {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
         "vocab": vocab}, special(names),
        normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                    "lowercase": False},
        pre_tokenizer={"type": "BertPreTokenizer"}, post_processor=template("[CLS]", "[SEP]", vocab),
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True})


def letters():
    return [chr(c) for c in range(ord("a"), ord("z") + 1)] + ["A", "B", "!", "'", "1", "2", "<", ">", "/", "|"]


def bytelevel():
    names = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokens = names + letters() + ["Ġ", "Ċ", "Ã", "©", "ab", "Ġa", "Ġab", "Ġg", "oo", "Ġgoo", "Ġgood", "<|endoftext|>", "[CLS]", "[SEP]",
                                  "[UNK]", "[PAD]", "[MASK]"]
    vocab = {token: i for i, token in enumerate(tokens)}
    merges = [["a", "b"], ["Ġ", "a"], ["Ġa", "b"], ["Ġ", "g"], ["o", "o"], ["Ġg", "oo"], ["Ġgoo", "d"]]
    return document(
        {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
         "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": merges}, special(names),
        pre_tokenizer={"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        post_processor={"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True,
                        "add_prefix_space": False},
        decoder={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True})


def pieces():
    names = ["<unk>", "<s>", "</s>"]
    tokens = names + ["<0x%02X>" % b for b in range(256)] + letters() + ["▁", "▁a", "ab", "▁ab", "▁▁", "<pad>", "<bos>", "<eos>", "<mask>"]
    vocab = {token: i for i, token in enumerate(tokens)}
    merges = [["▁", "a"], ["a", "b"], ["▁a", "b"], ["▁", "▁"]]
    return document(
        {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
         "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "vocab": vocab, "merges": merges},
        special(names),
        normalizer={"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                                        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        post_processor=template("<s>", None, vocab),
        decoder={"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})


def unigram(names, tail):
    tokens = [[name, 0.0] for name in names]
    words = ["▁", "▁a", "▁ab", "ab", "a", "b", "é", "e", "E", "A", "!", "▁good", "▁Good", "good", "``", "\"", "g", "o", "d", "G", "\u0301"] + tail
    tokens += [[word, -1.0 - 0.25 * i - 2.0 / len(word)] for i, word in enumerate(words)]
    ids = {token: i for i, (token, _) in enumerate(tokens)}
    return document(
        {"type": "Unigram", "unk_id": names.index("<unk>" if "<unk>" in names else "[UNK]"), "vocab": tokens, "byte_fallback": False},
        special(names),
        pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        post_processor=template(names[2] if names[0] == "[PAD]" else names[0], names[3] if names[0] == "[PAD]" else "</s>", ids),
        decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True})


FILES = {
    "wordpiece": wordpiece(), "bytelevel": bytelevel(), "pieces": pieces(),
    "xlm": unigram(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], []),
    "albert": unigram(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"], ["</s>"]),
    "deberta": unigram(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], []),
    "t5": unigram(["<pad>", "</s>", "<unk>"], []),
}
# The post-processors of files whose names differ from the pattern above.
FILES["albert"]["post_processor"] = template("[CLS]", "[SEP]", {"[CLS]": 2, "[SEP]": 3})
FILES["t5"]["post_processor"] = template(None, "</s>", {"</s>": 1})

TEXTS = [("GOOD film é", None), ("good", "Film é!"), ("中国 e", None), ("ab  ab", "a"), ("Good ab é!", None), ("good <mask> ab </s> [SEP] x", None),
         ("it's 12\nab", None), ("``ab'' E", None)]
LONG = "good film great fun movie love ab ab ab ab"

CASES = []


def case(file, config=None, model_type=None, changes=None):
    CASES.append({"file": file, "config": config or {}, "model_type": model_type, "changes": changes or {}})


GENERIC = ["PreTrainedTokenizerFast", "TokenizersBackend", "FooTokenizer"]
for name in GENERIC + ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "ElectraTokenizer"]:
    for options in [{}, {"do_lower_case": True}, {"do_lower_case": False, "strip_accents": True},
                    {"do_lower_case": False, "tokenize_chinese_chars": False}]:
        case("wordpiece", {"tokenizer_class": name} | options, "bert")
for options in [{}, {"do_lower_case": False}, {"do_lower_case": None, "strip_accents": None}]:
    case("wordpiece", options, "bert")
    case("wordpiece", options, "electra")
    case("wordpiece", options)
    case("wordpiece", {"tokenizer_class": "BertTokenizer"} | options)
case("wordpiece", {"tokenizer_class": "BertTokenizer"}, "bert", {"normalizer": None})
case("wordpiece", {"tokenizer_class": "BertTokenizer"}, "bert", {"pre_tokenizer": {"type": "Whitespace"}})
case("wordpiece", {"tokenizer_class": "BertTokenizer"}, "bert", {"post_processor": None})
case("wordpiece", {"tokenizer_class": "PreTrainedTokenizerFast"}, "bert", {"post_processor": None})
case("wordpiece", {"tokenizer_class": "BertTokenizer", "do_lower_case": False}, "bert", {"post_processor": template("[CLS]", None, {"[CLS]": 2})})
case("wordpiece", {"tokenizer_class": "MPNetTokenizer"}, "mpnet")
case("wordpiece", {"tokenizer_class": "MPNetTokenizer", "do_lower_case": False}, "mpnet")
case("wordpiece", {"tokenizer_class": "BertTokenizer", "do_lower_case": False}, "modernbert")
case("wordpiece", {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": True}, "modernbert")
for name, kind in [("RobertaTokenizer", "roberta"), ("RobertaTokenizerFast", None), ("GPT2Tokenizer", "gpt2"), ("GPT2TokenizerFast", None),
                   ("Qwen2Tokenizer", "qwen2"), ("Qwen2Tokenizer", "qwen3"), ("DebertaTokenizer", "deberta"), ("PreTrainedTokenizerFast", "roberta"),
                   ("PreTrainedTokenizerFast", "qwen2"), ("PreTrainedTokenizerFast", "qwen3"), (None, "gpt2"), (None, "roberta"), (None, None), (None, "llama"),
                   ("LlamaTokenizer", "llama"), ("LlamaTokenizerFast", "smollm3")]:
    for options in [{}, {"add_prefix_space": True}, {"add_prefix_space": False, "trim_offsets": False}]:
        case("bytelevel", ({"tokenizer_class": name} if name else {}) | options, kind)
for name, kind in [("LlamaTokenizer", "llama"), ("LlamaTokenizerFast", "mistral"), ("PreTrainedTokenizerFast", "llama"), (None, "llama"), (None, "phi3"),
                   ("LlamaTokenizer", "phi3"), ("GemmaTokenizer", "gemma2"), ("GemmaTokenizerFast", "gemma3_text"), (None, "gemma"), ("PreTrainedTokenizerFast", "gemma")]:
    for options in [{}, {"legacy": True}, {"add_prefix_space": False}, {"add_bos_token": True, "add_eos_token": True}]:
        case("pieces", ({"tokenizer_class": name} if name else {}) | options, kind)
for file, name, kind in [("xlm", "XLMRobertaTokenizer", "xlm-roberta"), ("xlm", "XLMRobertaTokenizerFast", None), ("xlm", None, "xlm-roberta"),
                         ("xlm", "PreTrainedTokenizerFast", "xlm-roberta"), ("xlm", "CamembertTokenizer", "camembert")]:
    for options in [{}, {"add_prefix_space": False}, {"do_lower_case": True}]:
        case(file, ({"tokenizer_class": name} if name else {}) | options, kind)
for options in [{}, {"do_lower_case": False}, {"keep_accents": True, "do_lower_case": False}, {"add_prefix_space": False}]:
    case("albert", {"tokenizer_class": "AlbertTokenizer"} | options, "albert")
for options in [{}, {"do_lower_case": True}, {"split_by_punct": True}, {"add_prefix_space": False}]:
    case("deberta", {"tokenizer_class": "DebertaV2Tokenizer"} | options, "deberta-v2")
case("t5", {"tokenizer_class": "T5Tokenizer", "extra_ids": 0}, "t5")
case("t5", {"tokenizer_class": "T5Tokenizer", "extra_ids": 0, "clean_up_tokenization_spaces": True}, "t5")
# Keys that every class obeys.
for name in ["BertTokenizer", "PreTrainedTokenizerFast"]:
    for options in [
        {"truncation_side": "left"}, {"padding_side": "left"}, {"max_len": 5}, {"model_max_length": 5, "max_len": 9}, {"model_max_length": None, "max_len": 5},
        {"additional_special_tokens": ["<E1>", "ab"]}, {"extra_special_tokens": ["<E1>"]}, {"extra_special_tokens": {"entity_token": "<E1>"}},
        {"extra_special_tokens": ["<E1>"], "additional_special_tokens": ["<E2>"]}, {"extra_special_tokens": [], "additional_special_tokens": ["<E2>"]},
        {"entity_token": "<E1>"}, {"entity_token": {"__type": "AddedToken", "content": "<E1>", "lstrip": True, "rstrip": False, "single_word": False, "normalized": False}},
        {"model_specific_special_tokens": {"entity_token": "<E1>"}}, {"split_special_tokens": True}, {"clean_up_tokenization_spaces": True},
        {"clean_up_tokenization_spaces": False}, {"add_bos_token": True, "bos_token": "[CLS]"},
        {"added_tokens_decoder": {str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in special(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])}
         | {"35": {"content": "<E3>", "lstrip": False, "rstrip": True, "normalized": False, "single_word": False, "special": False}}},
        {"cls_token": "[SEP]", "sep_token": "[CLS]"}, {"mask_token": None}, {"unk_token": "good"}, {"never_split": ["good"], "clean_text": False, "wordpieces_prefix": "@@"},
        {"nonsense": 3},
    ]:
        case("wordpiece", {"tokenizer_class": name, "do_lower_case": False} | options, "bert")
case("wordpiece", {"tokenizer_class": "PreTrainedTokenizerFast"}, "bert",
     {"truncation": {"direction": "Left", "max_length": 7, "strategy": "LongestFirst", "stride": 0},
      "padding": {"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}})
case("bytelevel", {"tokenizer_class": "GPT2Tokenizer", "split_special_tokens": True}, "gpt2")
case("bytelevel", {"tokenizer_class": "GPT2Tokenizer", "clean_up_tokenization_spaces": True}, "gpt2")
case("bytelevel", {"tokenizer_class": "GPT2Tokenizer", "clean_up_tokenization_spaces": True,
                   "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": True}, "gpt2")
case("xlm", {"tokenizer_class": "XLMRobertaTokenizer", "clean_up_tokenization_spaces": True}, "xlm-roberta")


def run(case):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "tokenizer.json").write_text(json.dumps(FILES[case["file"]] | case["changes"]))
        (folder / "tokenizer_config.json").write_text(json.dumps(case["config"]))
        if case["model_type"]:
            (folder / "config.json").write_text(json.dumps({"model_type": case["model_type"]}))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        texts = TEXTS + [("a <E1> b <E2>ab<E3> !", None)] * (case["file"] == "wordpiece" and len(case["config"]) > 2)
        case["class"] = type(tokenizer).__name__
        case["texts"] = []
        for text, pair in texts:
            ids = tokenizer(text, pair)["input_ids"]
            case["texts"].append([text, pair, ids, tokenizer.decode(ids, skip_special_tokens=True)])
        case["length"] = tokenizer(LONG, truncation=True, max_length=6)["input_ids"]
        most = tokenizer.model_max_length
        case["model_max_length"] = most if most < 1 << 31 else None
        case["sides"] = [tokenizer.truncation_side, tokenizer.padding_side]


if __name__ == "__main__":
    for entry in CASES:
        try:
            run(entry)
        except Exception as error:  # what AutoTokenizer refuses is no golden
            print("left out:", entry["file"], entry["config"], entry["model_type"], type(error).__name__, str(error)[:80], file=sys.stderr)
            entry["class"] = None
    kept = [entry for entry in CASES if entry["class"]]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in kept)
    files = ",\n".join(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in FILES.items())
    OUT.write_text(f'{{"transformers": "{transformers.__version__}", "long": {json.dumps(LONG)},\n"files": {{{files}}},\n"cases": [\n{lines}\n]}}\n')
    print(len(kept), "cases")
