"""The recipe e2e_nlg done with transformers and PEFT: the same training rows and held-out meanings, BLEU and ROUGE-L of the texts.

usage: python scripts/baseline/peft_e2e.py --model MODEL.gguf --run RUN [--seed 0 1 2] [--out FILE.json] [--threads 2]

RUN is the run folder of `lorawb run e2e_nlg`: its train.json has the training rows in their first order, its texts.json the held-out
meanings, their references and what lorawb's model wrote. Rows are reshuffled by each seed, which also draws the adapters. Needs sacrebleu and
rouge-score beside scripts/goldens/requirements.txt. Prints a JSON line a seed, its texts with --out; last a line for lorawb's own texts.
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


def scores(predictions, references):
    """BLEU of the corpus, and the mean of the best ROUGE-L."""
    import sacrebleu
    from rouge_score import rouge_scorer

    most = max(len(texts) for texts in references)
    columns = [[texts[place] if place < len(texts) else None for texts in references] for place in range(most)]
    rouge = rouge_scorer.RougeScorer(["rougeL"])
    best = [max(rouge.score(text, one)["rougeL"].fmeasure for text in texts) for one, texts in zip(predictions, references)]
    return {"bleu": round(sacrebleu.corpus_bleu(predictions, columns).score, 2), "rouge_l": round(statistics.mean(best), 4)}


def tokens(row, tokenizer):
    """Ids and labels of a row as TRL makes them: an end behind the completion, and no loss on the prompt."""
    ids = tokenizer(row["prompt"] + row["completion"])["input_ids"] + [tokenizer.eos_token_id]
    prompt = len(tokenizer(row["prompt"])["input_ids"])
    return ids, [-100] * prompt + ids[prompt:]


def write(model, tokenizer, prompts, size=20):
    """What the model writes for each prompt: greedy, 40 tokens, up to the end of the line."""
    import torch

    tokenizer.padding_side = "left"
    texts = []
    for first in range(0, len(prompts), size):
        inputs = tokenizer(prompts[first:first + size], return_tensors="pt", padding=True)
        with torch.no_grad():
            ids = model.generate(**inputs, max_new_tokens=40, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        for row in ids[:, inputs["input_ids"].shape[1]:]:
            texts.append(tokenizer.decode(row, skip_special_tokens=True).split("\n")[0].strip())
    return texts


def train(seed, rows, options, tokenizer):
    import math
    import random

    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder, name = Path(options.model).parent, Path(options.model).name
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    torch.manual_seed(seed)
    model = get_peft_model(model, LoraConfig(
        task_type="CAUSAL_LM", r=8, lora_alpha=16, lora_dropout=0.05, target_modules=["q_proj", "v_proj"])).train()
    options.weight_decay, options.warmup_steps, options.lr_scheduler_type = 0.0, 0.05, "linear"
    total = math.ceil(len(rows) / options.batch)
    optimizer, schedule = peft_job.make_optimizer(model, options, total)
    parameters = [p for p in model.parameters() if p.requires_grad]
    encoded = [tokens(row, tokenizer) for row in rows]
    random.Random(seed).shuffle(encoded)
    losses, start = [], time.perf_counter()
    for first in range(0, len(encoded), options.batch):
        inputs = peft_job.collate(encoded[first:first + options.batch], tokenizer.pad_token_id)
        losses.append(peft_job.step(model, inputs, optimizer, schedule, parameters))
        if len(losses) % 25 == 0:
            print(f"seed {seed}: step {len(losses)} of {total}, loss {statistics.mean(losses[-25:]):.4f}", file=sys.stderr, flush=True)
    return model.eval(), losses, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a GGUF file that transformers reads")
    parser.add_argument("--run", required=True, help="run folder of lorawb's recipe e2e_nlg")
    parser.add_argument("--seed", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", help="file for the texts")
    options = parser.parse_args()
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(Path(options.model).parent, gguf_file=Path(options.model).name)
    rows = json.loads((Path(options.run) / "train.json").read_text(encoding="utf-8"))
    held_out = json.loads((Path(options.run) / "texts.json").read_text(encoding="utf-8"))
    record = []
    for seed in options.seed:
        model, losses, seconds = train(seed, rows, options, tokenizer)
        texts = write(model, tokenizer, held_out["prompts"])
        found = {"tool": "peft", "seed": seed, **scores(texts, held_out["references"]), "train_seconds": round(seconds, 1),
                 "last_loss": round(statistics.mean(losses[-25:]), 4)}
        print(json.dumps(found), flush=True)
        record.append({**found, "texts": texts})
        if options.out:
            Path(options.out).write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    print(json.dumps({"tool": "lorawb", **scores(held_out["predictions"], held_out["references"])}))


if __name__ == "__main__":
    main()
