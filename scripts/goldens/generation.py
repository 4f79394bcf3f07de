"""What transformers generates with two tiny decoders, into Tests/Goldens/generation/.

usage: python scripts/goldens/generation.py [--out Tests/Goldens/generation]

llama/ and phi3/ are Hugging Face folders with random weights; llama/ has a byte-level tokenizer with a chat template, phi3/ frequencies that
change beyond 12 tokens. generation.json: `prompts` (ids), `runs`, each with `model`, `prompt` (place in prompts), `options` (generate's, by
name; the seed has no part in it) and `sequences` (new tokens of each returned sequence, up to the end id, as a batch of one gives them);
`scores` (log-probabilities of each prompt's tokens behind the first, llama); `processors`, each with `options`, `tokens`, `prompt_length`: what
the processors made of row i of `scores` in processors.safetensors is row i of `result`. Tokens are to be equal; scores are float32: compare
within 1e-5 relative.
"""

import argparse
import json
from pathlib import Path

import common

if __name__ == "__main__":
    common.reproducible_start()

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, Phi3Config, Phi3ForCausalLM

TEXTS = [
    "The quick brown fox jumps over the lazy dog.", "She sells sea shells by the sea shore.",
    "A journey of a thousand miles begins with a single step.", "naïve café — 日本語 text",
]
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
VOCABULARY = 288


def tokenizer(folder):
    built = Tokenizer(models.BPE())
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    special = ["<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    built.train_from_iterator(TEXTS, trainer)
    built.save(str(folder / "tokenizer.json"))
    common.write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|bos|>", "eos_token": "<|end|>", "chat_template": TEMPLATE,
        "clean_up_tokenization_spaces": False, "model_max_length": 96,
    })
    return built


def save(model, folder):
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def llama(folder):
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=96, initializer_range=0.35, tie_word_embeddings=True, bos_token_id=0,
        eos_token_id=1)
    model = LlamaForCausalLM(config).eval()
    save(model, folder)
    return model


def phi3(folder):
    torch.manual_seed(4)
    config = Phi3Config(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=48, original_max_position_embeddings=12, initializer_range=0.3, pad_token_id=0, bos_token_id=0,
        eos_token_id=1, sliding_window=None,
        rope_parameters={"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.1, 1.2, 1.3],
                         "long_factor": [1.5, 2.0, 3.0, 4.0], "original_max_position_embeddings": 12})
    model = Phi3ForCausalLM(config).eval()
    save(model, folder)
    return model


def new_tokens(model, prompt, options):
    options = dict(options)
    ends = options.pop("eos_token_id", None)
    config = GenerationConfig(**{"do_sample": False, "max_new_tokens": 24, **options})
    config.pad_token_id = 0
    config.eos_token_id = ends
    ids = torch.tensor([prompt])
    model.generation_config = GenerationConfig()
    out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
    ends = [] if ends is None else ends if isinstance(ends, list) else [ends]
    found = []
    for row in out[:, len(prompt):].tolist():
        places = [i for i, id in enumerate(row) if id in ends]
        found.append(row[:places[0] + 1] if places else row)
    return found


def runs(models, prompts):
    rows = []

    def add(model, prompt, options):
        rows.append({"model": model, "prompt": prompt, "options": options,
                     "sequences": new_tokens(models[model], prompts[model][prompt], options)})
        return rows[-1]["sequences"][0]

    for prompt in range(len(prompts["llama"])):
        plain = add("llama", prompt, {})
        # Ends that come: a token of the answer, before which it must not have come.
        end = next(id for i, id in enumerate(plain) if i >= 4 and id not in plain[:i]) if len(set(plain)) > 5 else plain[-1]
        other = next(id for i, id in enumerate(plain) if i >= 2)
        for options in [
            {"eos_token_id": end}, {"eos_token_id": [end, other]}, {"eos_token_id": [end, other], "min_new_tokens": 7},
            {"repetition_penalty": 1.3}, {"repetition_penalty": 0.8}, {"no_repeat_ngram_size": 2}, {"no_repeat_ngram_size": 1},
            {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "min_new_tokens": 5, "eos_token_id": end},
        ]:
            add("llama", prompt, options)
        beam = add("llama", prompt, {"num_beams": 3, "max_new_tokens": 12})
        first, second = beam[3], beam[6]
        for options in [
            {"num_beams": 2}, {"num_beams": 4, "num_return_sequences": 4}, {"num_beams": 5, "num_return_sequences": 2, "repetition_penalty": 1.2},
            {"num_beams": 3, "no_repeat_ngram_size": 2},
        ]:
            add("llama", prompt, {"max_new_tokens": 12, **options})
        for early in [False, True, "never"]:
            for penalty in [1.0, 0.0, 2.0, -0.5]:
                add("llama", prompt, {
                    "num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 16, "eos_token_id": [first, second],
                    "early_stopping": early, "length_penalty": penalty})
        add("llama", prompt, {"num_beams": 3, "num_return_sequences": 2, "max_new_tokens": 16, "eos_token_id": first, "min_new_tokens": 6})
    for prompt in range(len(prompts["phi3"])):
        add("phi3", prompt, {"max_new_tokens": 20})
        add("phi3", prompt, {"max_new_tokens": 20, "num_beams": 3, "num_return_sequences": 2})
    return rows


