#!/usr/bin/env python3
"""Makes what the tokenizers and their tests take from outside.

    tokenization.py tables    Sources/Tokenizers/Unicode/DecompositionTables*.swift and ScriptTable.swift, from what stages of
                              the `tokenizers` library do with every scalar
    tokenization.py goldens   Tests/Goldens/tokenizers: tiny tokenizers trained on text of the project's own, and what the
                              library (for folders without tokenizer.json: transformers) makes of some texts with them

    tokenization.py encoders  Tests/Goldens/tokenizers: what transformers' tokenizers of further encoders write as tokenizer.json,
                              and what they make of some texts (after tokenizer_stages.py, of which it takes a vocabulary)

    tokenization.py shared    Tests/Goldens/tokenizers/shared.json: a hash of the ids that the real tokenizers of the folder
                              `shared` beside the repository give real texts that lie there

Each folder of Tests/Goldens/tokenizers holds the files of one tokenizer and cases.json: a list of requests and what came out.
Offsets are in bytes, start and end by turns; a list whose entries are all the same is written as that entry, and left out where
it is 0. scalars.json holds a hash (FNV-1a of the ids, 64 bits) for every 4096 scalars under each normalizer.
"""

import base64
import json
import random
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "Tests" / "Goldens" / "tokenizers"


def scalars():
    return (cp for cp in range(0x110000) if not 0xD800 <= cp < 0xE000)


def increments(items, i):
    """The last index of the run from i in which both the scalar and its single replacement grow by one."""
    while (
        i + 1 < len(items)
        and items[i + 1][0] == items[i][0] + 1
        and len(items[i][1]) == 1 == len(items[i + 1][1])
        and items[i + 1][1][0] == items[i][1][0] + 1
    ):
        i += 1
    return i


def encode_table(table):
    """`first=seq,seq,...` for neighbours, `first+count=target` for runs of at least four that grow by one."""
    items, out, i = sorted(table.items()), [], 0
    while i < len(items):
        first, end = items[i][0], increments(items, i)
        if end - i >= 3:
            out.append("%X+%X=%X" % (first, end - i + 1, items[i][1][0]))
            i = end + 1
            continue
        sequences = []
        while i < len(items) and items[i][0] == first + len(sequences) and increments(items, i) - i < 3:
            sequences.append(".".join("%X" % cp for cp in items[i][1]))
            i += 1
        out.append("%X=%s" % (first, ",".join(sequences)))
    return " ".join(out)


def swift_string(text, width=110):
    lines = [text[i : i + width] for i in range(0, len(text), width)]
    return "\n".join(f"        {line}\\" for line in lines[:-1]) + f"\n        {lines[-1]}"


TABLE_FILE = '''// Made by scripts/goldens/tokenization.py; do not edit.

extension Decomposition {{
    /// {summary}
    static let {name} = """
{body}
        """
}}
'''


def tables():
    from tokenizers import normalizers

    nfd, nfc, nfkd = normalizers.NFD(), normalizers.NFC(), normalizers.NFKD()
    canonical, compatible, excluded = {}, {}, {}
    for cp in scalars():
        if 0xAC00 <= cp <= 0xD7A3:
            continue
        c = chr(cp)
        d, k = nfd.normalize_str(c), nfkd.normalize_str(c)
        if d != c:
            canonical[cp] = [ord(x) for x in d]
            if len(d) > 1 and nfc.normalize_str(c) != c:
                excluded[cp] = [cp]
        if k != d:
            compatible[cp] = [ord(x) for x in k]
    files = {
        "Canonical": ("canonicalTable", canonical, "Full canonical decompositions, Hangul syllables apart; `parse(_:)` gives the form."),
        "Compatibility": ("compatibilityTable", compatible, "Full compatibility decompositions where they differ from the canonical ones."),
        "Exclusions": ("exclusionTable", excluded, "Scalars that decompose into several and that nothing composes to."),
    }
    for file, (name, table, summary) in files.items():
        text = TABLE_FILE.format(summary=summary, name=name, body=swift_string(encode_table(table)))
        (ROOT / "Sources/Tokenizers/Unicode" / f"DecompositionTables+{file}.swift").write_text(text)
    script_table()


