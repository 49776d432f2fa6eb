#!/usr/bin/env python3
"""Writes optimizers.json: parameters after training steps with each optimizer, as PyTorch computes them.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/optimizers.py
In float64. Four parameters of different shapes start at sin(i) / 2; the gradient in step t = 1, 2, … is p + cos(i + 3·t), i counting the elements of
a parameter from its number. What PyTorch 1.13 does not have is computed by its paper's formula.
"""
import json
import math
import pathlib

import torch

torch.set_default_dtype(torch.float64)
SHAPES = [[5], [4, 3], [3, 5], [2, 3, 2, 2]]
STEPS = 25


def count(number, shape):
    return torch.arange(math.prod(shape), dtype=torch.float64).reshape(shape) + number


def gradient(number, p, step):
    return p + torch.cos(count(number, p.shape) + 3 * step)


def of_torch(make):
    def run():
        parameters = [(torch.sin(count(k, s)) / 2).requires_grad_() for k, s in enumerate(SHAPES)]
        optimizer = make(parameters)
        for step in range(1, STEPS + 1):
            for number, p in enumerate(parameters):
                p.grad = gradient(number, p.detach(), step)
            optimizer.step()
        return [p.detach() for p in parameters]

    return run


def of_formula(update):
    def run():
        result = []
        for number, shape in enumerate(SHAPES):
            p, state = torch.sin(count(number, shape)) / 2, {}
            for step in range(1, STEPS + 1):
                p = update(p, gradient(number, p, step), step, state)
            result.append(p)
        return result

    return run


def lamb(lr, b1=0.9, b2=0.999, eps=1e-6, decay=0.01):
    def update(p, g, t, s):
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
        u = s["m"] / (1 - b1**t) / (torch.sqrt(s["v"] / (1 - b2**t)) + eps) + decay * p
        return p - lr * p.norm() / u.norm() * u

    return update


def lion(lr, b1=0.9, b2=0.99, decay=0.0):
    def update(p, g, t, s):
        m = s.get("m", torch.zeros_like(p))
        s["m"] = b2 * m + (1 - b2) * g
        return p - lr * (torch.sign(b1 * m + (1 - b1) * g) + decay * p)

    return update


def muon(lr, decay=0.1, momentum=0.95, nesterov=True):
    def update(p, g, t, s):
        s["b"] = momentum * s.get("b", 0) + (1 - momentum) * g
        u = (1 - momentum) * g + momentum * s["b"] if nesterov else s["b"]
        x = u.reshape(1, -1) if u.dim() < 2 else u.reshape(u.shape[0], -1)
        rows, columns = x.shape
        x = x.T if rows > columns else x
        x = x / (x.norm() + 1e-7)
        for _ in range(5):
            a = x @ x.T
            x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
        x = x.T if rows > columns else x
        return p * (1 - lr * decay) - lr * max(1, rows / columns) ** 0.5 * x.reshape(p.shape)

    return update


def adafactor(lr, power=0.8, eps1=1e-30, eps2=1e-3, clip=1.0, decay=0.0):
    def rms(x):
        return torch.sqrt((x**2).mean())

    def update(p, g, t, s):
        beta = 1 - t**-power
        square = g**2 + eps1
        if p.dim() < 2:
            s["v"] = v = beta * s.get("v", 0) + (1 - beta) * square
        else:
            # The paper sums; means differ by factors that cancel.
            s["r"] = beta * s.get("r", 0) + (1 - beta) * square.sum(-1, keepdim=True)
            s["c"] = beta * s.get("c", 0) + (1 - beta) * square.sum(-2, keepdim=True)
            v = s["r"] * s["c"] / s["r"].sum(-2, keepdim=True)
        u = g / torch.sqrt(v)
        u = u / max(1, rms(u) / clip)
        return p - lr * decay * p - max(eps2, rms(p)) * min(lr, 1 / math.sqrt(t)) * u

    return update


