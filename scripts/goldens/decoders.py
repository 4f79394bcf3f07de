"""Goldens of decoders, made with transformers and PEFT from tiny random models: what models.py makes of encoders, and generation.

usage: python scripts/goldens/decoders.py [--out Tests/Goldens] [--only CASE ...]

Writes <out>/models/<base>/ (Hugging Face folders) and <out>/<case>/ (adapter/, golden.safetensors, golden.json).
Two runs write the same bytes. scripts/goldens/README.md says what each name in a golden means.
"""

import argparse
import copy
import json
import os
import shutil
from pathlib import Path

import common

if __name__ == "__main__":
    common.reproducible_start()

import torch
from transformers import (
    AutoConfig, AutoModelForCausalLM, Gemma2Config, Gemma3TextConfig, GPT2Config, LlamaConfig, MistralConfig,
    Phi3Config, Qwen2Config, Qwen3Config, SmolLM3Config,
)

import models
from models import lora

VOCAB, WIDTH, INNER = 72, 24, 32
GREEDY, BEAMS, BEAM_TOKENS = 40, 4, 20


def sizes(**more):
    """What all have; ends are turned off so that generation runs to its length."""
    return dict(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, initializer_range=0.2, pad_token_id=0, bos_token_id=1,
        eos_token_id=None, attention_dropout=0.0, classifier_dropout=0.0) | more


def with_theta(config):
    """rope_parameters in the spelling of older files: rope_theta, and rope_scaling with what remains."""
    parameters = config.pop("rope_parameters")
    config["rope_theta"] = parameters.pop("rope_theta")
    kind = parameters.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else {"type": kind, **parameters}


def with_two_thetas(config):
    """Gemma 3's older spelling: a theta for each kind of layer, the pattern as a number."""
    parameters = config.pop("rope_parameters")
    config["rope_theta"] = parameters["full_attention"]["rope_theta"]
    config["rope_local_base_freq"] = parameters["sliding_attention"]["rope_theta"]
    config["rope_scaling"] = {"rope_type": "linear", "factor": parameters["full_attention"]["factor"]}
    config.pop("layer_types")
    config["sliding_window_pattern"] = 3


def longrope(pairs):
    return dict(
        rope_type="longrope", rope_theta=10000.0, short_factor=[1.0 + 0.1 * i for i in range(pairs)],
        long_factor=[1.5 + 0.7 * i for i in range(pairs)])


