"""Data files, data sets, class weights and metrics by pandas, datasets, scikit-learn and seqeval: Tests/Goldens/data.json.

    python scripts/goldens/data.py

`files`: texts of data files with the columns that pandas reads of them; `tables`: columns with the .csv and .tsv that pandas writes; `lines`: texts with
the lines that the datasets library reads; `sorts`: row numbers after `Dataset.sort`; `splits`: rows of each class in the test part of
a stratified split; `weights`: balanced class weights; `auc`, `r2`, `confusion`, `spans`: metrics; `smoothing`: losses of transformers' LabelSmoother.
"""

import io
import json
import random
import tempfile
import warnings

import datasets
import numpy as np
import pandas as pd
import torch
from seqeval.metrics import accuracy_score, classification_report, f1_score, precision_score, recall_score
from seqeval.scheme import IOB2
from sklearn.metrics import confusion_matrix, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight
from transformers.trainer_pt_utils import LabelSmoother

from common import ROOT

warnings.filterwarnings("ignore")
datasets.disable_progress_bars()

FILES = [
    ("cr.csv", "a,b\r1,2\r3,4\r", {}),
    ("crcrlf.csv", "a,b\r\r\n1,2\r\r\n3,4\r\r\n", {}),
    ("mixed.csv", "a,b\r\n1,2\n3,4\r5,6\r\r\n7,8", {}),
    ("blank.tsv", "a\tb\r\r1\t2\n\n\r\n3\t4\n", {}),
    ("inside.csv", 'a,b\r"x\ry",2\r"x\r\ny",3\r"x\ny",4\r', {}),
    ("separators.tsv", "a\tb\n1\u00852\tx\u2028y\n3\u2029\t\x0b\x0c\x1c\n", {}),
    ("bom.csv", '\ufeff"a",b\r"1",2\r', {}),
    ("bom.tsv", "\ufefftext\tlabel\nfine\t1\n", {}),
    ("quotes.tsv", 'text\tlabel\n"He said ""hi"" twice"\t1\nplain\t0\n', {"quotes": True}),
    ("lines.tsv", 'text\tlabel\n"two\nlines"\t1\nplain\t0\n', {"quotes": True}),
    ("tabs.tsv", 'text\tlabel\r\n"a\tb"\t1\r\n""\t0\r\nsay "hi"\t2\r\n', {"quotes": True}),
    ("plain.tsv", 'text\tlabel\n"open quote\t1\nsay ""hi""\t0\n', {}),
    ("plain.csv", 'text,label\n"open quote,1\nhi",0\n', {"quotes": False}),
]

TABLES = [
    {"text": ["plain", 'say "hi"', "a,b", "tab\there", "two\nlines", "crlf\r\n", "", " x ", '"', "é\u2028"], "n": list(range(10))},
    {"x": [0.5, 1.0, -2e-05, 1e16, 123456.789], "flag": ["a", "b", "c", "d", "e"]},
    {"only": ["", "x", "", '""']},
    {"a,b": ["1"], 'q"': ["2"], "t\tn": ["3"]},
]

LINES = ["one\rtwo\r\nthree\n\nfive\u0085x\u2028y\n", "a\r\rb\r"]


def column(values):
    return [value.item() if hasattr(value, "item") else value for value in values]


def files():
    for name, text, options in FILES:
        quoting = options.get("quotes", name.endswith(".csv"))
        frame = pd.read_csv(
            io.BytesIO(text.encode()), sep="\t" if name.endswith(".tsv") else ",", quoting=0 if quoting else 3,
            keep_default_na=False, encoding="utf-8",
        )
        yield {"name": name, "text": text, "options": options, "columns": {key: column(frame[key]) for key in frame.columns}}


def tables():
    for columns in TABLES:
        frame = pd.DataFrame(columns)
        texts = {kind: frame.to_csv(sep=sep, index=False, lineterminator="\n") for kind, sep in (("csv", ","), ("tsv", "\t"))}
        for kind, sep in (("csv", ","), ("tsv", "\t")):
            back = pd.read_csv(io.StringIO(texts[kind], newline=""), sep=sep, keep_default_na=False, skip_blank_lines=True)
            assert {key: [str(v) for v in column(back[key])] for key in back} == {key: [str(v) for v in values] for key, values in columns.items()}, texts
        yield {"columns": columns} | texts


def lines():
    for text in LINES:
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/t.txt", "wb") as file:
                file.write(text.encode())
            rows = datasets.load_dataset("text", data_files=f"{folder}/t.txt", cache_dir=folder)["train"]["text"]
            yield {"text": text, "lines": list(rows)}


def sorts():
    columns = {
        "n": [3, 1, None, 1, 2, 3, 1, None], "x": [0.5, 2.0, 1.0, -2.0, 0.5, 0.25, 2.0, 9.0],
        "t": ["b", "B", "é", "a", "", "z", "a", "ab"], "f": [True, False, True, False, True, False, True, False],
    }
    data = datasets.Dataset.from_dict(columns | {"row": list(range(1, 9))})
    for names, reverse in [
        (["n"], [False]), (["n"], [True]), (["x"], [False]), (["t"], [False]), (["t"], [True]), (["f"], [False]),
        (["f", "t"], [True, False]), (["n", "x"], [False, True]), (["n", "x", "t"], [True, False, True]),
    ]:
        yield {"columns": columns, "by": names, "reverse": reverse, "rows": data.sort(names, reverse=reverse)["row"][:]}