T = torch.optim
# NAdam with foreach: without it, 1.13 counts the last factor of the product of momenta twice.
RUNS = {
    "sgd(0.1)": of_torch(lambda p: T.SGD(p, 0.1)),
    "sgd(0.05, momentum = 0.9, dampening = 0.3, weight_decay = 0.02)": of_torch(
        lambda p: T.SGD(p, 0.05, momentum=0.9, dampening=0.3, weight_decay=0.02)
    ),
    "sgd(0.05, momentum = 0.9, nesterov = true)": of_torch(lambda p: T.SGD(p, 0.05, momentum=0.9, nesterov=True)),
    "adam(0.02, weight_decay = 0.05)": of_torch(lambda p: T.Adam(p, 0.02, weight_decay=0.05)),
    "adam(0.02, beta2 = 0.9, amsgrad = true)": of_torch(lambda p: T.Adam(p, 0.02, betas=(0.9, 0.9), amsgrad=True)),
    "adamw(0.02)": of_torch(lambda p: T.AdamW(p, 0.02)),
    "adamw(0.02, beta2 = 0.9, weight_decay = 0.1, amsgrad = true)": of_torch(
        lambda p: T.AdamW(p, 0.02, betas=(0.9, 0.9), weight_decay=0.1, amsgrad=True)
    ),
    "adamax": of_torch(lambda p: T.Adamax(p)),
    "adamax(0.03, weight_decay = 0.1)": of_torch(lambda p: T.Adamax(p, 0.03, weight_decay=0.1)),
    "nadam": of_torch(lambda p: T.NAdam(p, foreach=True)),
    "nadam(0.03, weight_decay = 0.1)": of_torch(lambda p: T.NAdam(p, 0.03, weight_decay=0.1, foreach=True)),
    "radam(0.02)": of_torch(lambda p: T.RAdam(p, 0.02)),
    "radam(0.02, beta2 = 0.9, weight_decay = 0.1)": of_torch(
        lambda p: T.RAdam(p, 0.02, betas=(0.9, 0.9), weight_decay=0.1)
    ),
    "rmsprop": of_torch(lambda p: T.RMSprop(p)),
    "rmsprop(0.01, alpha = 0.9, weight_decay = 0.1, momentum = 0.5, centered = true)": of_torch(
        lambda p: T.RMSprop(p, 0.01, alpha=0.9, weight_decay=0.1, momentum=0.5, centered=True)
    ),
    "adagrad(0.1)": of_torch(lambda p: T.Adagrad(p, 0.1)),
    "adagrad(0.1, lr_decay = 0.1, weight_decay = 0.1, initial_accumulator = 0.5)": of_torch(
        lambda p: T.Adagrad(p, 0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5)
    ),
    "adadelta": of_torch(lambda p: T.Adadelta(p)),
    "adadelta(0.5, rho = 0.8, weight_decay = 0.1)": of_torch(lambda p: T.Adadelta(p, 0.5, rho=0.8, weight_decay=0.1)),
    "lamb(0.02)": of_formula(lamb(0.02)),
    "lion(0.01, weight_decay = 0.1)": of_formula(lion(0.01, decay=0.1)),
    "muon(0.02)": of_formula(muon(0.02)),
    "muon(0.02, weight_decay = 0.0, nesterov = false)": of_formula(muon(0.02, decay=0.0, nesterov=False)),
    "adafactor(0.05)": of_formula(adafactor(0.05)),
    "adafactor(0.2, weight_decay = 0.1, clip = 0.5)": of_formula(adafactor(0.2, decay=0.1, clip=0.5)),
}


def main():
    result = {
        "torch": torch.__version__,
        "shapes": SHAPES,
        "steps": STEPS,
        "runs": {
            text: [[float(f"{v:.12g}") for v in p.reshape(-1).tolist()] for p in run()] for text, run in RUNS.items()
        },
    }
    target = pathlib.Path(__file__).with_name("optimizers.json")
    target.write_text(json.dumps(result, separators=(",", ":")) + "\n")


main()