BASES = {
    # name: config, what it stands for; dtype and shards of the file, the spelling of its config.json
    "llama": dict(
        config=lambda: LlamaConfig(**sizes(tie_word_embeddings=False)), spelling=with_theta,
        what="Llama 2: rope_theta and rope_scaling null, head apart from the embeddings"),
    "llama-linear": dict(
        config=lambda: LlamaConfig(**sizes(
            tie_word_embeddings=True, head_dim=12,
            rope_parameters=dict(rope_type="linear", rope_theta=5000.0, factor=2.5))), spelling=with_theta,
        what="rope_scaling with 'type' linear; heads wider than hidden/heads; tied head"),
    "llama-dynamic": dict(
        config=lambda: LlamaConfig(**sizes(
            max_position_embeddings=8, attention_bias=True, mlp_bias=True,
            rope_parameters=dict(rope_type="dynamic", rope_theta=10000.0, factor=4.0))),
        what="dynamic frequencies beyond 8 positions; biases of attention and of the feed-forward part"),
    "llama-llama3": dict(
        # Wave lengths 6, 20, 63, 199 around the borders 8 and 32: kept, between, divided.
        config=lambda: LlamaConfig(**sizes(head_dim=8, rope_parameters=dict(
            rope_type="llama3", rope_theta=100.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=32))), shards="30KB",
        what="Llama 3.1's frequencies; two shards with an index"),
    "llama-yarn": dict(
        # The ramp reaches over three of the four pairs.
        config=lambda: LlamaConfig(**sizes(head_dim=8, rope_parameters=dict(
            rope_type="yarn", rope_theta=20.0, factor=4.0, original_max_position_embeddings=32))),
        dtype="float16", spelling=with_theta, what="yarn; a float16 file"),
    "mistral": dict(
        config=lambda: MistralConfig(**sizes(sliding_window=5)),
        what="Mistral: a window of 5 tokens, shorter than the texts"),
    "qwen2": dict(
        config=lambda: Qwen2Config(**sizes(
            tie_word_embeddings=True, use_sliding_window=True, sliding_window=4, max_window_layers=1)),
        spelling=lambda config: config.pop("layer_types"),
        what="Qwen 2: biases of queries, keys and values; layers from max_window_layers on see 4 tokens; tied"),
    "qwen3": dict(
        config=lambda: Qwen3Config(**sizes(head_dim=10)), dtype="bfloat16",
        what="Qwen 3: queries and keys normalised, heads wider than hidden/heads; a bfloat16 file"),
    "gemma2": dict(
        config=lambda: Gemma2Config(**sizes(
            head_dim=12, query_pre_attn_scalar=24, sliding_window=4, attn_logit_softcapping=2.0,
            final_logit_softcapping=3.0)),
        what="Gemma 2: soft caps that bite, alternating windows of 4 tokens, query_pre_attn_scalar, norms with 1 + weight"),
    "gemma3": dict(
        config=lambda: Gemma3TextConfig(**sizes(
            num_hidden_layers=3, head_dim=8, query_pre_attn_scalar=12, sliding_window=4,
            layer_types=["sliding_attention", "sliding_attention", "full_attention"],
            rope_parameters=dict(
                full_attention=dict(rope_type="linear", rope_theta=1000000.0, factor=8.0),
                sliding_attention=dict(rope_type="default", rope_theta=10000.0)))),
        spelling=with_two_thetas,
        what="Gemma 3: windows in two layers of three, a base of the frequencies for each kind, queries and keys normalised"),
    "gemma3-nested": dict(
        config=lambda: Gemma3TextConfig(**sizes(
            num_key_value_heads=1, head_dim=8, query_pre_attn_scalar=8, sliding_window=3,
            layer_types=["full_attention", "sliding_attention"],
            rope_parameters=dict(
                full_attention=dict(rope_type="default", rope_theta=50000.0),
                sliding_attention=dict(rope_type="default", rope_theta=500.0)))),
        what="Gemma 3 with layer_types and a table of rope_parameters for each kind of layer"),
    "phi3": dict(
        config=lambda: Phi3Config(**sizes(
            original_max_position_embeddings=64, resid_pdrop=0.0,
            rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.75))),
        what="Phi 3: fused projections, four of the six numbers of a head rotated"),
    "phi3-longrope": dict(
        config=lambda: Phi3Config(**sizes(
            original_max_position_embeddings=6, resid_pdrop=0.0, sliding_window=7, rope_parameters=longrope(3))),
        spelling=with_theta,
        what="Phi 3: longrope, texts on both sides of original_max_position_embeddings; a window"),
    "smollm3": dict(
        config=lambda: SmolLM3Config(**sizes(num_hidden_layers=3, no_rope_layers=[1, 0, 1])),
        what="SmolLM 3: the middle layer does not rotate; tied head"),
    "gpt2": dict(
        config=lambda: GPT2Config(
            vocab_size=VOCAB, n_embd=WIDTH, n_layer=2, n_head=4, n_positions=64, initializer_range=0.2, pad_token_id=0,
            bos_token_id=1, eos_token_id=None, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
            classifier_dropout=0.0, scale_attn_by_inverse_layer_idx=True),
        what="GPT-2: Conv1D matrices [in, out], tied head, scores divided by the layer's number"),
}


