"""PEFT on the quickstart's file: an encoder fine-tuned on rows of one TSV, measured on its held-out rows and on SST-2's dev set.

usage: python scripts/baseline/peft_quickstart.py --model MODEL_DIR [--data stdlib/recipes/reviews.tsv] [--sst2 DIR]
           [--seed 42 43 44] [--epochs 4 --lr 2e-3 --r 8 --lora_alpha 32 --lora_dropout 0.05 --target_modules query value ...]

The TSV has the columns sentence, label and split; rows whose split is not "train" are held out. DIR holds dev.tsv. The defaults are
those of stdlib/recipes/quickstart.lua, which also ends with the epoch that did best on the held-out rows (the first of equals);
--keep last takes the last one. Prints one JSON line per seed (accuracy after each epoch and of the model kept) and one with the means.
"""

import argparse
import json
from pathlib import Path

import peft_job

if __name__ == "__main__":
    peft_job.reproducible_start(peft_job.threads_asked())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peft_job.add_flags(
        parser, epochs=4, lr=2e-3, lr_scheduler_type="linear", warmup_steps=0, weight_decay=0.01, max_grad_norm=1.0, batch_size=16,
        max_length=128, truncation_side="right", r=8, lora_alpha=32, lora_dropout=0.05, target_modules=["query", "value"])
    parser.add_argument("--data", default=str(Path(__file__).resolve().parents[2] / "stdlib" / "recipes" / "reviews.tsv"))
    parser.add_argument("--sst2", help="folder with dev.tsv; without it only the held-out rows are measured")
    parser.add_argument("--keep", choices=["best", "last"], default="best")
    parser.set_defaults(seed=[42, 43, 44])
    options = parser.parse_args()
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    pad = tokenizer.pad_token_id
    table = peft_job.read_table(options.data)
    train = peft_job.examples([r for r in table if r["split"] == "train"], tokenizer, options)
    held = peft_job.examples([r for r in table if r["split"] != "train"], tokenizer, options)
    dev = options.sst2 and peft_job.examples(peft_job.read_table(Path(options.sst2) / "dev.tsv"), tokenizer, options)
    reached = []
    for seed in options.seed:
        best = {"accuracy": -1.0}

        def evaluate(model):
            accuracy = peft_job.accuracy(model, held, pad)
            if accuracy > best["accuracy"]:
                best.update(accuracy=accuracy, tensors={
                    n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad})
            return round(accuracy, 4)

        model, outcome = peft_job.train(train, seed, options, pad, evaluate=evaluate)
        if options.keep == "best":
            model.load_state_dict(best["tensors"], strict=False)
        row = {"held_out": peft_job.accuracy(model, held, pad)}
        if dev:
            row["sst2_dev"] = peft_job.accuracy(model, dev, pad)
        reached.append(row)
        print(json.dumps({"seed": seed, **{k: round(v, 4) for k, v in row.items()}, **outcome}), flush=True)
    means = {k: round(sum(r[k] for r in reached) / len(reached), 4) for k in reached[0]}
    shown = {k: v for k, v in vars(options).items() if k not in ("model", "data", "sst2")}
    print(json.dumps({"mean": means, "rows": {"train": len(train), "held_out": len(held)}, "options": shown}))


if __name__ == "__main__":
    main()
