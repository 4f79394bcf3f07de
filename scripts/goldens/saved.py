"""Does PEFT read the adapters that lorawb saves, and transformers the models that it saves merged: for decoders and further encoders.

usage: python scripts/goldens/saved.py [--program .build/debug/lorawb] [--only CASE ...]

Of every case lorawb trains a new adapter of the same configuration for five steps (saved.lua), saves it, merges it and saves the
model. The adapter must load with no key missing, unexpected or of another type, and both must give lorawb's logits, row by row.
Prints the largest distances, relative to the largest logit; exits 1 where one is above 1e-4 (float32 sums in another order).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import check
import common

if __name__ == "__main__":
    common.reproducible_start()

import torch
from safetensors.numpy import load_file

BOUND = 1e-4


def rows(golden, batch):
    """Rows of a golden's batch without padding: ids with their labels."""
    lengths = golden[f"{batch}.attention_mask"].sum(-1)
    for place, length in enumerate(lengths):
        labels = golden[f"{batch}.labels"][place]
        yield {
            "input_ids": golden[f"{batch}.input_ids"][place, :length].tolist(),
            "labels": labels[:length].tolist() if labels.ndim else labels.tolist()}


def distance(model, ids, theirs):
    """The largest distance of a model's logits to those that lorawb gave of the same rows."""
    model.eval()
    far, size = 0.0, 1e-30
    for row, told in zip(ids, theirs):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([row])).logits
        told = torch.tensor(told)
        far = max(far, (logits.reshape(told.shape) - told).abs().max().item())
        size = max(size, told.abs().max().item())
    return far / size


def check_case(name, program, folder):
    manifest = json.loads((common.GOLDENS / name / "golden.json").read_text())
    golden = load_file(common.GOLDENS / name / "golden.safetensors")
    base = common.GOLDENS / manifest["base"]
    ids = [row["input_ids"] for row in rows(golden, "input")]
    lora = manifest["adapters"]["default"]["config"]
    case = {k: manifest[k] for k in ("task_type", "num_labels") if manifest[k] is not None}
    (folder / "case.json").write_text(json.dumps(case | {"lora": lora, "input_ids": ids}))
    (folder / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for i in range(4) for r in rows(golden, f"train.{i}")))
    subprocess.run(
        [program, "run", str(Path(__file__).with_suffix(".lua").resolve()), "--base", str(base), "--case", "case.json",
         "--rows", "rows.jsonl", "--run-dir", "run"],
        cwd=folder, check=True, stdout=subprocess.DEVNULL)
    told = json.loads((folder / "run" / "logits.json").read_text())
    options = SimpleNamespace(
        model=str(base), adapter=str(folder / "run" / "adapter"), task=manifest["task_type"],
        num_labels=manifest["num_labels"], problem_type=None)
    report = {}
    _, model, task = check.attach(options, report)
    wrong = {k: v for k, v in report.items() if isinstance(v, list) and v}
    adapted = distance(model, ids, told["adapted"])
    whole, info = check.AUTO[task].from_pretrained(
        folder / "run" / "merged", attn_implementation="eager", dtype=torch.float32, output_loading_info=True)
    wrong |= {f"merged: {k}": sorted(v) for k, v in info.items() if v}
    merged = distance(whole, ids, told["merged"])
    print(f"{name}: adapter in PEFT {adapted:.1e}, merged in transformers {merged:.1e}"
          + (f"  WRONG: {wrong}" if wrong else ""), flush=True)
    return not wrong and max(adapted, merged) < BOUND


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(common.GOLDENS.parents[1] / ".build" / "debug" / "lorawb"))
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    names = [
        path.parent.name for path in sorted(common.GOLDENS.glob("*/golden.json"))
        if json.loads(path.read_text())["generator"].endswith(("decoders.py", "encoders.py"))
        and (path.parent / "adapter").exists() and not path.parent.name.endswith("-features")]
    good = True
    for name in names if options.only is None else options.only:
        with tempfile.TemporaryDirectory() as folder:
            good &= check_case(name, str(Path(options.program).resolve()), Path(folder))
    print(f"{len(names)} cases; bound {BOUND}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