def make_base(name, seed):
    base = BASES[name]
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(base["config"]())
    generator = torch.Generator().manual_seed(seed * 1000)
    # Gemma adds one to the weights of its norms.
    offset = 0 if model.config.model_type.startswith("gemma") else 1
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 1:
                is_norm = parameter_name.endswith("weight")
                parameter.copy_((offset if is_norm else 0) + 0.2 * noise)
            elif parameter_name.startswith("model.embed_tokens"):
                parameter.copy_(0.2 * noise)  # the padding entry too: rows end in it
    folder = Path("models") / name
    shutil.rmtree(folder, ignore_errors=True)
    if base.get("dtype"):
        model = model.to(getattr(torch, base["dtype"]))
    model.save_pretrained(folder, **({"max_shard_size": base["shards"]} if base.get("shards") else {}))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if base.get("spelling"):
        config = json.loads((folder / "config.json").read_text())
        base["spelling"](config)
        common.write_json(folder / "config.json", config)
        check_spelling(folder, base["config"]())
    common.write_json(folder / "base.json", {
        "generator": "scripts/goldens/decoders.py", "what": base["what"], "seed": seed,
        "files": common.checksums(folder, without=("base.json",))})


def check_spelling(folder, config):
    """Both spellings must be the same to transformers."""
    read, given = AutoConfig.from_pretrained(folder).to_dict(), config.to_dict()
    for key in ["rope_parameters", "layer_types", "sliding_window"]:
        a, b = copy.deepcopy(read.get(key)), copy.deepcopy(given.get(key))
        for table in (a, b):
            if isinstance(table, dict):
                table.pop("type", None)
                table.pop("partial_rotary_factor", None)
        assert a == b, f"{folder}: {key} is read as {a}, not {b}"


# Rows are computed one by one: frequencies that depend on the length, and windows (see models.one_by_one).
APART = ["llama-dynamic", "mistral", "qwen2", "gemma2", "gemma3", "gemma3-nested", "phi3-longrope"]


