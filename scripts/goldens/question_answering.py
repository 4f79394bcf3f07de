"""Goldens of question answering: models, adapters and training as models.py makes them.

usage: python scripts/goldens/question_answering.py [--out Tests/Goldens] [--only CASE ...]

Writes <out>/<case>/ (as models.py; `input.labels` is [B, 2]: first and last token of the answer). A row's loss is that of the
row alone: in a padded batch the reference spreads its softmax over the padding too.
"""

from types import SimpleNamespace

import common

if __name__ == "__main__":
    common.reproducible_start()

import models
import torch
from models import lora
from peft import PeftModel
from torch import nn
from transformers import AutoModelForQuestionAnswering

CASES = {
    "bert-question-ans": dict(
        states=True, base="bert-bare", task="QUESTION_ANS", labels=2, pairs=True, apart=True,
        adapters={"default": lora("QUESTION_ANS", r=4, lora_alpha=8, target_modules=["query", "value"])},
        what="qa_outputs by PEFT's rule; pairs; one answer outside of its row, which bears no loss"),
    "roberta-question-ans": dict(
        base="roberta-mlm", task="QUESTION_ANS", labels=2, apart=True,
        adapters={"default": lora("QUESTION_ANS", r=4, lora_alpha=8, target_modules=["query", "value", "dense"])},
        what="RoBERTa; every dense layer adapted"),
    "distilbert-question-ans": dict(
        base="distilbert-mlm", task="QUESTION_ANS", labels=2, apart=True, train=False,
        adapters={"default": lora("QUESTION_ANS", r=4, lora_alpha=8, target_modules=["q_lin", "v_lin"])},
        what="qa_outputs behind a dropout, which its configuration does not turn off: evaluation alone"),
}


# Bases of encoders.py.
CASES |= {
    f"{name}-question-ans": dict(
        base=base, task="QUESTION_ANS", labels=2, apart=True, vocab=72, train=is_trained,
        adapters={"default": lora("QUESTION_ANS", r=2, lora_alpha=4, target_modules=targets, **(
            {"modules_to_save": ["classifier"]} if name == "modernbert" else {}))}, what=what)
    for name, base, is_trained, targets, what in [
        ("electra", "electra", True, ["query", "value"], "ELECTRA"),
        ("modernbert", "modernbert", True, ["Wqkv"], "ModernBERT: a head called classifier, which PEFT's rule does not name"),
        ("deberta", "deberta-v3", True, ["query_proj", "value_proj"], "DeBERTa-v3"),
        ("xlm-roberta", "xlm-roberta", False, ["query", "value"], "XLM-RoBERTa"),
        ("albert", "albert", False, ["query", "value"], "ALBERT: one layer used twice"),
        ("mpnet", "mpnet", False, ["q", "v"], "MPNet"),
    ]
}


def answers(case, lengths, generator):
    """First and last token of an answer in each row; the last row's lies outside."""
    rows = []
    for length in lengths:
        first, last = sorted(torch.randint(0, length, (2,), generator=generator).tolist())
        rows.append([first, last])
    if case.get("pairs"):
        rows[-1] = [lengths[-1] + 3, lengths[-1] + 3]
    return torch.tensor(rows)


make_batch, one_by_one = models.make_batch, models.one_by_one


def batch_of(case, lengths, generator, pad, has_types):
    batch = make_batch(dict(case, task="SEQ_CLS"), lengths, generator, pad, has_types)
    batch["labels"] = answers(case, lengths, generator)
    return batch


def alone(case, model, inputs):
    """Each row by itself: logits [B, T, 2], the loss over all positions inside their rows."""
    width, outputs, losses = inputs["input_ids"].shape[1], [], []
    # PeftModelForQuestionAnswering.forward (0.21.2) drops token_type_ids; what it wraps, and the merged model, take them.
    inner = model.base_model if isinstance(model, PeftModel) else model
    for row, mask in enumerate(inputs["attention_mask"]):
        kept = mask.bool()
        given = {name: inputs[name][row][kept].unsqueeze(0) for name in ("input_ids", "token_type_ids") if name in inputs}
        output = inner(**given, output_hidden_states=True)
        outputs.append(output)
        for scores, place in zip((output.start_logits, output.end_logits), inputs["labels"][row]):
            if place < scores.shape[1]:
                losses.append(nn.functional.cross_entropy(scores, place.unsqueeze(0)))

    def joined(tensors):
        return torch.cat([nn.functional.pad(t, (0, 0, 0, width - t.shape[1])) for t in tensors])

    return SimpleNamespace(
        logits=joined([torch.stack([o.start_logits, o.end_logits], -1) for o in outputs]),
        loss=torch.stack(losses).mean(),
        hidden_states=[joined(states) for states in zip(*(o.hidden_states for o in outputs))])


def check_loss():
    """The mean over positions is the reference's own loss where every row has one of each."""
    case = CASES["roberta-question-ans"]
    model = models.make_model("roberta-question-ans", case, 3)
    batch = batch_of(case, [7, 7, 7], torch.Generator().manual_seed(5), 1, False)
    theirs = model(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], start_positions=batch["labels"][:, 0],
        end_positions=batch["labels"][:, 1]).loss
    assert abs(theirs - alone(case, model, batch).loss) < 1e-6


def main():
    models.BASES.clear()
    models.AUTO["QUESTION_ANS"] = AutoModelForQuestionAnswering
    models.make_batch, models.one_by_one = batch_of, alone
    models.CASES.clear()
    models.CASES.update(CASES)
    models.main()
    check_loss()


if __name__ == "__main__":
    main()
