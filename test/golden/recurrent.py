#!/usr/bin/env python3
"""Writes recurrent.json: values and gradients of recurrent networks as PyTorch computes them.

Run with Debian's python3-torch:  /usr/bin/python3 test/golden/recurrent.py
Everything in float64, so that the reference interpreter can be held to it closely. Each case is the body of a model over
named inputs; the gradient is that of sum(value * cos(0, 1, 2 …)) with respect to each input and each parameter.
"""
import json
import pathlib

import torch

torch.manual_seed(20241)
torch.set_default_dtype(torch.float64)

BATCH, TIME, IN, HID = 3, 7, 4, 5
x = torch.randn(BATCH, TIME, IN).round(decimals=2)
x0 = torch.randn(BATCH, IN).round(decimals=2)
h0 = torch.randn(BATCH, HID).round(decimals=2)
c0 = torch.randn(BATCH, HID).round(decimals=2)


def lstm_cell(cell, x, h, c):
    return torch.cat(cell(x, (h, c)), 1)


def sequence(network, x):
    return network(x)[0]


def from_state(network, x, h):
    return network(x, h.unsqueeze(0))[0]


def from_states(network, x, h, c):
    return network(x, (h.unsqueeze(0), c.unsqueeze(0)))[0]


def reverse(network, x, h):
    return network(x.flip(1), h.unsqueeze(0))[0].flip(1)


def last(network, x, h):
    return network(x, h.unsqueeze(0))[1].squeeze(0)


def use(layer, call):
    return f"use net = {layer}(5)\n  return {call}"


def scan(result, direction=""):
    return f"""use net = GruCell(5)
  let (hs, last) = scan step in x over Time{direction} carry h = h0 {{
    let next = net(step, h)
    yield next carry next
  }}
  return {result}"""


CELL = {"net.": ""}
SEQUENCE = {"net.cell.": "_l0"}
STACK = {"one.cell.": "_l0", "two.cell.": "_l1"}

# name, inputs, body, where the parameters of the language are in PyTorch, PyTorch's module, what is computed with it
CASES = [
    ("ElmanCell", {"x": x0, "h0": h0}, use("ElmanCell", "net(x, h0)"), CELL, torch.nn.RNNCell(IN, HID), None),
    ("GruCell", {"x": x0, "h0": h0}, use("GruCell", "net(x, h0)"), CELL, torch.nn.GRUCell(IN, HID), None),
    (
        "LstmCell",
        {"x": x0, "h0": h0, "c0": c0},
        "use net = LstmCell(5)\n  let (h, c) = net(x, h0, c0)\n  return concat([h, c], axis = 1)",
        CELL,
        torch.nn.LSTMCell(IN, HID),
        lstm_cell,
    ),
    ("Rnn", {"x": x}, use("Rnn", "net(x)"), SEQUENCE, torch.nn.RNN(IN, HID, batch_first=True), sequence),
    ("Gru", {"x": x}, use("Gru", "net(x)"), SEQUENCE, torch.nn.GRU(IN, HID, batch_first=True), sequence),
    ("Lstm", {"x": x}, use("Lstm", "net(x)"), SEQUENCE, torch.nn.LSTM(IN, HID, batch_first=True), sequence),
    (
        "Gru from a state",
        {"x": x, "h0": h0},
        use("Gru", "net(x, h0)"),
        SEQUENCE,
        torch.nn.GRU(IN, HID, batch_first=True),
        from_state,
    ),
    (
        "Lstm from states",
        {"x": x, "h0": h0, "c0": c0},
        use("Lstm", "net(x, h0, c0)"),
        SEQUENCE,
        torch.nn.LSTM(IN, HID, batch_first=True),
        from_states,
    ),
    (
        "two layers of Gru",
        {"x": x},
        "return x |> one: Gru(5) |> two: Gru(5)",
        STACK,
        torch.nn.GRU(IN, HID, num_layers=2, batch_first=True),
        sequence,
    ),
    (
        "scan backwards",
        {"x": x, "h0": h0},
        scan("hs + 0.0 * mean(last)", " reverse"),
        {"net.": "_l0"},
        torch.nn.GRU(IN, HID, batch_first=True),
        reverse,
    ),
    (
        "the last carry",
        {"x": x, "h0": h0},
        scan("last + 0.0 * mean(hs)"),
        {"net.": "_l0"},
        torch.nn.GRU(IN, HID, batch_first=True),
        last,
    ),
]


def flat(tensor):
    return {"shape": list(tensor.shape), "data": [round(v, 11) for v in tensor.detach().reshape(-1).tolist()]}


def case(name, inputs, body, places, module, function):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(parameter.round(decimals=3))
    leaves = {key: value.clone().requires_grad_() for key, value in inputs.items()}
    value = function(module, *leaves.values()) if function else module(*leaves.values())
    weight = torch.cos(torch.arange(value.numel(), dtype=torch.float64)).reshape(value.shape)
    (value * weight).sum().backward()
    own = dict(module.named_parameters())
    parameters = {
        prefix + kind: own[kind + suffix]
        for prefix, suffix in places.items()
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    return {
        "name": name,
        "body": body,
        "inputs": {key: flat(leaf) for key, leaf in leaves.items()},
        "parameters": {key: flat(parameter) for key, parameter in parameters.items()},
        "value": flat(value),
        "gradients": {key: flat(t.grad) for key, t in {**leaves, **parameters}.items()},
    }


def main():
    result = {
        "torch": torch.__version__,
        "dims": {"Batch": BATCH, "Time": TIME},
        "cases": [case(*c) for c in CASES],
    }
    target = pathlib.Path(__file__).with_name("recurrent.json")
    target.write_text(json.dumps(result, separators=(",", ":")) + "\n")


main()
