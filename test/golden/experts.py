#!/usr/bin/env python3
"""Writes experts.json: bilinear layers as PyTorch has them, mixtures of experts and low-rank layers by the papers' formulas.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/experts.py
"""
import torch
from golden_cases import case, write
from torch import nn
from torch.nn import functional

B, T, D, HIDDEN, EXPERTS = 2, 3, 4, 5, 3
DIMS = {"Batch": B, "Time": T}
X = ("f32[Batch, Time, 4]", [B, T, D])


def bilinear(bias):
    module = nn.Bilinear(D, 3, 2, bias=bias)
    parameters = {"n.w": module.weight, **({"n.b": module.bias} if bias else {})}
    inputs = {"x": X, "z": ("f32[Batch, Time, 3]", [B, T, 3])}
    text = "Bilinear(2)" if bias else "Bilinear(2, bias = false)"
    return case(text, f"use n = {text}\n  return n(x, z)", inputs, "f32[Batch, Time, 2]", parameters, module, DIMS)


def mixture(k, settings, renormalize, part):
    """Position by position: only the experts chosen for it are computed."""
    sizes = {"router": (EXPERTS, D), "gate": (EXPERTS, HIDDEN, D), "up": (EXPERTS, HIDDEN, D), "down": (EXPERTS, D, HIDDEN)}
    own = {name: nn.Parameter(torch.zeros(size)) for name, size in sizes.items()}

    def compute(x):
        rows, choices, probabilities = [], torch.zeros(EXPERTS), []
        for row in x.reshape(-1, D):
            p = torch.softmax(own["router"] @ row, 0)
            probabilities.append(p)
            largest, chosen = torch.topk(p, k)
            weights = largest / largest.sum() if renormalize else largest
            y = torch.zeros(D)
            for weight, e in zip(weights, chosen.tolist()):
                choices[e] += 1
                y = y + weight * (own["down"][e] @ (functional.silu(own["gate"][e] @ row) * (own["up"][e] @ row)))
            rows.append(y)
        if part == "y":
            return torch.stack(rows).reshape(x.shape)
        share = choices / choices.sum()
        return (EXPERTS * (share * torch.stack(probabilities).mean(0)).sum()).reshape(1)

    body = f"use net = MixtureOfExperts(3, {k}, 5{settings})\n  let (y, balance) = net(x)\n  return "
    body += "y" if part == "y" else "reshape(balance, [1])"
    result = X[0] if part == "y" else "f32[1]"
    used = own if part == "y" else {"router": own["router"]}
    parameters = {f"net.{name}": tensor for name, tensor in used.items()}
    return case(f"MixtureOfExperts, {k} of 3{settings}: {part}", body, {"x": X}, result, parameters, compute, DIMS)


def lora():
    base, a, b = nn.Linear(D, 3), nn.Parameter(torch.zeros(2, D)), nn.Parameter(torch.zeros(3, 2))
    parameters = {"n.base.w": base.weight, "n.base.b": base.bias, "n.lora_a": a, "n.lora_b": b}
    body = "return x |> n: LoraLinear(3, 2, alpha = 6.0)"
    return case("LoraLinear", body, {"x": X}, "f32[Batch, Time, 3]", parameters, lambda x: base(x) + 3.0 * x @ a.T @ b.T, DIMS)


CASES = [
    bilinear(True),
    bilinear(False),
    mixture(2, "", True, "y"),
    mixture(1, ", renormalize = false", False, "y"),
    mixture(2, "", True, "balance"),
    mixture(1, ", renormalize = false", False, "balance"),
    lora(),
]

write(__file__, CASES)
