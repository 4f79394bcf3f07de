"""Tokens a second of greedy generation by transformers, or by llama.cpp, and how fast this machine reads memory.

usage: python scripts/baseline/generate_speed.py --model FOLDER|MODEL.gguf [--llama.cpp] [--dtype float32] [--batch 1]
           [--prompt 64] [--tokens 40] [--repeats 3] [--threads 2]

The prompt is the same ids as lorawb_generate.lua's, or with llama.cpp (package xllamacpp) a text of as many tokens. The time of one token
of an answer, its prompt included, is taken off. Prints one JSON line; memory_gb_per_second is the best of ten sums over 2 GB.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import peft_job

if __name__ == "__main__":
    peft_job.reproducible_start(peft_job.threads_asked(2))


def bandwidth():
    """GB a second that all threads read."""
    import torch

    numbers, best = torch.ones(1 << 29), 0
    for _ in range(10):
        start = time.perf_counter()
        numbers.sum()
        best = max(best, 4 * numbers.numel() / (time.perf_counter() - start) / 1e9)
    return best


def by_transformers(options):
    import torch
    from transformers import AutoModelForCausalLM

    path, dtype = Path(options.model), getattr(torch, options.dtype)
    if path.suffix == ".gguf":
        model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=dtype).eval()
    else:
        model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype).eval()
    ids = torch.tensor([[(t * 104729) % 30000 + 5 for t in range(1, options.prompt + 1)]] * options.batch)

    def seconds(tokens):
        start = time.perf_counter()
        with torch.no_grad():
            model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens,
                           do_sample=False, pad_token_id=0, eos_token_id=[])
        return time.perf_counter() - start

    seconds(2)
    pairs = [(seconds(1), seconds(options.tokens)) for _ in range(options.repeats)]
    prompt = statistics.median(first for first, _ in pairs)
    answer = statistics.median(whole - first for first, whole in pairs)
    return prompt, options.batch * (options.tokens - 1) / answer


def by_llama_cpp(options):
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    params.n_ctx, params.n_parallel, params.warmup = 512, 1, True
    server = xllamacpp.Server(params)
    rates = []
    for place in range(options.repeats):
        text = f"{place} " + "word " * (options.prompt - 2)  # another text each time, so that no prompt is kept
        answer = server.handle_completions({
            "prompt": text, "max_tokens": options.tokens, "temperature": 0, "ignore_eos": True, "cache_prompt": False})
        timings = answer["timings"]
        rates.append((timings["prompt_n"] / timings["prompt_per_second"], timings["predicted_per_second"]))
    return statistics.median(prompt for prompt, _ in rates), statistics.median(rate for _, rate in rates)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--llama.cpp", dest="llama", action="store_true")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    for name, number in [("batch", 1), ("prompt", 64), ("tokens", 40), ("repeats", 3), ("threads", 2)]:
        parser.add_argument("--" + name, type=int, default=number)
    options = parser.parse_args()
    prompt, rate = by_llama_cpp(options) if options.llama else by_transformers(options)
    print(json.dumps({
        "tool": "llama.cpp" if options.llama else "transformers", "prompt_seconds": round(prompt, 4),
        "prompt_tokens_per_second": round(options.batch * options.prompt / prompt, 1), "tokens_per_second": round(rate, 2),
        **({} if options.llama else {"memory_gb_per_second": round(bandwidth(), 2)})}))


if __name__ == "__main__":
    main()
