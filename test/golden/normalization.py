#!/usr/bin/env python3
"""Writes normalization.json: normalising layers as PyTorch 1.13 has them, in training.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/normalization.py
"""
from golden_cases import case, write
from torch import nn


def layer(text, shape, module, affine=True):
    kind = "f32[" + ", ".join(["Batch", *map(str, shape[1:])]) + "]"
    parameters = {"n.gamma": module.weight, "n.beta": module.bias} if affine else {}
    states = {}
    if getattr(module, "running_mean", None) is not None:
        states = {f"n.{own}": lambda own=own: getattr(module, own) for own in ("running_mean", "running_var")}
    body = f"return x |> n: {text}"
    return case(f"{text} on {shape}", body, {"x": (kind, shape)}, kind, parameters, module, {"Batch": shape[0]}, states)


CASES = [
    layer("BatchNorm", [3, 4, 5, 2], nn.BatchNorm2d(4)),
    layer("BatchNorm", [3, 4, 5], nn.BatchNorm1d(4)),
    layer("BatchNorm", [5, 4], nn.BatchNorm1d(4)),
    layer("BatchNorm1d", [5, 4], nn.BatchNorm1d(4)),
    layer("BatchNorm2d(momentum = 0.3, eps = 1e-3)", [2, 3, 4, 5], nn.BatchNorm2d(3, eps=1e-3, momentum=0.3)),
    layer("BatchNorm3d", [2, 3, 2, 3, 4], nn.BatchNorm3d(3)),
    layer("LayerNorm", [3, 4, 6], nn.LayerNorm(6)),
    layer("SampleNorm", [3, 2, 3, 4], nn.LayerNorm([2, 3, 4])),
    layer("GroupNorm(2)", [2, 6, 3, 4], nn.GroupNorm(2, 6)),
    layer("GroupNorm(3, eps = 1e-3)", [2, 6, 5], nn.GroupNorm(3, 6, eps=1e-3)),
    layer("GroupNorm(2, affine = false)", [4, 6], nn.GroupNorm(2, 6, affine=False), False),
    layer("InstanceNorm", [2, 3, 4, 5], nn.InstanceNorm2d(3), False),
    layer("InstanceNorm(affine = true)", [2, 3, 6], nn.InstanceNorm1d(3, affine=True)),
]

write(__file__, CASES)
