"""PEFT's training speed: a RoBERTa-base-shaped random model, LoRA on query, SEQ_CLS with two labels, float32, dropout on.

usage: python scripts/baseline/peft_speed.py --rows ROWS.jsonl [--threads 2] [--batch 16] [--steps 20] [--warmup 3]
           [--config CONFIG.json] [--r 4 --lora_alpha 32 --lora_dropout 0.01 --target_modules query]

ROWS.jsonl has a line per sample, in the order of training: {"input_ids": [...], "label": 0} or a bare list of ids (then label = place mod 2).
Step s takes the rows [s * batch, (s + 1) * batch), round and round, padded to the longest of the batch. AdamW and a linear schedule, as
the Trainer makes them. Prints one JSON line: the median step's samples per second (warm-up steps left out), all step times, peak
resident memory, the first and last loss. Threads are given to torch before it starts.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import peft_job

if __name__ == "__main__":
    peft_job.reproducible_start(peft_job.threads_asked(2))


def read_rows(path):
    rows = []
    for place, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines()):
        if not line.strip():
            continue
        row = json.loads(line)
        if isinstance(row, list):
            row = {"input_ids": row, "label": place % 2}
        rows.append((row["input_ids"], row.get("label", row.get("labels", place % 2))))
    return rows


def make_model(options):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForSequenceClassification, RobertaConfig

    if options.config:
        config = AutoConfig.from_pretrained(options.config, num_labels=2)
    else:  # roberta-base's sizes
        config = RobertaConfig(
            vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1,
            bos_token_id=0, eos_token_id=2, num_labels=2)
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    return config, get_peft_model(model, LoraConfig(
        task_type="SEQ_CLS", r=options.r, lora_alpha=options.lora_alpha, lora_dropout=options.lora_dropout,
        target_modules=options.target_modules)).train()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--config", help="a config.json, or a folder with one, in place of roberta-base's sizes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=3, help="steps before the timing starts")
    parser.add_argument("--r", type=int, default=4)
    parser.add_argument("--lora_alpha", type=float, default=32)
    parser.add_argument("--lora_dropout", type=float, default=0.01)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--weight_decay", type=float, default=0.01)
    parser.add_argument("--target_modules", nargs="+", default=["query"])
    options = parser.parse_args()
    options.lr_scheduler_type, options.warmup_steps = "linear", 0
    import torch
    from torch import nn

    rows = read_rows(options.rows)
    config, model = make_model(options)
    parameters = [p for p in model.parameters() if p.requires_grad]
    total = options.warmup + options.steps
    optimizer, schedule = peft_job.make_optimizer(model, options, total)
    seconds, losses, tokens, padded = [], [], 0, 0
    for step in range(total):
        batch = [rows[(step * options.batch + i) % len(rows)] for i in range(options.batch)]
        start = time.perf_counter()
        inputs = peft_job.collate(batch, config.pad_token_id)
        loss = model(**inputs).loss
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step >= options.warmup:
            seconds.append(time.perf_counter() - start)
            tokens += sum(len(ids) for ids, _ in batch)
            padded += inputs["input_ids"].numel()
    import peft
    import transformers

    print(json.dumps({
        "tool": "peft", "samples_per_second": round(options.batch / statistics.median(seconds), 3),
        "median_step_seconds": round(statistics.median(seconds), 4), "fastest_step_seconds": round(min(seconds), 4),
        "step_seconds": [round(s, 4) for s in seconds], "steps": options.steps, "warmup": options.warmup, "batch": options.batch,
        "threads": torch.get_num_threads(), "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "tokens_per_step": round(tokens / options.steps, 1), "padded_tokens_per_step": round(padded / options.steps, 1),
        "first_loss": losses[0], "last_loss": losses[-1],
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
    }))


if __name__ == "__main__":
    main()