def processors(model, out):
    torch.manual_seed(5)
    size = 48
    cases = [
        {"temperature": 0.7}, {"temperature": 1.8}, {"top_k": 5}, {"top_k": 1}, {"top_k": 500}, {"top_k": 0},
        {"top_p": 0.9}, {"top_p": 0.3}, {"top_p": 0.0}, {"top_p": 1.0, "top_k": 0}, {"min_p": 0.05}, {"min_p": 0.5}, {"min_p": 1.0},
        {"typical_p": 0.9}, {"typical_p": 0.2}, {"typical_p": 0.5, "top_k": 0}, {},
        {"temperature": 0.6, "top_k": 20, "top_p": 0.8}, {"top_k": 0, "top_p": 0.95, "min_p": 0.02},
        {"repetition_penalty": 1.5, "top_k": 10}, {"repetition_penalty": 0.7, "temperature": 2.0, "top_k": 0},
        {"no_repeat_ngram_size": 2, "top_k": 12}, {"min_new_tokens": 9, "eos_token_id": [3, 7], "top_k": 8},
        {"repetition_penalty": 1.1, "no_repeat_ngram_size": 3, "min_new_tokens": 2, "eos_token_id": 5, "temperature": 0.8,
         "top_k": 15, "top_p": 0.9, "min_p": 0.03, "typical_p": 0.95},
    ]
    rows, scores, results = [], [], []
    for options in cases:
        for sharp in [0.5, 3.0]:
            tokens = torch.randint(0, 12, (14,)).tolist()
            row = torch.randn(1, size) * sharp
            # Equal scores: which are kept must not depend on the order of sorting alone.
            row[0, 20] = row[0, 21] = row[0, 22]
            config = GenerationConfig(do_sample=True, max_length=64, **options)
            model._prepare_special_tokens(config)
            made = model._get_logits_processor(config, input_ids_seq_length=8, device="cpu")
            result = made(torch.tensor([tokens]), row.clone())
            rows.append({"options": options, "tokens": tokens, "prompt_length": 8})
            scores.append(row[0])
            results.append(result[0])
    save_file({"scores": torch.stack(scores).contiguous(), "result": torch.stack(results).contiguous()}, out / "processors.safetensors")
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=common.GOLDENS / "generation", type=Path)
    out = parser.parse_args().out
    for name in ["llama", "phi3"]:
        (out / name).mkdir(parents=True, exist_ok=True)
    tokens = tokenizer(out / "llama")
    made = {"llama": llama(out / "llama"), "phi3": phi3(out / "phi3")}
    prompts = {
        "llama": [[0] + tokens.encode(text).ids for text in ["The quick", "She sells sea shells", "x"]],
        "phi3": [[5, 9, 2], [7, 3, 11, 30, 12, 8, 44, 21, 3, 17, 60, 2], [1, 4, 9, 16, 25, 36, 49, 2, 3, 5, 7, 11, 13, 17]],
    }
    with torch.no_grad():
        scores = []
        for prompt in prompts["llama"]:
            logits = made["llama"](torch.tensor([prompt])).logits[0].log_softmax(-1)
            scores.append([logits[i, id].item() for i, id in enumerate(prompt[1:])])
        result = {
            "versions": common.versions("torch", "transformers", "tokenizers"), "prompts": prompts, "runs": runs(made, prompts),
            "scores": scores, "processors": processors(made["llama"], out),
        }
    common.write_rows(out / "generation.json", result)


if __name__ == "__main__":
    main()
