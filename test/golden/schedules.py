#!/usr/bin/env python3
"""Writes schedules.json: the factors of PyTorch's schedulers in their first steps, under the same in the language.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/schedules.py
"""
import json
import pathlib
import warnings

import torch
from torch.optim import lr_scheduler as s

warnings.simplefilter("ignore")
STEPS = 17
CASES = {
    "constant_factor(step, 5, factor = 0.2)": lambda o: s.ConstantLR(o, 0.2, 5),
    "step_decay(step, 4)": lambda o: s.StepLR(o, 4),
    "multi_step_decay(step, [3, 8], factor = 0.5)": lambda o: s.MultiStepLR(o, [3, 8], 0.5),
    "exponential_decay(step, 1, factor = 0.9)": lambda o: s.ExponentialLR(o, 0.9),
    "polynomial_decay(step, 10)": lambda o: s.PolynomialLR(o, 10),
    "polynomial_decay(step, 10, power = 2.0)": lambda o: s.PolynomialLR(o, 10, 2.0),
    "polynomial_decay(step, 10, end = 0.25)": lambda o: s.LinearLR(o, 1.0, 0.25, 10),
    "linear_warmup(step, 5)": lambda o: s.LinearLR(o, 1 / 5, 1.0, 4),
    "cosine_decay(step, 16, end = 0.1)": lambda o: s.CosineAnnealingLR(o, 16, 0.1),
    "cosine_restarts(step, 4)": lambda o: s.CosineAnnealingWarmRestarts(o, 4),
    "cosine_restarts(step, 3, growth = 2.0, end = 0.1)": lambda o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.1),
    # PyTorch's cycle has its top in step 0.3 · 17 and its end in step 17, both counted from 1.
    "one_cycle(step, 16, warm = 4.1 / 16.0)": lambda o: s.OneCycleLR(o, 1.0, total_steps=17),
}


def factors(make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler = make(optimizer)
    result = []
    for _ in range(STEPS):
        result.append(float(f"{optimizer.param_groups[0]['lr']:.12g}"))
        optimizer.step()
        if len(result) < STEPS:
            scheduler.step()
    return result


def main():
    target = pathlib.Path(__file__).with_name("schedules.json")
    lines = ",\n".join(f"{json.dumps(text)}: {json.dumps(factors(make))}" for text, make in CASES.items())
    target.write_text(f"{{\n{lines}\n}}\n")


main()
