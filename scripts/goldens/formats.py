"""Writes Tests/Goldens/formats/: what Python's json, numpy, torch and safetensors make of awkward values.

    document.json               a document whose texts and numbers are hard to write
    document.<form>.json        the same as json.dumps writes it: sorted (indent=2, sort_keys), plain, unicode (ensure_ascii=False, indent=1)
    numbers.txt                 lines `<bits of a float64, hexadecimal> <repr>`
    halves.safetensors          float32 [n] in, float16 and bfloat16 [n] out (nearest, ties to even; no NaN), and each back as float32
    dtypes.safetensors          a tensor of every dtype that torch can save, in the library's order
    digests.txt                 lines `<length> <SHA-256 of bytes i * 7 % 251>`
"""

import hashlib
import json
import random
import struct

from common import GOLDENS, reproducible_start

reproducible_start()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

OUT = GOLDENS / "formats"
OUT.mkdir(parents=True, exist_ok=True)
rng = random.Random(20)

document = {
    "z": [], "a": {}, "nested": {"b": [1, [2, {"c": None}], True, False], "A": 1.0, "\u00e9": 2, "\u00df": -0.0},
    "texts": ["", "quote \" back \\ slash /", "\b\f\n\r\t\x00\x1f\x7f", "\u00e5 a\u030a \u212b", "\U0001f600 \U0010ffff", "\u2028\ufeff"],
    "\u00c5": "composed", "A\u030a": "decomposed", "\u212b": "angstrom sign", "": "empty key", "\U0001f600": 1, "\uffff": 2,
    "numbers": [0, -1, 9223372036854775807, -9223372036854775808, 1e-05, 0.0001, 1e16, 1e15, 123456789012345680.0, 5e-324,
                1.7976931348623157e308, 0.1, 1 / 3, 100.0, 2e-7, 1.5e300],
}
(OUT / "document.json").write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
(OUT / "document.sorted.json").write_text(json.dumps(document, indent=2, sort_keys=True), encoding="utf-8")
(OUT / "document.plain.json").write_text(json.dumps(document), encoding="utf-8")
(OUT / "document.unicode.json").write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")

numbers = [0.0, -0.0, 1.0, 1e-4, 9.999e-5, 1e15, 1e16, 1e17, 9007199254740993.0, 5e-324, 1.7976931348623157e308, 0.3, 2.5e-5, 1e22, 1e23]
numbers += [10.0**k for k in range(-20, 24)] + [rng.uniform(-1, 1) * 10.0 ** rng.randint(-30, 30) for _ in range(120)]
while len(numbers) < 400:
    value = struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
    if np.isfinite(value):
        numbers.append(value)
lines = [f"{struct.unpack('<Q', struct.pack('<d', value))[0]:016x} {value!r}\n" for value in numbers]
(OUT / "numbers.txt").write_text("".join(lines), encoding="ascii")

bits = [0, 0x80000000, 0x7F800000, 0xFF800000, 0x477FE000, 0x477FEFFF, 0x477FF000, 0x33000000, 0x33000001, 0x33800000, 0x387FC000, 0x387FE000, 0x7F7FFFFF, 0x7F7F8000, 1]
# Ties of both formats, with an even and an odd neighbour below, and the values next to them.
for half in (0x3F800000, 0x3F810000, 0xBF800000, 0x3F802000, 0x38800000, 0x35000000):
    bits += [half + 0x1000 + d for d in (-1, 0, 1)] + [half + 0x3000 + d for d in (-1, 0, 1)] + [half + 0x8000 + d for d in (-1, 0, 1)]
while len(bits) < 300:
    value = rng.getrandbits(32) if len(bits) % 2 else (rng.getrandbits(1) << 31 | rng.randint(0x32000000, 0x48000000))
    if np.isfinite(np.uint32(value).view(np.float32)):
        bits.append(value)
values = np.array(bits, dtype=np.uint32).view(np.float32)
with np.errstate(over="ignore"):
    half = torch.from_numpy(values.astype(np.float16))
brain = torch.from_numpy(values).to(torch.bfloat16)
assert torch.equal(half, torch.from_numpy(values).to(torch.float16))
save_file({"in": torch.from_numpy(values), "f16": half, "bf16": brain, "f16.back": half.float(), "bf16.back": brain.float()}, OUT / "halves.safetensors")

tensors = {"empty": torch.zeros(0, 3), "scalar": torch.tensor(1.5), "b.é": torch.tensor([True, False])}
for name in ("float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 uint16 uint32 uint64 complex64 "
             "float8_e5m2 float8_e4m3fn float8_e8m0fnu float8_e4m3fnuz float8_e5m2fnuz").split():
    tensors[name] = torch.tensor([[1, 2, 4], [8, 16, 32]]).to(getattr(torch, name))
save_file(tensors, OUT / "dtypes.safetensors", metadata={"format": "pt"})

lengths = [0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000]
digests = [f"{n} {hashlib.sha256(bytes(i * 7 % 251 for i in range(n))).hexdigest()}\n" for n in lengths]
(OUT / "digests.txt").write_text("".join(digests), encoding="ascii")