def script_table():
    """Runs of scalars that the pre-tokenizer UnicodeScripts takes for one script, as it shows by where it cuts."""
    from tokenizers import pre_tokenizers

    stage = pre_tokenizers.UnicodeScripts()
    known, records, current, previous = [], [], None, 0
    for cp in scalars():
        c = chr(cp)
        if not stage.pre_tokenize_str(c):
            script = -1
        elif current is not None and current >= 0 and len(stage.pre_tokenize_str(known[current] + c)) == 1:
            script = current
        else:
            script = next((place for place, other in enumerate(known) if len(stage.pre_tokenize_str(other + c)) == 1), len(known))
            if script == len(known):
                known.append(c)
        if script != current:
            records.append("%X" % (cp - previous) + ("" if script < 0 else ":%X" % script))
            current, previous = script, cp
    text = TABLE_FILE.format(
        summary="How far each run begins after the one before, and the number of its script (hexadecimal), none for any.",
        name="table", body=swift_string(" ".join(records))).replace("extension Decomposition", "extension UnicodeScripts")
    (ROOT / "Sources/Tokenizers/Unicode/ScriptTable.swift").write_text(text)


# Written for this project; the tokenizers are trained on it, so that their tokens are whole words, parts and single bytes.
CORPUS = """
The lighthouse keeper wrote letters to the sea, and the sea answered in the morning with shells.
She didn't say that the film was good; she said it wasn't as bad as they'd feared.
We've seen this story before, haven't we? I'll tell you how it ends: they're all going home.
A slow, careful and rather beautiful picture about two sisters who can't stop talking.
He's sure that 3 of the 12 boats, 45% of the nets and 1,250 kilograms of fish were lost in 1998.
The actors are wonderful, the music is wonderful, and the ending is neither.
What a waste of time! What a waste of talent!! What a waste of 90 minutes...
An old man teaches a young woman to repair clocks, and learns to listen while she works.
Nothing happens, and then nothing happens again; somehow it is moving all the same.
Der alte Müller hörte die Mühle klappern und dachte an die Züge, die früher über die Brücke fuhren.
Die Kinder spielten mit großen Bällen auf der Straße, während die Großmutter Äpfel schälte.
Le garçon français aime le théâtre, la crème brûlée et les fêtes de Noël à l'école.
El niño pequeño soñaba con montañas, cañones y una canción de otoño.
Быстрая лиса перепрыгнула через ленивую собаку и убежала в тёмный лес.
Η γάτα κοιμάται στον ήλιο και η θάλασσα είναι ήσυχη.
東京の桜は三月に咲きます。 今日は天気がいいですね。
我喜欢在下雨的时候看电影，也喜欢喝茶。
한국어 문장도 조금 있습니다. 오늘 날씨가 좋네요.
""".strip().split("\n")

