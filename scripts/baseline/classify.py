"""Rows a second of classifying the sentences of a TSV file by a saved adapter, lorawb beside transformers and PEFT, and whether labels are equal.

usage: python scripts/baseline/classify.py --model DIR --adapter DIR --data dev.tsv [--lorawb .build/release/lorawb] [--rounds 3] [--threads 2]
           [--avx2]

PEFT takes batches of 16 in the file's order, and grouped by length; lorawb, which pads nothing, its own 32. Each side tokenizes. Sides alternate; the medians of the rounds, and ratios, are
printed as JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import peft_job
from measuring import HERE, LORAWB_AVX2, PEFT_AVX2, ROOT, clean_environment, last_json

if __name__ == "__main__" and "--side" in sys.argv:
    peft_job.reproducible_start(peft_job.threads_asked(2))


def batches(texts, size, grouped):
    order = sorted(range(len(texts)), key=lambda row: len(texts[row])) if grouped else range(len(texts))
    order = list(order)
    return [order[start:start + size] for start in range(0, len(order), size)]


def theirs(options):
    """The labels by PEFT, and the seconds they took."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    base = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=2, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, options.adapter).eval()
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    texts = [row["sentence"] for row in peft_job.read_table(options.data)]

    def label(rows):
        inputs = tokenizer(
            [texts[row] for row in rows], padding=True, truncation=True, max_length=options.max_length, return_tensors="pt")
        return model(**inputs).logits.argmax(-1).tolist()

    with torch.inference_mode():
        label(range(options.batch_size))
        started = time.perf_counter()
        labels = [0] * len(texts)
        for rows in batches(texts, options.batch_size, options.side == "grouped"):
            for row, found in zip(rows, label(rows)):
                labels[row] = found
        seconds = time.perf_counter() - started
    print(json.dumps({"tool": "PEFT", "rows": len(labels), "seconds": seconds, "labels": "".join(map(str, labels))}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="Hugging Face folder of the base")
    parser.add_argument("--adapter", required=True, help="folder of the adapter")
    parser.add_argument("--data", required=True, help="a .tsv file with the column sentence")
    parser.add_argument("--lorawb", default=str(ROOT / ".build" / "release" / "lorawb"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--own_batch_size", type=int, default=32)
    parser.add_argument("--max_length", type=int, default=128)
    parser.add_argument("--avx2", action="store_true", help="hold both sides to AVX2")
    parser.add_argument("--side", choices=["file order", "grouped"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return theirs(options)
    shared = ["--model", options.model, "--adapter", options.adapter, "--data", options.data, "--max_length", str(options.max_length)]
    ours = [options.lorawb, "run", str(HERE / "lorawb_classify.lua"), *shared, "--batch_size", str(options.own_batch_size)]
    commands = {"lorawb": ours}
    for side in ("file order", "grouped"):
        commands[side] = [sys.executable, __file__, *shared, "--batch_size", str(options.batch_size), "--threads", str(options.threads),
                          "--side", side]
    found = {side: [] for side in commands}
    for _ in range(options.rounds):
        for side, command in commands.items():
            held = (LORAWB_AVX2 if side == "lorawb" else PEFT_AVX2) if options.avx2 else {}
            ran = subprocess.run(
                command, capture_output=True, text=True, check=True, cwd=Path.cwd(),
                env={**clean_environment(held), "LORAWB_THREADS": str(options.threads)})
            found[side].append(last_json(ran.stdout))
    rate = {side: [one["rows"] / one["seconds"] for one in runs] for side, runs in found.items()}
    first = found["lorawb"][0]["labels"]
    print(json.dumps({
        "rows": len(first),
        "labels_that_differ": sum(a != b for a, b in zip(first, found["file order"][0]["labels"])),
        "rows_per_second": {side: round(statistics.median(values), 1) for side, values in rate.items()},
        "times_file_order": round(statistics.median(a / b for a, b in zip(rate["lorawb"], rate["file order"])), 2),
        "times_grouped": round(statistics.median(a / b for a, b in zip(rate["lorawb"], rate["grouped"])), 2),
    }))
    return None


if __name__ == "__main__":
    main()
