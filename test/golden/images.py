#!/usr/bin/env python3
"""Writes images.json: affine grids and images sampled at them as PyTorch computes them, with the gradients.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/images.py
Everything in float64. A case samples an image x at the grid of theta; gradients are those of sum(value * weight).
"""
import json
import pathlib

import torch
from torch.nn import functional

torch.manual_seed(20242)
torch.set_default_dtype(torch.float64)

# shape of x, height and width of the result
CASES = [([2, 1, 5, 4], 5, 4), ([1, 3, 4, 6], 3, 7), ([2, 2, 1, 3], 2, 2)]


def tensor(value):
    return {"shape": list(value.shape), "data": [float(f"{x:.12g}") for x in value.detach().flatten().tolist()]}


def case(shape, height, width):
    x = torch.randn(shape, requires_grad=True)
    identity = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).expand(shape[0], 2, 3)
    theta = (identity + 0.4 * torch.randn(shape[0], 2, 3)).requires_grad_()
    grid = functional.affine_grid(theta, (shape[0], shape[1], height, width), align_corners=False)
    value = functional.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    weight = torch.randn_like(value)
    to_x, to_theta = torch.autograd.grad((value * weight).sum(), [x, theta])
    parts = {"x": x, "theta": theta, "grid": grid, "value": value, "weight": weight, "to_x": to_x, "to_theta": to_theta}
    return {name: tensor(part) for name, part in parts.items()}


path = pathlib.Path(__file__).with_name("images.json")
path.write_text(json.dumps({"cases": [case(*each) for each in CASES]}) + "\n")
