"""Learning-rate schedules, optimizer trajectories, gradient clipping and metrics, into Tests/Goldens/optim.json.

usage: python scripts/goldens/optim.py [--out Tests/Goldens/optim.json]

schedules: each with name, base_rate, warmup (as given: steps, or a ratio below 1), warmup_steps (as Trainer turns it into steps),
  total_steps, options, rates (rates[s] is used by step s, counted from 0; three more after the last).
optimizers: `problem` has the parameters' start and the gradients of each step; each run has kind, options, groups (parameter names
  with their own options) and trajectory (per step, each parameter's values after it). float32; `schedule` where one runs along.
clipping: gradients, max_norm, norm, clipped.
metrics: name, options, inputs, value (null: not a number).
"""

import argparse
import math
import warnings

import common

if __name__ == "__main__":
    common.reproducible_start()

import numpy as np
import scipy.stats
import sklearn.metrics
import torch
from transformers import TrainingArguments, get_scheduler

TOTAL, RATE, STEPS = 20, 1e-3, 12
SCHEDULES = [
    ("linear", {}), ("cosine", {}), ("cosine", {"num_cycles": 1.5}), ("constant", {}), ("constant_with_warmup", {}),
    ("cosine_with_restarts", {}), ("cosine_with_restarts", {"num_cycles": 3}), ("polynomial", {}),
    ("polynomial", {"lr_end": 1e-5, "power": 2.0}), ("inverse_sqrt", {}), ("inverse_sqrt", {"timescale": 7}),
]


def schedules():
    rows = []
    for name, options in SCHEDULES:
        for total in (TOTAL, 13):
            for warmup in (0, 5, 0.1):
                steps = TrainingArguments(output_dir="unused", warmup_steps=warmup, use_cpu=True).get_warmup_steps(total)
                parameter = torch.nn.Parameter(torch.zeros(1))
                optimizer = torch.optim.SGD([parameter], lr=RATE)
                schedule = get_scheduler(name, optimizer, steps, total, scheduler_specific_kwargs=dict(options))
                rates = []
                for _ in range(total + 3):
                    rates.append(schedule.get_last_lr()[0])
                    optimizer.step()
                    schedule.step()
                rows.append({"name": name, "base_rate": RATE, "warmup": warmup, "warmup_steps": steps,
                             "total_steps": total, "options": options, "rates": rates})
    return rows


def flat(tensor):
    """The shortest decimals that read back as the same float32."""
    return [float(str(x)) for x in tensor.detach().reshape(-1).numpy()]


def optimizers():
    generator = torch.Generator().manual_seed(7)
    start = {"weight": torch.randn(3, 4, generator=generator), "bias": torch.randn(4, generator=generator)}
    gradients = [
        {k: torch.randn(v.shape, generator=generator) * 10.0 ** (-(s % 4)) for k, v in start.items()} for s in range(STEPS)
    ]
    gradients[3]["bias"].zero_()  # a step without signal
    both = [{"params": ["weight", "bias"]}]
    apart = [{"params": ["weight"], "weight_decay": 0.1}, {"params": ["bias"], "weight_decay": 0.0, "lr": 5e-3}]
    runs = [
        ("AdamW", {"lr": 1e-2, "weight_decay": 0.0}, both, None),
        ("AdamW", {"lr": 1e-2, "weight_decay": 0.01}, both, None),
        ("AdamW", {"lr": 1e-2, "weight_decay": 0.05, "betas": [0.8, 0.95], "eps": 1e-6}, both, None),
        ("AdamW", {"lr": 1e-2, "weight_decay": 0.01}, apart, None),
        ("AdamW", {"lr": 1e-2, "weight_decay": 0.01}, apart, {"name": "linear", "warmup_steps": 3, "total_steps": STEPS}),
        ("SGD", {"lr": 1e-2}, both, None),
        ("SGD", {"lr": 1e-2, "weight_decay": 0.1}, both, None),
        ("SGD", {"lr": 1e-2, "momentum": 0.9}, both, None),
        ("SGD", {"lr": 1e-2, "momentum": 0.9, "weight_decay": 0.1}, apart, None),
        ("SGD", {"lr": 1e-2, "momentum": 0.9, "dampening": 0.5}, both, None),
        ("SGD", {"lr": 1e-2, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, both, None),
        ("SGD", {"lr": 1e-2, "momentum": 0.9, "nesterov": True}, apart,
         {"name": "cosine", "warmup_steps": 0, "total_steps": STEPS}),
    ]
    rows = []
    for kind, options, groups, schedule in runs:
        parameters = {k: torch.nn.Parameter(v.clone()) for k, v in start.items()}
        own = [{**g, "params": [parameters[k] for k in g["params"]]} for g in groups]
        optimizer = getattr(torch.optim, kind)(own, foreach=False, **options)
        follow = schedule and get_scheduler(schedule["name"], optimizer, schedule["warmup_steps"], schedule["total_steps"])
        trajectory = []
        for gradient in gradients:
            for key, parameter in parameters.items():
                parameter.grad = gradient[key].clone()
            optimizer.step()
            if follow:
                follow.step()
            trajectory.append({k: flat(p) for k, p in parameters.items()})
        rows.append({"kind": kind, "options": options, "groups": groups, "schedule": schedule, "trajectory": trajectory})
    return {
        "problem": {
            "shapes": {k: list(v.shape) for k, v in start.items()}, "start": {k: flat(v) for k, v in start.items()},
            "gradients": [{k: flat(v) for k, v in g.items()} for g in gradients]},
        "runs": rows, "tolerance": [1e-6, "absolute, on values near one: float32 with the operations in another order"],
    }


def clipping():
    generator = torch.Generator().manual_seed(8)
    rows = []
    for scale, limit in ((1.0, 1.0), (0.01, 1.0), (100.0, 0.5), (0.0, 1.0), (1.0, 1e9)):
        parameters = [torch.nn.Parameter(torch.zeros(n)) for n in (5, 3, 1)]
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator) * scale
        given = [flat(p.grad) for p in parameters]
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit, foreach=False)
        rows.append({"gradients": given, "max_norm": limit, "norm": float(norm), "clipped": [flat(p.grad) for p in parameters]})
    return rows


