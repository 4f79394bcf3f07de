#!/usr/bin/env python3
"""Makes what the tokenizers and their tests take from outside.

    tokenizers.py tables    Sources/Tokenizers/DecompositionTables*.swift, from the normalizers of the `tokenizers` library
    tokenizers.py goldens   Tests/TokenizersTests/Data: tiny tokenizers trained on text of the project's own, and what the
                            library makes of some texts with them

Needs tokenizers 0.23.3 and transformers 5.23.0 (PyPI).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.pop(0)  # this file is named as the library it needs


def scalars():
    return (cp for cp in range(0x110000) if not 0xD800 <= cp < 0xE000)


def increments(items, i):
    """The last index of the run from i in which both the scalar and its single replacement grow by one."""
    while (
        i + 1 < len(items)
        and items[i + 1][0] == items[i][0] + 1
        and len(items[i][1]) == 1 == len(items[i + 1][1])
        and items[i + 1][1][0] == items[i][1][0] + 1
    ):
        i += 1
    return i


def encode_table(table):
    """`first=seq,seq,...` for neighbours, `first+count=target` for runs of at least four that grow by one."""
    items, out, i = sorted(table.items()), [], 0
    while i < len(items):
        first, end = items[i][0], increments(items, i)
        if end - i >= 3:
            out.append("%X+%X=%X" % (first, end - i + 1, items[i][1][0]))
            i = end + 1
            continue
        sequences = []
        while i < len(items) and items[i][0] == first + len(sequences) and increments(items, i) - i < 3:
            sequences.append(".".join("%X" % cp for cp in items[i][1]))
            i += 1
        out.append("%X=%s" % (first, ",".join(sequences)))
    return " ".join(out)


def swift_string(text, width=110):
    lines = [text[i : i + width] for i in range(0, len(text), width)]
    return "\n".join(f"        {line}\\" for line in lines[:-1]) + f"\n        {lines[-1]}"


TABLE_FILE = '''// Made by scripts/goldens/tokenizers.py; do not edit.

extension Decomposition {{
    /// {summary}
    static let {name} = """
{body}
        """
}}
'''


def tables():
    from tokenizers import normalizers

    nfd, nfc, nfkd = normalizers.NFD(), normalizers.NFC(), normalizers.NFKD()
    canonical, compatible, excluded = {}, {}, {}
    for cp in scalars():
        if 0xAC00 <= cp <= 0xD7A3:
            continue
        c = chr(cp)
        d, k = nfd.normalize_str(c), nfkd.normalize_str(c)
        if d != c:
            canonical[cp] = [ord(x) for x in d]
            if len(d) > 1 and nfc.normalize_str(c) != c:
                excluded[cp] = [cp]
        if k != d:
            compatible[cp] = [ord(x) for x in k]
    out = ROOT / "Sources/Tokenizers"
    files = {
        "canonicalTable": (canonical, "Full canonical decompositions, Hangul syllables apart; `parse(_:)` gives the form."),
        "compatibilityTable": (compatible, "Full compatibility decompositions where they differ from the canonical ones."),
        "exclusionTable": (excluded, "Scalars that decompose into several and that nothing composes to."),
    }
    text = {n: TABLE_FILE.format(summary=s, name=n, body=swift_string(encode_table(t))) for n, (t, s) in files.items()}
    (out / "DecompositionTables+Canonical.swift").write_text(text["canonicalTable"])
    (out / "DecompositionTables+Compatibility.swift").write_text(text["compatibilityTable"])
    (out / "DecompositionTables+Exclusions.swift").write_text(text["exclusionTable"])


if __name__ == "__main__":
    {"tables": tables}[sys.argv[1]]()
