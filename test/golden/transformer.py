#!/usr/bin/env python3
"""Writes transformer.json: blocks of Transformers and feed-forward layers as PyTorch 1.13 and the papers' formulas have them.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/transformer.py
"""
import torch
from golden_cases import case, write
from torch import nn
from torch.nn import functional

B, T, S, D, HEADS, HIDDEN = 2, 4, 3, 8, 2, 6
DIMS = {"Batch": B, "Time": T}
X = ("f32[Batch, Time, 8]", [B, T, D])
MEMORY = ("f32[Batch, Long, 8]", [B, S, D])
RESULT = "f32[Batch, Time, 8]"
PADDING = ("bool[Batch, Time]", torch.tensor([[False, False, False, False], [False, False, True, True]]))
MEMORY_PADDING = ("bool[Batch, Long]", torch.tensor([[False, True, False], [False, False, False]]))
FUTURE = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)


def norm(module, name):
    return {f"net.{name}.gamma": module.weight, f"net.{name}.beta": module.bias}


def linear(module, name):
    return {f"net.{name}.w": module.weight, f"net.{name}.b": module.bias}


def attention(module):
    return {
        "net.attn.qkv.w": module.in_proj_weight,
        "net.attn.qkv.b": module.in_proj_bias,
        **linear(module.out_proj, "attn.proj"),
    }


def cross(module):
    parts = {"q": slice(0, D), "k": slice(D, 2 * D), "v": slice(2 * D, 3 * D)}
    own = {f"net.cross.{key}.w": (module.in_proj_weight, part) for key, part in parts.items()}
    own.update({f"net.cross.{key}.b": (module.in_proj_bias, part) for key, part in parts.items()})
    return {**own, **linear(module.out_proj, "cross.proj")}


def encoder(name, settings, inputs=None, call="x", mask=None, **options):
    module = nn.TransformerEncoderLayer(D, HEADS, HIDDEN, dropout=0.0, batch_first=True, **options)
    parameters = {
        **attention(module.self_attn),
        **linear(module.linear1, "feed.linear1"),
        **linear(module.linear2, "feed.linear2"),
        **norm(module.norm1, "norm1"),
        **norm(module.norm2, "norm2"),
    }

    def compute(x, padding=None):
        return module(x, src_mask=mask, src_key_padding_mask=padding)

    body = f"use net = TransformerEncoderBlock(2, 6, dropout = 0.0{settings})\n  return net({call})"
    return case(name, body, {"x": X, **(inputs or {})}, RESULT, parameters, compute, DIMS)


def decoder(name, settings, inputs=None, call="x, memory", mask=FUTURE, **options):
    module = nn.TransformerDecoderLayer(D, HEADS, HIDDEN, dropout=0.0, batch_first=True, **options)
    parameters = {
        **attention(module.self_attn),
        **cross(module.multihead_attn),
        **linear(module.linear1, "feed.linear1"),
        **linear(module.linear2, "feed.linear2"),
        **norm(module.norm1, "norm1"),
        **norm(module.norm2, "norm2"),
        **norm(module.norm3, "norm3"),
    }

    def compute(x, memory, padding=None, memory_padding=None):
        return module(x, memory, tgt_mask=mask, tgt_key_padding_mask=padding, memory_key_padding_mask=memory_padding)

    body = f"use net = TransformerDecoderBlock(2, 6, dropout = 0.0{settings})\n  return net({call})"
    return case(name, body, {"x": X, "memory": MEMORY, **(inputs or {})}, RESULT, parameters, compute, {**DIMS, "Long": S})


