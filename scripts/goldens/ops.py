"""Results and gradients of every tensor operation, by torch: the outside oracle of Tests/TensorsTests.

Inputs are not stored: both sides make them with `values` below. One line per array in ops.txt:
name, what ("out", "grad0", ...), shape, values. The gradient asked for is that of sum(weights * out).

Usage: OMP_NUM_THREADS=1 python scripts/goldens/ops.py   (torch of requirements.txt)
"""

import pathlib

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Goldens" / "ops.txt"


def values(shape, seed, low=-1.0, high=1.0):
    """The same numbers as Samples.values in OpSamples.swift."""
    count = 1
    for size in shape:
        count *= size
    numbers = [low + (high - low) * (((i * 7919 + i * i * 31 + seed * 104729) % 10007) / 10007) for i in range(count)]
    return torch.tensor(numbers, dtype=torch.float64).to(torch.float32).reshape(shape)


def attention(q, k, v, heads, queries, keys, causal=False, places=None, behind=None, ahead=None, cap=None, bias=None, zero=0):
    """Attention of packed sequences by the book: `keys` are boundaries or (start, count) of each sequence, `places` the positions of queries."""
    width = q.shape[1] // heads
    share = heads // (k.shape[1] // width)
    rows = []
    if not isinstance(keys[0], tuple):
        keys = [(c, d - c) for c, d in zip(keys, keys[1:])]
    for a, b, (c, count) in zip(queries, queries[1:], keys):
        outs = []
        p = torch.arange(b - a) if places is None else torch.tensor(places[a:b])
        distance = torch.arange(count)[None, :] - p[:, None]
        hidden = torch.zeros_like(distance, dtype=torch.bool)
        if causal:
            hidden |= distance > 0
        if behind is not None:
            hidden |= -distance > behind
        if ahead is not None:
            hidden |= distance > ahead
        for h in range(heads):
            group = h // share
            qh = q[a:b, h * width : (h + 1) * width]
            kh = k[c : c + count, group * width : (group + 1) * width]
            vh = v[c : c + count, group * width : (group + 1) * width]
            scores = qh @ kh.t() / width**0.5
            if cap is not None:
                scores = cap * torch.tanh(scores / cap)
            if bias is not None:
                scores = scores + bias[h][(zero + distance).clamp(0, bias.shape[1] - 1)]
            outs.append(scores.masked_fill(hidden, float("-inf")).softmax(-1) @ vh)
        rows.append(torch.cat(outs, 1))
    return torch.cat(rows)


def angles(pairs):
    """Cosines and sines of three positions, as float32, scaled."""
    frequencies = torch.tensor([1 / (1 + i * i) for i in range(pairs)], dtype=torch.float32)
    turned = torch.tensor([0.0, 3.0, 700.0])[:, None] * frequencies
    return turned.cos() * 1.25, turned.sin() * 1.25


def rotary(x, width, pairs, neighbours=False):
    """Rotary embedding by the book, head by head."""
    cos, sin = angles(pairs)
    heads = []
    for head in x.split(width, 1):
        turning, rest = head[:, : 2 * pairs], head[:, 2 * pairs :]
        a, b = (turning[:, ::2], turning[:, 1::2]) if neighbours else (turning[:, :pairs], turning[:, pairs:])
        a, b = a * cos - b * sin, b * cos + a * sin
        turned = torch.stack([a, b], 2).flatten(1) if neighbours else torch.cat([a, b], 1)
        heads.append(torch.cat([turned, rest], 1))
    return torch.cat(heads, 1)


def gated(function, x):
    gate, up = x.chunk(2, 1)
    return function(gate) * up


PLACES = [5, 5, 5, 5, 4, 4, 3, 2, 1, 1, 0, 0, 0]


