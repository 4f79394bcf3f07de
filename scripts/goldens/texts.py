"""What the reference says of texts: transformers' pipelines for texts and tokens, its example run_qa.py for answers, SQuAD's evaluation.

usage: python scripts/goldens/texts.py [--out Tests/Goldens/texts]

Writes <out>/model/ (a tiny random BERT whose heads are wide enough that it is sure of something) and <out>/texts.json. The tokenizer is that of
Tests/Goldens/tokenizers/bert.
"""

import argparse
import collections
import json
import re
import shutil
import string
from pathlib import Path

import common

if __name__ == "__main__":
    common.reproducible_start()

import torch
from safetensors.torch import save_file
from transformers import (
    AutoModelForQuestionAnswering, AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer,
    BertConfig, BertModel, pipeline,
)

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TEXTS = [
    "a good film about the unforgettable theatre", "Bad!", "the movie, the movie and nothing but the movie", "caf\u00e9 na\u00efve", "",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    "twenty and more of them until no room is left",
]
PAIRS = [("a good film", "a bad film"), ("the plot", "the theatre of the north")]

# ---- rows of text

PARAGRAPH = (
    "The good film had a great plot and a bad end. A movie lover said it was fun: \u201cthe film of the year\u201d! Some hate it, "
    "others love it, and nobody left the theatre before the very end of the long, long story about the caf\u00e9 in the north.")
QUESTIONS = [
    ("  what was bad?", "end", 1), ("who said it was fun", "A movie lover", 1), ("where did it play", "caf\u00e9", 1), ("why", None, 0),
]


def rows():
    result = []
    for question, answer, _ in QUESTIONS:
        if answer is None:
            answers = {"text": [], "answer_start": []}
        else:
            answers = {"text": [answer], "answer_start": [PARAGRAPH.index(answer)]}
        result.append({"question": question, "context": PARAGRAPH, "answers": answers})
    return result


def features(tokenizer, examples, max_length, doc_stride):
    """prepare_train_features of transformers' examples/pytorch/question-answering/run_qa.py, by its rules."""
    made = []
    for index, example in enumerate(examples):
        encoded = tokenizer(
            example["question"].lstrip(), example["context"], truncation="only_second", max_length=max_length, stride=doc_stride,
            return_overflowing_tokens=True, return_offsets_mapping=True)
        for window, ids in enumerate(encoded["input_ids"]):
            cls = ids.index(tokenizer.cls_token_id) if tokenizer.cls_token_id in ids else 0
            sequence, offsets = encoded.sequence_ids(window), encoded["offset_mapping"][window]
            start = end = cls
            if example["answers"]["text"]:
                first = example["answers"]["answer_start"][0]
                last = first + len(example["answers"]["text"][0])
                inside = [place for place, which in enumerate(sequence) if which == 1]
                if offsets[inside[0]][0] <= first and offsets[inside[-1]][1] >= last:
                    start = max(place for place in inside if offsets[place][0] <= first)
                    end = min(place for place in inside if offsets[place][1] >= last)
            made.append({"row": index, "input_ids": ids, "token_type_ids": encoded["token_type_ids"][window],
                         "start": start, "end": end})
    return made


def best_answers(model, tokenizer, examples, max_length, doc_stride, most=30, best=20, null=False):
    """postprocess_qa_predictions of the same example: the best text of each question, and its score."""
    found = []
    for example in examples:
        encoded = tokenizer(
            example["question"].lstrip(), example["context"], truncation="only_second", max_length=max_length, stride=doc_stride,
            return_overflowing_tokens=True, return_offsets_mapping=True)
        candidates, nulls = {}, []
        for window, ids in enumerate(encoded["input_ids"]):
            with torch.no_grad():
                output = model(
                    input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([encoded["token_type_ids"][window]]))
            starts, ends = output.start_logits[0].tolist(), output.end_logits[0].tolist()
            nulls.append(starts[0] + ends[0])
            sequence, offsets = encoded.sequence_ids(window), encoded["offset_mapping"][window]
            order = lambda scores: sorted(range(len(scores)), key=lambda i: -scores[i])[:best]
            for start in order(starts):
                for end in order(ends):
                    if sequence[start] == 1 and sequence[end] == 1 and start <= end < start + most:
                        key = (offsets[start][0], offsets[end][1])
                        candidates[key] = max(candidates.get(key, -1e9), starts[start] + ends[end])
        ranked = sorted(candidates.items(), key=lambda item: -item[1])[:best]
        scores = torch.tensor([score for _, score in ranked])
        if null and min(nulls) > ranked[0][1]:
            found.append({"answer": "", "logit": min(nulls)})
            continue
        (first, last), logit = ranked[0]
        found.append({"answer": example["context"][first:last], "logit": logit,
                      "score": torch.softmax(scores, 0)[0].item()})
    return found


# ---- SQuAD's evaluation (evaluate-v1.1.py, evaluate-v2.0.py)

