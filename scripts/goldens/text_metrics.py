"""BLEU and ROUGE-L of short texts by sacrebleu and rouge-score: Tests/Goldens/text_metrics.json.

    python scripts/goldens/text_metrics.py
"""

import json
import random

import sacrebleu
from rouge_score import rouge_scorer

from common import ROOT

WORDS = (
    "the a cat dog sat on mat near Alimentum restaurant city-centre £20-25 3.5 1,000 5-star it's don't family-friendly "
    "naïve Straße 日本語 &amp; (cheap) \"good\" A.B. end. ... x,y 7. .5 - -- 4-4 @home #1 İstanbul ÉCOLE <skipped> [ok] | 10% "
    "a\u00a0b \u3000 &lt;b&gt; wait! why?"
).split(" ")


def text(random, most):
    return " ".join(random.choice(WORDS) for _ in range(random.randint(0, most)))


def changed(random, text):
    words = text.split(" ")
    for _ in range(random.randint(0, 4)):
        place = random.randrange(len(words) + 1)
        words[place : place + random.randint(0, 2)] = [random.choice(WORDS)] * random.randint(0, 2)
        words = words or ["a"]
    return " ".join(words)


def corpora():
    draw = random.Random(0)
    for number in range(40):
        rows, most = draw.randint(1, 6), draw.choice([3, 8, 25])
        references = [[text(draw, most) for _ in range(1 + (number % 3 == 0) * 2)] for _ in range(rows)]
        predictions = [changed(draw, draw.choice(known)) if draw.random() < 0.9 else text(draw, most) for known in references]
        yield predictions, references
    yield ["the cat sat on the mat"], [["the cat sat on the mat"]]
    yield ["the cat"], [["the cat"]]
    yield [""], [["the cat"]]
    yield ["one-\ntwo\nthree four"], [["onetwo three four"]]
    yield ["a b c d e f g h"], [["h g f e d c b a"]]


def main():
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    cases = []
    for predictions, references in corpora():
        # sacrebleu takes the first references of all, then the second, ...
        bleu = sacrebleu.corpus_bleu(predictions, [list(column) for column in zip(*references)]).score
        rouge = [scorer.score_multi(known, one)["rougeL"].fmeasure for one, known in zip(predictions, references)]
        cases.append(
            {"predictions": predictions, "references": references, "bleu": bleu, "rougeL": sum(rouge) / len(rouge)})
    (ROOT / "Tests/Goldens/text_metrics.json").write_text(
        "[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")


main()
