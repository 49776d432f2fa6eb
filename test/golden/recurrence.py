#!/usr/bin/env python3
"""Writes recurrence.json: stacked, bidirectional and projected networks as PyTorch 1.13 has them, Jordan's and a convolutional one by formula.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/recurrence.py
"""
import torch
from golden_cases import case, write
from torch import nn

B, T, IN, HID, P = 2, 4, 3, 4, 2
DIMS = {"Batch": B, "Time": T}
X = ("f32[Batch, Time, 3]", [B, T, IN])
KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def places(module, layers, bidirectional):
    own = dict(module.named_parameters())
    found = {}
    for layer in range(layers):
        below = "net" if layer == 0 else f"net.above.{layer - 1}"
        for cell, suffix in [("cell", "")] + ([("backward", "_reverse")] if bidirectional else []):
            for kind in KINDS:
                if f"{kind}_l{layer}{suffix}" in own:
                    found[f"{below}.{cell}.{kind}"] = own[f"{kind}_l{layer}{suffix}"]
    return found


def network(kind, torch_kind, settings, layers=1, bidirectional=False, **options):
    module = torch_kind(IN, HID, layers, batch_first=True, bidirectional=bidirectional, **options)
    width = (2 if bidirectional else 1) * (options.get("proj_size") or HID)
    text = f"{kind}(4{settings})"
    body = f"use net = {text}\n  return net(x)"
    result = f"f32[Batch, Time, {width}]"
    return case(text, body, {"x": X}, result, places(module, layers, bidirectional), lambda x: module(x)[0], DIMS)


def jordan():
    hidden, fed, out = nn.Linear(IN, HID), nn.Linear(P, HID), nn.Linear(HID, P)
    parameters = {}
    for name, module in {"ih": hidden, "oh": fed, "ho": out}.items():
        parameters.update({f"net.cell.weight_{name}": module.weight, f"net.cell.bias_{name}": module.bias})

    def compute(x, y0):
        y, ys = y0, []
        for t in range(T):
            y = torch.sigmoid(out(torch.tanh(hidden(x[:, t]) + fed(y))))
            ys.append(y)
        return torch.stack(ys, 1)

    body = "use net = JordanRnn(4, 2)\n  return net(x, y0)"
    inputs = {"x": X, "y0": ("f32[Batch, 2]", [B, P])}
    return case("JordanRnn", body, inputs, "f32[Batch, Time, 2]", parameters, compute, DIMS)


def convolutional():
    """Shi et al. 2015, one step after another."""
    channels, size = 2, 4
    seen, kept = nn.Conv2d(channels, 4 * 3, 3, padding=1), nn.Conv2d(3, 4 * 3, 3, padding=1, bias=False)

    def compute(x):
        h = c = torch.zeros(B, 3, size, size)
        hs = []
        for t in range(T):
            i, f, g, o = (seen(x[:, t]) + kept(h)).split(3, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs, 1)

    parameters = {"net.cell.input.w": seen.weight, "net.cell.input.b": seen.bias, "net.cell.hidden.w": kept.weight}
    inputs = {"x": ("f32[Batch, Time, 2, 4, 4]", [B, T, channels, size, size])}
    return case("ConvLstm", "use net = ConvLstm(3, 3)\n  return net(x)", inputs, "f32[Batch, Time, 3, 4, 4]", parameters, compute, DIMS)


CASES = [
    network("Rnn", nn.RNN, ", activation = relu", nonlinearity="relu"),
    network("Rnn", nn.RNN, ", layers = 3", 3),
    network("Rnn", nn.RNN, ", layers = 2, bidirectional = true", 2, True),
    network("Gru", nn.GRU, ", bidirectional = true", 1, True),
    network("Gru", nn.GRU, ", layers = 2", 2),
    network("Lstm", nn.LSTM, ", layers = 2, bidirectional = true", 2, True),
    network("Lstm", nn.LSTM, ", projection = 2", proj_size=2),
    network("Lstm", nn.LSTM, ", layers = 2, bidirectional = true, projection = 2", 2, True, proj_size=2),
    jordan(),
    convolutional(),
]

write(__file__, CASES)
