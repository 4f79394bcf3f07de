"""What transformers' Trainer does with several evaluation sets, and with a run that goes on longer, into Tests/Goldens/trainer_sets.json.

usage: python scripts/goldens/trainer_sets.py [--out Tests/Goldens/trainer_sets.json]

The file is laid out as trainer.json (see trainer.py) but for `eval`, rows by the name of their set, and `longer`: one run of two parts, the
second resumed from the first's last checkpoint with more epochs: `args` of the first, `epochs` of both, `logs` of the whole second.
transformers does the first step of the second part with the learning rate that the first part's schedule had come to (the optimizer's
state holds it), and every later one with that of the new total; losses of that part therefore differ from lorawb's, which takes all from
the new total.
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

import torch
import trainer as single
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, EarlyStoppingCallback, Trainer, TrainingArguments
from transformers.utils import logging

RUNS = {
    "two sets by epoch, best of one": (dict(
        num_train_epochs=4, eval_strategy="epoch", save_strategy="epoch", logging_strategy="epoch",
        load_best_model_at_end=True, metric_for_best_model="eval_dev_loss", learning_rate=5e-2), None),
    "two sets by steps, one's accuracy stops early": (dict(
        num_train_epochs=12, eval_strategy="steps", eval_steps=3, save_steps=3, logging_steps=3, save_total_limit=2,
        load_best_model_at_end=True, metric_for_best_model="test_accuracy", learning_rate=5e-2), (2, 0.0)),
    "two sets, nothing best": (dict(max_steps=5, eval_strategy="steps", eval_steps=2, logging_steps=2, save_strategy="no"), None),
}


def make(arguments, stopping, train, evaluation, folder):
    base = AutoModelForSequenceClassification.from_pretrained(common.GOLDENS / single.BASE, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, common.GOLDENS / single.ADAPTER, is_trainable=True)
    return Trainer(
        model=model, train_dataset=train, eval_dataset=evaluation, data_collator=single.collate,
        args=TrainingArguments(output_dir=folder, report_to="none", use_cpu=True, disable_tqdm=True, optim="adamw_torch",
                               dataloader_pin_memory=False, **{**single.COMMON, **arguments}),
        compute_metrics=lambda p: {"accuracy": float((p.predictions.argmax(-1) == p.label_ids).mean())},
        callbacks=[EarlyStoppingCallback(*stopping)] if stopping else None)


def run(name, arguments, stopping, train, evaluation):
    folder = tempfile.mkdtemp()
    trainer = make(arguments, stopping, train, evaluation, folder)
    result = trainer.train()
    trainer.state.save_to_json(os.path.join(folder, "trainer_state.json"))
    state = json.loads(Path(folder, "trainer_state.json").read_text())
    kept = sorted((p.name for p in Path(folder).glob("checkpoint-*")), key=lambda n: int(n.split("-")[1]))
    with torch.no_grad():
        trainer.model.eval()
        logits = [trainer.model(**single.collate([r])).logits[0].tolist() for r in evaluation["dev"]]
    metrics = single.timeless(trainer.evaluate(), folder)
    shutil.rmtree(folder)
    return {
        "name": name, "args": {**single.COMMON, **arguments},
        "early_stopping": stopping and {"patience": stopping[0], "threshold": stopping[1]},
        "state": single.timeless(state, folder), "kept": kept, "result": single.timeless(dict(result.metrics), folder),
        "final_logits": logits, "evaluation": metrics,
    }


def longer(train):
    folder = tempfile.mkdtemp()
    arguments = dict(logging_steps=1, save_strategy="epoch", warmup_steps=0.25)
    epochs = [1, 3]
    for count in epochs:
        trainer = make({**arguments, "num_train_epochs": count}, None, train, None, folder)
        trainer.train(resume_from_checkpoint=True if count > 1 else None)
    logs = single.timeless(trainer.state.log_history, folder)
    shutil.rmtree(folder)
    return {"args": {**single.COMMON, **arguments}, "epochs": epochs, "logs": logs, "max_steps": trainer.state.max_steps}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(common.GOLDENS / "trainer_sets.json"))
    options = parser.parse_args()
    logging.set_verbosity_error()
    train, evaluation = single.rows(14, 1), {"dev": single.rows(9, 2), "test": single.rows(7, 3)}
    results = []
    for name, (arguments, stopping) in RUNS.items():
        torch.manual_seed(0)
        results.append(run(name, arguments, stopping, train, evaluation))
        state = results[-1]["state"]
        print(f"{name}: steps {state['global_step']}, best {state['best_global_step']} {state['best_metric']}, kept {results[-1]['kept']}",
              flush=True)
    torch.manual_seed(0)
    common.write_rows(options.out, {
        "generator": "scripts/goldens/trainer_sets.py", "versions": common.versions("torch", "transformers", "peft"),
        "base": single.BASE, "adapter": single.ADAPTER, "train": train, "eval": evaluation, "runs": results,
        "longer": longer(train)})


if __name__ == "__main__":
    main()
