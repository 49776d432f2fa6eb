#!/usr/bin/env python3
"""Writes attention.json: attention and positions as PyTorch 1.13 and the papers' formulas have them.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/attention.py
"""
import math

import torch
from golden_cases import case, write
from torch import nn

B, T, S, D, HEADS = 2, 5, 4, 8, 2
DIMS = {"Batch": B, "Time": T}
X = ("f32[Batch, Time, 8]", [B, T, D])
MEMORY = ("f32[Batch, Long, 8]", [B, S, D])
RESULT = "f32[Batch, Time, 8]"
PADDING = torch.tensor([[False, False, False, False, False], [False, False, False, True, True]])
FUTURE = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)


def places(module, name="net"):
    own = {"qkv.w": module.in_proj_weight, "qkv.b": module.in_proj_bias, "proj.w": module.out_proj.weight, "proj.b": module.out_proj.bias}
    return {f"{name}.{path}": tensor for path, tensor in own.items() if tensor is not None}


def self_attention(name, layer, bias=True, inputs=None, call="x", mask=None, **given):
    module = nn.MultiheadAttention(D, HEADS, bias=bias, batch_first=True)

    def compute(x, *others):
        arguments = dict(zip(given, others))
        return module(x, x, x, need_weights=False, attn_mask=arguments.get("attn_mask", mask), key_padding_mask=arguments.get("key_padding_mask"))[0]

    body = f"use net = {layer}\n  return net({call})"
    return case(name, body, {"x": X, **(inputs or {})}, RESULT, places(module), compute, DIMS)


def cross(name, call, inputs, bias=True):
    module = nn.MultiheadAttention(D, HEADS, bias=bias, batch_first=True)
    parts = {"q": slice(0, D), "k": slice(D, 2 * D), "v": slice(2 * D, 3 * D)}
    parameters = {f"net.{key}.w": (module.in_proj_weight, part) for key, part in parts.items()}
    parameters.update({f"net.{key}.b": (module.in_proj_bias, part) for key, part in parts.items()})
    parameters.update({"net.proj.w": module.out_proj.weight, "net.proj.b": module.out_proj.bias})

    def compute(x, memory, *others):
        values = others[0] if "values" in inputs else memory
        padding = others[-1] if "padding" in inputs else None
        return module(x, memory, values, need_weights=False, key_padding_mask=padding)[0]

    body = f"use net = CrossAttention(2)\n  return net({call})"
    return case(name, body, {"x": X, "memory": MEMORY, **inputs}, RESULT, parameters, compute, {**DIMS, "Long": S})


def other_widths():
    module = nn.MultiheadAttention(D, HEADS, kdim=3, vdim=6, batch_first=True)
    parameters = {
        "net.q.w": module.q_proj_weight,
        "net.k.w": module.k_proj_weight,
        "net.v.w": module.v_proj_weight,
        "net.q.b": (module.in_proj_bias, slice(0, D)),
        "net.k.b": (module.in_proj_bias, slice(D, 2 * D)),
        "net.v.b": (module.in_proj_bias, slice(2 * D, 3 * D)),
        "net.proj.w": module.out_proj.weight,
        "net.proj.b": module.out_proj.bias,
    }
    inputs = {"x": X, "memory": ("f32[Batch, Long, 3]", [B, S, 3]), "values": ("f32[Batch, Long, 6]", [B, S, 6])}
    return case(
        "CrossAttention of other widths",
        "use net = CrossAttention(2)\n  return net(x, memory, values)",
        inputs,
        RESULT,
        parameters,
        lambda x, memory, values: module(x, memory, values, need_weights=False)[0],
        {**DIMS, "Long": S},
    )


# What PyTorch 1.13 does not have, written out position by position after the papers.


