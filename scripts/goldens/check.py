"""Loads an adapter folder with PEFT, to prove that PEFT reads what lorawb wrote; prints one JSON object.

usage: python scripts/goldens/check.py --load MODEL_DIR ADAPTER_DIR [--inputs GOLDEN.safetensors | --ids '[[2,7],[9]]']
           [--task SEQ_CLS] [--num-labels N] [--problem-type multi_label_classification] [--merged OUT_DIR]
       python scripts/goldens/check.py --model MODEL_DIR --task SEQ_CLS --num-labels N [--inputs ...]     (a whole model, no adapter)

Prints: missing_keys and unexpected_keys as PEFT reports them (missing: of the adapter's own), keys_peft_would_write that the file
lacks and keys_peft_would_not_write that it has, mismatched dtypes, the trainable-parameters line, logits (token tasks: packed
[total tokens, labels]; bare models: last_hidden_state, packed). --inputs reads input.input_ids, input.attention_mask and
input.token_type_ids of a golden. --merged writes merge_and_unload's model there. Exits 1 where a key is missing or unexpected.
"""

import argparse
import json
import sys

import common

if __name__ == "__main__":
    common.reproducible_start()

import torch
from peft import PeftConfig, get_peft_model
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import (
    AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForQuestionAnswering, AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

AUTO = {
    "SEQ_CLS": AutoModelForSequenceClassification, "TOKEN_CLS": AutoModelForTokenClassification,
    "QUESTION_ANS": AutoModelForQuestionAnswering, "CAUSAL_LM": AutoModelForCausalLM, "FEATURE_EXTRACTION": AutoModel, None: AutoModel,
}
HEADS = ("classifier.weight", "classifier.out_proj.weight", "score.weight")


def labels_of(tensors):
    """The head's number of labels, read off the adapter's own head."""
    for key, tensor in tensors.items():
        if key.endswith(HEADS) and "pre_classifier" not in key and "original_module" not in key:
            return tensor.shape[0]
    return None


def read_inputs(options, config):
    if options.inputs:
        tensors = load_file(options.inputs)
        names = ("input_ids", "attention_mask", "token_type_ids")
        return {n: tensors[f"input.{n}"] for n in names if f"input.{n}" in tensors}
    rows = json.loads(options.ids)
    width = max(map(len, rows))
    pad = config.pad_token_id or 0
    return {
        "input_ids": torch.tensor([row + [pad] * (width - len(row)) for row in rows]),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
    }


def load(options, task, labels):
    config = AutoConfig.from_pretrained(options.model)
    keywords = {} if labels is None else {"num_labels": labels}
    if options.problem_type:
        keywords["problem_type"] = options.problem_type
    torch.manual_seed(0)
    return config, AUTO[task].from_pretrained(
        options.model, attn_implementation="eager", dtype=torch.float32, **keywords)


def vocabulary(adapter, path):
    """Entries of the vocabulary that the adapter was trained with: what the file says, else its last row."""
    with safe_open(path, "pt") as file:
        resizes = json.loads((file.metadata() or {}).get("lorawb.vocabulary", "[]"))
    tokens = adapter.trainable_token_indices or []
    rows = [row for rows in (tokens.values() if isinstance(tokens, dict) else [tokens]) for row in rows]
    return max([resize["to"] for resize in resizes] or [row + 1 for row in rows] or [0])


def attach(options, report):
    adapter = PeftConfig.from_pretrained(options.adapter)
    tensors = load_file(f"{options.adapter}/adapter_model.safetensors")
    task = options.task or (adapter.task_type and str(getattr(adapter.task_type, "value", adapter.task_type)))
    config, model = load(options, task, options.num_labels or labels_of(tensors))
    adapter.inference_mode = False
    size = vocabulary(adapter, f"{options.adapter}/adapter_model.safetensors")
    if size > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(size)
    model = get_peft_model(model, adapter)
    trained, total = model.get_nb_trainable_parameters()
    report["trainable"] = f"trainable params: {trained:,d} || all params: {total:,d} || trainable%: {100 * trained / total:.4f}"
    # The whole tables of a grown vocabulary, which PEFT would write, are none of an adapter's own.
    own = get_peft_model_state_dict(model, save_embedding_layers=False)
    result = set_peft_model_state_dict(model, tensors)
    wanted = [n for n, p in model.named_parameters() if p.requires_grad and "original_module" not in n]
    report["missing_keys"] = sorted(k for k in result.missing_keys if "lora_" in k or k in wanted)
    report["unexpected_keys"] = sorted(result.unexpected_keys)
    report["keys_peft_would_write"] = sorted(set(own) - set(tensors))
    report["keys_peft_would_not_write"] = sorted(set(tensors) - set(own))
    report["wrong_dtype_or_shape"] = sorted(
        k for k in set(own) & set(tensors) if own[k].dtype != tensors[k].dtype or own[k].shape != tensors[k].shape)
    return config, model, task


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", nargs=2, metavar=("MODEL_DIR", "ADAPTER_DIR"))
    parser.add_argument("--model")
    parser.add_argument("--task", choices=[t for t in AUTO if t])
    parser.add_argument("--num-labels", type=int)
    parser.add_argument("--problem-type")
    parser.add_argument("--inputs")
    parser.add_argument("--ids")
    parser.add_argument("--merged")
    options = parser.parse_args()
    report = {"versions": common.versions("torch", "transformers", "peft")}
    if options.load:
        options.model, options.adapter = options.load
        config, model, task = attach(options, report)
    elif options.model:
        task = options.task
        config, model = load(options, task, options.num_labels)
    else:
        parser.error("--load MODEL_DIR ADAPTER_DIR, or --model MODEL_DIR, is needed")
    model.eval()
    if options.inputs or options.ids:
        inputs = read_inputs(options, config)
        if config.model_type == "distilbert":
            inputs.pop("token_type_ids", None)
        with torch.no_grad():
            output = model(**inputs)
        answer = output.logits if hasattr(output, "logits") else output.last_hidden_state
        if answer.ndim == 3:
            answer = answer[inputs["attention_mask"].bool()]
        report["logits"] = answer.tolist()
    if options.merged:
        model.merge_and_unload().save_pretrained(options.merged)
    print(json.dumps(report, indent=1))
    sys.exit(1 if report.get("missing_keys") or report.get("unexpected_keys") else 0)


if __name__ == "__main__":
    main()
