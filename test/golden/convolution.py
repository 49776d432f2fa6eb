#!/usr/bin/env python3
"""Writes convolution.json: convolution and pooling layers as PyTorch computes them, with their gradients.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/convolution.py
Everything in float64. Each case is one layer named `n` applied to x; gradients are those of sum(value * weight) with respect to
x and to every parameter. `state` is what the layer carries, before the step.
"""
import json
import pathlib

import torch
from torch import nn

torch.manual_seed(20241)
torch.set_default_dtype(torch.float64)


class Same(nn.Module):
    """Conv: an odd filter, as many zeros around as keep the size."""

    def __init__(self, channels, out, size, stride=1):
        super().__init__()
        self.inner = nn.Conv2d(channels, out, size, stride=stride, padding=size // 2)
        self.weight, self.bias = self.inner.weight, self.inner.bias

    def forward(self, x):
        return self.inner(x)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


# layer in the language, shape of x, the same in PyTorch
CASES = [
    ("Conv(5, 3)", [2, 3, 6, 7], Same(3, 5, 3)),
    ("Conv(4, 5, 2)", [2, 2, 9, 8], Same(2, 4, 5, 2)),
    ("Conv(4, 1, 2)", [2, 3, 6, 6], Same(3, 4, 1, 2)),
    ("Conv2d(4, 3)", [2, 3, 6, 7], nn.Conv2d(3, 4, 3)),
    ("Conv2d(4, 3, bias = false)", [2, 3, 6, 7], nn.Conv2d(3, 4, 3, bias=False)),
    ("Conv2d(6, 3, stride = 2, padding = 1, groups = 2)", [2, 4, 7, 9], nn.Conv2d(4, 6, 3, 2, 1, groups=2)),
    ("Conv2d(4, 3, padding = 2, dilation = 2)", [2, 2, 8, 7], nn.Conv2d(2, 4, 3, padding=2, dilation=2)),
    ("Conv2d(4, 4, stride = 4)", [2, 2, 8, 12], nn.Conv2d(2, 4, 4, 4)),
    ("Conv2d(6, 3, padding = 1, groups = 3)", [2, 3, 5, 9], nn.Conv2d(3, 6, 3, padding=1, groups=3)),
    ("Conv2d(4, 3, padding = 1, groups = 4)", [2, 4, 5, 9], nn.Conv2d(4, 4, 3, padding=1, groups=4)),
    ("Conv1d(5, 4)", [2, 3, 11], nn.Conv1d(3, 5, 4)),
    ("Conv1d(4, 3, stride = 2, padding = 2, dilation = 2, groups = 2)", [2, 4, 13], nn.Conv1d(4, 4, 3, 2, 2, 2, 2)),
    ("MaxPool(2)", [2, 3, 6, 8], nn.MaxPool2d(2)),
    ("MaxPool(3, 2)", [2, 3, 7, 10], nn.MaxPool2d(3, 2)),
    ("AveragePool(2)", [2, 3, 6, 7], nn.AvgPool2d(2)),
    ("AveragePool(3, stride = 2)", [2, 3, 7, 10], nn.AvgPool2d(3, 2)),
    ("GlobalAveragePool", [2, 3, 6, 8], Mean()),
    ("BatchNorm", [3, 4, 5, 2], nn.BatchNorm2d(4)),
]

NAMES = {"weight": "w", "bias": "b"}
NORMALISATION = {"weight": "gamma", "bias": "beta", "running_mean": "running_mean"}


def flat(tensor):
    return {"dtype": "f32", "shape": list(tensor.shape), "data": [float(f"{v:.12g}") for v in tensor.detach().reshape(-1).tolist()]}


def case(layer, shape, module):
    names = NORMALISATION if layer == "BatchNorm" else NAMES
    own = {names[name]: getattr(module, name) for name in names if getattr(module, name, None) is not None}
    for name in ("gamma", "beta", "running_mean"):
        if name in own:
            own[name].data.copy_(torch.randn_like(own[name]))
    before = {name: flat(tensor) for name, tensor in own.items()}
    x = torch.randn(shape, requires_grad=True)
    value = module(x)
    weight = torch.cos(torch.arange(value.numel(), dtype=torch.float64)).reshape(value.shape)
    loss = (value * weight).sum()
    loss.backward()
    return {
        "layer": layer,
        "x": flat(x),
        "variables": before,
        "value": flat(value),
        "weight": flat(weight),
        "loss": loss.item(),
        "gradients": {"x": flat(x.grad), **{n: flat(t.grad) for n, t in own.items() if t.requires_grad}},
        "state": {n: flat(t) for n, t in own.items() if not t.requires_grad},
    }


def main():
    result = {"torch": torch.__version__, "cases": [case(*c) for c in CASES]}
    target = pathlib.Path(__file__).with_name("convolution.json")
    target.write_text(json.dumps(result, separators=(",", ":")) + "\n")


main()
