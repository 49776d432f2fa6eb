#!/usr/bin/env python3
"""Writes windows.json: transposed, depthwise and three-dimensional convolutions, poolings and interpolation as PyTorch has them.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/windows.py
"""
import torch
from golden_cases import case, write
from torch import nn


def layer(text, shape, module, names=None):
    """One layer applied to x; `names` are where its parameters are in PyTorch."""
    result = list(module(torch.zeros(shape)).shape)
    parameters = names if names is not None else {
        f"n.{own}": tensor
        for own, tensor in (("w", getattr(module, "weight", None)), ("b", getattr(module, "bias", None)))
        if tensor is not None
    }
    types = ["f32[" + ", ".join(["Batch", *map(str, sizes[1:])]) + "]" for sizes in (shape, result)]
    inputs = {"x": (types[0], shape)}
    return case(text, f"return x |> n: {text}", inputs, types[1], parameters, module, {"Batch": shape[0]})


def separable():
    depthwise, pointwise = nn.Conv2d(3, 6, 3, 2, 1, groups=3), nn.Conv2d(6, 5, 1)
    places = {
        "n.depthwise.w": depthwise.weight,
        "n.depthwise.b": depthwise.bias,
        "n.pointwise.w": pointwise.weight,
        "n.pointwise.b": pointwise.bias,
    }
    text = "SeparableConv2d(5, 3, stride = 2, padding = 1, multiplier = 2)"
    return layer(text, [2, 3, 7, 6], nn.Sequential(depthwise, pointwise), places)


CASES = [
    layer("Conv3d(4, 3)", [2, 2, 5, 4, 6], nn.Conv3d(2, 4, 3)),
    layer("Conv3d(4, 2, stride = 2, padding = 1, groups = 2, bias = false)", [2, 4, 3, 5, 4], nn.Conv3d(4, 4, 2, 2, 1, groups=2, bias=False)),
    layer("Conv3d(3, 2, dilation = 2)", [1, 2, 4, 5, 4], nn.Conv3d(2, 3, 2, dilation=2)),
    layer("ConvTranspose2d(4, 3)", [2, 3, 4, 5], nn.ConvTranspose2d(3, 4, 3)),
    layer("ConvTranspose2d(4, 3, 2, 1, 1)", [2, 3, 4, 5], nn.ConvTranspose2d(3, 4, 3, 2, 1, 1)),
    layer("ConvTranspose2d(4, 4, stride = 2, padding = 1, groups = 2)", [2, 6, 3, 4], nn.ConvTranspose2d(6, 4, 4, 2, 1, groups=2)),
    layer("ConvTranspose2d(2, 2, stride = 3, dilation = 2, bias = false)", [2, 3, 4, 3], nn.ConvTranspose2d(3, 2, 2, 3, dilation=2, bias=False)),
    layer("ConvTranspose1d(4, 3)", [2, 3, 6], nn.ConvTranspose1d(3, 4, 3)),
    layer("ConvTranspose1d(4, 5, stride = 3, padding = 2, output_padding = 2, groups = 2)", [2, 4, 5], nn.ConvTranspose1d(4, 4, 5, 3, 2, 2, 2)),
    layer("ConvTranspose1d(2, 3, 2, 1, 1, dilation = 2)", [2, 2, 4], nn.ConvTranspose1d(2, 2, 3, 2, 1, 1, dilation=2)),
    layer("DepthwiseConv2d(3, padding = 1)", [2, 4, 5, 6], nn.Conv2d(4, 4, 3, padding=1, groups=4)),
    layer("DepthwiseConv2d(3, 2, multiplier = 2, bias = false)", [2, 3, 7, 5], nn.Conv2d(3, 6, 3, 2, groups=3, bias=False)),
    separable(),
    layer("MaxPool(3, 2, 1)", [2, 3, 6, 7], nn.MaxPool2d(3, 2, 1)),
    layer("MaxPool1d(3)", [2, 3, 10], nn.MaxPool1d(3)),
    layer("MaxPool1d(4, 2, padding = 2)", [2, 3, 9], nn.MaxPool1d(4, 2, 2)),
    layer("MaxPool3d(2)", [2, 2, 4, 5, 6], nn.MaxPool3d(2)),
    layer("MaxPool3d(3, 2, 1)", [1, 2, 4, 5, 6], nn.MaxPool3d(3, 2, 1)),
    layer("AveragePool(3, 2, 1)", [2, 3, 6, 7], nn.AvgPool2d(3, 2, 1)),
    layer("AveragePool(3, 2, 1, count_include_pad = false)", [2, 3, 6, 7], nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
    layer("AveragePool1d(3)", [2, 3, 10], nn.AvgPool1d(3)),
    layer("AveragePool1d(4, 2, 1, count_include_pad = false)", [2, 3, 9], nn.AvgPool1d(4, 2, 1, count_include_pad=False)),
    layer("AveragePool3d(2, padding = 1)", [1, 2, 4, 5, 6], nn.AvgPool3d(2, padding=1)),
    layer("AveragePool3d(3, 2, 1, count_include_pad = false)", [1, 2, 4, 5, 6], nn.AvgPool3d(3, 2, 1, count_include_pad=False)),
    layer("GlobalMaxPool", [2, 3, 4, 5], nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())),
    layer("AdaptiveAveragePool(2, 3)", [2, 3, 6, 6], nn.AdaptiveAvgPool2d((2, 3))),
    layer("AdaptiveAveragePool(3)", [2, 3, 7, 5], nn.AdaptiveAvgPool2d(3)),
    layer("AdaptiveAveragePool(5, 4)", [2, 2, 3, 7], nn.AdaptiveAvgPool2d((5, 4))),
    layer("AdaptiveMaxPool(2, 3)", [2, 3, 6, 6], nn.AdaptiveMaxPool2d((2, 3))),
    layer("AdaptiveMaxPool(3, 4)", [2, 3, 7, 5], nn.AdaptiveMaxPool2d((3, 4))),
    layer("Upsample", [2, 3, 4, 5], nn.Upsample(scale_factor=2)),
    layer('Upsample(3, mode = "bilinear")', [2, 3, 4, 5], nn.Upsample(scale_factor=3, mode="bilinear", align_corners=False)),
    layer('Upsample(2, mode = "bilinear", align_corners = true)', [2, 3, 4, 5], nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)),
]

write(__file__, CASES)
