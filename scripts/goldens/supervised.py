"""Rows of text as TRL trains on them: tokens, masks and packed rows, by SFTTrainer itself on the tiny Llama of Tests/Goldens/generation.

    python scripts/goldens/supervised.py

writes Tests/Goldens/supervised.json: for each case the options, the rows, and what the trainer's data set then holds (`input_ids`, `labels`, and where rows
are packed `seq_lengths`).
"""

from common import GOLDENS, reproducible_start, write_json

reproducible_start()

import tempfile

from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

FOLDER = GOLDENS / "generation" / "llama"
# What the template of the folder gives, with the assistant's words and the end of its turn marked.
MARKED = (
    "{% for message in messages %}<|{{ message['role'] }}|>{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}"
    "<|end|>{% endgeneration %}{% else %}{{ message['content'] }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}")
TEXTS = ["the cat sat on the mat", "a dog", "one two three four five six seven eight", "red and blue"]
TURNS = [
    [("user", "the cat"), ("assistant", "sat on the mat"), ("user", "a dog"), ("assistant", "ran")],
    [("system", "be short"), ("user", "one two three"), ("assistant", "four five six seven eight")],
    [("user", "red"), ("assistant", "and blue")],
]


def messages(turns):
    return [{"role": role, "content": content} for role, content in turns]


CASES = {
    "text": (dict(), [{"text": text} for text in TEXTS]),
    "text-cut": (dict(max_length=6), [{"text": text} for text in TEXTS]),
    "completion": (dict(), [{"prompt": a, "completion": " " + b} for a, b in zip(TEXTS, TEXTS[::-1])]),
    "completion-whole": (dict(completion_only_loss=False), [{"prompt": a, "completion": " " + b} for a, b in zip(TEXTS, TEXTS[::-1])]),
    "messages": (dict(), [{"messages": messages(turns)} for turns in TURNS]),
    "assistant": (dict(assistant_only_loss=True), [{"messages": messages(turns)} for turns in TURNS]),
    "chat-completion": (dict(), [{"prompt": messages(turns[:-1]), "completion": messages(turns[-1:])} for turns in TURNS]),
    "packed": (dict(packing=True, max_length=16), [{"text": text} for text in TEXTS * 3]),
    "packed-split": (dict(packing=True, max_length=7, packing_strategy="bfd_split"), [{"text": text} for text in TEXTS * 2]),
    "packed-wrapped": (dict(packing=True, max_length=9, packing_strategy="wrapped"), [{"text": text} for text in TEXTS]),
}


def main():
    cases = []
    for name, (options, rows) in CASES.items():
        tokenizer = AutoTokenizer.from_pretrained(FOLDER)
        tokenizer.pad_token = tokenizer.eos_token
        if name == "assistant":
            tokenizer.chat_template = MARKED
        model = AutoModelForCausalLM.from_pretrained(FOLDER)
        with tempfile.TemporaryDirectory() as output:
            config = SFTConfig(
                output_dir=output, report_to="none", bf16=False, use_cpu=True, shuffle_dataset=False,
                **({"max_length": 1024} | options))
            trainer = SFTTrainer(
                model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
            found = trainer.train_dataset
            keys = [k for k in ("input_ids", "labels", "seq_lengths") if k in found.column_names]
            cases.append({"name": name, "options": options, "rows": rows, "found": [{k: row[k] for k in keys} for row in found]})
        print(name, cases[-1]["found"][0])
    write_json(GOLDENS / "supervised.json", {"marked": MARKED, "cases": cases})


main()