def rotated(x, offset=0, base=10000.0, interleaved=False):
    """Su et al. 2021: the pair (a, b) of position m becomes (a cos mθ − b sin mθ, a sin mθ + b cos mθ)."""
    size = x.shape[-1]
    rows = []
    for t in range(x.shape[-2]):
        out = [None] * size
        for i in range(size // 2):
            first, second = (2 * i, 2 * i + 1) if interleaved else (i, i + size // 2)
            angle = (t + offset) * base ** (-2 * i / size)
            a, b = x[..., t, first], x[..., t, second]
            out[first] = a * math.cos(angle) - b * math.sin(angle)
            out[second] = a * math.sin(angle) + b * math.cos(angle)
        rows.append(torch.stack(out, -1))
    return torch.stack(rows, -2)


def slopes(heads):
    """Press et al. 2022, and their rule for numbers of heads that are not powers of two."""
    power = 2 ** math.floor(math.log2(heads))
    own = [2 ** (-8 * (h + 1) / power) for h in range(power)]
    return own + [2 ** (-8 * (h + 1) / (2 * power)) for h in range(0, 2 * (heads - power), 2)]


def attended(q, k, v, causal=False, alibi=False, padding=None):
    """One head and one query at a time. q [B, H, T, E], k and v [B, G, S, E]; the last query stands at the last key."""
    batch, heads, time, size = q.shape
    groups, length = k.shape[1], k.shape[2]
    result = []
    for b in range(batch):
        for h in range(heads):
            g = h * groups // heads
            for i in range(time):
                position = i + length - time
                scores = []
                for j in range(length):
                    hidden = (causal and j > position) or (padding is not None and padding[b, j])
                    bias = -slopes(heads)[h] * abs(position - j) if alibi else 0.0
                    scores.append(torch.tensor(-math.inf) if hidden else (q[b, h, i] * k[b, g, j]).sum() / math.sqrt(size) + bias)
                weights = torch.softmax(torch.stack(scores), 0)
                result.append((weights.unsqueeze(1) * v[b, g]).sum(0))
    return torch.stack(result).reshape(batch, heads, time, v.shape[-1])


def split(x, heads):
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def join(x):
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)


class Plain(nn.Module):
    """MultiHeadAttention by the formulas above, after `past` positions of keys and values."""

    def __init__(self, width, heads, key_heads, rotary=False, alibi=False, causal=True):
        super().__init__()
        self.heads, self.key_heads, self.rotary, self.alibi, self.causal = heads, key_heads, rotary, alibi, causal
        own = key_heads * (width // heads)
        self.sizes = [width, own, own]
        self.w, self.b = nn.Parameter(torch.zeros(width + 2 * own, width)), nn.Parameter(torch.zeros(width + 2 * own))
        self.pw, self.pb = nn.Parameter(torch.zeros(width, width)), nn.Parameter(torch.zeros(width))

    def forward(self, x, keys=None, values=None, padding=None):
        q, k, v = torch.split(x @ self.w.T + self.b, self.sizes, -1)
        past = 0 if keys is None else keys.shape[1]
        q, k, v = split(q, self.heads), split(k, self.key_heads), split(v, self.key_heads)
        if self.rotary:
            q, k = rotated(q, past), rotated(k, past)
        if keys is not None:
            k = torch.cat([split(keys, self.key_heads), k], 2)
            v = torch.cat([split(values, self.key_heads), v], 2)
        mixture = attended(q, k, v, self.causal, self.alibi, padding)
        return join(mixture) @ self.pw.T + self.pb, join(k), join(v)

    def places(self, name="net"):
        return {f"{name}.qkv.w": self.w, f"{name}.qkv.b": self.b, f"{name}.proj.w": self.pw, f"{name}.proj.b": self.pb}


def plain(name, settings, key_heads=4, heads=4, inputs=None, call="x", **options):
    module = Plain(D, heads, key_heads, **options)
    body = f"use net = MultiHeadAttention({heads}, {settings})\n  return net({call})"

    def compute(x, padding=None):
        return module(x, padding=padding)[0]

    return case(name, body, {"x": X, **(inputs or {})}, RESULT, module.places(), compute, DIMS)


def cached(name, part, settings="", key_heads=4, **options):
    module = Plain(D, 4, key_heads, **options)
    width = key_heads * 2
    inputs = {
        "x": X,
        "keys": (f"f32[Batch, Past, {width}]", [B, 3, width]),
        "values": (f"f32[Batch, Past, {width}]", [B, 3, width]),
    }
    body = f"use net = CachedAttention(4{settings})\n  let (y, all_keys, all_values) = net(x, keys, values)\n  return {part}"
    result = RESULT if part == "y" else f"f32[Batch, Past + Time, {width}]"
    at = ["y", "all_keys", "all_values"].index(part)
    parameters = module.places()
    if part != "y":
        parameters = {path: own for path, own in parameters.items() if "qkv" in path}
    return case(name, body, inputs, result, parameters, lambda *given: module(*given)[at], {**DIMS, "Past": 3})


def sinusoids(x, offset=0, base=10000.0):
    table = torch.zeros(x.shape[-2:])
    for t in range(x.shape[-2]):
        for i in range(x.shape[-1] // 2):
            angle = (t + offset) / base ** (2 * i / x.shape[-1])
            table[t, 2 * i], table[t, 2 * i + 1] = math.sin(angle), math.cos(angle)
    return x + table


def learned():
    table = nn.Parameter(torch.zeros(9, D))
    return case(
        "LearnedPositions from the third on",
        "use net = LearnedPositions(9)\n  return net(x, offset = 2)",
        {"x": X},
        RESULT,
        {"net.w": table},
        lambda x: x + table[2 : 2 + T],
        DIMS,
    )


def function(name, call, compute, result=RESULT, **inputs):
    return case(name, f"return {call}", inputs or {"x": X}, result, {}, compute, DIMS)


HEADED = {"q": ("f32[Batch, 6, Time, 4]", [B, 6, T, 4]), "k": ("f32[Batch, 3, 4, 4]", [B, 3, S, 4]), "v": ("f32[Batch, 3, 4, 2]", [B, 3, S, 2])}

CASES = [
    self_attention("MultiHeadAttention", "MultiHeadAttention(2)"),
    self_attention("MultiHeadAttention without bias", "MultiHeadAttention(2, bias = false)", bias=False),
    self_attention("causal MultiHeadAttention", "MultiHeadAttention(2, causal = true)", mask=FUTURE),
    self_attention(
        "MultiHeadAttention with padding",
        "MultiHeadAttention(2)",
        inputs={"padding": ("bool[Batch, Time]", PADDING)},
        call="x, key_padding_mask = padding",
        key_padding_mask=True,
    ),
    self_attention(
        "MultiHeadAttention with a mask that is added",
        "MultiHeadAttention(2)",
        inputs={"bias": ("f32[Time, Time]", [T, T])},
        call="x, attention_mask = bias",
        attn_mask=True,
    ),
    self_attention(
        "causal MultiHeadAttention with padding",
        "MultiHeadAttention(2, causal = true)",
        inputs={"padding": ("bool[Batch, Time]", PADDING)},
        call="x, padding",
        mask=FUTURE,
        key_padding_mask=True,
    ),
    cross("CrossAttention", "x, memory", {}),
    cross("CrossAttention with values of its own", "x, memory, values", {"values": MEMORY}),
    cross(
        "CrossAttention with padding",
        "x, memory, key_padding_mask = padding",
        {"padding": ("bool[Batch, Long]", torch.tensor([[False, True, False, False], [False, False, False, True]]))},
    ),
    other_widths(),
    plain("grouped-query attention", "KvHeads = 2, causal = true", 2),
    plain("multi-query attention", "KvHeads = 1", 1, causal=False),
    plain("rotary attention", "causal = true, rotary = true", rotary=True),
    plain("attention with linear biases", "causal = true, alibi = true", alibi=True),
    plain("attention with linear biases, both ways, with padding", "alibi = true", alibi=True, causal=False,
          inputs={"padding": ("bool[Batch, Time]", PADDING)}, call="x, padding"),
    cached("CachedAttention", "y"),
    cached("CachedAttention, rotary and grouped", "y", ", KvHeads = 2, rotary = true", 2, rotary=True),
    cached("CachedAttention, linear biases", "y", ", alibi = true", alibi=True),
    cached("the keys of CachedAttention", "all_keys", ", KvHeads = 2, rotary = true", 2, rotary=True),
    cached("the values of CachedAttention", "all_values"),
    function("rotary_embedding", "rotary_embedding(x)", rotated),
    function("rotary_embedding from the fourth position", "rotary_embedding(x, offset = 3, base = 100.0)", lambda x: rotated(x, 3, 100.0)),
    function("rotary_embedding of neighbours", "rotary_embedding(x, interleaved = true)", lambda x: rotated(x, 0, 10000.0, True)),
    function("sinusoidal positions", "x |> SinusoidalPositions", sinusoids),
    function("sinusoidal positions from the third on", "SinusoidalPositions(100.0)(x, offset = 2)", lambda x: sinusoids(x, 2, 100.0)),
    function("slopes of a power of two", "alibi_slopes(8) * x", lambda x: torch.tensor(slopes(8)) * x),
    function("slopes of six heads", "alibi_slopes(6) * x", lambda x: torch.tensor(slopes(6)) * x, "f32[2, 6]", x=("f32[2, 6]", [2, 6])),
    function(
        "scaled_dot_product_attention with shared keys and fewer keys than queries",
        "scaled_dot_product_attention(q, k, v)",
        attended,
        "f32[Batch, 6, Time, 2]",
        **HEADED,
    ),
    learned(),
]

write(__file__, CASES)
