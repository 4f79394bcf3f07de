"""PEFT on SST-2: an encoder (all-MiniLM-L6-v2), LoRA, the first rows of a seeded shuffle, one epoch; accuracy on dev.

usage: python scripts/baseline/peft_sst2.py --model MODEL_DIR --data DIR [--rows 6400] [--seed 0 1 2] [--r 4 --lora_alpha 32 ...]

DIR holds train.tsv and dev.tsv with the columns sentence and label. Prints one JSON line per seed and one with the mean. Timings
are those of a machine that may do other things.
"""

import argparse
import json
import random
from pathlib import Path

import peft_job

if __name__ == "__main__":
    peft_job.reproducible_start(peft_job.threads_asked())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peft_job.add_flags(
        parser, epochs=1, lr=1e-3, lr_scheduler_type="linear", warmup_steps=0, weight_decay=0.01, max_grad_norm=1.0, batch_size=16,
        max_length=512, truncation_side="left", r=4, lora_alpha=32, lora_dropout=0.01, target_modules=["query", "value"])
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=6400)
    options = parser.parse_args()
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    pad = tokenizer.pad_token_id
    table = peft_job.read_table(Path(options.data) / "train.tsv")
    dev = peft_job.examples(peft_job.read_table(Path(options.data) / "dev.tsv"), tokenizer, options)
    reached = []
    for seed in options.seed:
        order = list(range(len(table)))
        random.Random(seed).shuffle(order)
        rows = peft_job.examples([table[i] for i in order[:options.rows]], tokenizer, options)
        model, outcome = peft_job.train(rows, seed, options, pad)
        reached.append(peft_job.accuracy(model, dev, pad))
        print(json.dumps({"seed": seed, "dev_accuracy": round(reached[-1], 4), **outcome}), flush=True)
    shown = {k: v for k, v in vars(options).items() if k not in ("model", "data")}
    print(json.dumps({"mean": round(sum(reached) / len(reached), 4), "accuracies": [round(a, 4) for a in reached], "options": shown}))


if __name__ == "__main__":
    main()
