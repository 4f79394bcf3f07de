"""Checks the goldens of models.py by a second computation that shares no code with it: numpy in float64, no torch, no padding.

usage: python scripts/goldens/verify.py [--goldens Tests/Goldens] [--only CASE ...] [--train bert-seq-cls]

Of every case: checksums, hidden states, logits, loss, merged logits, and entries of every gradient by central differences.
Of the case named by --train: the 20 AdamW steps too, their gradients by central differences throughout (about two minutes).
Exits 1 where anything is farther off than the bounds printed.
"""

import argparse
import hashlib
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

BOUNDS = {"hidden": 1e-5, "logits": 1e-5, "loss": 1e-5, "merged": 1e-5, "grad": 1e-4, "training": 1e-4}


def erf(x):
    return np.vectorize(math.erf, otypes=[float])(x)


def gelu(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def layer_norm(x, weight, bias, eps):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * weight + bias


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class Weights:
    """A checkpoint and any number of adapters over it, asked for by module path inside the bare model or the task's model."""

    def __init__(self, base, family):
        self.family = family
        self.tensors = {}
        for key, value in load_file(base / "model.safetensors").items():
            key = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", key)
            key = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", key)
            self.tensors[key.removeprefix(family + ".")] = value.astype(np.float64)
        self.adapters = []  # (tensors by key without "base_model.model.", config)

    def add_adapter(self, folder):
        config = json.loads((folder / "adapter_config.json").read_text())
        tensors = {}
        for key, value in load_file(folder / "adapter_model.safetensors").items():
            key = key.removeprefix("base_model.model.").removeprefix(self.family + ".")
            tensors[key] = value.astype(np.float64)
        self.adapters.append((tensors, config))

    def get(self, name):
        module, _, leaf = name.rpartition(".")
        for tensors, _ in self.adapters:
            for key in (name, f"{module}.base_layer.{leaf}"):
                if key in tensors:
                    return tensors[key]
        return self.tensors[name]

    def scaling(self, module, config, rank):
        full = module if self.bare else f"{self.family}.{module}"
        alpha = config["lora_alpha"]
        for key, value in (config["alpha_pattern"] or {}).items():
            if re.match(rf"(.*\.)?({key})$", full):
                alpha = value
                break
        return alpha / (math.sqrt(rank) if config["use_rslora"] else rank)

    def linear(self, module, x):
        if self.merged:
            weight = self.get(module + ".weight")
            for a, b, scale in self.factors(module):
                weight = weight + scale * (b @ a)
            return x @ weight.T + self.get(module + ".bias")
        y = x @ self.get(module + ".weight").T + self.get(module + ".bias")
        for a, b, scale in self.factors(module):
            y = y + scale * ((x @ a.T) @ b.T)
        return y

    def factors(self, module):
        for tensors, config in self.adapters:
            a = tensors.get(module + ".lora_A.weight")
            if a is not None:
                yield a, tensors[module + ".lora_B.weight"], self.scaling(module, config, a.shape[0])


class Encoder:
    """The forward of one sequence. [n] ids → ([n, d] states of all layers, pooled [d] or nothing)."""

    def __init__(self, weights, config):
        self.w, self.c = weights, config
        self.family = config["model_type"]

    def embed(self, ids, types):
        w, n = self.w, len(ids)
        eps = self.c.get("layer_norm_eps", 1e-12)
        first = self.c["pad_token_id"] + 1 if self.family == "roberta" else 0
        x = w.get("embeddings.word_embeddings.weight")[ids]
        x = x + w.get("embeddings.position_embeddings.weight")[first:first + n]
        if self.family != "distilbert":
            x = x + w.get("embeddings.token_type_embeddings.weight")[types]
        return layer_norm(x, w.get("embeddings.LayerNorm.weight"), w.get("embeddings.LayerNorm.bias"), eps)

    def attend(self, q, k, v):
        heads = self.c.get("num_attention_heads") or self.c["n_heads"]
        n, d = q.shape
        q, k, v = (t.reshape(n, heads, d // heads).transpose(1, 0, 2) for t in (q, k, v))
        p = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(d // heads))
        return (p @ v).transpose(1, 0, 2).reshape(n, d)

    def layer(self, x, i):
        w = self.w
        if self.family == "distilbert":
            at, eps = f"transformer.layer.{i}.", 1e-12
            names = ["attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm",
                     "ffn.lin1", "ffn.lin2", "output_layer_norm"]
        else:
            at, eps = f"encoder.layer.{i}.", self.c["layer_norm_eps"]
            names = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
                     "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"]
        q, k, v, out, norm1, up, down, norm2 = [at + n for n in names]
        a = self.attend(w.linear(q, x), w.linear(k, x), w.linear(v, x))
        x = layer_norm(w.linear(out, a) + x, w.get(norm1 + ".weight"), w.get(norm1 + ".bias"), eps)
        h = w.linear(down, gelu(w.linear(up, x)))
        return layer_norm(h + x, w.get(norm2 + ".weight"), w.get(norm2 + ".bias"), eps)

    def states(self, ids, types):
        result = [self.embed(ids, types)]
        for i in range(self.c.get("num_hidden_layers") or self.c["n_layers"]):
            result.append(self.layer(result[-1], i))
        return result

    def head(self, task, x):
        """The answer from the last state [n, d]."""
        w = self.w
        if task == "TOKEN_CLS":
            return w.linear("classifier", x)
        if self.family == "bert":
            return w.linear("classifier", np.tanh(w.linear("pooler.dense", x[:1])))[0]
        if self.family == "roberta":
            return w.linear("classifier.out_proj", np.tanh(w.linear("classifier.dense", x[:1])))[0]
        return w.linear("classifier", np.maximum(w.linear("pre_classifier", x[:1]), 0))[0]


def cross_entropy(logits, labels):
    kept = labels != -100
    logits, labels = logits[kept], labels[kept]
    top = logits.max(-1, keepdims=True)
    norm = np.log(np.exp(logits - top).sum(-1)) + top[:, 0]
    return (norm - logits[np.arange(len(labels)), labels]).mean()


class Case:
    def __init__(self, root, name):
        self.folder = root / name
        self.manifest = json.loads((self.folder / "golden.json").read_text())
        self.golden = load_file(self.folder / "golden.safetensors")
        base = root / self.manifest["base"]
        config = json.loads((base / "config.json").read_text())
        self.weights = Weights(base, config["model_type"])
        self.weights.bare = self.manifest["task_type"] == "FEATURE_EXTRACTION"
        self.weights.merged = False
        for adapter in self.manifest["adapters"].values():
            self.weights.add_adapter(self.folder / adapter["path"])
        self.encoder = Encoder(self.weights, config)
        self.task = self.manifest["task_type"]

    def batch(self, prefix):
        return {k[len(prefix) + 1:]: v for k, v in self.golden.items() if k.startswith(prefix + ".")}

    def forward(self, batch):
        states, logits, labels, pooled = [], [], [], []
        lengths = batch["attention_mask"].sum(-1)
        for row, n in enumerate(lengths):
            ids = batch["input_ids"][row, :n]
            types = batch["token_type_ids"][row, :n] if "token_type_ids" in batch else np.zeros(n, dtype=int)
            own = self.encoder.states(ids, types)
            states.append(own)
            if self.task == "FEATURE_EXTRACTION":
                labels.append(batch["target"][row, :n])
                pooled.append(np.tanh(self.weights.linear("pooler.dense", own[-1][:1]))[0])
            else:
                logits.append(self.encoder.head(self.task, own[-1]))
                labels.append(batch["labels"][row, :n] if self.task == "TOKEN_CLS" else batch["labels"][row])
        states = [np.concatenate(s) for s in zip(*states)]
        if self.task == "FEATURE_EXTRACTION":
            return states, states[-1], ((states[-1] - np.concatenate(labels)) ** 2).mean(), np.stack(pooled)
        if self.task == "TOKEN_CLS":
            logits = np.concatenate(logits)
            return states, logits, cross_entropy(logits, np.concatenate(labels)), None
        logits, labels = np.stack(logits), np.stack(labels)
        if self.manifest["num_labels"] == 1:
            loss = ((logits[:, 0] - labels) ** 2).mean()
        elif self.manifest["problem_type"]:
            loss = (np.logaddexp(0, logits) - logits * labels).mean()
        else:
            loss = cross_entropy(logits, labels)
        return states, logits, loss, None

    def parameters(self):
        """Golden key → the array that training changes."""
        result, two = {}, len(self.weights.adapters) > 1
        for index, (tensors, _) in enumerate(self.weights.adapters):
            owner = self.manifest["active_adapters"][index]
            prefix = "" if self.weights.bare else self.weights.family + "."
            for key, value in tensors.items():
                inside = "" if re.match("(pre_)?classifier", key) else prefix
                result[(owner + "/" if two else "") + "base_model.model." + inside + key] = value
        if not self.weights.adapters:
            for key, value in self.weights.tensors.items():
                result[key if key.startswith("classifier") else f"{self.weights.family}.{key}"] = value
        return result

    def slope(self, array, index, batch, step=1e-6):
        kept = array[index]
        array[index] = kept + step
        up = self.forward(batch)[2]
        array[index] = kept - step
        down = self.forward(batch)[2]
        array[index] = kept
        return (up - down) / (2 * step)


def far(value, truth):
    return float(np.abs(value - truth).max() / max(np.abs(truth).max(), 1e-30))


def check_case(root, name, entries=6):
    case = Case(root, name)
    golden, worst = case.golden, {}
    for path, digest in case.manifest["files"].items():
        if hashlib.sha256((case.folder / path).read_bytes()).hexdigest() != digest:
            sys.exit(f"{name}: {path}: checksum differs from golden.json")

    def note(kind, value, truth):
        worst[kind] = max(worst.get(kind, 0), far(value, truth))

    batch = case.batch("input")
    states, answer, loss, pooled = case.forward(batch)
    for i, state in enumerate(states):
        if f"hidden_states.{i}" in golden:
            note("hidden", golden[f"hidden_states.{i}"], state)
    kind = "last_hidden_state" if pooled is not None else "logits"
    note("logits", golden[kind], answer)
    if pooled is not None:
        note("logits", golden["pooler_output"], pooled)
    note("loss", golden["loss"], loss)
    if case.weights.adapters:
        case.weights.merged = True
        note("merged", golden["merged." + kind], case.forward(batch)[1])
        case.weights.merged = False

    random = np.random.default_rng(0)
    parameters, checked = case.parameters(), 0
    for key, gradient in sorted(golden.items()):
        if not key.startswith("grad/") or key[5:] in case.manifest["indeterminate"]:
            continue
        places = {int(np.abs(gradient).argmax())} | {int(i) for i in random.integers(0, gradient.size, entries)}
        for place in places:
            index = np.unravel_index(place, gradient.shape)
            slope = case.slope(parameters[key[5:]], index, batch)
            worst["grad"] = max(worst.get("grad", 0), abs(gradient[index] - slope) / np.abs(gradient).max())
            checked += 1
    return worst, checked


def check_training(root, name):
    """The 20 steps again: AdamW with decoupled decay, linear schedule with warm-up, clipping by the global norm."""
    case = Case(root, name)
    t, parameters, golden = case.manifest["training"], case.parameters(), case.golden
    moments = {k: (np.zeros_like(v), np.zeros_like(v)) for k, v in parameters.items()}
    (beta1, beta2), worst = t["betas"], {}
    for step in range(t["total_steps"]):
        batch = case.batch(f"train.{step % 4}")
        loss = case.forward(batch)[2]
        gradients = {}
        for key, array in parameters.items():
            gradient = np.empty_like(array)
            for index in np.ndindex(array.shape):
                gradient[index] = case.slope(array, index, batch)
            gradients[key] = gradient
        norm = math.sqrt(sum((g**2).sum() for g in gradients.values()))
        shrink = min(1.0, t["max_grad_norm"] / (norm + 1e-6))
        done, warm, total = step, t["warmup_steps"], t["total_steps"]
        rate = t["learning_rate"] * (done / warm if done < warm else (total - done) / (total - warm))
        for key, array in parameters.items():
            m, v = moments[key]
            g = gradients[key] * shrink
            if "bias" not in key and "LayerNorm" not in key:
                array *= 1 - rate * t["weight_decay"]
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            array -= rate * (m / (1 - beta1 ** (step + 1))) / (np.sqrt(v / (1 - beta2 ** (step + 1))) + t["eps"])
        for kind, value in (("loss", loss), ("grad_norm", norm), ("learning_rate", rate)):
            worst[kind] = max(worst.get(kind, 0), abs(golden["step." + kind][step] - value) / max(abs(value), 1e-30))
    for key, array in parameters.items():
        worst["final"] = max(worst.get("final", 0), far(golden["final/" + key], array))
    worst["final.logits"] = far(golden["final.logits"], case.forward(case.batch("input"))[1])
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--goldens", default=str(Path(__file__).resolve().parents[2] / "Tests" / "Goldens"))
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--train", nargs="*", default=[])
    options = parser.parse_args()
    root, failed = Path(options.goldens), False
    for folder in sorted(root.glob("*/golden.json")):
        name = folder.parent.name
        if options.only is not None and name not in options.only:
            continue
        worst, checked = check_case(root, name)
        bad = {k: v for k, v in worst.items() if v > BOUNDS[k]}
        failed |= bool(bad)
        print(f"{name}: {checked} gradient entries; " + ", ".join(f"{k} {v:.1e}" for k, v in worst.items())
              + (f"  FAR OFF: {sorted(bad)}" if bad else ""), flush=True)
    for name in options.train:
        worst = check_training(root, name)
        bad = {k: v for k, v in worst.items() if v > BOUNDS["training"]}
        failed |= bool(bad)
        print(f"{name}, training: " + ", ".join(f"{k} {v:.1e}" for k, v in worst.items())
              + (f"  FAR OFF: {sorted(bad)}" if bad else ""), flush=True)
    print(f"bounds: {BOUNDS}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
