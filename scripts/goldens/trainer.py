"""What transformers' Trainer logs, saves and keeps on small jobs, into Tests/Goldens/trainer.json.

usage: python scripts/goldens/trainer.py [--out Tests/Goldens/trainer.json]

The file: `base` and `adapter` (folders under Tests/Goldens: the job starts from that adapter's tensors, trainable), `train` and `eval` (rows
of input_ids and labels, taken in the order given: sequential sampling, padded to the longest of the batch), and `runs`, each with `args`
(TrainingArguments by name), `early_stopping` (patience, threshold) or null, `state` (trainer_state.json at the end, times left out),
`kept` (checkpoint folders left, sorted by step), `checkpoint_states` (folder → its trainer_state.json without log_history),
`result` (train()'s metrics without times), `final_logits` (of the eval rows after train(): the best model's where that was asked),
`first_batch_loss`. Losses are float32 sums of a tiny model: compare within 1e-3 relative.
"""

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

import common

if __name__ == "__main__":
    common.reproducible_start()

import numpy as np
import torch
from peft import PeftModel
from transformers import (
    AutoModelForSequenceClassification, EarlyStoppingCallback, Trainer, TrainingArguments,
)
from transformers.utils import logging

BASE, ADAPTER = "models/bert-classifier", "bert-seq-cls/adapter"
COMMON = dict(learning_rate=1e-2, per_device_train_batch_size=4, per_device_eval_batch_size=4, weight_decay=0.01,
              train_sampling_strategy="sequential")
RUNS = {
    "by epoch, best at the end": (dict(
        num_train_epochs=4, eval_strategy="epoch", save_strategy="epoch", logging_strategy="epoch",
        load_best_model_at_end=True, metric_for_best_model="accuracy"), None),
    "by steps": (dict(
        max_steps=11, warmup_steps=3, logging_steps=3, logging_first_step=True, eval_strategy="steps", eval_steps=4,
        save_steps=4), None),
    "warm-up by ratio, steps by fraction, cosine": (dict(
        num_train_epochs=3, warmup_steps=0.2, logging_steps=0.25, lr_scheduler_type="cosine", save_strategy="no"), None),
    "two checkpoints kept, the best among them": (dict(
        num_train_epochs=5, logging_steps=2, eval_strategy="epoch", save_strategy="epoch", save_total_limit=2,
        load_best_model_at_end=True, learning_rate=8e-2), None),
    "one checkpoint kept besides the best": (dict(
        num_train_epochs=5, logging_steps=100, eval_strategy="epoch", save_strategy="epoch", save_total_limit=1,
        load_best_model_at_end=True, learning_rate=8e-2), None),
    "saved when best": (dict(
        num_train_epochs=5, logging_steps=100, eval_strategy="epoch", save_strategy="best",
        metric_for_best_model="accuracy", learning_rate=5e-2), None),
    "early stopping": (dict(
        num_train_epochs=12, logging_steps=100, eval_strategy="epoch", save_strategy="epoch", load_best_model_at_end=True,
        metric_for_best_model="loss", learning_rate=8e-2), (2, 0.0)),
    "evaluated before the first step, after a delay": (dict(
        num_train_epochs=3, logging_steps=100, eval_strategy="epoch", eval_on_start=True, eval_delay=2, save_strategy="no"), None),
    "last batch dropped, no clipping": (dict(
        num_train_epochs=2, logging_steps=1, dataloader_drop_last=True, max_grad_norm=0.0, save_strategy="no"), None),
    "label smoothing": (dict(num_train_epochs=1, logging_steps=1, label_smoothing_factor=0.1, save_strategy="no"), None),
}
TIMES = ("_runtime", "_per_second", "total_flos")


def rows(count, seed):
    chance = np.random.default_rng(seed)
    return [{"input_ids": chance.integers(5, 120, chance.integers(3, 12)).tolist(), "labels": int(chance.integers(0, 3))}
            for _ in range(count)]


def collate(batch):
    width = max(len(r["input_ids"]) for r in batch)
    return {
        "input_ids": torch.tensor([r["input_ids"] + [0] * (width - len(r["input_ids"])) for r in batch]),
        "attention_mask": torch.tensor([[1] * len(r["input_ids"]) + [0] * (width - len(r["input_ids"])) for r in batch]),
        "labels": torch.tensor([r["labels"] for r in batch]),
    }


def timeless(value, folder):
    if isinstance(value, dict):
        return {k: timeless(v, folder) for k, v in value.items() if not k.endswith(TIMES)}
    if isinstance(value, list):
        return [timeless(v, folder) for v in value]
    if isinstance(value, str):
        return value.replace(folder + "/", "")
    return value


def run(name, arguments, stopping, train, evaluation):
    base = AutoModelForSequenceClassification.from_pretrained(common.GOLDENS / BASE, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, common.GOLDENS / ADAPTER, is_trainable=True)
    folder = tempfile.mkdtemp()
    given = {**COMMON, **arguments}
    trainer = Trainer(
        model=model, train_dataset=train, eval_dataset=evaluation, data_collator=collate,
        args=TrainingArguments(output_dir=folder, report_to="none", use_cpu=True, disable_tqdm=True, optim="adamw_torch",
                               dataloader_pin_memory=False, **given),
        compute_metrics=lambda p: {"accuracy": float((p.predictions.argmax(-1) == p.label_ids).mean())},
        callbacks=[EarlyStoppingCallback(*stopping)] if stopping else None)
    with torch.no_grad():
        model.eval()
        first = model(**collate(train[:given["per_device_train_batch_size"]])).loss.item()
    result = trainer.train()
    trainer.state.save_to_json(os.path.join(folder, "trainer_state.json"))
    state = json.loads(Path(folder, "trainer_state.json").read_text())
    kept = sorted((p.name for p in Path(folder).glob("checkpoint-*")), key=lambda n: int(n.split("-")[1]))
    states = {}
    for checkpoint in kept:
        inner = json.loads(Path(folder, checkpoint, "trainer_state.json").read_text())
        inner.pop("log_history")
        states[checkpoint] = timeless(inner, folder)
    files = sorted(p.name for p in Path(folder, kept[0]).iterdir()) if kept else []
    with torch.no_grad():
        trainer.model.eval()
        logits = [trainer.model(**collate([r])).logits[0].tolist() for r in evaluation]
    row = {
        "name": name, "args": given, "early_stopping": stopping and {"patience": stopping[0], "threshold": stopping[1]},
        "first_batch_loss": first, "state": timeless(state, folder), "kept": kept, "files_of_a_checkpoint": files,
        "checkpoint_states": states, "result": timeless(dict(result.metrics), folder), "final_logits": logits,
    }
    shutil.rmtree(folder)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(common.GOLDENS / "trainer.json"))
    options = parser.parse_args()
    logging.set_verbosity_error()
    train, evaluation = rows(14, 1), rows(9, 2)
    results = []
    for name, (arguments, stopping) in RUNS.items():
        torch.manual_seed(0)
        results.append(run(name, arguments, stopping, train, evaluation))
        state = results[-1]["state"]
        print(f"{name}: steps {state['global_step']}, best {state['best_global_step']} {state['best_metric']}, kept {results[-1]['kept']}",
              flush=True)
    common.write_rows(options.out, {
        "generator": "scripts/goldens/trainer.py", "versions": common.versions("torch", "transformers", "peft"),
        "base": BASE, "adapter": ADAPTER, "train": train, "eval": evaluation, "runs": results})


if __name__ == "__main__":
    main()