def normal(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def f1(text, reference):
    ours, theirs = normal(text).split(), normal(reference).split()
    if not ours or not theirs:
        return float(ours == theirs)
    common_words = sum((collections.Counter(ours) & collections.Counter(theirs)).values())
    if not common_words:
        return 0.0
    precision, recall = common_words / len(ours), common_words / len(theirs)
    return 2 * precision * recall / (precision + recall)


SCORED = [
    ("the Eiffel Tower", ["Eiffel Tower", "the tower"]), ("A cat, sat!", ["a cat sat on the mat"]), ("", []), ("something", []),
    ("42", ["forty-two", "42."]), ("An anthem of the theatre", ["anthem theatre"]), ("na\u00efve caf\u00e9", ["caf\u00e9 na\u00efve"]),
    ("the the the", ["the"]), ("x_y", ["xy"]), ("Rock 'n' Roll", ["rock n roll"]), ("", ["word"]),
]


def scored():
    exact = f1s = 0.0
    for text, references in SCORED:
        references = [r for r in references if normal(r)] or [""]
        exact += max(float(normal(text) == normal(r)) for r in references)
        f1s += max(f1(text, r) for r in references)
    return {"exact_match": 100 * exact / len(SCORED), "f1": 100 * f1s / len(SCORED)}


# ---- the model and its heads

def make_model(folder, tokenizer):
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(21)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=40, initializer_range=1.0, pad_token_id=tokenizer.pad_token_id)
    BertModel(config).save_pretrained(folder)


def with_head(cls, folder, tokenizer, **options):
    """A model with a head of fixed numbers, which tests read from texts.json as they stand in `heads`."""
    torch.manual_seed(33)
    return cls.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32, **options).eval()


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.item() if hasattr(value, "item") else value


def head_of(model):
    return {name: value.tolist() for name, value in model.state_dict().items() if not name.startswith("bert.")}


def classified(folder, tokenizer):
    result = {}
    for name, options in {
        "single": dict(num_labels=3), "several": dict(num_labels=3, problem_type="multi_label_classification"),
        "regression": dict(num_labels=1, problem_type="regression"),
    }.items():
        model = with_head(AutoModelForSequenceClassification, folder, tokenizer, **options)
        say = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
        result[name] = {
            "head": head_of(model), "options": options,
            "texts": say(TEXTS, top_k=None, truncation=True, max_length=40),
            "pairs": [say({"text": a, "text_pair": b}, top_k=None) for a, b in PAIRS],
        }
    return result


def bytes_of(text, found):
    """Places in bytes, which is what lorawb counts."""
    found = found[0] if found and isinstance(found[0], list) else found
    for entity in found:
        for name in ("start", "end"):
            entity[name] = len(text[:entity[name]].encode())
    return found


def tagged(folder, tokenizer):
    model = with_head(
        AutoModelForTokenClassification, folder, tokenizer, num_labels=5, id2label=dict(enumerate(TAGS)),
        label2id={tag: index for index, tag in enumerate(TAGS)})
    tokenizer.model_max_length = 40
    result = {"head": head_of(model), "tags": TAGS, "none": [], "all": []}
    kept = [text for text in TEXTS if text]
    for strategy in ("none", "simple", "first", "average", "max"):
        say = pipeline("token-classification", model=model, tokenizer=tokenizer, device="cpu", aggregation_strategy=strategy)
        result[strategy] = [plain(bytes_of(text, say(text))) for text in kept]
        if strategy == "simple":
            result["words"] = [plain(bytes_of(" ".join(text.split()), say(text.split(), is_split_into_words=True)))
                               for text in kept[:3]]
            strided = pipeline(
                "token-classification", model=model, tokenizer=tokenizer, device="cpu", aggregation_strategy=strategy, stride=8)
            tokenizer.model_max_length = 24
            result["stride"] = [plain(bytes_of(text, strided(text))) for text in kept[-1:]]
            tokenizer.model_max_length = 40
    every = pipeline("token-classification", model=model, tokenizer=tokenizer, device="cpu", ignore_labels=[])
    result["all"] = [plain(bytes_of(text, every(text))) for text in kept]
    return result


def answered(folder, tokenizer):
    model = with_head(AutoModelForQuestionAnswering, folder, tokenizer)
    examples = rows()
    return {
        "head": head_of(model), "rows": examples, "features": features(tokenizer, examples, 40, 10),
        # What 512 and 128 are cut to: model_max_length is 64.
        "whole": features(tokenizer, examples, 64, 21),
        "answers": best_answers(model, tokenizer, examples, 40, 10),
        "short": best_answers(model, tokenizer, examples, 32, 4, most=3, best=5),
        "or_none": best_answers(model, tokenizer, examples, 40, 10, null=True),
        "squad": dict(scored(), rows=[[text, references] for text, references in SCORED]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(common.GOLDENS / "texts"))
    out = Path(parser.parse_args().out)
    tokenizer = AutoTokenizer.from_pretrained(common.GOLDENS / "tokenizers" / "bert")
    make_model(out / "model", tokenizer)
    common.write_json(out / "texts.json", {
        "generator": "scripts/goldens/texts.py", "versions": common.versions("torch", "transformers", "tokenizers"),
        "texts": TEXTS, "pairs": [list(pair) for pair in PAIRS],
        "classified": classified(out / "model", tokenizer), "tagged": tagged(out / "model", tokenizer),
        "answered": answered(out / "model", AutoTokenizer.from_pretrained(common.GOLDENS / "tokenizers" / "bert")),
    })


if __name__ == "__main__":
    main()
