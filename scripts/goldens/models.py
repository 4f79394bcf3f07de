"""Goldens of models, adapters and training, made with transformers and PEFT from tiny random models.

usage: python scripts/goldens/models.py [--out Tests/Goldens] [--only CASE ...]

Writes <out>/models/<base>/ (Hugging Face folders) and <out>/<case>/ (adapter/, golden.safetensors, golden.json).
Two runs write the same bytes. scripts/goldens/README.md says what each name in a golden means.
"""

import argparse
import copy
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import common

if __name__ == "__main__":
    common.reproducible_start()

import torch
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import nn
from transformers import (
    AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForTokenClassification, BertConfig,
    BertForPreTraining, BertForSequenceClassification, BertModel, DistilBertConfig, DistilBertForMaskedLM,
    RobertaConfig, RobertaForMaskedLM, get_scheduler,
)
from transformers.trainer_pt_utils import get_parameter_names

VOCAB, POSITIONS, WIDTH, HEADS, INNER = 120, 64, 32, 4, 64
STEPS, WARMUP, RATE, DECAY, CLIP = 20, 5, 1e-2, 0.01, 1.0
BATCHES = 4  # the 20 steps go round these
LENGTHS = [[9, 12, 3, 7, 1], [5, 2, 11, 4, 8], [6, 6, 10, 3, 2], [12, 1, 4, 9, 7]]
# Name patterns that take no weight decay, from Trainer.get_decay_parameter_names of the pinned transformers.
NO_DECAY = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]

# What full fine-tuning leaves out of `final/`.
LOWER = ["embeddings", "layer.0", "embed_tokens", "layers.0.", ".wte.", ".wpe.", ".h.0."]


# ---- base models

def bert_config(**more):
    return BertConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=INNER,
        max_position_embeddings=POSITIONS, type_vocab_size=2, initializer_range=0.2, layer_norm_eps=1e-12,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=0, **more)


def roberta_config():
    return RobertaConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, num_hidden_layers=3, num_attention_heads=HEADS, intermediate_size=INNER,
        max_position_embeddings=POSITIONS + 2, type_vocab_size=1, initializer_range=0.2, layer_norm_eps=1e-5,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=1, bos_token_id=0, eos_token_id=2)


def distilbert_config():
    return DistilBertConfig(
        vocab_size=VOCAB, dim=WIDTH, n_layers=2, n_heads=HEADS, hidden_dim=INNER, max_position_embeddings=POSITIONS,
        initializer_range=0.2, dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0, pad_token_id=0)


BASES = {
    # name: (class, config, seed, what it stands for)
    "bert-classifier": (
        BertForSequenceClassification, lambda: bert_config(num_labels=3), 11,
        "saved from BertForSequenceClassification: prefix 'bert.', head 'classifier' in the checkpoint"),
    "bert-bare": (
        BertModel, bert_config, 12, "saved from BertModel, as MiniLM is: no prefix, no head, pooler present"),
    "bert-pretraining": (
        BertForPreTraining, bert_config, 13,
        "as bert-base-uncased's file: prefix 'bert.', LayerNorm.gamma/.beta, cls.* that no task uses, position_ids"),
    "roberta-mlm": (
        RobertaForMaskedLM, roberta_config, 14, "as roberta-base: prefix 'roberta.', lm_head.* unused, no pooler"),
    "distilbert-mlm": (
        DistilBertForMaskedLM, distilbert_config, 15,
        "as distilbert-base-uncased: prefix 'distilbert.', vocab_* unused"),
}


def make_base(name):
    cls, config, seed, _ = BASES[name]
    torch.manual_seed(seed)
    model = cls(config())
    generator = torch.Generator().manual_seed(seed * 1000)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in parameter_name.lower() and parameter_name.endswith("weight"):
                parameter.copy_(1 + 0.2 * noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.2 * noise)
    folder = Path("models") / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if name == "bert-pretraining":
        rename_as_old(folder / "model.safetensors")
    return folder


def rename_as_old(path):
    """The names that Google's checkpoints brought with them, still in the files of bert-base-*."""
    from safetensors.torch import load_file

    tensors = load_file(path)
    renamed = {}
    for key, value in tensors.items():
        if "LayerNorm" in key:
            key = key.replace(".weight", ".gamma").replace(".bias", ".beta")
        renamed[key] = value
    renamed["bert.embeddings.position_ids"] = torch.arange(POSITIONS).unsqueeze(0)
    save_file(renamed, path, metadata={"format": "pt"})


