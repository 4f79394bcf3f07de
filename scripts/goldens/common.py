"""What the golden generators share: a reproducible start, manifests, checksums."""

import hashlib
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "Tests" / "Goldens"


def reproducible_start():
    """Start again with string hashing and threads fixed, since both reach the bytes (PEFT writes sets)."""
    wanted = {
        "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "PYTHONWARNINGS": "ignore", "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    if any(os.environ.get(key) != value for key, value in wanted.items()):
        os.environ.update(wanted)
        os.execv(sys.executable, [sys.executable] + sys.argv)
    import torch

    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def versions(*names):
    from importlib.metadata import version

    return {name: version(name).split("+")[0] for name in names}


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def checksums(folder, without=("golden.json",)):
    files = sorted(p for p in Path(folder).rglob("*") if p.is_file() and p.name not in without)
    return {p.relative_to(folder).as_posix(): sha256(p) for p in files}


def write_json(path, value):
    Path(path).write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write_rows(path, value):
    """JSON of moderate size that shows in a diff which row changed: one line per entry of a list or table."""
    def lines(item, depth):
        if depth == 0 or not isinstance(item, (dict, list)) or not item:
            return json.dumps(item, separators=(",", ":"))
        if isinstance(item, dict):
            inner = [json.dumps(k) + ":" + lines(v, depth - 1) for k, v in item.items()]
            return "{\n" + ",\n".join(inner) + "\n}"
        return "[\n" + ",\n".join(lines(v, depth - 1) for v in item) + "\n]"

    Path(path).write_text(lines(value, 2) + "\n", encoding="utf-8")
