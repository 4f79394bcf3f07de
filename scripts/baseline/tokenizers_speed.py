"""The `tokenizers` library's speed on a table of sentences, beside lorawb_tokenize.lua.

usage: python scripts/baseline/tokenizers_speed.py --model DIR --data train.tsv [--threads 2] [--call batch|fast|each]
           [--column sentence] [--repeats 5]

`batch` is encode_batch, `fast` encode_batch_fast (which leaves offsets out), `each` one encode a row from Python, on one
thread. Prints one JSON line: rows, tokens (special ones included), the median pass's seconds and tokens per second, the
seconds of the first pass (nothing cached yet), threads. Reading the file is not measured; making plain lists of ids is.
"""

import argparse
import json
import os
import statistics
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a folder with a tokenizer")
    parser.add_argument("--data", required=True, help="a TSV file with a header")
    parser.add_argument("--column", default="sentence")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--call", choices=["batch", "fast", "each"], default="batch")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    # Read when the library starts its threads.
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if options.threads > 1 else "false"
    import tokenizers

    path = os.path.join(options.model, "tokenizer.json")
    if os.path.exists(path):
        tokenizer = tokenizers.Tokenizer.from_file(path)
    else:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(options.model).backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    with open(options.data, encoding="utf-8") as file:
        place = file.readline().rstrip("\n").split("\t").index(options.column)
        texts = [line.rstrip("\n").split("\t")[place] for line in file]
    calls = {
        "batch": lambda: [encoding.ids for encoding in tokenizer.encode_batch(texts)],
        "fast": lambda: [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)],
        "each": lambda: [tokenizer.encode(text).ids for text in texts],
    }
    seconds = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        ids = calls[options.call]()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    tokens = sum(map(len, ids))
    print(json.dumps({
        "tool": "tokenizers", "call": options.call, "rows": len(texts), "tokens": tokens, "seconds": round(median, 4),
        "tokens_per_second": round(tokens / median), "first_seconds": round(seconds[0], 4),
        "threads": 1 if options.call == "each" else options.threads, "version": tokenizers.__version__,
    }))


if __name__ == "__main__":
    main()