def cached(name, settings, body, **options):
    """After one position whose keys and values are given: all positions at once in PyTorch, one part after another here."""
    module = nn.TransformerEncoderLayer(D, HEADS, HIDDEN, dropout=0.0, batch_first=True, **options)
    parameters = {
        **attention(module.self_attn),
        **linear(module.linear1, "feed.linear1"),
        **linear(module.linear2, "feed.linear2"),
        **norm(module.norm1, "norm1"),
        **norm(module.norm2, "norm2"),
    }
    own = module.self_attn

    def attended(x, keys, values):
        q, k, v = (x @ own.in_proj_weight.T + own.in_proj_bias).split(D, -1)
        q, k, v = (t.reshape(B, -1, HEADS, D // HEADS).transpose(1, 2) for t in (q, torch.cat([keys, k], 1), torch.cat([values, v], 1)))
        scores = q @ k.transpose(2, 3) / (D // HEADS) ** 0.5
        hidden = torch.arange(T + 1) > torch.arange(T).unsqueeze(1) + 1
        weights = torch.softmax(scores.masked_fill(hidden, -torch.inf), -1)
        return own.out_proj((weights @ v).transpose(1, 2).reshape(B, T, D))

    def compute(x, keys, values):
        if module.norm_first:
            y = x + attended(module.norm1(x), keys, values)
            return y + module._ff_block(module.norm2(y))
        y = module.norm1(x + attended(x, keys, values))
        return module.norm2(y + module._ff_block(y))

    inputs = {"x": ("f32[Batch, 4, 8]", [B, T, D])}
    inputs.update({part: ("f32[Batch, 1, 8]", [B, 1, D]) for part in ("keys", "values")})
    text = f"use net = CachedTransformerBlock(2, 6, dropout = 0.0{settings})\n  {body}"
    return case(name, text, inputs, "f32[Batch, 4, 8]", parameters, compute, {"Batch": B})


AT_ONCE = "let (y, _keys, _values) = net(x, keys, values)\n  return y"
IN_PARTS = """let (a, keys2, values2) = net(x[:, 0:1], keys, values)
  let (b, keys3, values3) = net(x[:, 1:3], keys2, values2)
  let (c, _keys, _values) = net(x[:, 3:4], keys3, values3)
  return concat([a, b, c], axis = 1)"""


class RmsNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * self.weight


def gated_block():
    """Normalised first by RMS, hidden features gated by silu, no biases: the block of Touvron et al. 2023 without rotation."""
    attention, one, two = nn.MultiheadAttention(D, HEADS, bias=False, batch_first=True), RmsNorm(D), RmsNorm(D)
    gate, up, down = nn.Linear(D, HIDDEN, False), nn.Linear(D, HIDDEN, False), nn.Linear(HIDDEN, D, False)

    def compute(x):
        n = one(x)
        y = x + attention(n, n, n, need_weights=False, attn_mask=FUTURE)[0]
        n = two(y)
        return y + down(functional.silu(gate(n)) * up(n))

    parameters = {
        "net.attn.qkv.w": attention.in_proj_weight,
        "net.attn.proj.w": attention.out_proj.weight,
        "net.norm1.gamma": one.weight,
        "net.norm2.gamma": two.weight,
        "net.feed.linear1.w": gate.weight,
        "net.feed.gate.w": up.weight,
        "net.feed.linear2.w": down.weight,
    }
    settings = "2, 6, dropout = 0.0, activation = silu, norm_first = true, bias = false, causal = true, gated = true, norm = RmsNorm"
    body = f"use net = TransformerEncoderBlock({settings})\n  return net(x)"
    return case("a gated block, normalised by RmsNorm", body, {"x": X}, RESULT, parameters, compute, DIMS)


def feed_forward():
    one, two = nn.Linear(D, HIDDEN), nn.Linear(HIDDEN, D)
    parameters = {**linear(one, "linear1"), **linear(two, "linear2")}
    body = "use net = FeedForward(6, activation = gelu)\n  return net(x)"
    return case("FeedForward", body, {"x": X}, RESULT, parameters, lambda x: two(functional.gelu(one(x))), DIMS)


def gated(layer, activation, bias=False):
    gate, up, down = nn.Linear(D, HIDDEN, bias), nn.Linear(D, HIDDEN, bias), nn.Linear(HIDDEN, D, bias)
    parts = {"gate": gate, "up": up, "down": down}
    parameters = {f"net.{key}.w": module.weight for key, module in parts.items()}
    if bias:
        parameters.update({f"net.{key}.b": module.bias for key, module in parts.items()})
    body = f"use net = {layer}\n  return net(x)"
    return case(layer, body, {"x": X}, RESULT, parameters, lambda x: down(activation(gate(x)) * up(x)), DIMS)


def highway():
    plain, gate = nn.Linear(D, D), nn.Linear(D, D)

    def compute(x):
        t = torch.sigmoid(gate(x))
        return torch.relu(plain(x)) * t + x * (1 - t)

    return case("Highway", "use net = Highway\n  return net(x)", {"x": X}, RESULT, {**linear(plain, "plain"), **linear(gate, "gate")}, compute, DIMS)


def residual(name, body, prefix):
    inner = nn.Linear(D, D)
    parameters = {f"{prefix}.w": inner.weight, f"{prefix}.b": inner.bias}
    return case(name, body, {"x": X}, RESULT, parameters, lambda x: x + inner(x), DIMS)


def tied():
    table = nn.Parameter(torch.zeros(5, D))
    ids = torch.tensor([[1, 4, 0, 1], [2, 2, 3, 4]])
    body = "use embed = Embedding(5, 8)\n  return tied_linear(embed(ids) + x, embed.table)"
    return case(
        "Embedding with a tied output",
        body,
        {"ids": ("i32[Batch, Time]", ids), "x": X},
        "f32[Batch, Time, 5]",
        {"embed.table": table},
        lambda ids, x: (table[ids] + x) @ table.T,
        DIMS,
    )


def padded():
    module = nn.Embedding(5, D, padding_idx=3)
    ids = torch.tensor([[1, 3, 0, 3], [2, 2, 3, 4]])

    def compute(ids):
        with torch.no_grad():
            table = module.weight.clone()
            module.weight[3] = 0.0
        value = module(ids)
        module.weight.data.copy_(table)
        return value

    body = "use net = Embedding(5, 8, padding = 3)\n  return net(ids)"
    ids = ("i32[Batch, Time]", ids)
    return case("Embedding with padding", body, {"ids": ids}, RESULT, {"net.table": module.weight}, compute, DIMS)


CASES = [
    padded(),
    encoder("TransformerEncoderBlock", ""),
    encoder("TransformerEncoderBlock, normalised first, gelu", ", activation = gelu, norm_first = true", activation=functional.gelu, norm_first=True),
    encoder("causal TransformerEncoderBlock", ", causal = true", mask=FUTURE),
    encoder("TransformerEncoderBlock with padding", "", {"padding": PADDING}, "x, key_padding_mask = padding"),
    decoder("TransformerDecoderBlock", ""),
    decoder("TransformerDecoderBlock, normalised first", ", norm_first = true", norm_first=True),
    decoder("TransformerDecoderBlock, both ways", ", causal = false", mask=None),
    decoder(
        "TransformerDecoderBlock with padding",
        "",
        {"padding": PADDING, "far": MEMORY_PADDING},
        "x, memory, key_padding_mask = padding, memory_key_padding_mask = far",
    ),
    cached("CachedTransformerBlock", "", AT_ONCE),
    cached("CachedTransformerBlock, position by position", "", IN_PARTS),
    cached("CachedTransformerBlock, normalised first, position by position", ", norm_first = true", IN_PARTS, norm_first=True),
    gated_block(),
    feed_forward(),
    gated("GatedFeedForward(6, activation = tanh, bias = true)", torch.tanh, True),
    gated("SwiGlu(6)", functional.silu),
    gated("GeGlu(6)", functional.gelu),
    gated("ReGlu(6)", torch.relu),
    highway(),
    residual("Residual", "use inner = Linear(8)\n  return x |> Residual(inner)", "inner"),
    tied(),
]

write(__file__, CASES)
