"""Token ids of SST-2 sentences as JSON lines, the input of both sides of the speed benchmark.

usage: python scripts/baseline/rows.py --tokenizer TOKENIZER_DIR --data train.tsv --out ROWS.jsonl [--count 512] [--seed 0] [--max_length 512]

Needs only the tokenizers library: TOKENIZER_DIR holds tokenizer.json, or vocab.json and merges.txt (RoBERTa). Without a real
tokenizer, --random makes rows of SST-2-like lengths (geometric round 13 words) of random ids below --vocab, and --like ROWS.jsonl
makes them of the lengths and labels of other rows. For language models, --full makes rows of --max_length ids, --pairs FILE
rows of prompts and completions of the lengths in a JSON list of [tokens of the prompt, tokens of both], the prompts without labels.
"""

import argparse
import csv
import json
import random
from pathlib import Path


def load_tokenizer(folder, max_length):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = Path(folder)
    if (folder / "tokenizer.json").exists():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    else:
        tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer")
    parser.add_argument("--data")
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max_length", type=int, default=512)
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--pairs", help="JSON list of lengths of prompts and of whole rows")
    parser.add_argument("--like", help="rows whose lengths and labels are taken")
    parser.add_argument("--vocab", type=int, default=50265)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    if options.like:
        others = [json.loads(line) for line in Path(options.like).read_text(encoding="utf-8").splitlines()[:options.count]]
        rows = [{"input_ids": [chance.randrange(5, options.vocab) for _ in other["input_ids"]], "label": other["label"]}
                for other in others]
    elif options.full or options.pairs:
        pairs = json.loads(Path(options.pairs).read_text()) if options.pairs else [[0, options.max_length]]
        rows = []
        for place in range(options.count):
            prompt, length = pairs[place % len(pairs)]
            ids = [chance.randrange(5, options.vocab) for _ in range(length)]
            rows.append({"input_ids": ids, "labels": [-100] * prompt + ids[prompt:]})
    elif options.random:
        lengths = [min(options.max_length, 4 + int(chance.expovariate(1 / 11))) for _ in range(options.count)]
        rows = [{"input_ids": [0] + [chance.randrange(5, options.vocab) for _ in range(n - 2)] + [2],
                 "label": chance.randrange(2)} for n in lengths]
    else:
        if not (options.tokenizer and options.data):
            parser.error("--tokenizer and --data are needed, or --random")
        with open(options.data, encoding="utf-8", newline="") as file:
            table = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        chance.shuffle(table)
        tokenizer = load_tokenizer(options.tokenizer, options.max_length)
        rows = [{"input_ids": tokenizer.encode(r["sentence"]).ids, "label": int(r["label"])} for r in table[:options.count]]
    Path(options.out).write_text("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows), encoding="utf-8")
    total = sum(len(r["input_ids"]) for r in rows)
    print(json.dumps({"rows": len(rows), "tokens": total, "mean_length": round(total / len(rows), 2)}))


if __name__ == "__main__":
    main()