TEXTS = [
    "", " ", "  ", "\n", "\t\t", "a", "A", "the", "The film", " the film", "the film ", "  the  film  ", "the\nfilm\r\nends\n\n\nhere",
    "She didn't say it wasn't good, they'd said: we've seen I'LL and THEY'RE and o'clock 's",
    "it\u2019s \u201cquoted\u201d \u2014 and \u2026 dashed\u2013word", "3.14 1,250 10000000000 1998-2001 3\u00bd \u0663\u0664 \u2162 \u00b2", "!!! ??? ... ,;: #hash @at $5 50% a+b=c <tag> [x] {y} ^ ` | ~ \\ /",
    "na\u00efve caf\u00e9 r\u00e9sum\u00e9 \u00c5ngstr\u00f6m", "nai\u0308ve cafe\u0301 re\u0301sume\u0301 A\u030angstro\u0308m", "\u212bngstr\u00f6m \ufb01lm \ufb03 \u33a5 \uff26\uff29\uff2c\uff2d \u00bd",
    "s\u0323\u0307 s\u0307\u0323 \u1e69 \u1e61\u0323 q\u0307\u0323\u0301", "\u0130stanbul I\u0307 \u0131 \u00df \u1e9e \u03a3\u03a3 \u03c3\u03c2 \u01c5", "Z\u0351\u036b\u0343\u036a\u0302a\u030d\u0301l\u0310g\u0302\u0301o\u0352",
    "\u6211\u559c\u6b22\u7535\u5f71\u3002\u4eca\u65e5\u306f\u3044\u3044\u5929\u6c17", "\u6771\u4eac\u306e\u685c \ufa10\uf900 \U00020000\U0002f81a", "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165 \uac00\u11a8",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947 \u0e44\u0e17\u0e22 \u0b95\u0bcd\u0bb7", "\u202eright to left\u202c \u200bzero\u200dwidth\u2060 \ufeffbom",
    "\U0001f600 \U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd 1\ufe0f\u20e3", "\x00 \x01\x02 \x1b[0m \x7f \x85 \x9f \ufffd \ufffe \uffff",
    "a\u00a0b\u2003c\u3000d\u2028e\u2029f\u202fg\x0bh\x0ci\x1cj", "\ue000\uf8ff \U000f0000 \U0010ffff \U000e0001\U000e0061 \u0378 \U0003ffff",
    "x" * 99 + " " + "y" * 100 + " " + "z" * 101 + " " + "film" * 30, "\u00e9" * 100 + " " + "\u00e9" * 101, "w" * 300, "ab " * 20, "." * 50, "\u4e2d" * 30, "e" + "\u0301" * 40,
    "[CLS] the [SEP] film [MASK] [PAD] [UNK] [cls]", "<s> the <mask> film </s> <pad> <unk> a<mask>b  <mask>  c", "<|endoftext|>the<|endoftext|> film <|im_start|>user\nhi<|im_end|>\n",
    "lighthouse lighthouses Lighthouse LIGHTHOUSE lighthousekeeper", "brand-new co-op e-mail re-enter", "Der M\u00fcller h\u00f6rte \u00c4pfel, \u00d6fen und \u00dcbel auf der STRASSE", "wonderfulwonderful wonderful,wonderful",
    "\u2581the\u2581film \u0120the \u010a", "##ing ##the ing## #", "a . b , c ? d ! e ' f n't 'm 's 've 're do not", "don' t ca n't I 'm he 's we 've they 're do not",
    "http://example.org/a?b=c&d=e#f user@example.org", "def f(x):\n    return x ** 2\n\n\tprint(f(3))  # nine\n", "1\u00b2\u2153\u2167\u2460\U0001d7d9", "\u0915\u094d\u0937\u093f \u0bae\u0bc6\u0bbe", "\u1100\u1161\u11a8\u1100 \u1161\u1161 \u11a8",
    "\u0344 \u0958 \u0dddx \u2adc \ufb1d \U0001d15e", "\u0f71\u0f72\u0f74 \u0f73 \u0f81", "\u1ac8a\u0315\u0300\u05b0\u0327 \u1dfa\u1abf", "\u00ad\u0600\u06dd\u08e2\U000110bd\U000110cd", "\u2e42\u2e43\u2e4f\u2e52 \u00a1\u00a7\u00b6\u00b7\u00bf \u166d",
]


def random_texts(count):
    """Texts without sense, over all planes."""
    rng = random.Random(20)
    ranges = [
        (0x20, 0x7F), (0x20, 0x7F), (0, 0x20), (0x80, 0x250), (0x300, 0x370), (0x370, 0x600), (0x600, 0x700), (0x900, 0xE80), (0x1100, 0x1200),
        (0xAC00, 0xD7A4), (0x4E00, 0x9FFF), (0x3040, 0x3100), (0x1F300, 0x1FAFF), (0x2000, 0x2070), (0xF900, 0xFB50), (0xFE00, 0xFFF0),
        (0x1D100, 0x1D800), (0x20000, 0x20100), (0x1E00, 0x2000), (0x10000, 0x12000), (0xE0000, 0xE0200), (0x110000 - 256, 0x110000),
    ]
    words = " ".join(CORPUS).split()
    for _ in range(count):
        text = ""
        for _ in range(rng.randrange(1, 9)):
            kind = rng.random()
            if kind < 0.4:
                text += rng.choice(words)
            elif kind < 0.6:
                text += " " * rng.randrange(1, 4)
            else:
                low, high = rng.choice(ranges)
                text += "".join(chr(rng.randrange(low, high)) for _ in range(rng.randrange(1, 5)))
        yield text