def splits():
    draw = random.Random(1)
    for number in range(60):
        sizes = [draw.randint(2, draw.choice([4, 40])) for _ in range(draw.randint(2, 5))]
        labels = [c for c, size in enumerate(sizes) for _ in range(size)]
        test = draw.choice([0.1, 0.2, 0.25, 1 / 3, 0.5, 0.9, len(sizes) + draw.randint(0, 3)])
        found = set()
        try:
            for seed in range(12):
                part = train_test_split(labels, test_size=test, stratify=labels, random_state=seed)[1]
                found.add(tuple(part.count(c) for c in range(len(sizes))))
        except ValueError as error:
            yield {"sizes": sizes, "test_size": test, "error": str(error)}
            continue
        # Where chance decides, there are several.
        yield {"sizes": sizes, "test_size": test, "counts": sorted(found)}


def weights():
    draw = random.Random(2)
    for classes in (2, 3, 5):
        labels = [c for c in range(classes) for _ in range(draw.randint(1, 9))]
        draw.shuffle(labels)
        yield {"labels": labels, "weights": compute_class_weight("balanced", classes=np.arange(classes), y=np.array(labels)).tolist()}


def auc():
    draw = np.random.default_rng(3)
    for number in range(6):
        scores = draw.integers(-3, 4, size=(30, 2)) / 2
        labels = draw.integers(0, 2, size=30)
        yield {"scores": scores.tolist(), "labels": labels.tolist(), "value": roc_auc_score(labels, scores[:, 1] - scores[:, 0])}
        one = scores[:, 1]
        yield {"scores": one.tolist(), "labels": labels.tolist(), "value": roc_auc_score(labels, one)}
        # Ties by rows that come twice: of others the last bits of softmax decide.
        scores = np.tile(draw.integers(-999, 1000, size=(20, 4)) / 256, (2, 1))
        labels = np.concatenate([np.arange(4), draw.integers(0, 4, size=36)])
        chance = torch.tensor(scores, dtype=torch.float64).softmax(1).numpy()
        yield {"scores": scores.tolist(), "labels": labels.tolist(), "value": roc_auc_score(labels, chance, multi_class="ovr")}
        several = draw.integers(0, 2, size=(40, 4))
        yield {"scores": scores.tolist(), "labels": several.tolist(), "value": roc_auc_score(several, scores)}


def r2():
    draw = np.random.default_rng(4)
    for _ in range(3):
        targets, predictions = draw.integers(-8, 9, size=20) / 4, draw.integers(-8, 9, size=20) / 4
        yield {"predictions": predictions.tolist(), "labels": targets.tolist(), "value": r2_score(targets, predictions)}
    for predictions in ([1.0, 1.0], [1.0, 2.0]):
        yield {"predictions": predictions, "labels": [1.0, 1.0], "value": r2_score([1.0, 1.0], predictions)}


def confusion():
    draw = random.Random(5)
    for classes in (2, 3, 5):
        labels, predictions = ([draw.randrange(classes) for _ in range(25)] for _ in range(2))
        yield {"predictions": predictions, "labels": labels, "matrix": confusion_matrix(labels, predictions, labels=range(classes)).tolist()}


def spans():
    draw = random.Random(6)
    tags = ["O"] + [f"{prefix}-{kind}" for kind in ("PER", "LOC", "MISC") for prefix in "BIES"]
    for number in range(24):
        names = [tag for tag in tags if number % 3 == 0 or tag[0] in "OBI"]
        sequences = [[draw.choice(names) for _ in range(draw.randint(0, 12))] for _ in range(draw.randint(1, 6))]
        guesses = [[tag if draw.random() < 0.7 else draw.choice(names) for tag in row] for row in sequences]
        if not any(sequences):
            continue
        case = {"tags": names, "labels": [[names.index(t) for t in row] for row in sequences], "predictions": [[names.index(t) for t in row] for row in guesses]}
        for mode, options in [("default", {}), ("strict", {"mode": "strict", "scheme": IOB2})]:
            if mode == "strict" and number % 3 == 0:
                continue
            report = classification_report(sequences, guesses, output_dict=True, zero_division=0, **options)
            case[mode] = {
                "precision": precision_score(sequences, guesses, **options), "recall": recall_score(sequences, guesses, **options),
                "f1": f1_score(sequences, guesses, **options), "accuracy": accuracy_score(sequences, guesses),
                "types": {
                    kind: {"precision": row["precision"], "recall": row["recall"], "f1": row["f1-score"], "number": row["support"]}
                    for kind, row in report.items() if "avg" not in kind
                },
            }
        yield case


def smoothing():
    draw = np.random.default_rng(7)
    for factor in (0.1, 0.5):
        logits = draw.integers(-8, 9, size=(2, 5, 4)) / 4
        labels = draw.integers(0, 4, size=(2, 5))
        labels[0, 1] = labels[1, 4] = -100
        loss = LabelSmoother(epsilon=factor)({"logits": torch.tensor(logits)}, torch.tensor(labels))
        yield {"factor": factor, "logits": logits.tolist(), "labels": labels.tolist(), "loss": loss.item()}


def plain(value):
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(type(value))


def main():
    made = {f.__name__: list(f()) for f in (files, tables, lines, sorts, splits, weights, auc, r2, confusion, spans, smoothing)}
    rows = [f'"{name}": [\n' + ",\n".join(json.dumps(case, ensure_ascii=True, default=plain) for case in cases) + "\n]" for name, cases in made.items()]
    (ROOT / "Tests/Goldens/data.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