# ---- cases

def lora(task_type=None, **options):
    return dict(task_type=task_type, **options)


CASES = {
    "bert-seq-cls": dict(
        base="bert-classifier", task="SEQ_CLS", labels=3,
        adapters={"default": lora("SEQ_CLS", r=4, lora_alpha=8, target_modules=["query", "value"])},
        what="single label, LoRA r 4 on query and value; the head is in the checkpoint, trained and saved by PEFT's rule"),
    "bert-pair": dict(
        states=True, base="bert-bare", task="SEQ_CLS", labels=2, pairs=True,
        adapters={"default": lora("SEQ_CLS", r=4, lora_alpha=32, target_modules=["query", "key", "value"])},
        what="pairs with token types; head absent from the checkpoint, given by the adapter file"),
    "bert-regression": dict(
        base="bert-bare", task="SEQ_CLS", labels=1,
        adapters={"default": lora("SEQ_CLS", r=3, lora_alpha=6, target_modules=["value", "output.dense"])},
        what="num_labels 1: mean squared error; 'output.dense' matches attention.output.dense and output.dense"),
    "bert-multi-label": dict(
        base="bert-bare", task="SEQ_CLS", labels=4, problem="multi_label_classification",
        adapters={"default": lora("SEQ_CLS", r=4, lora_alpha=4, target_modules="all-linear")},
        what="multi-label: binary cross entropy with logits; all-linear takes the pooler in, the classifier not"),
    "bert-token-cls": dict(
        states=True, base="bert-pretraining", task="TOKEN_CLS", labels=5,
        adapters={"default": lora("TOKEN_CLS", r=4, lora_alpha=8, target_modules=r".*\.layer\.\d+\..*(query|intermediate\.dense)")},
        what="token labels with -100; checkpoint with LayerNorm.gamma/.beta; target_modules is a regular expression"),
    "bert-bias-all": dict(
        base="bert-classifier", task="SEQ_CLS", labels=3,
        adapters={"default": lora("SEQ_CLS", r=2, lora_alpha=4, target_modules=["query"], bias="all")},
        what="bias 'all': every bias of the base trains and is saved; PEFT's file has classifier.original_module.* and "
             "classifier.modules_to_save.default.* besides, which a reader passes over"),
    "roberta-all-linear-rslora": dict(
        states=True, base="roberta-mlm", task="SEQ_CLS", labels=2,
        adapters={"default": lora("SEQ_CLS", r=8, lora_alpha=16, target_modules="all-linear", use_rslora=True,
                                  modules_to_save=["classifier"])},
        what="rank-stabilised scaling 16/sqrt(8); RobertaClassificationHead in modules_to_save"),
    "roberta-patterns": dict(
        base="roberta-mlm", task="SEQ_CLS", labels=2,
        adapters={"default": lora(
            "SEQ_CLS", r=4, lora_alpha=8, target_modules=["query", "value", "dense"],
            exclude_modules=["intermediate.dense"], layers_to_transform=[0, 2], layers_pattern="layer",
            # PEFT writes these sorted, and takes the first that matches: other orders do not survive its own file.
            rank_pattern={"attention.output.dense": 3, "attention.self.value": 2, "layer.2.attention.self.value": 6},
            alpha_pattern={"layer.2.attention.self.query": 20, "output.dense": 5})},
        what="rank_pattern (the first key that matches wins: value gets rank 2 in layer 2 too), alpha_pattern, "
             "layers_to_transform, exclude_modules"),
    "roberta-bias-lora-only": dict(
        base="roberta-mlm", task="SEQ_CLS", labels=2,
        adapters={"default": lora("SEQ_CLS", r=4, lora_alpha=8, target_modules=["query", "value"], bias="lora_only")},
        what="bias 'lora_only': biases of adapted linears train, saved as .base_layer.bias"),
    "roberta-token-cls": dict(
        base="roberta-mlm", task="TOKEN_CLS", labels=3,
        adapters={"default": lora("TOKEN_CLS", r=4, lora_alpha=8)},
        what="token labels on RoBERTa; target_modules left to the table (query, value)"),
    "distilbert-seq-cls": dict(
        states=True, base="distilbert-mlm", task="SEQ_CLS", labels=2,
        adapters={"default": lora("SEQ_CLS", r=4, lora_alpha=8, target_modules=["q_lin", "v_lin"])},
        what="pre_classifier ends in 'classifier' and so is trained and saved too"),
    "distilbert-token-cls": dict(
        base="distilbert-mlm", task="TOKEN_CLS", labels=4,
        adapters={"default": lora("TOKEN_CLS", r=4, lora_alpha=8, target_modules=["q_lin", "k_lin", "lin2"])},
        what="token labels on DistilBERT"),
    "bert-two-adapters": dict(
        states=True, base="bert-classifier", task="SEQ_CLS", labels=3,
        adapters={
            "first": lora(None, r=4, lora_alpha=8, target_modules=["query", "value"]),
            "second": lora(None, r=2, lora_alpha=6, target_modules=["query", "key", "output.dense"]),
        },
        what="two adapters active, their contributions summed; no task type, so the checkpoint's head stays frozen"),
    "bert-feature-extraction": dict(
        states=True, base="bert-bare", task="FEATURE_EXTRACTION", labels=None, train=False,
        adapters={"default": lora("FEATURE_EXTRACTION", r=4, lora_alpha=8, target_modules=["query", "value"])},
        what="bare model: last_hidden_state, pooler_output; loss is the mean square distance of last_hidden_state to "
             "input.target over real tokens and features"),
    "bert-full": dict(
        base="bert-classifier", task="SEQ_CLS", labels=3, adapters={},
        what="no adapter: full fine-tuning, gradients of all parameters by their checkpoint names"),
    "bert-lora-dropout-eval": dict(
        base="bert-classifier", task="SEQ_CLS", labels=3, train=False,
        adapters={"default": lora("SEQ_CLS", r=4, lora_alpha=8, lora_dropout=0.5, target_modules=["query", "value"])},
        what="lora_dropout 0.5, but evaluation mode: dropout does nothing"),
}