def disentangled(q, k, v, pk, pq, heads, queries, keys, places, scale):
    """Disentangled attention by the book: PLACES has the row of the distances 6...-6 of a query from a key."""
    width = q.shape[1] // heads
    rows = []
    for a, b, c, d in zip(queries, queries[1:], keys, keys[1:]):
        outs = []
        at = torch.tensor(PLACES)[6 - (torch.tensor(places[a:b])[:, None] - torch.arange(d - c)[None, :])]
        for h in range(heads):
            own = slice(h * width, (h + 1) * width)
            scores = q[a:b, own] @ k[c:d, own].t()
            if pk is not None:
                scores = scores + (q[a:b, own] @ pk[:, own].t()).gather(1, at)
            if pq is not None:
                scores = scores + (k[c:d, own] @ pq[:, own].t()).gather(1, at.t()).t()
            outs.append((scale * scores).softmax(-1) @ v[c:d, own])
        rows.append(torch.cat(outs, 1))
    return torch.cat(rows)


def replaced(w, ids, rows):
    return w.index_copy(0, torch.tensor(ids), rows)


WEIGHTS = torch.tensor([0.5, 2, 1, 0.25, 3, 1, 1.5])
LABELS = torch.tensor([0, 6, -100, 3, 3])
A = [([3, 33], 1)]
P = [([3, 33], 1, 0.1, 3.0)]
W = [([3, 33], 1, -5.0, 5.0)]
CASES = {
    "add": ([([3, 33], 1), ([3, 33], 2)], lambda a, b: a + b),
    "add_row": ([([3, 33], 1), ([33], 2)], lambda a, b: a + b),
    "add_column": ([([3, 1], 1), ([3, 33], 2)], lambda a, b: a + b),
    "add_outer": ([([7, 1, 3], 1), ([1, 5, 1], 2)], lambda a, b: a + b),
    "add_number": (A, lambda a: a + 2.5),
    "add_empty": ([([0, 3], 1), ([3], 2)], lambda a, b: a + b),
    "sub_row": ([([33], 1), ([3, 33], 2)], lambda a, b: a - b),
    "sub_one": ([([1], 1), ([1, 1], 2)], lambda a, b: a - b),
    "mul": ([([3, 33], 1), ([3, 33], 2)], lambda a, b: a * b),
    "mul_row": ([([3, 33], 1), ([33], 2)], lambda a, b: a * b),
    "mul_scalar": ([([7, 5], 1), ([], 2)], lambda a, b: a * b),
    "div": ([([3, 33], 1), ([3, 33], 2, 0.5, 2.0)], lambda a, b: a / b),
    "div_column": ([([7, 5], 1), ([7, 1], 2, 0.5, 2.0)], lambda a, b: a / b),
    "neg": (A, lambda a: -a),
    "exp": (W, torch.exp),
    "log": (P, torch.log),
    "sqrt": (P, torch.sqrt),
    "tanh": (W, torch.tanh),
    "relu": (W, torch.relu),
    "gelu": (W, F.gelu),
    "gelu_tanh": (W, lambda a: F.gelu(a, approximate="tanh")),
    "silu": (W, F.silu),
    "sigmoid": (W, torch.sigmoid),
    "abs": (W, torch.abs),
    "abs_zero": ([([3], 1, 0.0, 0.0)], torch.abs),
    "clamp": (W, lambda a: a.clamp(-1.5, 2)),
    "clamp_low": (W, lambda a: a.clamp(min=0.5)),
    "clamp_edge": ([([3], 1, 0.5, 0.5)], lambda a: a.clamp(0.5, 0.5)),
    "pow_number": (P, lambda a: a**2.5),
    "pow_square": (A, lambda a: a**2),
    "pow_zero": ([([3], 1, 0.0, 0.0)], lambda a: a**0),
    "pow_row": ([([3, 33], 1, 0.1, 3.0), ([33], 2, -2.0, 2.0)], torch.pow),
    "pow_zero_base": ([([3], 1, 0.0, 0.0), ([3], 2, 1.0, 2.0)], torch.pow),
    "pow_of_number": (A, lambda a: 2.0**a),
    "where": ([([3, 33], 1), ([33], 2)], lambda a, b: torch.where(values([3, 33], 3) > 0, a, b)),
    "where_condition_repeated": ([([3, 1], 1), ([1, 5], 2)], lambda a, b: torch.where(values([5], 3) > 0, a, b)),
    "sum": (A, torch.sum),
    "sum_0": (A, lambda a: a.sum(0)),
    "sum_1_keepdim": (A, lambda a: a.sum(1, keepdim=True)),
    "sum_middle": ([([2, 7, 3], 1)], lambda a: a.sum(1)),
    "mean": (A, torch.mean),
    "mean_0": (A, lambda a: a.mean(0)),
    "max": (A, torch.max),
    "max_0": (A, lambda a: a.max(0).values),
    "max_1_keepdim": (A, lambda a: a.max(1, keepdim=True).values),
    "min": (A, torch.min),
    "min_0": (A, lambda a: a.min(0).values),
    "min_ties": ([([3, 3], 1, 0.5, 0.5)], torch.min),
    "min_ties_1": ([([3, 3], 1, 0.5, 0.5)], lambda a: a.min(1).values),
    "var": (A, torch.var),
    "var_0": (A, lambda a: a.var(0)),
    "var_1_population": (A, lambda a: a.var(1, correction=0, keepdim=True)),
    "var_middle": ([([2, 7, 3], 1)], lambda a: a.var(1)),
    "std": (A, torch.std),
    "std_1": (A, lambda a: a.std(1)),
    "std_flat": ([([3, 3], 1, 0.5, 0.5)], lambda a: a.std(1)),
    "cumsum_0": ([([4, 2, 3], 1)], lambda a: a.cumsum(0)),
    "cumsum_1": (A, lambda a: a.cumsum(1)),
    "max_ties": ([([3, 3], 1, 0.5, 0.5)], torch.max),
    "topk": ([([4, 9], 1)], lambda a: a.topk(3).values),
    "topk_0": ([([9, 4], 1)], lambda a: a.topk(2, 0).values),
    "softmax": (W, lambda a: a.softmax(1)),
    "softmax_0": (W, lambda a: a.softmax(0)),
    "softmax_one": ([([3, 1], 1)], lambda a: a.softmax(1)),
    "log_softmax": (W, lambda a: a.log_softmax(1)),
    "matmul": ([([3, 33], 1), ([33, 5], 2)], torch.matmul),
    "matmul_vectors": ([([33], 1), ([33], 2)], torch.matmul),
    "matmul_matrix_vector": ([([3, 33], 1), ([33], 2)], torch.matmul),
    "matmul_vector_matrix": ([([33], 1), ([33, 7], 2)], torch.matmul),
    "matmul_batched": ([([3, 2, 7], 1), ([3, 7, 5], 2)], torch.matmul),
    "matmul_batch_matrix": ([([3, 2, 7], 1), ([7, 5], 2)], torch.matmul),
    "matmul_matrix_batch": ([([2, 7], 1), ([3, 7, 5], 2)], torch.matmul),
    "matmul_empty": ([([0, 7], 1), ([7, 5], 2)], torch.matmul),
    "t": (A, lambda a: a.t()),
    "permute": ([([2, 7, 3], 1)], lambda a: a.permute(2, 0, 1)),
    "reshape": (A, lambda a: a.reshape(-1, 9)),
    "narrow_0": (A, lambda a: a.narrow(0, 1, 2)),
    "narrow_1": (A, lambda a: a.narrow(1, 5, 20)),
    "select_0": (A, lambda a: a.select(0, 2)),
    "select_1": (A, lambda a: a.select(1, 4)),
    "cat_0": ([([2, 5], 1), ([3, 5], 2)], lambda a, b: torch.cat([a, b])),
    "cat_1": ([([4, 1], 1), ([4, 7], 2)], lambda a, b: torch.cat([a, b], 1)),
    "stack_1": ([([4, 7], 1), ([4, 7], 2)], lambda a, b: torch.stack([a, b], 1)),
    "unsqueeze": (A, lambda a: a.unsqueeze(1)),
    "squeeze": ([([1, 3, 1, 5], 1)], torch.squeeze),
    "squeeze_2": ([([1, 3, 1, 5], 1)], lambda a: a.squeeze(2)),
    "expand": ([([3, 1], 1)], lambda a: a.expand(2, -1, 5)),
    "gather_0": ([([4, 3], 1)], lambda a: a.gather(0, torch.tensor([[3, 0, 1], [3, 3, 2]]))),
    "gather_1": ([([4, 3], 1)], lambda a: a.gather(1, torch.tensor([[2, 0], [1, 1], [0, 2]]))),
    "clone": (A, torch.clone),
    "linear": ([([3, 33], 1), ([5, 33], 2), ([5], 3)], F.linear),
    "frozen_linear": ([([3, 33], 1), ([5], 3)], lambda x, b: F.linear(x, values([5, 33], 2), b)),
    "frozen_linears": (
        [([3, 33], 1), ([5], 3)],
        lambda x, b: F.linear(x, values([5, 33], 2), b) * F.linear(x, values([5, 33], 4)),
    ),
    "embedding": ([([6, 5], 1)], lambda w: w[torch.tensor([[3, 0, 3], [5, 3, 1]])]),
    "replace_rows": (
        [([5, 7], 1), ([3, 7], 2)],
        lambda x, r: x.index_copy(0, torch.tensor([4, 0, 2, 3]), r[torch.tensor([1, 0, 1, 2])]),
    ),
    "replace_rows_frozen": (
        [([5, 7], 1)],
        lambda x: x.index_copy(0, torch.tensor([4, 1]), values([3, 7], 2)[torch.tensor([2, 2])]),
    ),
    "replace_columns": (
        [([5, 7], 1), ([5, 33], 2), ([3, 33], 3)],
        lambda y, x, r: y.index_copy(1, torch.tensor([6, 0, 3]), F.linear(x, r)),
    ),
    "gather_rows": (A, lambda a: a[torch.tensor([2, 0, 2])]),
    "layer_norm": ([([3, 33], 1), ([33], 2), ([33], 3)], lambda x, g, b: F.layer_norm(x, [33], g, b, 1e-5)),
    "layer_norm_residual": (
        [([3, 33], 1), ([33], 2), ([33], 3), ([3, 33], 4)],
        lambda x, g, b, r: F.layer_norm(x + r, [33], g, b, 1e-12),
    ),
    "rms_norm": ([([3, 33], 1), ([33], 2)], lambda x, g: F.rms_norm(x, [33], g, 1e-6)),
    "rms_norm_offset": ([([3, 33], 1), ([33], 2)], lambda x, g: F.rms_norm(x, [33], 1 + g, 1e-5)),
    "rms_norm_heads": (
        [([3, 36], 1), ([9], 2)],
        lambda x, g: F.rms_norm(x.reshape(3, 4, 9), [9], g, 1e-6).reshape(3, 36),
    ),
    "rms_norm_residual": ([([3, 33], 1), ([33], 2)], lambda x, g: x + F.silu(F.rms_norm(x, [33], g, 1e-6))),
    "rotary": ([([3, 80], 1)], lambda x: rotary(x, 40, 20)),
    "rotary_partial": ([([3, 48], 1)], lambda x: rotary(x, 16, 6)),
    "rotary_neighbours": ([([3, 48], 1)], lambda x: rotary(x, 24, 11, neighbours=True)),
    "rotary_overwriting": ([([3, 80], 1)], lambda x: rotary(x, 40, 19)),
    "gated_silu": ([([3, 33], 1, -5.0, 5.0), ([3, 33], 2)], lambda g, u: F.silu(g) * u),
    "gated_gelu": ([([3, 33], 1, -5.0, 5.0), ([3, 33], 2)], lambda g, u: F.gelu(g) * u),
    "gated_gelu_tanh": ([([3, 66], 1, -5.0, 5.0)], lambda x: gated(lambda g: F.gelu(g, approximate="tanh"), x)),
    "gated_tanh": ([([3, 66], 1, -5.0, 5.0)], lambda x: gated(torch.tanh, x)),
    "gated_relu": ([([3, 33], 1, -5.0, 5.0), ([3, 33], 2)], lambda g, u: F.relu(g) * u),
    "soft_cap": (W, lambda a: 1.5 * torch.tanh(a / 1.5)),
    "attention": (
        [([11, 8], 1, -2.0, 2.0), ([11, 8], 2, -2.0, 2.0), ([11, 8], 3)],
        lambda q, k, v: attention(q, k, v, 2, [0, 1, 4, 11], [0, 1, 4, 11]),
    ),
    "attention_causal_grouped": (
        [([9, 12], 1, -2.0, 2.0), ([9, 6], 2, -2.0, 2.0), ([9, 6], 3)],
        lambda q, k, v: attention(q, k, v, 4, [0, 2, 9], [0, 2, 9], causal=True),
    ),
    "attention_first_rows": (
        [([2, 8], 1, -2.0, 2.0), ([9, 8], 2, -2.0, 2.0), ([9, 8], 3)],
        lambda q, k, v: attention(q, k, v, 2, [0, 1, 2], [0, 2, 9]),
    ),
    "attention_terms": (
        [([7, 12], 1, -2.0, 2.0), ([13, 4], 2, -2.0, 2.0), ([13, 4], 3)],
        lambda q, k, v: attention(
            q, k, v, 3, [0, 3, 7], [(1, 5), (7, 6)], causal=True, places=[2, 3, 4, 2, 3, 4, 5], behind=2, cap=1.5
        ),
    ),
    "attention_bias": (
        [([9, 8], 1, -2.0, 2.0), ([9, 8], 2, -2.0, 2.0), ([9, 8], 3), ([2, 5], 4)],
        lambda q, k, v, b: attention(q, k, v, 2, [0, 2, 9], [0, 2, 9], behind=4, ahead=4, bias=b, zero=2),
    ),
    "disentangled_attention": (
        [([9, 8], 1, -2.0, 2.0), ([9, 8], 2, -2.0, 2.0), ([9, 8], 3), ([6, 8], 4, -2.0, 2.0), ([6, 8], 5, -2.0, 2.0)],
        lambda q, k, v, pk, pq: disentangled(
            q, k, v, pk, pq, 2, [0, 2, 9], [0, 2, 9], [0, 1, 0, 1, 2, 3, 4, 5, 6], 0.3
        ),
    ),
    "disentangled_content": (
        [([3, 8], 1, -2.0, 2.0), ([9, 8], 2, -2.0, 2.0), ([9, 8], 3), ([6, 8], 4, -2.0, 2.0)],
        lambda q, k, v, pk: disentangled(q, k, v, pk, None, 2, [0, 1, 3], [0, 2, 9], [1, 2, 6], 0.4),
    ),
    "disentangled_position": (
        [([9, 8], 1, -2.0, 2.0), ([9, 8], 2, -2.0, 2.0), ([9, 8], 3), ([6, 8], 4, -2.0, 2.0)],
        lambda q, k, v, pq: disentangled(
            q, k, v, None, pq, 1, [0, 2, 9], [0, 2, 9], [0, 1, 0, 1, 2, 3, 4, 5, 6], 0.4
        ),
    ),
    "cross_entropy": ([([5, 7], 1, -4.0, 4.0)], lambda x: F.cross_entropy(x, torch.tensor([0, 6, -100, 3, 3]))),
    "cross_entropy_sum": (
        [([5, 7], 1, -4.0, 4.0)],
        lambda x: F.cross_entropy(x, torch.tensor([0, 6, -100, 3, 3]), reduction="sum"),
    ),
    "cross_entropy_smooth": (
        [([5, 7], 1, -4.0, 4.0)],
        lambda x: F.cross_entropy(x, torch.tensor([0, 6, -100, 3, 3]), label_smoothing=0.1),
    ),
    "cross_entropy_weight": ([([5, 7], 1, -4.0, 4.0)], lambda x: F.cross_entropy(x, LABELS, WEIGHTS)),
    "cross_entropy_weight_sum": (
        [([5, 7], 1, -4.0, 4.0)],
        lambda x: F.cross_entropy(x, LABELS, WEIGHTS, reduction="sum"),
    ),
    "cross_entropy_weight_smooth": (
        [([5, 7], 1, -4.0, 4.0)],
        lambda x: F.cross_entropy(x, LABELS, WEIGHTS, label_smoothing=0.1),
    ),
    "cross_entropy_none": ([([5, 7], 1, -4.0, 4.0)], lambda x: F.cross_entropy(x, LABELS, reduction="none")),
    "cross_entropy_none_weight_smooth": (
        [([5, 7], 1, -4.0, 4.0)],
        lambda x: F.cross_entropy(x, LABELS, WEIGHTS, reduction="none", label_smoothing=0.1),
    ),
    "linear_cross_entropy": (
        [([5, 33], 1)],
        lambda x: F.cross_entropy(F.linear(x, values([7, 33], 2)), LABELS),
    ),
    "linear_cross_entropy_dense": (
        [([5, 33], 1), ([7], 3)],
        lambda x, b: F.cross_entropy(
            F.linear(x, values([7, 33], 2), b), torch.tensor([0, 6, 2, 3, 3]), reduction="sum", label_smoothing=0.1
        ),
    ),
    "linear_cross_entropy_capped": (
        [([5, 33], 1), ([7, 33], 2), ([7], 3)],
        lambda x, w, b: F.cross_entropy(
            2 * torch.tanh(F.linear(x, w, b) / 2), LABELS, reduction="sum", label_smoothing=0.1
        )
        / 3,
    ),
    "linear_cross_entropy_replaced": (
        [([5, 33], 1), ([3, 33], 4)],
        lambda x, r: F.cross_entropy(F.linear(x, replaced(values([7, 33], 2), [6, 0, 4], r)), LABELS),
    ),
    "linear_cross_entropy_replaced_dense": (
        [([5, 33], 1), ([7, 33], 2), ([7], 3), ([2, 33], 4)],
        lambda x, w, b, r: F.cross_entropy(
            2 * torch.tanh(F.linear(x, replaced(w, [3, 5], r), b) / 2), torch.tensor([0, 6, 2, 3, 3]), reduction="sum",
            label_smoothing=0.1,
        ),
    ),
    # Three sequences of 4, 1 and 4 rows; one position lies outside of its own.
    "span_cross_entropy": (
        [([9, 2], 1)],
        lambda x: sum(
            F.cross_entropy(x[first:last, column].unsqueeze(0), torch.tensor([place]), reduction="sum")
            for first, last, column, place in [(0, 4, 0, 1), (4, 5, 0, 0), (0, 4, 1, 3), (4, 5, 1, 0), (5, 9, 1, 1)]
        )
        / 5,
    ),
    "mse_loss": ([([5, 1], 1), ([5, 1], 2)], F.mse_loss),
    "mse_loss_weight": (
        [([5, 3], 1), ([5, 3], 2)],
        lambda x, t: F.mse_loss(x, t, weight=values([5, 3], 3, 0.0, 2.0)),
    ),
    "mse_loss_weight_sum": (
        [([5, 3], 1), ([5, 3], 2)],
        lambda x, t: F.mse_loss(x, t, reduction="sum", weight=values([5, 3], 3, 0.0, 2.0)),
    ),
    "mse_loss_none": ([([5, 3], 1), ([5, 3], 2)], lambda x, t: F.mse_loss(x, t, reduction="none")),
    "bce_with_logits_weight": (
        [([5, 7], 1, -4.0, 4.0)],
        lambda x: F.binary_cross_entropy_with_logits(x, values([5, 7], 2, 0.0, 1.0), values([5, 1], 3, 0.0, 2.0)),
    ),
    "bce_with_logits_pos_weight": (
        [([5, 7], 1, -4.0, 4.0)],
        lambda x: F.binary_cross_entropy_with_logits(
            x, values([5, 7], 2, 0.0, 1.0), reduction="sum", pos_weight=values([7], 3, 0.0, 4.0)
        ),
    ),
    "bce_with_logits_none": (
        [([5, 7], 1, -4.0, 4.0)],
        lambda x: F.binary_cross_entropy_with_logits(
            x, values([5, 7], 2, 0.0, 1.0), values([7], 4, 0.0, 2.0), reduction="none",
            pos_weight=values([7], 3, 0.0, 4.0),
        ),
    ),
    "bce_with_logits": (
        [([5, 7], 1, -4.0, 4.0)],
        lambda x: F.binary_cross_entropy_with_logits(x, values([5, 7], 2, 0.0, 1.0)),
    ),
}


def line(name, what, tensor):
    shape = ",".join(str(size) for size in tensor.shape)
    return "\t".join([name, what, shape, " ".join(f"{value:.7g}" for value in tensor.flatten().tolist())])


def main():
    lines = []
    for name, (inputs, function) in CASES.items():
        tensors = [values(*arguments).requires_grad_() for arguments in inputs]
        out = function(*tensors)
        lines.append(line(name, "out", out))
        (out * values(list(out.shape), 97)).sum().backward()
        lines += [line(name, f"grad{i}", tensor.grad) for i, tensor in enumerate(tensors)]
    HERE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
