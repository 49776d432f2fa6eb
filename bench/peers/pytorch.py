"""PyTorch, eager, one thread: python3 bench/peers/pytorch.py WORKLOAD, or --onnx FOLDER to write the models of the predictions.

Weights and batches as in workloads.mjs.
"""
import json
import math
import os
import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
np.seterr(over="ignore")
CHARACTERS, STEPS = 65, 64


def fill(seed, count, scale=1.0):
    word = np.uint32
    position = np.arange(1, count + 1, dtype=word)
    t = word((seed * 0x9E3779B1) & 0xFFFFFFFF) + position * word(0x6D2B79F5)
    t = (t ^ (t >> word(15))) * (t | word(1))
    t = t ^ (t + (t ^ (t >> word(7))) * (t | word(61)))
    share = (t ^ (t >> word(14))).astype(np.float64) / 4294967296.0
    return ((share * 2 - 1) * scale).astype(np.float32)


def classes(seed, count, limit):
    share = (fill(seed, count).astype(np.float64) + 1) / 2
    return np.minimum(limit - 1, np.floor(share * limit)).astype(np.int64)


def tensor(seed, *shape, scale=1.0):
    return torch.from_numpy(fill(seed, int(np.prod(shape)), scale).reshape(shape))


def linear(seed, fan_in, out, bias=True):
    """Weights are drawn as [in, out]; biases begin at zero."""
    layer = nn.Linear(fan_in, out, bias=bias)
    layer.weight.data = tensor(seed, fan_in, out, scale=1 / math.sqrt(fan_in)).t().contiguous()
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def perceptron(widths, activation):
    stages = []
    for layer, (fan_in, out) in enumerate(zip(widths, widths[1:])):
        stages += ([activation()] if layer else []) + [linear(100 + 2 * layer, fan_in, out)]
    return nn.Sequential(*stages)


def convolution(seed, channels, filters):
    layer = nn.Conv2d(channels, filters, 3, padding=1)
    drawn = tensor(seed, 3, 3, channels, filters, scale=1 / math.sqrt(9 * channels))
    layer.weight.data = drawn.permute(3, 2, 0, 1).contiguous()
    nn.init.zeros_(layer.bias)
    return layer


def convolutional():
    dense = linear(104, 7 * 7 * 32, 128)
    rows = dense.weight.data.reshape(128, 7, 7, 32)  # drawn in the order height, width, channel
    dense.weight.data = rows.permute(0, 3, 1, 2).reshape(128, 7 * 7 * 32).contiguous()
    pooled = [convolution(100, 1, 16), nn.ReLU(), nn.MaxPool2d(2), convolution(102, 16, 32), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*pooled, nn.Flatten(), dense, nn.ReLU(), linear(106, 128, 10))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(CHARACTERS, 64)
        self.embed.weight.data = tensor(100, CHARACTERS, 64)
        self.gru = nn.GRU(64, 128, batch_first=True)
        self.gru.weight_ih_l0.data = tensor(101, 64, 384, scale=1 / math.sqrt(128)).t().contiguous()
        self.gru.weight_hh_l0.data = tensor(102, 128, 384, scale=1 / math.sqrt(128)).t().contiguous()
        nn.init.zeros_(self.gru.bias_ih_l0)
        nn.init.zeros_(self.gru.bias_hh_l0)
        self.head = linear(105, 128, CHARACTERS)

    def forward(self, x):
        return self.head(self.gru(self.embed(x))[0])


class Block(nn.Module):
    def __init__(self, seed):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(128), nn.LayerNorm(128)
        self.qkv, self.proj = linear(seed + 2, 128, 384), linear(seed + 4, 128, 128)
        self.fc, self.out = linear(seed + 8, 128, 512), linear(seed + 10, 512, 128)
        self.register_buffer("mask", torch.full((STEPS, STEPS), -math.inf).triu(1))

    def forward(self, x):
        batch, steps, width = x.shape
        parts = self.qkv(self.ln1(x)).split(width, dim=2)
        q, k, v = (part.view(batch, steps, 4, 32).transpose(1, 2) for part in parts)
        weights = F.softmax(q @ k.transpose(2, 3) / math.sqrt(32) + self.mask, dim=-1)
        x = x + self.proj((weights @ v).transpose(1, 2).reshape(batch, steps, width))
        return x + self.out(F.gelu(self.fc(self.ln2(x)), approximate="tanh"))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(CHARACTERS, 128)
        self.embed.weight.data = tensor(100, CHARACTERS, 128, scale=0.1)
        self.positions = nn.Parameter(tensor(101, STEPS, 128, scale=0.1))
        self.blocks = nn.Sequential(*(Block(102 + 12 * number) for number in range(4)))
        self.norm = nn.LayerNorm(128)
        self.head = linear(152, 128, CHARACTERS, bias=False)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.embed(x) + self.positions)))


