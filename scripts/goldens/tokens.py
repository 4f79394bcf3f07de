"""Goldens of new tokens: grown vocabularies and PEFT's trainable_token_indices, on the bases of models.py and decoders.py.

usage: python scripts/goldens/tokens.py [--out Tests/Goldens] [--only CASE ...]

Writes <out>/<case>/ as decoders.py does; the bases must be there. Of cases with "whole" PEFT's file with the whole tables lies in
<case>/whole besides. Two runs write the same bytes. scripts/goldens/README.md says what each name in a golden means.
"""

import argparse
import os
from pathlib import Path

import common

if __name__ == "__main__":
    common.reproducible_start()

import decoders
import models
from models import lora


def case(base, size, tokens, what, task="CAUSAL_LM", labels=None, **more):
    options = dict(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj"]) | more.pop("options", {})
    return dict(
        base=base, task=task, labels=labels, vocab=size, resize=size, what=what, apart=base in decoders.APART,
        saving=dict(save_embedding_layers=False),
        adapters={"default": lora(task, trainable_token_indices=tokens, **options)}) | more


CASES = {
    "llama-tokens": case(
        "llama-linear", 76, [75, 9, 72, 73], "a tied head; rows in no order, one of them old, 74 left as it starts; generation",
        generate=True, whole=True),
    "llama-untied-tokens": case(
        "llama", 74, {"embed_tokens": [72, 73], "lm_head": [5, 72, 73]}, "a head apart, with rows of its own", whole=True),
    "llama-input-tokens": case(
        "llama", 73, [72], "a head apart, of which a list trains no rows", whole=True),
    "gpt2-tokens": case(
        "gpt2", 75, [72, 73, 74], "wte; Conv1D", options=decoders.CONV),
    "gemma2-tokens": case(
        "gemma2", 73, [72, 0], "scaled embeddings, soft caps; the padding entry, which learns as an output alone",
        ends_in_padding=1),
    "bert-tokens": case(
        "bert-classifier", 123, {"word_embeddings": [120, 121, 122, 7], "token_type_embeddings": [0]},
        "an encoder; rows of two tables", task="SEQ_CLS", labels=3, options=dict(target_modules=["query", "value"])),
}


def more(golden, model):
    answer = decoders.more(golden, model)
    if golden.get("whole"):
        model.save_pretrained(Path(golden["name"]) / "whole", save_embedding_layers=True)
        (Path(golden["name"]) / "whole" / "README.md").unlink()
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(common.GOLDENS))
    parser.add_argument("--only", nargs="*", default=None)
    options = parser.parse_args()
    os.chdir(options.out)
    for index, (name, golden) in enumerate(CASES.items()):
        if options.only is None or name in options.only:
            golden["name"] = name
            models.make_case(name, golden, 3000 + 10 * index, script="tokens.py", more=lambda model: more(golden, model))


if __name__ == "__main__":
    main()