AUTO = {
    "SEQ_CLS": AutoModelForSequenceClassification, "TOKEN_CLS": AutoModelForTokenClassification,
    "FEATURE_EXTRACTION": AutoModel, "CAUSAL_LM": AutoModelForCausalLM,
}


def make_batch(case, lengths, generator, pad, has_types):
    rows, width = len(lengths), max(lengths)
    ids = torch.full((rows, width), pad)
    mask = torch.zeros(rows, width, dtype=torch.int64)
    types = torch.zeros(rows, width, dtype=torch.int64)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(5, case.get("vocab", VOCAB), (length,), generator=generator)
        if case.get("ends_in_padding") == row:
            ids[row, length - 2:length] = pad
        mask[row, :length] = 1
        if case.get("pairs"):
            types[row, (length + 1) // 2:length] = 1
    batch = {"input_ids": ids, "attention_mask": mask}
    if has_types:
        batch["token_type_ids"] = types
    if case["task"] == "CAUSAL_LM":
        # The ids themselves, those of a prompt (the first third of a row) without a loss.
        prompt = torch.arange(width) < torch.tensor(lengths).unsqueeze(1) // 3
        batch["labels"] = ids.masked_fill(prompt | (mask == 0), -100)
    elif case["task"] == "TOKEN_CLS":
        labels = torch.randint(0, case["labels"], (rows, width), generator=generator)
        unlabelled = torch.rand(rows, width, generator=generator) < 0.3
        batch["labels"] = labels.masked_fill(unlabelled | (mask == 0), -100)
    elif case["task"] == "FEATURE_EXTRACTION":
        batch["target"] = torch.randn(rows, width, WIDTH, generator=generator)
    elif case["labels"] == 1:
        batch["labels"] = torch.randn(rows, generator=generator)
    elif case.get("problem") == "multi_label_classification":
        batch["labels"] = (torch.rand(rows, case["labels"], generator=generator) < 0.4).float()
    else:
        batch["labels"] = torch.randint(0, case["labels"], (rows,), generator=generator)
    return batch


def file_key(name, adapter):
    """The name under which PEFT writes the parameter `name`."""
    return name.replace(f".modules_to_save.{adapter}.", ".").replace(f".{adapter}.", ".").removesuffix(f".{adapter}")


def grow(model, size):
    """resize_token_embeddings, new rows exactly the mean: transformers' draws about it are none that anybody else makes."""
    before = model.get_input_embeddings().weight.shape[0]
    model.resize_token_embeddings(size)
    heads = [head for head in (model.get_output_embeddings(),) if head is not None]
    with torch.no_grad():
        for module in [model.get_input_embeddings()] + heads:
            module.weight[before:] = module.weight[:before].double().mean(0).float()


def make_model(name, case, seed):
    options = {} if case["labels"] is None else {"num_labels": case["labels"]}
    if case.get("problem"):
        options["problem_type"] = case["problem"]
    torch.manual_seed(seed)
    model = AUTO[case["task"]].from_pretrained(
        f"models/{case['base']}", attn_implementation="eager", dtype=torch.float32, **options)
    if case.get("resize"):
        grow(model, case["resize"])
    if not case["adapters"]:
        return model.train()
    names = list(case["adapters"])
    for index, (adapter, config) in enumerate(case["adapters"].items()):
        if index == 0:
            model = get_peft_model(model, LoraConfig(**config), adapter_name=adapter)
        else:
            model.add_adapter(adapter, LoraConfig(**config))
    if len(names) > 1:
        model.base_model.set_adapter(names)
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if not parameter.requires_grad or "original_module" in parameter_name:
                continue
            noise = torch.randn(parameter.shape, generator=generator)
            if "lora_A" in parameter_name:
                parameter.copy_(noise / parameter.shape[1] ** 0.5)
            elif "lora_B" in parameter_name:
                parameter.copy_(0.1 * noise)
            else:  # heads, biases and rows of tokens: another value than the base's, so that whoever reads the base's is found out
                parameter.copy_(parameter + 0.1 * noise)
    return model.train()


def trainable(model, names):
    """(key in the golden, parameter name, parameter) of all that trains."""
    result = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        owner = next((n for n in names if f".{n}." in name), names[0] if names else None)
        key = name if owner is None else file_key(name, owner)
        if len(names) > 1:
            key = f"{owner}/{key}"
        result.append((key, name, parameter))
    return result


def loss_of(case, model, batch, dtype):
    inputs = {k: v.to(dtype) if v.is_floating_point() else v for k, v in batch.items() if k != "target"}
    output = one_by_one(case, model, inputs) if case.get("apart") else model(**inputs, output_hidden_states=True)
    if case["task"] == "FEATURE_EXTRACTION":
        real = batch["attention_mask"].bool()
        return output, ((output.last_hidden_state[real] - batch["target"].to(dtype)[real]) ** 2).mean()
    return output, output.loss


def one_by_one(case, model, inputs):
    """A model's output with each row computed alone: where a row's numbers depend on the longest of its batch, and where a window leaves
    padding nothing to see, which in float64 gives no number."""
    outputs = []
    for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"]):
        forget_lengths(model)
        outputs.append(model(input_ids=ids[mask.bool()].unsqueeze(0), output_hidden_states=True))
    width = inputs["input_ids"].shape[1]

    def joined(tensors):
        return torch.cat([nn.functional.pad(t, (0, 0, 0, width - t.shape[1])) for t in tensors])

    hidden_states = [joined(states) for states in zip(*(o.hidden_states for o in outputs))]
    if case["task"] == "FEATURE_EXTRACTION":
        return SimpleNamespace(
            last_hidden_state=joined([o.last_hidden_state for o in outputs]), hidden_states=hidden_states)
    labels = inputs["labels"]
    if case["task"] == "SEQ_CLS":
        logits = torch.cat([o.logits for o in outputs])
        loss = nn.functional.cross_entropy(logits, labels)
    else:
        logits = joined([o.logits for o in outputs])
        shift = case["task"] == "CAUSAL_LM"
        loss = nn.functional.cross_entropy(
            (logits[:, :-1] if shift else logits).flatten(0, 1), (labels[:, 1:] if shift else labels).flatten())
    return SimpleNamespace(logits=logits, loss=loss, hidden_states=hidden_states)


def forget_lengths(model):
    """Frequencies as of a model that has seen no text yet: "dynamic" ones keep those of the longest text."""
    for module in model.modules():
        if hasattr(module, "original_inv_freq"):
            module.max_seq_len_cached = module.original_max_seq_len
            module.inv_freq = module.original_inv_freq.clone()


def packed(tensor, batch):
    return tensor[batch["attention_mask"].bool()]


def run(case, model, batches, dtype):
    """All figures of a case, in `dtype`; the float64 run only tells how far float32 is from the truth."""
    names = list(case["adapters"])
    model = copy.deepcopy(model).to(dtype)
    figures, unreached = {}, []
    if case.get("train") is False:
        model.eval()
    batch = batches[0]
    output, loss = loss_of(case, model, batch, dtype)
    loss.backward()
    figures["loss"] = loss.detach()
    if case["task"] == "FEATURE_EXTRACTION":
        figures["last_hidden_state"] = packed(output.last_hidden_state, batch).detach()
        if getattr(output, "pooler_output", None) is not None:
            figures["pooler_output"] = output.pooler_output.detach()
    else:
        figures["logits"] = (output.logits if case["task"] == "SEQ_CLS" else packed(output.logits, batch)).detach()
    if case.get("states"):
        for index, state in enumerate(output.hidden_states):
            figures[f"hidden_states.{index}"] = packed(state, batch).detach()
    for key, name, parameter in trainable(model, names):
        if parameter.grad is None:
            unreached.append(name)
        else:
            figures[f"grad/{key}"] = parameter.grad.clone()

    merged = copy.deepcopy(model)
    if names:
        merged = merged.merge_and_unload(adapter_names=names)
        with torch.no_grad():
            figures["merged." + answer_name(case)] = answer(case, merged.eval(), batch, dtype)

    if case.get("train") is not False:
        figures.update(train(case, model, batches, dtype, names))
    return figures, unreached


def answer_name(case):
    return "last_hidden_state" if case["task"] == "FEATURE_EXTRACTION" else "logits"


def answer(case, model, batch, dtype):
    output, _ = loss_of(case, model, batch, dtype)
    value = getattr(output, answer_name(case))
    return value if case["task"] == "SEQ_CLS" else packed(value, batch)


def train(case, model, batches, dtype, names):
    decayed = set(get_parameter_names(model, [nn.LayerNorm], NO_DECAY))
    parameters = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for n, p in parameters if n in decayed], "weight_decay": DECAY},
        {"params": [p for n, p in parameters if n not in decayed], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.999), eps=1e-8, foreach=False, fused=False)
    schedule = get_scheduler("linear", optimizer, num_warmup_steps=WARMUP, num_training_steps=STEPS)
    losses, norms, rates = [], [], []
    for step in range(STEPS):
        model.zero_grad()
        _, loss = loss_of(case, model, batches[step % BATCHES], dtype)
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_([p for _, p in parameters], CLIP).detach())
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
        losses.append(loss.detach())
    figures = {
        "step.loss": torch.stack(losses), "step.grad_norm": torch.stack(norms),
        "step.learning_rate": torch.tensor(rates, dtype=dtype),
    }
    for key, _, parameter in trainable(model, names):
        if not names and any(part in key for part in LOWER):
            continue  # full fine-tuning: the upper layer and the head say enough, and keep the file small
        figures[f"final/{key}"] = parameter.detach().clone()
    model.eval()
    with torch.no_grad():
        figures["final.logits"] = answer(case, model, batches[0], dtype)
    return figures