def word_piece(size):
    """A vocabulary of letters, words and their frequent beginnings and endings; the library's trainer does not make the same twice."""
    from collections import Counter

    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    normalizer, cut = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    words = Counter(word for line in CORPUS for word, _ in cut.pre_tokenize_str(normalizer.normalize_str(line)))
    pieces = Counter()
    for word, count in words.items():
        for end in range(2, len(word) + 1):
            pieces[word[:end]] += count * end * (3 if end == len(word) else 1)
        for start in range(1, len(word) - 1):
            pieces["##" + word[start:]] += count * (len(word) - start)
    letters = sorted(set("".join(words)))
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + letters + ["##" + letter for letter in letters if letter.isalnum()]
    tokens += sorted(pieces, key=lambda piece: (-pieces[piece], piece))[: size - len(tokens)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = cut
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(tokens[:5])
    return tokenizer


def train_bytes(size, special, pre_tokenizer, normalizer=None):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def byte_fallback():
    """A model whose ids are the bytes of the normalized text, with a few merges; Llama's way."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors

    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for byte in range(256):
        vocabulary["<0x%02X>" % byte] = len(vocabulary)
    for letter in "\u2581abcdefghijklmnopqrstuvwxyz\u00e9":
        vocabulary[letter] = len(vocabulary)
    merges = [("t", "h"), ("th", "e"), ("\u2581", "the"), ("i", "n"), ("f", "i"), ("l", "m"), ("fi", "lm"), ("\u2581", "film")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s>:0 $A:0", pair="<s>:0 $A:0 <s>:1 $B:1", special_tokens=[("<s>", 1)])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer


def byte_places(text):
    places, place = [], 0
    for character in text:
        places.append(place)
        place += len(character.encode())
    return places + [place]


def outcome(encoding, request):
    sources = [request.get("words", request.get("text")), request.get("pair_words", request.get("pair"))]
    offsets = []
    for offset, sequence, word in zip(encoding.offsets, encoding.sequence_ids, encoding.word_ids):
        if sequence is None:
            offsets.append([0, 0])
            continue
        source = sources[sequence]
        places = byte_places(source[word] if isinstance(source, list) else source)
        offsets.append([places[offset[0]], places[offset[1]]])
    lists = {
        "type_ids": encoding.type_ids, "word_ids": encoding.word_ids, "sequence_ids": encoding.sequence_ids,
        "special": encoding.special_tokens_mask,
    }
    result = {"ids": encoding.ids, "offsets": [place for offset in offsets for place in offset]}
    for name, values in lists.items():
        if values != [0] * len(values):
            result[name] = values[0] if values == values[:1] * len(values) else values
    return result


def answer(tokenizer, request):
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if "max_length" in request:
        tokenizer.enable_truncation(
            request["max_length"], stride=request.get("stride", 0), strategy=request["truncation"], direction=request["truncation_side"])
    special = request.get("add_special_tokens", True)
    if "words" in request:
        encoding = tokenizer.encode(request["words"], request.get("pair_words"), is_pretokenized=True, add_special_tokens=special)
    else:
        encoding = tokenizer.encode(request["text"], request.get("pair"), add_special_tokens=special)
    result = {**request, **outcome(encoding, request)}
    # With both texts overflowing the library gives some parts twice; one of the two is enough to compare.
    if request.get("truncation") != "longest_first" or ("pair" not in request and "pair_words" not in request):
        overflowing = [part.ids for part in encoding.overflowing]
        if overflowing:
            result["overflowing"] = overflowing
    if "max_length" not in request:
        result["decoded"] = tokenizer.decode(encoding.ids, skip_special_tokens=False)
        result["decoded_without_special"] = tokenizer.decode(encoding.ids, skip_special_tokens=True)
    return result


def requests(rng, texts, plain):
    for text in texts:
        yield {"text": text}
    for _ in range(20):
        yield {"text": rng.choice(texts), "pair": rng.choice(texts)}
    for _ in range(6):
        yield {"text": rng.choice(texts), "pair": rng.choice(plain), "add_special_tokens": False}
    for truncation in ["longest_first", "only_first", "only_second"]:
        for side in ["left", "right"]:
            for max_length, stride in [(9, 0), (12, 2), (40, 0)]:
                request = {"truncation": truncation, "truncation_side": side, "max_length": max_length, "stride": stride}
                first, second = rng.sample(plain, 2)
                short = " ".join(first.split()[:1])
                if truncation != "only_second":
                    yield {"text": first, **request}
                yield {"text": first if truncation != "only_second" else short, "pair": second if truncation != "only_first" else short, **request}
    for _ in range(14):
        words = [rng.choice(" ".join(plain).split() + texts[:40]) for _ in range(rng.randrange(0, 7))]
        request = {"words": words}
        if rng.random() < 0.4:
            request["pair_words"] = rng.choice(plain).split()[:5]
        if rng.random() < 0.4:
            request.update(truncation="longest_first", truncation_side=rng.choice(["left", "right"]), max_length=10)
        yield request


def write_cases(folder, tokenizer, texts, seed):
    rng = random.Random(seed)
    cases = []
    for request in requests(rng, texts, CORPUS[:13]):
        try:
            cases.append(answer(tokenizer, request))
        except Exception as error:
            cases.append({**request, "error": str(error)})
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (folder / "cases.json").write_text(f"[\n{lines}\n]\n")


def save(name, tokenizer, edit=None, config=None):
    folder = GOLDENS / name
    folder.mkdir(parents=True)
    text = json.loads(tokenizer.to_str())
    if edit:
        edit(text)
    (folder / "tokenizer.json").write_text(json.dumps(text, separators=(",", ":"), ensure_ascii=False) + "\n")
    if config:
        (folder / "tokenizer_config.json").write_text(json.dumps(config) + "\n")
    return folder


QWEN2 = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""


def fnv(value, ids):
    for token in ids:
        value = ((value ^ token) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def shared():
    from tokenizers import Tokenizer
    from transformers import Qwen2Tokenizer

    base = ROOT.parent / "shared"
    texts = {}
    for file in ["data/sst2/dev.tsv", "data/multi30k/test.de"]:
        path = base / file
        texts[file] = path.read_text(encoding="utf-8").split("\n")
    tokenizers = {
        name: Tokenizer.from_file(str(base / "tokenizers" / name / "tokenizer.json"))
        for name in ["bert-base-uncased", "gpt2", "roberta-base", "phi-3-mini"]
    }
    tokenizers["qwen2"] = Qwen2Tokenizer.from_pretrained(str(base / "tokenizers/qwen2")).backend_tokenizer
    result = {}
    for name, tokenizer in tokenizers.items():
        tokenizer.no_truncation()
        tokenizer.no_padding()
        result[name] = {}
        for file, lines in texts.items():
            value = 0xCBF29CE484222325
            for encoding in tokenizer.encode_batch(lines):
                value = fnv(value, encoding.ids + [place for offset in encoding.offsets for place in offset])
            result[name][file] = "%016X" % value
    (GOLDENS / "shared.json").write_text(json.dumps(result, indent=1) + "\n")


def encoders():
    """Tokenizers as the classes of transformers save them: Unigram of a hundred languages, ALBERT's, DeBERTa's, MPNet's, ELECTRA's, ModernBERT's."""
    from tokenizers import pre_tokenizers, processors
    from transformers import (
        AlbertTokenizer, BertTokenizer, DebertaV2Tokenizer, MPNetTokenizer, PreTrainedTokenizerFast, T5Tokenizer, XLMRobertaTokenizer,
    )

    few = TEXTS[:26] + list(random_texts(8))
    t5 = json.loads(T5Tokenizer.from_pretrained(str(GOLDENS / "t5-model")).backend_tokenizer.to_str())
    stages = json.loads((GOLDENS / "stages.json").read_text())["tokenizers"]
    normalizers = [one["file"].get("normalizer") or {} for one in stages]
    charsmap = base64.b64decode(next(one["precompiled_charsmap"] for one in normalizers if one.get("type") == "Precompiled"))
    pieces = [(piece, score) for piece, score in t5["model"]["vocab"] if not piece.startswith("<")]

    def unigram(*special):
        return [(token, 0.0) for token in special] + pieces

    words = word_piece(400).get_vocab(with_added_tokens=False)
    ordered = [token for token, _ in sorted(words.items(), key=lambda item: item[1])]

    def renamed(names):
        return {names.get(token, token): place for place, token in enumerate(ordered)}

    bytes_ = train_bytes(400, ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"], pre_tokenizers.ByteLevel(add_prefix_space=False))
    bytes_.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:0 [SEP]:0", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    made = {
        "xlm-roberta": XLMRobertaTokenizer(
            vocab=unigram("<s>", "<pad>", "</s>", "<unk>") + [("<mask>", 0.0)], _spm_precompiled_charsmap=charsmap),
        "albert": AlbertTokenizer(
            vocab=unigram("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"), _spm_precompiled_charsmap=charsmap),
        "deberta-v3": DebertaV2Tokenizer(vocab=unigram("[PAD]", "[CLS]", "[SEP]", "[UNK]") + [("[MASK]", 0.0)]),
        "mpnet": MPNetTokenizer(vocab=renamed({"[PAD]": "<pad>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>"})),
        "electra": BertTokenizer(vocab=renamed({})),
        "modernbert": PreTrainedTokenizerFast(
            tokenizer_object=bytes_, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", mask_token="[MASK]",
            model_max_length=8192, model_input_names=["input_ids", "attention_mask"]),
    }
    for seed, (name, tokenizer) in enumerate(made.items()):
        folder = GOLDENS / name
        shutil.rmtree(folder, ignore_errors=True)
        tokenizer.save_pretrained(folder)
        text = json.loads((folder / "tokenizer.json").read_text())
        (folder / "tokenizer.json").write_text(json.dumps(text, separators=(",", ":"), ensure_ascii=False) + "\n")
        write_cases(folder, type(tokenizer).from_pretrained(folder).backend_tokenizer, few, 40 + seed)


def goldens():
    from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers, processors
    from transformers import BertTokenizer, Qwen2Tokenizer, RobertaTokenizer

    for folder in GOLDENS.glob("*/"):
        shutil.rmtree(folder)
    some = TEXTS + list(random_texts(60))
    few = TEXTS[:30] + list(random_texts(10))

    # BERT, with truncation and padding in the file, which must not be applied.
    bert = word_piece(700)
    bert.add_tokens([AddedToken("lighthousekeeper", single_word=True), AddedToken("\u00c4pfel", lstrip=True, rstrip=True)])
    bert.enable_truncation(8)
    bert.enable_padding(length=8)
    folder = save("bert", bert, config={
        "tokenizer_class": "BertTokenizer", "model_max_length": 64, "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]",
        "unk_token": "[UNK]", "mask_token": "[MASK]", "do_lower_case": True})
    write_cases(folder, Tokenizer.from_file(str(folder / "tokenizer.json")), some, 1)

    # RoBERTa, merges as pairs.
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    roberta = train_bytes(700, special, pre_tokenizers.ByteLevel(add_prefix_space=False))
    roberta.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    roberta.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    folder = save("roberta", roberta, config={"tokenizer_class": "RobertaTokenizer", "model_max_length": 512})
    write_cases(folder, Tokenizer.from_file(str(folder / "tokenizer.json")), some, 2)

    # GPT-2 with a space before the first word, merges as text.
    gpt2 = train_bytes(500, ["<|endoftext|>"], pre_tokenizers.ByteLevel(add_prefix_space=True))
    gpt2.post_processor = processors.ByteLevel(add_prefix_space=True, trim_offsets=True)

    def merges_as_text(file):
        file["model"]["merges"] = [" ".join(pair) for pair in file["model"]["merges"]]

    folder = save("gpt2", gpt2, merges_as_text)
    write_cases(folder, Tokenizer.from_file(str(folder / "tokenizer.json")), few, 3)

    # Qwen2's way of cutting: NFC and an expression of the file's own.
    split = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    qwen2 = train_bytes(500, [], split, normalizers.NFC())
    qwen2.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    folder = save("qwen2", qwen2)
    write_cases(folder, Tokenizer.from_file(str(folder / "tokenizer.json")), some, 4)

    folder = save("byte-fallback", byte_fallback())
    write_cases(folder, Tokenizer.from_file(str(folder / "tokenizer.json")), few, 5)

    # Folders without tokenizer.json: what transformers makes of them.
    folder = GOLDENS / "bert-files"
    folder.mkdir()
    cased = sorted(bert.get_vocab(with_added_tokens=False).items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("".join(token + "\n" for token, _ in cased))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}) + "\n")
    write_cases(folder, BertTokenizer.from_pretrained(str(folder)).backend_tokenizer, few, 6)

    for name, source, kind in [("roberta-files", roberta, RobertaTokenizer), ("qwen2-files", qwen2, Qwen2Tokenizer)]:
        folder = GOLDENS / name
        folder.mkdir()
        model = json.loads(source.to_str())["model"]
        vocabulary = dict(model["vocab"])
        (folder / "vocab.json").write_text(json.dumps(vocabulary, separators=(",", ":"), ensure_ascii=name == "qwen2-files") + "\n")
        lines = ["#version: 0.2"] + [" ".join(pair) for pair in model["merges"]]
        (folder / "merges.txt").write_bytes("\r\n".join(lines + [""]).encode() if name == "qwen2-files" else "\n".join(lines + [""]).encode())
        if name == "roberta-files":
            (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True}) + "\n")
        else:
            (folder / "config.json").write_text(json.dumps({"model_type": "qwen2"}) + "\n")
            (folder / "special_tokens_map.json").write_text(json.dumps({"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}) + "\n")
            (folder / "added_tokens.json").write_text(
                json.dumps({"<|endoftext|>": len(vocabulary), "<|im_end|>": len(vocabulary) + 1, "<tool>": len(vocabulary) + 2}) + "\n")
        write_cases(folder, kind.from_pretrained(str(folder)).backend_tokenizer, few, 7)

    # Options of tokenizer_config.json against tokenizer.json: transformers' classes follow the former.
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}
    folder = save("bert-config", bert, config=config)
    write_cases(folder, BertTokenizer.from_pretrained(str(folder)).backend_tokenizer, few, 8)
    folder = save("roberta-config", roberta, config={"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True})
    write_cases(folder, RobertaTokenizer.from_pretrained(str(folder)).backend_tokenizer, few, 9)

    scalar_hashes()


# Where scalars are that anything is done to; the rest was compared once.
SCALAR_BLOCKS = [
    *(0x0, 0x1000, 0x2000, 0x3000, 0x9000, 0xA000, 0xD000, 0xE000, 0xF000), *(0x10000, 0x11000, 0x16000, 0x1D000, 0x1E000, 0x1F000),
    *(0x2F000, 0xE0000),
]


def scalar_hashes():
    """The ids of 64 scalars at a time, between letters that could compose with them, under each normalizer."""
    from tokenizers import normalizers

    tokenizer = byte_fallback()
    forms = {
        "NFC": normalizers.NFC(), "NFD": normalizers.NFD(), "NFKC": normalizers.NFKC(), "NFKD": normalizers.NFKD(),
        "Lowercase": normalizers.Lowercase(), "StripAccents": normalizers.StripAccents(), "BertNormalizer": normalizers.BertNormalizer(),
    }
    hashes = {}
    for name, form in forms.items():
        tokenizer.normalizer = form
        hashes[name] = {}
        for block in SCALAR_BLOCKS:
            value = 0xCBF29CE484222325
            for start in range(block, block + 0x1000, 64):
                text = "".join("a" + chr(cp) + "\u0323e" for cp in range(start, start + 64) if not 0xD800 <= cp < 0xE000)
                value = fnv(value, tokenizer.encode(text, add_special_tokens=False).ids)
            hashes[name]["%X" % block] = "%016X" % value
    (GOLDENS / "scalars.json").write_text(json.dumps(hashes, indent=0) + "\n")


if __name__ == "__main__":
    sys.path.pop(0)  # nothing beside this file may stand in for a library
    {"tables": tables, "goldens": goldens, "shared": shared, "encoders": encoders}[sys.argv[1]]()
