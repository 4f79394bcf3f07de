"""Writes Tests/Goldens/gguf/: GGUF files by gguf.GGUFWriter, and what they hold.

    blocks.gguf, blocks.safetensors   a tensor of every type that is read, of blocks of random bytes with awkward scales, and the numbers
                                      that gguf.dequantize makes of it
    values.gguf, values.json          a value of every metadata type, and what gguf.GGUFReader says of it (floats as bits)
    <case>.gguf, <case>.json          a tiny random decoder converted as llama.cpp's convert_hf_to_gguf does; its configuration
                                      (`config`), shape and SHA-256 of every float32 tensor of the folder (`tensors`), the last row of
                                      logits of `input_ids` (`logits`)

    python scripts/goldens/gguf_files.py [--convert FOLDER FILE.gguf [F32|F16|BF16|Q8_0|...]]

--convert writes a Hugging Face folder of one of the families below as GGUF, without tokenizer.
"""

import argparse
import copy
import hashlib
import json
import math
import struct
import sys
import tempfile
from pathlib import Path

from common import GOLDENS, reproducible_start, write_rows

if __name__ == "__main__":
    reproducible_start()

import gguf  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402

OUT = GOLDENS / "gguf"
Type = gguf.GGMLQuantizationType

# Where the half floats of a block lie, in bytes.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}
# Zero, minus zero, smallest and largest subnormal, smallest normal, largest, infinities, NaN.
AWKWARD = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E01]


