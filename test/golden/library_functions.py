#!/usr/bin/env python3
"""Writes library-functions.json: values and gradients of the standard library's functions as PyTorch computes them.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/library_functions.py
Everything in float64, so that the reference interpreter can be held to it closely. Each case is one expression of the
language over named inputs; the gradient is that of Σ value_i·cos(i) with respect to each f32 input.
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


def focal_each(x, t, gamma=2.0):
    p = torch.sigmoid(x)
    pt = torch.where(t > 0.5, p, 1 - p)
    return -((1 - pt) ** gamma) * torch.log(pt)


def focal(x, t):
    return focal_each(x, t).mean()


def sparsemax(x):
    """Martins and Astudillo 2016, algorithm 1, by sorting."""
    z, _ = torch.sort(x, -1, descending=True)
    k = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    inside = 1 + k * z > z.cumsum(-1)
    count = inside.sum(-1, keepdim=True)
    tau = (torch.where(inside, z, torch.zeros_like(z)).sum(-1, keepdim=True) - 1) / count
    return torch.clamp(x - tau, min=0)


def contrastive(a, b, same, margin=1.0):
    d = F.pairwise_distance(a, b)
    return (same * d**2 + (1 - same) * torch.clamp(margin - d, min=0) ** 2).mean() / 2


def info_nce(q, k, temperature):
    logits = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(q)))


def distillation(student, teacher, label, t, alpha):
    soft = F.kl_div(F.log_softmax(student / t, -1), F.softmax(teacher.detach() / t, -1), reduction="batchmean") * t * t
    return alpha * F.cross_entropy(student, label) + (1 - alpha) * soft


def ctc(x, label, times, lengths):
    return F.ctc_loss(F.log_softmax(x, -1).transpose(0, 1), label, times, lengths)


def norm_rows(x, eps):
    return (x * x).mean(-1, keepdim=True).add(eps).rsqrt() * x


x345 = torch.randn(3, 4, 5)
weight7 = torch.rand(7) + 0.5
ignored5 = torch.tensor([0, -100, 3, 2, -100])
signs57 = torch.where(target57 > 0.5, 1.0, -1.0)
same5 = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0])
near57 = x57 + 0.05 * torch.randn(5, 7)
slope4 = torch.rand(4)
sequence = torch.randn(4, 6, 5)
words = torch.tensor([[1, 2, 2], [3, 1, 4], [4, 4, 4], [2, 1, 1]])
times = torch.tensor([6, 5, 6, 3])
word_lengths = torch.tensor([3, 2, 3, 0])
unit57 = torch.rand(5, 7) * 1.98 - 0.99


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
    ("relu6(x)", {"x": x57 * 3}, F.relu6),
    ("threshold(x, 0.5, -2.0)", {"x": x57}, lambda x: F.threshold(x, 0.5, -2.0)),
    ("tanhshrink(x)", {"x": x57}, F.tanhshrink),
    ("softshrink(x)", {"x": x57}, F.softshrink),
    ("hardshrink(x, lambda = 1.5)", {"x": x57}, lambda x: F.hardshrink(x, 1.5)),
    ("softplus(x, beta = 3.0, threshold = 5.0)", {"x": x57}, lambda x: F.softplus(x, 3.0, 5.0)),
    ("hardtanh(x, low = -0.5, high = 2.0)", {"x": x57}, lambda x: F.hardtanh(x, -0.5, 2.0)),
    ("softmax(x, axis = 1)", {"x": x345}, lambda x: F.softmax(x, 1)),
    ("log_softmax(x, axis = 0)", {"x": x345}, lambda x: F.log_softmax(x, 0)),
    ("log_softmax(x, axis = -2)", {"x": x345}, lambda x: F.log_softmax(x, -2)),
    ("softmin(x)", {"x": x57}, lambda x: F.softmin(x, -1)),
    ("sparsemax(x)", {"x": x57}, sparsemax),
    ("sparsemax(x)", {"x": x345 / 4}, sparsemax),
    ("x |> p: PRelu", {"x": x345}, lambda x: F.prelu(x, torch.tensor([0.25]))),
    ("x |> p: PRelu(4, init = 0.1)", {"x": x345}, lambda x: F.prelu(x, torch.full((4,), 0.1))),
    ("erfinv(x)", {"x": unit57}, torch.erfinv),
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
    ("smooth_l1(x, y)", {"x": x57, "y": y57}, F.smooth_l1_loss),
    ("smooth_l1(x, y, beta = 0.5)", {"x": x57, "y": y57}, lambda x, y: F.smooth_l1_loss(x, y, beta=0.5)),
    ("gaussian_loss(x, y, v)", {"x": x57, "y": y57, "v": positive57}, F.gaussian_nll_loss),
    ("log_cosh(x, y)", {"x": x57, "y": y57}, lambda x, y: torch.log(torch.cosh(x - y)).mean()),
    (
        "quantile_loss(x, y, q = 0.9)",
        {"x": x57, "y": y57},
        lambda x, y: torch.maximum(0.9 * (y - x), -0.1 * (y - x)).mean(),
    ),
    ("binary_cross_entropy(x, t)", {"x": x57, "t": target57}, F.binary_cross_entropy_with_logits),
    (
        "binary_cross_entropy(x, t, pos_weight = 2.5)",
        {"x": x57, "t": target57},
        lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=torch.tensor(2.5)),
    ),
    (
        "binary_cross_entropy(x, t, pos_weight = w)",
        {"x": x57, "t": target57, "w": weight7},
        lambda x, t, w: F.binary_cross_entropy_with_logits(x, t, pos_weight=w.detach()),
    ),
    (
        "binary_cross_entropy(x, t, label_smoothing = 0.2)",
        {"x": x57, "t": target57},
        lambda x, t: F.binary_cross_entropy_with_logits(x, 0.8 * t + 0.1),
    ),
    (
        "focal_loss(x, t, alpha = 0.25)",
        {"x": x57, "t": target57},
        lambda x, t: ((0.25 * t + 0.75 * (1 - t)).detach() * focal_each(x, t)).mean(),
    ),
    (
        "categorical_focal_loss(x, label)",
        {"x": x57, "label": label5},
        lambda x, label: (lambda logp: (-((1 - logp.exp()) ** 2) * logp).mean())(
            F.log_softmax(x, -1)[torch.arange(5), label]
        ),
    ),
    ("focal_loss(x, t)", {"x": x57, "t": target57}, focal),
    ("cross_entropy(x, label)", {"x": x57, "label": label5}, F.cross_entropy),
    (
        "cross_entropy(x, label, label_smoothing = 0.1)",
        {"x": x57, "label": label5},
        lambda x, label: F.cross_entropy(x, label, label_smoothing=0.1),
    ),
    (
        "cross_entropy(x, label, weight = w)",
        {"x": x57, "label": label5, "w": weight7},
        lambda x, label, w: F.cross_entropy(x, label, w.detach()),
    ),
    (
        "cross_entropy(x, label, ignore_index = -100)",
        {"x": x57, "label": ignored5},
        lambda x, label: F.cross_entropy(x, label),
    ),
    (
        "cross_entropy(x, label, label_smoothing = 0.1, weight = w, ignore_index = -100)",
        {"x": x57, "label": ignored5, "w": weight7},
        lambda x, label, w: F.cross_entropy(x, label, w.detach(), label_smoothing=0.1),
    ),
    ("soft_cross_entropy(x, p)", {"x": x57, "p": distribution57}, F.cross_entropy),
    ("negative_log_likelihood(x, label)", {"x": log_distribution57, "label": label5}, F.nll_loss),
    (
        "negative_log_likelihood(x, label, w, -100)",
        {"x": log_distribution57, "label": ignored5, "w": weight7},
        lambda x, label, w: F.nll_loss(x, label, w.detach()),
    ),
    (
        "distillation_loss(x, y, label, temperature = 3.0, alpha = 0.3)",
        {"x": x57, "y": y57, "label": label5},
        lambda x, y, label: distillation(x, y, label, 3.0, 0.3),
    ),
    ("multiclass_hinge(x, label)", {"x": x57, "label": label5}, F.multi_margin_loss),
    (
        "multiclass_hinge(x, label, margin = 2.0, p = 2)",
        {"x": x57, "label": label5},
        lambda x, label: F.multi_margin_loss(x, label, p=2, margin=2.0),
    ),
    (
        "cosine_embedding_loss(x, y, s, margin = 0.1)",
        {"x": x57, "y": y57, "s": signs5},
        lambda x, y, s: F.cosine_embedding_loss(x, y, s, margin=0.1),
    ),
    ("contrastive_loss(x, y, s)", {"x": x57, "y": near57, "s": same5}, contrastive),
    (
        "margin_ranking_loss(x, y, s, margin = 0.3)",
        {"x": x57, "y": y57, "s": signs57},
        lambda x, y, s: F.margin_ranking_loss(x, y, s, margin=0.3),
    ),
    ("info_nce(x, y, temperature = 0.2)", {"x": x57, "y": y57}, lambda x, y: info_nce(x, y, 0.2)),
    (
        "ctc_loss(x, label, times, lengths)",
        {"x": sequence, "label": words, "times": times, "lengths": word_lengths},
        ctc,
    ),
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
        F.triplet_margin_loss,
    ),
    ("x |> n: LayerNorm", {"x": x57}, lambda x: F.layer_norm(x, [7])),
    ("x |> n: RmsNorm", {"x": x57}, lambda x: norm_rows(x, 1e-6)),
]


def flat(tensor):
    data = tensor.detach().reshape(-1).tolist()
    return {
        "dtype": "i32" if tensor.dtype == torch.int64 else "f32",
        "shape": list(tensor.shape),
        "data": [value if isinstance(value, int) else float(f"{value:.10g}") for value in data],
    }


def case(expression, inputs, function):
    leaves = {
        # Few digits, so that the file holds the inputs exactly and stays small.
        name: value if value.dtype == torch.int64 else value.round(decimals=4).requires_grad_()
        for name, value in inputs.items()
    }
    value = function(*leaves.values())
    weight = torch.cos(torch.arange(value.numel(), dtype=torch.float64)).reshape(value.shape)
    (value * weight).sum().backward()
    return {
        "expression": expression,
        "inputs": {name: flat(tensor) for name, tensor in leaves.items()},
        "value": flat(value),
        "gradients": {name: flat(t.grad) for name, t in leaves.items() if t.dtype != torch.int64 and t.grad is not None},
    }


def main():
    result = {"torch": torch.__version__, "cases": [case(*c) for c in CASES]}
    assert all(math.isfinite(v) for c in result["cases"] for v in c["value"]["data"])
    target = pathlib.Path(__file__).with_name("library-functions.json")
    target.write_text(json.dumps(result, separators=(",", ":")) + "\n")


main()