def causal(base, what, states=False, generate=False, **options):
    options = dict(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj"]) | options
    return dict(
        base=base, task="CAUSAL_LM", labels=None, vocab=VOCAB, states=states, generate=generate, what=what,
        apart=base in APART,
        adapters={"default": lora("CAUSAL_LM", **options)})


def classified(base, task, labels, **options):
    options = dict(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj"]) | options
    return dict(
        base=base, task=task, labels=labels, vocab=VOCAB, apart=base in APART,
        adapters={"default": lora(task, **options)},
        **({"ends_in_padding": 1} if task == "SEQ_CLS" else {}),
        what="one label for a sequence, read from the last token that is not padding; the second row ends in the padding id"
        if task == "SEQ_CLS" else "token labels with -100")


CONV = dict(target_modules=["c_attn"], fan_in_fan_out=True)
FUSED = dict(target_modules=["qkv_proj", "gate_up_proj"])
CASES = {
    "llama-causal": causal("llama", "LoRA r 4; hidden states; generation", states=True, generate=True, r=4, lora_alpha=8),
    "llama-seq-cls": classified("llama", "SEQ_CLS", 3),
    "llama-token-cls": classified("llama", "TOKEN_CLS", 4),
    "llama-linear": causal(
        "llama-linear", "linear scaling; all-linear leaves the tied head out", target_modules="all-linear"),
    "llama-dynamic": causal("llama-dynamic", "dynamic scaling"),
    "llama-llama3": causal("llama-llama3", "Llama 3.1's scaling; shards", target_modules=["k_proj", "o_proj"]),
    "llama-yarn": causal("llama-yarn", "yarn; float16 file", target_modules=["up_proj", "down_proj"]),
    "mistral-causal": causal("mistral", "window"),
    "qwen2-causal": causal("qwen2", "biases, a window in the upper layer", target_modules=["q_proj", "k_proj", "gate_proj"]),
    "qwen2-seq-cls": classified("qwen2", "SEQ_CLS", 2),
    "qwen2-token-cls": classified("qwen2", "TOKEN_CLS", 3),
    "qwen3-causal": causal("qwen3", "norms of queries and keys; bfloat16 file, computed in float32", use_rslora=True),
    "gemma2-causal": causal("gemma2", "soft caps and windows; generation", generate=True, r=4, lora_alpha=8),
    "gemma2-seq-cls": classified("gemma2", "SEQ_CLS", 3),
    "gemma2-token-cls": classified("gemma2", "TOKEN_CLS", 3),
    "gemma3-causal": causal("gemma3", "windows and two bases", target_modules=["q_proj", "k_proj"]),
    "gemma3-nested": causal("gemma3-nested", "the same in the newer spelling"),
    "phi3-causal": causal("phi3", "fused projections, a part of each head rotated", **FUSED),
    "phi3-longrope": causal("phi3-longrope", "longrope", target_modules=["o_proj", "qkv_proj"]),
    "phi3-seq-cls": classified("phi3", "SEQ_CLS", 2, target_modules=["qkv_proj"]),
    "phi3-token-cls": classified("phi3", "TOKEN_CLS", 3, target_modules=["qkv_proj"]),
    "smollm3-causal": causal("smollm3", "a layer without rotation"),
    "gpt2-causal": causal("gpt2", "LoRA on Conv1D; generation", generate=True, r=4, lora_alpha=8, **CONV),
    "gpt2-seq-cls": classified("gpt2", "SEQ_CLS", 3, **CONV),
    "gpt2-token-cls": classified("gpt2", "TOKEN_CLS", 3, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True),
} | {
    f"{name}-full": dict(
        base=name, task="CAUSAL_LM", labels=None, vocab=VOCAB, apart=name in APART, states=True, adapters={},
        what="no adapter: full fine-tuning, gradients of all parameters by their checkpoint names")
    for name in ["qwen2", "gemma2", "gpt2"]
}
PROMPTS = [5, 2, 8]  # their lengths


def more(case, model):
    """The line of counts, and what the model generates with its adapter, each prompt by itself."""
    answer = {"dtype": "float32"}  # whatever the file has
    if case["adapters"]:
        trained, total = model.get_nb_trainable_parameters()
        answer["line"] = (
            f"trainable params: {trained:,d} || all params: {total:,d} || trainable%: {100 * trained / total:.4f}")
    if case.get("generate"):
        answer["generation"] = generation(copy.deepcopy(model).eval())
    return answer


def generation(model):
    """Greedy and beam answers; prompts at which two tokens are too close to tell apart in float32 are passed over."""
    generator = torch.Generator().manual_seed(7)
    answer = {"prompts": [], "greedy": [], "beams": [], "beam_scores": [], "num_beams": BEAMS}
    for length in PROMPTS:
        while True:
            ids = torch.randint(5, VOCAB, (1, length), generator=generator)
            given = dict(
                input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, return_dict_in_generate=True,
                output_scores=True)
            output = model.generate(**given, max_new_tokens=GREEDY)
            best = torch.stack([step[0].topk(2).values for step in output.scores])
            if (best[:, 0] - best[:, 1]).min().item() > 2e-3:
                break
        answer["prompts"].append(ids[0].tolist())
        answer["greedy"].append(output.sequences[0, length:].tolist())
        output = model.generate(**given, max_new_tokens=BEAM_TOKENS, num_beams=BEAMS, num_return_sequences=BEAMS)
        answer["beams"].append(output.sequences[:, length:].tolist())
        answer["beam_scores"].append(output.sequences_scores.tolist())
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(common.GOLDENS))
    parser.add_argument("--only", nargs="*", default=None)
    options = parser.parse_args()
    (Path(options.out) / "models").mkdir(parents=True, exist_ok=True)
    os.chdir(options.out)
    for index, name in enumerate(BASES):
        make_base(name, 200 + index)
    for index, (name, case) in enumerate(CASES.items()):
        if options.only is None or name in options.only:
            models.make_case(name, case, 1000 + 10 * index, script="decoders.py", more=lambda model: more(case, model))


if __name__ == "__main__":
    main()
