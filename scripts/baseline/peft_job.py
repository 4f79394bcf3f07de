"""A LoRA fine-tuning with transformers and PEFT, by the Trainer's rules, as a plain loop: what the baselines share.

Pinned versions: scripts/goldens/requirements.txt.
"""

import csv
import os
import re
import sys
import time


def reproducible_start(threads):
    wanted = {
        "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    if any(os.environ.get(key) != value for key, value in wanted.items()):
        os.environ.update(wanted)
        os.execv(sys.executable, [sys.executable] + sys.argv)
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(threads)


def threads_asked(default=1):
    """--threads has to be known before torch is loaded."""
    for place, word in enumerate(sys.argv):
        if word == "--threads" and place + 1 < len(sys.argv):
            return int(sys.argv[place + 1])
        if word.startswith("--threads="):
            return int(word.split("=", 1)[1])
    return default


def add_flags(parser, **defaults):
    """The flags of a job, under the names that recipes use."""
    def flag(name, kind, help_text):
        parser.add_argument("--" + name, type=kind, default=defaults.get(name), help=f"{help_text} ({defaults.get(name)})")

    parser.add_argument("--model", required=True, help="Hugging Face folder of the base")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, nargs="+", default=[0, 1, 2])
    flag("epochs", float, "passes over the training rows")
    flag("lr", float, "learning rate at its peak")
    flag("lr_scheduler_type", str, "schedule by its name in transformers")
    flag("warmup_steps", float, "steps, or below 1 a ratio")
    flag("weight_decay", float, "AdamW's")
    flag("max_grad_norm", float, "0 clips nothing")
    flag("batch_size", int, "rows of a batch")
    flag("max_length", int, "tokens of a row, the rest cut off")
    flag("truncation_side", str, "left or right")
    flag("r", int, "rank")
    flag("lora_alpha", float, "scaling is lora_alpha / r")
    flag("lora_dropout", float, "dropout before A")
    parser.add_argument("--target_modules", nargs="+", default=defaults.get("target_modules"))


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def examples(rows, tokenizer, options):
    tokenizer.truncation_side = options.truncation_side
    ids = tokenizer([r["sentence"] for r in rows], truncation=True, max_length=options.max_length)["input_ids"]
    return [(i, int(r["label"])) for i, r in zip(ids, rows)]


def collate(batch, pad):
    """A padded batch of (ids, label); labels of tokens are padded with −100."""
    import torch

    width = max(len(ids) for ids, _ in batch)
    return {
        "input_ids": torch.tensor([ids + [pad] * (width - len(ids)) for ids, _ in batch]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in batch]),
        "labels": torch.tensor(
            [label + [-100] * (width - len(label)) if isinstance(label, list) else label for _, label in batch]),
    }


def step(model, inputs, optimizer, schedule, parameters, max_grad_norm=1.0):
    """One optimizer step; gives the loss."""
    from torch import nn

    loss = model(**inputs).loss
    loss.backward()
    if max_grad_norm:
        nn.utils.clip_grad_norm_(parameters, max_grad_norm)
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
    return loss.item()


def make_model(options, labels=2):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=labels, dtype=torch.float32)
    targets = options.target_modules
    if targets and len(targets) == 1 and (targets[0] == "all-linear" or re.search(r"[*\\|(]", targets[0])):
        targets = targets[0]
    return get_peft_model(model, LoraConfig(
        task_type="SEQ_CLS", r=options.r, lora_alpha=options.lora_alpha, lora_dropout=options.lora_dropout,
        target_modules=targets))


def make_optimizer(model, options, total):
    """AdamW in the Trainer's two groups, and the schedule."""
    import math

    import torch
    from torch import nn
    from transformers import get_scheduler
    from transformers.trainer_pt_utils import get_parameter_names

    patterns = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]
    decayed = set(get_parameter_names(model, [nn.LayerNorm], patterns))
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW([
        {"params": [p for n, p in trained if n in decayed], "weight_decay": options.weight_decay},
        {"params": [p for n, p in trained if n not in decayed], "weight_decay": 0.0},
    ], lr=options.lr, fused=True)
    warm = int(options.warmup_steps) if options.warmup_steps >= 1 else math.ceil(total * options.warmup_steps)
    return optimizer, get_scheduler(options.lr_scheduler_type, optimizer, warm, total)


def accuracy(model, rows, pad, size=64):
    import torch

    model.eval()
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    right = 0
    with torch.no_grad():
        for first in range(0, len(order), size):
            batch = collate([rows[i] for i in order[first:first + size]], pad)
            labels = batch.pop("labels")
            right += (model(**batch).logits.argmax(-1) == labels).sum().item()
    model.train()
    return right / len(rows)


def train(rows, seed, options, pad, evaluate=None):
    """Trains on the rows, reshuffled each epoch by the seed; returns the model and what happened. evaluate(model) after each epoch."""
    import random

    import torch

    torch.manual_seed(seed)
    model = make_model(options).train()
    per_epoch = -(-len(rows) // options.batch_size)
    total = int(per_epoch * options.epochs)
    optimizer, schedule = make_optimizer(model, options, total)
    parameters = [p for p in model.parameters() if p.requires_grad]
    order, shuffle = list(range(len(rows))), random.Random(seed)
    losses, epochs, start = [], [], time.perf_counter()
    while len(losses) < total:
        shuffle.shuffle(order)
        for first in range(0, len(order), options.batch_size):
            if len(losses) == total:
                break
            inputs = collate([rows[i] for i in order[first:first + options.batch_size]], pad)
            losses.append(step(model, inputs, optimizer, schedule, parameters, options.max_grad_norm))
        if evaluate is not None:
            epochs.append(evaluate(model))
    tail = losses[-50:]
    return model, {"steps": len(losses), "seconds": round(time.perf_counter() - start, 1), "last_loss": sum(tail) / len(tail), "epochs": epochs}