def distance(value, truth):
    """Relative distance in the largest entry, the measure of the tolerances."""
    scale = truth.abs().max().item()
    return (value.double() - truth).abs().max().item() / scale if scale > 0 else value.abs().max().item()


def tolerances():
    return {
        "logits, hidden_states, last_hidden_state, pooler_output, merged, final.logits":
            [1e-4, "relative to the largest entry: float32 sums in another order"],
        "loss": [1e-5, "relative"],
        "grad": [1e-3, "relative to the largest entry of the tensor, cosine > 0.9999"],
        "step.loss, step.grad_norm": [1e-3, "relative: twenty steps carry the rounding of each on"],
        "step.learning_rate": [1e-6, "relative: computed in double by both"],
        "final": [1e-2, "relative to the largest entry: Adam divides by the root of v, so that entries whose gradient "
                        "is nearly zero are moved by rounding"],
        "float64_distance": "how far this float32 run is from the same run in float64: the largest relative distance "
                            "per group of figures, without the indeterminate ones",
        "indeterminate": "parameters whose true gradient is zero (a key's bias adds a constant to each softmax row): "
                         "grad/ and final/ of these hold rounding noise and are not to be compared",
    }


def make_case(name, case, seed, script="models.py", more=lambda model: {}):
    """Writes a case; `more` gives what else its golden.json has, of the model before training."""
    model = make_model(name, case, seed)
    family = model.config.model_type
    generator = torch.Generator().manual_seed(seed + 2)
    all_lengths = case.get("lengths", LENGTHS)
    batches = [
        make_batch(case, lengths, generator, model.config.pad_token_id, family == "bert" or case.get("pairs"))
        for lengths in all_lengths
    ]
    folder = Path(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    names = list(case["adapters"])
    if names:
        model.save_pretrained(folder / "adapter", **case.get("saving", {}))
        for readme in folder.rglob("README.md"):
            readme.unlink()

    figures, unreached = run(case, model, batches, torch.float32)
    exact, _ = run(case, model, batches, torch.float64)
    distances = {key: distance(value, exact[key]) for key, value in figures.items()}
    noise = sorted(k.removeprefix("grad/") for k, d in distances.items() if k.startswith("grad/") and d > 1e-3)
    groups = {}
    for key, d in distances.items():
        group, _, parameter = key.partition("/")
        if parameter not in noise:
            groups[group] = max(groups.get(group, 0), float(f"{d:.2g}"))
    tensors = dict(figures)
    for key, value in batches[0].items():
        tensors[f"input.{key}"] = value
    tensors["input.lengths"] = torch.tensor(all_lengths[0])
    if case.get("train") is not False:
        for key in batches[0]:
            tensors.update({f"train.{i}.{key}": b[key] for i, b in enumerate(batches)})
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder / "golden.safetensors", metadata={"format": "pt"})

    manifest = {
        "generator": f"scripts/goldens/{script}", "case": name, "what": case["what"], "seed": seed,
        "versions": common.versions("torch", "transformers", "peft", "safetensors"),
        "base": f"models/{case['base']}", "model_type": family, "task_type": case["task"],
        "num_labels": case["labels"], "problem_type": case.get("problem"), "mode": "eval" if case.get("train") is False else "train",
        "adapters": {n: {"path": "adapter" if n == "default" else f"adapter/{n}", "config": c}
                     for n, c in case["adapters"].items()},
        "active_adapters": names,
        "tolerances": tolerances(),
        "float64_distance": groups,
        "indeterminate": noise,
        "unreached": sorted(unreached),
        "files": common.checksums(folder),
    }
    if names:
        manifest["file_keys"] = {n: sorted(get_peft_model_state_dict(model, adapter_name=n, **case.get("saving", {})))
                                 for n in names}
    if case.get("train") is not False:
        manifest["training"] = {
            "optimizer": "AdamW", "betas": [0.9, 0.999], "eps": 1e-8, "learning_rate": RATE, "weight_decay": DECAY,
            "no_decay": "nn.LayerNorm parameters and names matching " + " | ".join(NO_DECAY), "schedule": "linear",
            "warmup_steps": WARMUP, "total_steps": STEPS, "max_grad_norm": CLIP, "batch_of_step": "train.<step % 4>",
        }
    manifest.update(more(model))
    common.write_json(folder / "golden.json", manifest)
    print(f"{name}: {sum(p.stat().st_size for p in folder.rglob('*') if p.is_file()) // 1024} KB, noise {noise}, "
          f"unreached {unreached}, from float64 {groups}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(common.GOLDENS))
    parser.add_argument("--only", nargs="*", default=None)
    options = parser.parse_args()
    Path(options.out).mkdir(parents=True, exist_ok=True)
    os.chdir(options.out)
    for name in BASES:
        folder = make_base(name)
        common.write_json(folder / "base.json", {
            "generator": "scripts/goldens/models.py", "what": BASES[name][3], "seed": BASES[name][2],
            "files": common.checksums(folder, without=("base.json",))})
    for name, case in CASES.items():
        if options.only is None or name in options.only:
            make_case(name, case, 100 + 10 * list(CASES).index(name))


if __name__ == "__main__":
    main()