def number(value):
    value = float(value)
    return value if math.isfinite(value) else None


def metrics():
    random = np.random.default_rng(9)
    rows = []

    def classes(what, predictions, labels):
        predictions, labels = np.asarray(predictions), np.asarray(labels)
        inputs = {"predictions": predictions.tolist(), "labels": labels.tolist()}
        binary = set(np.unique(np.concatenate([predictions, labels]))) <= {0, 1}
        averages = (["binary"] if binary else []) + ["macro", "micro", "weighted"]

        def add(name, value, **options):
            rows.append({"name": name, "what": what, "options": options, **inputs, "value": number(value)})

        add("accuracy", sklearn.metrics.accuracy_score(labels, predictions))
        add("matthews_correlation", sklearn.metrics.matthews_corrcoef(labels, predictions))
        for average in averages:
            for name in ("f1", "precision", "recall"):
                function = getattr(sklearn.metrics, name + "_score")
                add(name, function(labels, predictions, average=average, zero_division=0), average=average)

    def values(what, predictions, labels):
        predictions, labels = np.asarray(predictions, dtype=float), np.asarray(labels, dtype=float)
        inputs = {"predictions": predictions.tolist(), "labels": labels.tolist()}
        for name, function in (
            ("pearson", scipy.stats.pearsonr), ("spearman", scipy.stats.spearmanr),
            ("mse", sklearn.metrics.mean_squared_error), ("mae", sklearn.metrics.mean_absolute_error),
        ):
            result = function(labels, predictions)
            value = result[0] if name in ("pearson", "spearman") else result
            rows.append({"name": name, "what": what, "options": {}, **inputs, "value": number(value)})

    classes("two classes", random.integers(0, 2, 40), random.integers(0, 2, 40))
    classes("four classes", random.integers(0, 4, 60), random.integers(0, 4, 60))
    classes("a class never predicted", random.integers(0, 2, 30), random.integers(0, 3, 30))
    classes("a class predicted that no label has", random.integers(0, 3, 30), random.integers(0, 2, 30))
    classes("all right", [0, 1, 2, 1, 0], [0, 1, 2, 1, 0])
    classes("one class predicted", [1] * 8, [0, 1, 1, 0, 1, 0, 0, 1])
    classes("one class only", [1] * 5, [1] * 5)
    classes("no positives at all", [0] * 5, [0] * 5)
    values("ties", np.round(random.normal(size=30), 0), np.round(random.normal(size=30), 0))
    noise = random.normal(size=25)
    values("correlated", np.round(noise + 0.5 * random.normal(size=25), 3), np.round(noise, 3))
    values("monotonic, not linear", [1, 2, 3, 4, 5], [1, 8, 27, 64, 125])
    values("opposite", [1, 2, 3, 4], [4, 3, 2, 1])
    values("constant", [2, 2, 2, 2], [1, 2, 3, 4])
    values("far from zero", np.round(1e4 + noise, 3), np.round(1e4 - noise**2, 3))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(common.GOLDENS / "optim.json"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    common.write_rows(options.out, {
        "generator": "scripts/goldens/optim.py",
        "versions": common.versions("torch", "transformers", "scikit-learn", "scipy", "numpy"),
        "schedules": schedules(), "optimizers": optimizers(), "clipping": clipping(), "metrics": metrics()})


if __name__ == "__main__":
    main()
