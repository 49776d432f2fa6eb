#!/usr/bin/env python3
"""Writes library-functions.json: values and gradients of the standard library's functions as PyTorch computes them.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/library_functions.py
Everything in float64, so that the reference interpreter can be held to it closely. Each case is one expression of the
language over named inputs; the gradient is that of sum(value * weight) with respect to each f32 input.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(20240)
torch.set_default_dtype(torch.float64)

x34 = torch.randn(3, 4) * 2
x57 = torch.randn(5, 7) * 3
y57 = torch.randn(5, 7)
label5 = torch.tensor([0, 6, 3, 3, 1])
target57 = torch.rand(5, 7).round()
positive57 = torch.rand(5, 7) + 0.1
signs5 = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0])
x5 = torch.randn(5)
distribution57 = torch.softmax(torch.randn(5, 7), -1)
log_distribution57 = torch.log_softmax(torch.randn(5, 7), -1)


def focal(x, t, gamma=2.0):
    p = torch.sigmoid(x)
    pt = torch.where(t > 0.5, p, 1 - p)
    return (-((1 - pt) ** gamma) * torch.log(pt)).mean()


def norm_rows(x, eps):
    return (x * x).mean(-1, keepdim=True).add(eps).rsqrt() * x


# expression in the language, inputs, the same in PyTorch
CASES = [
    ("relu(x)", {"x": x57}, F.relu),
    ("leaky_relu(x)", {"x": x57}, F.leaky_relu),
    ("leaky_relu(x, slope = 0.2)", {"x": x57}, lambda x: F.leaky_relu(x, 0.2)),
    ("elu(x)", {"x": x57}, F.elu),
    ("selu(x)", {"x": x57}, F.selu),
    ("celu(x, alpha = 1.5)", {"x": x57}, lambda x: F.celu(x, 1.5)),
    ("gelu(x)", {"x": x57}, F.gelu),
    ("gelu_tanh(x)", {"x": x57}, lambda x: F.gelu(x, approximate="tanh")),
    ("silu(x)", {"x": x57}, F.silu),
    ("mish(x)", {"x": x57}, F.mish),
    ("softplus(x)", {"x": x57}, F.softplus),
    ("softsign(x)", {"x": x57}, F.softsign),
    ("hardtanh(x)", {"x": x57}, F.hardtanh),
    ("hardsigmoid(x)", {"x": x57}, F.hardsigmoid),
    ("hardswish(x)", {"x": x57}, F.hardswish),
    ("sigmoid(x)", {"x": x57}, torch.sigmoid),
    ("log_sigmoid(x)", {"x": x57}, F.logsigmoid),
    ("tanh(x)", {"x": x57}, torch.tanh),
    ("softmax(x)", {"x": x57}, lambda x: F.softmax(x, -1)),
    ("log_softmax(x)", {"x": x57}, lambda x: F.log_softmax(x, -1)),
    ("glu(x)", {"x": x34}, lambda x: F.glu(x, -1)),
    ("mean_squared_error(x, y)", {"x": x57, "y": y57}, F.mse_loss),
    ("mean_absolute_error(x, y)", {"x": x57, "y": y57}, F.l1_loss),
    ("huber(x, y)", {"x": x57, "y": y57}, F.huber_loss),
    ("huber(x, y, delta = 0.5)", {"x": x57, "y": y57}, lambda x, y: F.huber_loss(x, y, delta=0.5)),
    ("log_cosh(x, y)", {"x": x57, "y": y57}, lambda x, y: torch.log(torch.cosh(x - y)).mean()),
    (
        "quantile_loss(x, y, q = 0.9)",
        {"x": x57, "y": y57},
        lambda x, y: torch.maximum(0.9 * (y - x), -0.1 * (y - x)).mean(),
    ),
    ("binary_cross_entropy(x, t)", {"x": x57, "t": target57}, F.binary_cross_entropy_with_logits),
    ("focal_loss(x, t)", {"x": x57, "t": target57}, focal),
    ("cross_entropy(x, label)", {"x": x57, "label": label5}, F.cross_entropy),
    (
        "cross_entropy(x, label, label_smoothing = 0.1)",
        {"x": x57, "label": label5},
        lambda x, label: F.cross_entropy(x, label, label_smoothing=0.1),
    ),
    ("negative_log_likelihood(x, label)", {"x": log_distribution57, "label": label5}, F.nll_loss),
    (
        "kl_divergence(x, p)",
        {"x": log_distribution57, "p": distribution57},
        lambda x, p: F.kl_div(x, p, reduction="batchmean"),
    ),
    ("poisson_loss(x, y)", {"x": y57, "y": positive57}, F.poisson_nll_loss),
    ("hinge(x, s)", {"x": x5, "s": signs5}, lambda x, s: torch.clamp(1 - s * x, min=0).mean()),
    ("cosine_similarity(x, y)", {"x": x57, "y": y57}, lambda x, y: F.cosine_similarity(x, y, -1)),
    (
        "triplet_loss(x, y, z)",
        {"x": x57, "y": y57, "z": positive57},
        lambda x, y, z: F.triplet_margin_loss(x, y, z, eps=0),
    ),
    ("x |> n: LayerNorm", {"x": x57}, lambda x: F.layer_norm(x, [7])),
    ("x |> n: RmsNorm", {"x": x57}, lambda x: norm_rows(x, 1e-6)),
]


def flat(tensor):
    return {
        "dtype": "i32" if tensor.dtype == torch.int64 else "f32",
        "shape": list(tensor.shape),
        "data": tensor.detach().reshape(-1).tolist(),
    }


def case(expression, inputs, function):
    leaves = {
        name: value if value.dtype == torch.int64 else value.clone().requires_grad_() for name, value in inputs.items()
    }
    value = function(*leaves.values())
    weight = torch.cos(torch.arange(value.numel(), dtype=torch.float64)).reshape(value.shape)
    (value * weight).sum().backward()
    return {
        "expression": expression,
        "inputs": {name: flat(tensor) for name, tensor in leaves.items()},
        "value": flat(value),
        "weight": flat(weight),
        "gradients": {name: flat(t.grad) for name, t in leaves.items() if t.dtype != torch.int64 and t.grad is not None},
    }


def main():
    result = {"torch": torch.__version__, "cases": [case(*c) for c in CASES]}
    assert all(math.isfinite(v) for c in result["cases"] for v in c["value"]["data"])
    target = pathlib.Path(__file__).with_name("library-functions.json")
    target.write_text(json.dumps(result, separators=(",", ":")) + "\n")


main()