def blocks():
    rng = np.random.default_rng(10)
    writer = gguf.GGUFWriter(OUT / "blocks.gguf", "llama")
    expected = {}
    for name in ["F32", "F16", "BF16", *SCALES]:
        kind = Type[name]
        count, size = gguf.GGML_QUANT_SIZES[kind]
        rows, columns = 6, 512
        data = rng.integers(0, 256, (rows * columns // count, size), dtype=np.uint8)
        for place in SCALES.get(name, []):
            # Scales as models have them, the awkward ones in some blocks.
            scales = rng.normal(0, 0.02, len(data)).astype(np.float16).view(np.uint16)
            awkward = rng.random(len(data)) < 0.3
            scales[awkward] = rng.choice(np.array(AWKWARD, dtype=np.uint16), awkward.sum())
            data[:, place:place + 2] = scales.view(np.uint8).reshape(-1, 2)
        data = data.reshape(rows, -1)
        if name in ("F32", "F16"):
            data = data.view({"F32": np.float32, "F16": np.float16}[name])
        with np.errstate(all="ignore"):
            values = gguf.dequantize(data, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
        expected[name] = torch.from_numpy(values.reshape(rows, columns).copy())
    write(writer)
    save_file(expected, OUT / "blocks.safetensors")


def write(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def values():
    writer = gguf.GGUFWriter(OUT / "values.gguf", "llama")
    for name, call, value in [
        ("u8", "uint8", 255), ("i8", "int8", -128), ("u16", "uint16", 65535), ("i16", "int16", -32768), ("u32", "uint32", 4294967295),
        ("i32", "int32", -2147483648), ("u64", "uint64", 2**64 - 1), ("i64", "int64", -(2**63)), ("f32", "float32", 1e-5),
        ("f64", "float64", 0.1), ("yes", "bool", True), ("no", "bool", False), ("text", "string", "caf\u00e9 \U0001f600"),
        ("empty", "string", ""), ("list.int", "array", [1, -2, 3]), ("list.float", "array", [0.5, -1e-8]), ("list.bool", "array", [True, False]),
        ("list.text", "array", ["a", "", "\u4e2d"]),
    ]:
        getattr(writer, "add_" + call)("x." + name, value)
    writer.add_array("x.list.bytes", [b"\xff\xfe", b"ok"])
    write(writer)
    told = {}
    for key, field in gguf.GGUFReader(OUT / "values.gguf").fields.items():
        if not key.startswith("x."):
            continue
        value = None if key == "x.list.bytes" else field.contents()
        if field.types[-1] in (gguf.GGUFValueType.FLOAT32, gguf.GGUFValueType.FLOAT64):
            bits = lambda x: struct.pack(">d", x).hex()  # noqa: E731
            value = [bits(x) for x in value] if isinstance(value, list) else bits(value)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        told[key] = {"types": [t.name for t in field.types], "value": value}
    write_rows(OUT / "values.json", told)


# Rules of llama.cpp's converter (conversion/*.py): which keys, which tensors are changed.
ARCHITECTURES = {
    "llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma2": "gemma2", "gemma3_text": "gemma3", "phi3": "phi3",
    "gpt2": "gpt2", "smollm3": "smollm3",
}


def permute(weight, heads):
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def convert(folder, path, quantised="F32"):
    """Writes the model of a folder as GGUF; its matrices as `quantised`. Gives what the folder's tensors are after a round trip."""
    config = json.loads((Path(folder) / "config.json").read_text())
    model_type = config["model_type"]
    name = ARCHITECTURES[model_type]
    arch = next(a for a, n in gguf.MODEL_ARCH_NAMES.items() if n == name)
    if model_type == "gpt2":
        sizes = dict(hidden="n_embd", layers="n_layer", heads="n_head", inner="n_inner", positions="n_positions")
    else:
        sizes = dict(hidden="hidden_size", layers="num_hidden_layers", heads="num_attention_heads", inner="intermediate_size",
                     positions="max_position_embeddings")
    hidden, layers, heads, inner, positions = (config[sizes[k]] for k in ("hidden", "layers", "heads", "inner", "positions"))
    key_heads = config.get("num_key_value_heads") or heads
    writer = gguf.GGUFWriter(path, name)
    writer.add_context_length(positions)
    writer.add_embedding_length(hidden)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner or 4 * hidden)
    writer.add_head_count(heads)
    rope = config.get("rope_parameters") or {}
    everywhere = rope.get("full_attention", rope)
    width = config.get("head_dim") or hidden // heads
    if model_type == "gpt2":
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    else:
        writer.add_head_count_kv(key_heads)
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        writer.add_rope_freq_base(everywhere["rope_theta"])
        writer.add_vocab_size(config["vocab_size"])
        rotated = int(width * everywhere.get("partial_rotary_factor", 1.0))
        if name in ("llama", "smollm3", "phi3"):
            writer.add_rope_dimension_count(rotated)
        if config.get("head_dim"):
            writer.add_key_length(width)
            writer.add_value_length(width)
    kind = everywhere.get("rope_type", "default")
    extra = {}
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(everywhere["factor"])
    elif kind == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(everywhere["factor"])
        writer.add_rope_scaling_orig_ctx_len(everywhere["original_max_position_embeddings"])
        if everywhere.get("beta_fast"):
            writer.add_rope_scaling_yarn_beta_fast(everywhere["beta_fast"])
            writer.add_rope_scaling_yarn_beta_slow(everywhere["beta_slow"])
    elif kind == "llama3":
        old, low, high = (everywhere[k] for k in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor"))
        factors = []
        for frequency in 1.0 / (everywhere["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float32) / width)):
            length = 2 * math.pi / frequency
            smooth = (old / length - low) / (high - low)
            factors.append(1 if length < old / high else everywhere["factor"] if length > old / low else
                           1 / ((1 - smooth) / everywhere["factor"] + smooth))
        extra["rope_freqs.weight"] = np.array(factors, dtype=np.float32)
    elif kind == "longrope":
        old = config.get("original_max_position_embeddings") or everywhere["original_max_position_embeddings"]
        writer.add_rope_scaling_orig_ctx_len(old)
        scale = positions / old
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(old)) if scale > 1 else 1.0)
        for which in ("long", "short"):
            extra[f"rope_factors_{which}.weight"] = np.array(everywhere[which + "_factor"], dtype=np.float32)
    if name == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if name in ("gemma2", "gemma3", "phi3") or model_type == "mistral":
        writer.add_sliding_window(config.get("sliding_window") or 0)
    for role in ("bos", "eos", "pad"):
        if isinstance(config.get(role + "_token_id"), int):
            getattr(writer, f"add_{role}_token_id")(config[role + "_token_id"])
    for key, value in extra.items():
        writer.add_tensor(key, value)

    names = gguf.get_tensor_name_map(arch, layers)
    back = {}
    for key, tensor in load_file(Path(folder) / "model.safetensors").items():
        if key.endswith((".attn.bias", ".attn.masked_bias")):
            continue
        value, restore = tensor.float().numpy(), lambda x: x
        if name in ("llama", "smollm3") and key.rsplit(".", 1)[0].endswith(("q_proj", "k_proj")):
            count = heads if "q_proj" in key else key_heads
            value = permute(value, count)
            restore = lambda x, count=count: x.reshape(count, x.shape[0] // count // 2, 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)  # noqa: E731
        elif name.startswith("gemma") and key.endswith("norm.weight"):
            value, restore = value + np.float32(1), lambda x: x - np.float32(1)
        elif name == "gpt2" and key.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
            value, restore = value.T, lambda x: x.T
        kind = Type[quantised] if value.ndim == 2 else Type.F32
        if value.ndim == 2 and quantised not in ("F32", "F16", "BF16") and value.shape[1] % gguf.GGML_QUANT_SIZES[kind][0]:
            kind = Type.F16
        stored = gguf.quantize(np.ascontiguousarray(value), kind)
        expanded = np.ascontiguousarray(restore(gguf.dequantize(stored, kind)))
        base, suffix = key.rsplit(".", 1)
        writer.add_tensor(names.get_name(base) + "." + suffix, stored, raw_dtype=kind)
        back[key] = {"shape": list(expanded.shape), "sha256": hashlib.sha256(expanded.astype(np.float32).tobytes()).hexdigest()}
    write(writer)
    return back


SMALL = dict(vocab_size=56, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, pad_token_id=0)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32, beta_fast=16.0, beta_slow=2.0)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
# Configurations in the older spelling: rope_theta and rope_scaling.
CASES = {
    "llama": dict(SMALL, model_type="llama", rope_theta=10000.0, tie_word_embeddings=False),
    "llama-biases": dict(SMALL, model_type="llama", rope_theta=10000.0, tie_word_embeddings=True, attention_bias=True, mlp_bias=True),
    "llama-q8_0": dict(SMALL, model_type="llama", rope_theta=20000.0, tie_word_embeddings=True, head_dim=16),
    "llama-linear": dict(SMALL, model_type="llama", rope_theta=10000.0, tie_word_embeddings=True, rope_scaling=dict(rope_type="linear", factor=2.0)),
    "llama3": dict(SMALL, model_type="llama", rope_theta=500000.0, tie_word_embeddings=True, rope_scaling=LLAMA3, head_dim=32),
    "llama3-short": dict(SMALL, model_type="llama", rope_theta=10000.0, tie_word_embeddings=True,
                         rope_scaling=dict(LLAMA3, factor=4.0, original_max_position_embeddings=64)),
    "mistral": dict(SMALL, model_type="mistral", rope_theta=10000.0, tie_word_embeddings=False, sliding_window=5),
    "qwen2": dict(SMALL, model_type="qwen2", rope_theta=1000000.0, tie_word_embeddings=True, rope_scaling=YARN),
    "qwen3": dict(SMALL, model_type="qwen3", rope_theta=1000000.0, tie_word_embeddings=False, head_dim=16),
    "gemma2": dict(SMALL, model_type="gemma2", rope_theta=10000.0, tie_word_embeddings=True, head_dim=16, query_pre_attn_scalar=16,
                   sliding_window=6, attn_logit_softcapping=50.0, final_logit_softcapping=30.0),
    "gemma3": dict(SMALL, model_type="gemma3_text", rope_theta=1000000.0, rope_local_base_freq=10000.0, tie_word_embeddings=True, head_dim=8,
                   query_pre_attn_scalar=8, sliding_window=6, num_hidden_layers=7, hidden_size=16, intermediate_size=16, rope_scaling=dict(rope_type="linear", factor=8.0)),
    "phi3": dict(SMALL, model_type="phi3", rope_theta=10000.0, tie_word_embeddings=False, original_max_position_embeddings=32, sliding_window=9,
                 rope_scaling=dict(rope_type="longrope", long_factor=[1.5, 2.0, 3.25, 4.0], short_factor=[1.0, 1.0, 1.125, 1.25])),
    "gpt2": dict(model_type="gpt2", vocab_size=56, n_embd=32, n_layer=2, n_head=4, n_inner=None, n_positions=64, layer_norm_epsilon=1e-5,
                 bos_token_id=1, eos_token_id=2, tie_word_embeddings=True),
    "smollm3": dict(SMALL, model_type="smollm3", rope_theta=5000000.0, tie_word_embeddings=True, num_hidden_layers=4),
}
IDS = [1, 17, 5, 33, 50, 8, 9, 21, 40, 3, 12]


def models():
    for number, (case, config) in enumerate(CASES.items()):
        torch.manual_seed(100 + number)
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**copy.deepcopy(config))).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                # Norms and biases too, so that none is at its first value.
                parameter.add_(torch.randn_like(parameter) * 0.05)
            logits = model(torch.tensor([IDS])).logits[0, -1]
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            quantised = "Q8_0" if case.endswith("q8_0") else "F32"
            tensors = convert(folder, OUT / f"{case}.gguf", quantised)
        if case in ("llama", "gpt2"):
            # transformers reads these two right, but for gpt2's n_positions.
            other = AutoModelForCausalLM.from_pretrained(OUT, gguf_file=f"{case}.gguf", config=model.config, dtype=torch.float32).eval()
            with torch.no_grad():
                assert torch.allclose(other(torch.tensor([IDS])).logits[0, -1], logits, atol=1e-6), case
        told = dict(config=config, tensors=tensors, input_ids=IDS)
        if quantised == "F32":
            told["logits"] = [float(x) for x in logits]
        write_rows(OUT / f"{case}.json", told)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--convert", nargs="+", metavar=("FOLDER", "FILE"))
    arguments = parser.parse_args()
    if arguments.convert:
        convert(*arguments.convert)
        return
    OUT.mkdir(parents=True, exist_ok=True)
    blocks()
    values()
    models()


if __name__ == "__main__":
    sys.exit(main())
