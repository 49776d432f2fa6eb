"""Golden cases of layers: what a PyTorch computation gives, in a form small enough to keep.

Inputs and parameters are waves that both sides compute, `wave(shape, salt)`; of large results a few elements and two
projections are kept. Gradients are those of sum(value * cos(0, 1, 2 …)). Everything is float64.
"""
import json
import pathlib

import torch

torch.set_default_dtype(torch.float64)

WHOLE = 24
SAMPLES = 8


def wave(shape, salt):
    count = 1
    for size in shape:
        count *= size
    return torch.sin(12.9898 * torch.arange(1, count + 1, dtype=torch.float64) + 78.233 * salt).reshape(shape)


def rounded(values):
    return [float(f"{v:.10g}") for v in values]


def kept(tensor):
    """All of a small tensor; of a larger one some elements and two projections, which every element takes part in."""
    flat = tensor.detach().reshape(-1)
    if flat.numel() <= WHOLE:
        return {"shape": list(tensor.shape), "data": rounded(flat.tolist())}
    at = torch.arange(flat.numel(), dtype=torch.float64)
    stride = flat.numel() // SAMPLES
    return {
        "shape": list(tensor.shape),
        "stride": stride,
        "data": rounded(flat[::stride].tolist()),
        "projections": rounded([(flat * torch.cos(at)).sum().item(), (flat * torch.sin(1.7 * at)).sum().item()]),
    }


def place(parameter, part):
    return parameter if part is None else parameter[part]


def case(name, body, inputs, result, parameters, compute, dims=None, states=None, model=""):
    """One case.

    body        of a model over `inputs`
    inputs      name -> (type in the language, shape) for a wave, or (type, tensor) for given numbers
    result      the type of the model's result
    parameters  path in the language -> PyTorch's parameter, or (parameter, part of it)
    compute     what PyTorch computes with the inputs
    dims        sizes of the run-time dimensions named in the types
    states      path in the language -> PyTorch's tensor after the step
    model       declarations the body needs
    """
    leaves, described = {}, {}
    for salt, (key, (kind, given)) in enumerate(inputs.items()):
        if isinstance(given, torch.Tensor):
            leaves[key] = given
            described[key] = {"type": kind, "shape": list(given.shape), "data": given.reshape(-1).tolist()}
        else:
            leaves[key] = wave(given, salt).requires_grad_()
            described[key] = {"type": kind, "shape": list(given), "salt": salt}
    places = {path: own if isinstance(own, tuple) else (own, None) for path, own in parameters.items()}
    shapes = {}
    with torch.no_grad():
        for salt, (path, (own, part)) in enumerate(places.items()):
            at = place(own, part)
            at.copy_(wave(list(at.shape), 100 + salt) * 0.5)
            shapes[path] = {"shape": list(at.shape), "salt": 100 + salt}
    value = compute(*leaves.values())
    weight = torch.cos(torch.arange(value.numel(), dtype=torch.float64)).reshape(value.shape)
    (value * weight).sum().backward()
    gradients = {key: leaf.grad for key, leaf in leaves.items() if leaf.requires_grad}
    gradients.update({path: place(own.grad, part) for path, (own, part) in places.items()})
    return {
        "name": name,
        **({"model": model} if model else {}),
        "body": body,
        "dims": dims or {},
        "inputs": described,
        "result": result,
        "parameters": shapes,
        "value": kept(value),
        "gradients": {key: kept(gradient) for key, gradient in gradients.items() if gradient is not None},
        **({"states": {path: kept(tensor()) for path, tensor in states.items()}} if states else {}),
    }


def write(script, cases):
    target = pathlib.Path(script).with_suffix(".json")
    lines = ",\n".join(json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in cases)
    target.write_text(f'{{"torch":"{torch.__version__}","cases":[\n{lines}\n]}}\n')