def text(batch):
    drawn = torch.from_numpy(classes(7, batch * (STEPS + 1), CHARACTERS).reshape(batch, STEPS + 1))
    return drawn[:, :-1].contiguous(), drawn[:, 1:].contiguous()


def images(batch, *shape):
    return tensor(7, batch, *shape, scale=math.sqrt(3)), torch.from_numpy(classes(8, batch, 10))


def points(batch):
    x = tensor(7, batch, 2)
    return x, (x[:, :1] * x[:, 1:] > 0).float()


def wide():
    return perceptron([784, 256, 128, 10], nn.ReLU)


WORKLOADS = {
    "W1_b32": (wide, lambda: images(32, 784)),
    "W1_b128": (wide, lambda: images(128, 784)),
    "W2": (lambda: perceptron([2, 16, 16, 1], nn.Tanh), lambda: points(32)),
    "W3": (convolutional, lambda: images(32, 1, 28, 28)),
    "W4": (Recurrent, lambda: text(16)),
    "W5": (Transformer, lambda: text(8)),
    "I1": (wide, lambda: images(1, 784)),
    "I3": (convolutional, lambda: images(1, 1, 28, 28)),
    "I5": (Transformer, lambda: text(1)),
}


def step_of(name):
    if name.startswith("W6"):
        size = int(name.split("_")[1])
        a, b, c = tensor(1, size, size), tensor(2, size, size), torch.empty(size, size)
        return lambda: torch.mm(a, b, out=c)[0, 0].item()
    make, batch = WORKLOADS[name]
    model = make()
    x, y = batch()
    if name.startswith("I"):
        model.eval()

        def predict():
            with torch.inference_mode():
                return model(x).flatten()[0].item()

        return predict
    kind, options = (torch.optim.AdamW, {"weight_decay": 0.01}) if name == "W5" else (torch.optim.Adam, {})
    optimizer = kind(model.parameters(), lr=1e-3, **options)

    def train():
        optimizer.zero_grad(set_to_none=True)
        result = model(x)
        if name == "W2":
            loss = F.binary_cross_entropy_with_logits(result, y)
        else:
            loss = F.cross_entropy(result.view(-1, result.shape[-1]), y.view(-1))
        loss.backward()
        optimizer.step()
        return loss.item()

    return train


def turn(step, milliseconds):
    """Milliseconds a step in samples long enough for the clock, as in measure-turn.mjs."""
    clock, counted = time.perf_counter, [0]

    def timed(calls):
        start = clock()
        for _ in range(calls):
            step()
        counted[0] += calls
        return (clock() - start) * 1000 / calls

    begun = clock()
    passed = lambda: (clock() - begun) * 1000
    last = timed(1)
    times = []
    if last >= milliseconds / 2:
        times.append(last)
    else:
        calls = lambda: max(1, math.ceil(0.5 / last))
        while passed() < 0.15 * milliseconds:
            last = timed(calls())
        measured = calls()
        while not times or passed() < milliseconds:
            times.append(timed(measured))
    times.sort()
    return {"median": times[len(times) // 2], "minimum": times[0], "steps": counted[0]}


def take_turns(step):
    """Says the first losses when warm; then measures for every line with a number of milliseconds."""
    warm = float(os.environ.get("BENCH_WARM_MS", 1000)) / 1000
    losses, begun = [], time.perf_counter()
    while len(losses) < 5 or time.perf_counter() - begun < warm:
        losses.append(step())
    print(json.dumps({"losses": losses[:5], "version": torch.__version__}), flush=True)
    for line in sys.stdin:
        result = turn(step, float(line))
        print(json.dumps({**result, "peakBytes": peak_bytes()}), flush=True)


def peak_bytes():
    """The most memory this process has had. On Linux getrusage would count what the process that started it had."""
    try:
        with open("/proc/self/status") as status:
            return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except FileNotFoundError:
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def write_onnx(folder):
    """The models of the predictions, for runtimes that read ONNX."""
    for name, (make, batch) in WORKLOADS.items():
        if name.startswith("I"):
            path = os.path.join(folder, name + ".onnx")
            torch.onnx.export(make().eval(), batch()[0], path, opset_version=17, input_names=["x"], output_names=["y"])


if sys.argv[1] == "--onnx":
    write_onnx(sys.argv[2])
else:
    take_turns(step_of(sys.argv[1]))
