"""PEFT's training speed: LoRA on a RoBERTa-base-shaped model, or the one of a folder, SEQ_CLS with two labels, or CAUSAL_LM.

usage: python scripts/baseline/peft_speed.py --rows ROWS.jsonl [--threads 2] [--batch 16] [--steps 20] [--warmup 3]
           [--model FOLDER] [--dtype float32] [--train_sampling_strategy sequential] [--r 4 --lora_alpha 32 --lora_dropout 0.01
           --target_modules query] [--task_type CAUSAL_LM] [--weights random]

ROWS.jsonl has a line per sample, in the order of training: {"input_ids": [...], "label": 0} or a bare list of ids (then label = place mod 2); of language models
{"input_ids": [...], "labels": [...]}, −100 where there is no loss.
Step s takes the rows [s * batch, (s + 1) * batch), round and round, padded to the longest of the batch. With group_by_length they are
grouped as transformers' sampler groups them, 50 batches at a time, and the measured steps are spread evenly over an epoch's batches, the
longest one being a warm-up step. AdamW and a linear schedule, as the Trainer makes them. With bfloat16 the model is loaded in it, and the
adapters are float32, as PEFT makes them. Prints one JSON line: the median step's samples per second (warm-up steps left out), all step
times, peak resident memory, the first and last loss. Threads are given to torch before it starts.
"""

import argparse
import json
import os
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
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, RobertaConfig

    dtype = getattr(torch, options.dtype)
    torch.manual_seed(0)
    if options.task_type == "CAUSAL_LM":
        config = AutoConfig.from_pretrained(options.model)
        model = (AutoModelForCausalLM.from_config(config, dtype=dtype) if options.weights == "random"
                 else AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype))
    elif options.model:
        model = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=2, dtype=dtype)
        config = model.config
    else:  # roberta-base's sizes
        config = RobertaConfig(
            vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1,
            bos_token_id=0, eos_token_id=2, num_labels=2)
        model = AutoModelForSequenceClassification.from_config(config, dtype=dtype)
    return config, get_peft_model(model, LoraConfig(
        task_type=options.task_type, r=options.r, lora_alpha=options.lora_alpha, lora_dropout=options.lora_dropout,
        target_modules=options.target_modules)).train()


def batches(rows, options):
    """The batches of all steps, warm-up steps first."""
    total = options.warmup + options.steps
    if options.train_sampling_strategy == "sequential":
        return [[rows[(step * options.batch + i) % len(rows)] for i in range(options.batch)] for step in range(total)]
    import torch
    from transformers.trainer_pt_utils import get_length_grouped_indices

    # 50 is what the sampler takes for data sets of more than 200 batches.
    order = get_length_grouped_indices(
        [len(ids) for ids, _ in rows], options.batch, mega_batch_mult=50, generator=torch.Generator().manual_seed(0))
    epoch = [[rows[i] for i in order[first:first + options.batch]] for first in range(0, len(order), options.batch)]
    epoch = [batch for batch in epoch if len(batch) == options.batch]
    spread = [epoch[int((step + 0.5) * len(epoch) / options.steps)] for step in range(options.steps)]
    return epoch[:1] * options.warmup + spread


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--model", help="a folder with config.json and weights, in place of random ones of roberta-base's sizes")
    parser.add_argument("--task_type", choices=["SEQ_CLS", "CAUSAL_LM"], default="SEQ_CLS")
    parser.add_argument("--weights", choices=["file", "random"], default="file", help="of a CAUSAL_LM")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32", help="of the frozen weights")
    parser.add_argument("--train_sampling_strategy", choices=["sequential", "group_by_length"], default="sequential")
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

    rows = read_rows(options.rows)
    config, model = make_model(options)
    parameters = [p for p in model.parameters() if p.requires_grad]
    total = options.warmup + options.steps
    optimizer, schedule = peft_job.make_optimizer(model, options, total)
    seconds, losses, tokens, padded = [], [], 0, 0
    ready = time.clock_gettime(time.CLOCK_MONOTONIC) - float(os.environ.get("BENCH_STARTED", "nan"))
    for step, batch in enumerate(batches(rows, options)):
        start = time.perf_counter()
        inputs = peft_job.collate(batch, config.pad_token_id)
        losses.append(peft_job.step(model, inputs, optimizer, schedule, parameters))
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
        "first_loss": losses[0], "last_loss": losses[-1], "dtype": options.dtype,
        **({"ready_seconds": round(ready, 3)} if ready == ready else {}),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
    }))


if __name__ == "__main__":
    main()
