#!/usr/bin/env python3
"""Writes mlp-training.json: 50 training steps of a small network in PyTorch, one run per optimizer.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/mlp_training.py
The weights and batches come from a counter-based generator that mlp-training.test.ts repeats to the bit.
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

STEPS, BATCH = 50, 24
WIDTHS = [12, 24, 16, 5]


def fill(stream, count, scale):
    """Uniform in [-scale, scale), float32: a 32-bit mixing function of (stream, position)."""
    mask = 0xFFFFFFFF
    out = np.empty(count, np.float32)
    for position in range(count):
        t = (stream * 0x9E3779B1 + (position + 1) * 0x6D2B79F5) & mask
        t = ((t ^ (t >> 15)) * (t | 1)) & mask
        t ^= (t + (t ^ (t >> 7)) * (t | 61)) & mask
        out[position] = np.float32(((t ^ (t >> 14)) / 4294967296 * 2 - 1) * scale)
    return out


def batch(step):
    x = torch.from_numpy(fill(1000 + step, BATCH * WIDTHS[0], 1.5).reshape(BATCH, WIDTHS[0]))
    # A rule that can be learned: which of five slices of the input has the largest sum.
    label = torch.stack([x[:, 2 * c : 2 * c + 2].sum(1) for c in range(WIDTHS[-1])], 1).argmax(1)
    return x, label


def parameters():
    made = []
    for layer, (fan_in, fan_out) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        scale = 1 / fan_in**0.5
        made.append(torch.from_numpy(fill(10 + 2 * layer, fan_out * fan_in, scale).reshape(fan_out, fan_in)))
        made.append(torch.from_numpy(fill(11 + 2 * layer, fan_out, scale)))
    return [p.requires_grad_() for p in made]


OPTIMIZERS = {
    "sgd(lr = 0.1)": lambda p: torch.optim.SGD(p, lr=0.1),
    "sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.01, nesterov = true)": lambda p: torch.optim.SGD(
        p, lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True
    ),
    "adam(lr = 0.01)": lambda p: torch.optim.Adam(p, lr=0.01),
    "adamw(lr = 0.01, weight_decay = 0.1)": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "rmsprop(lr = 0.005)": lambda p: torch.optim.RMSprop(p, lr=0.005),
    "adagrad(lr = 0.05)": lambda p: torch.optim.Adagrad(p, lr=0.05),
}


def run(make):
    p = parameters()
    optimizer = make(p)
    losses = []
    for step in range(STEPS):
        x, label = batch(step)
        h = torch.tanh(F.linear(x, p[0], p[1]))
        h = F.gelu(F.linear(h, p[2], p[3]))
        loss = F.cross_entropy(F.linear(h, p[4], p[5]), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "fc3.b": p[5].detach().tolist()}


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    result = {
        "torch": torch.__version__,
        "batch": BATCH,
        "widths": WIDTHS,
        "runs": {text: run(make) for text, make in OPTIMIZERS.items()},
    }
    target = pathlib.Path(__file__).with_name("mlp-training.json")
    target.write_text(json.dumps(result, indent=1) + "\n")


main()
