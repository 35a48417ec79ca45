"""Writes penalties.json: gradient penalties of a small discriminator and their derivatives by its weights, in PyTorch, which
test/nn/penalties.test.ts repeats.

The layouts are ours: pictures [n, h, w, c], weights [kh, kw, in, out]. Run: python3 penalties.py > penalties.json
"""
import json

import torch
from torch.nn import functional as F

import formula


def wave(shape, phase, scale):
    return torch.from_numpy(formula.wave(shape, phase, scale))


weights = {
    "conv1/weights": wave((4, 4, 2, 5), 0.1, 0.4),
    "conv1/bias": wave((5,), 0.2, 0.3),
    "conv2/weights": wave((3, 3, 5, 4), 0.3, 0.4),
    "conv2/bias": wave((4,), 0.4, 0.3),
    "out/weights": wave((64, 1), 0.5, 0.5),
    "out/bias": wave((1,), 0.6, 0.3),
}
for value in weights.values():
    value.requires_grad_(True)


def conv(x, name, stride):
    kernel = weights[f"{name}/weights"].permute(3, 2, 0, 1)
    return F.conv2d(x, kernel, weights[f"{name}/bias"], stride=stride, padding=1)


def discriminate(x):
    y = F.leaky_relu(conv(x.permute(0, 3, 1, 2), "conv1", 2), 0.2)
    y = torch.tanh(conv(y, "conv2", 1))
    y = y.permute(0, 2, 3, 1).reshape(len(x), -1)
    return (y @ weights["out/weights"] + weights["out/bias"])[:, 0]


def slope(x):
    x = x.detach().requires_grad_(True)
    (found,) = torch.autograd.grad(discriminate(x).sum(), x, create_graph=True)
    return found.flatten(1)


def result(values):
    gradients = torch.autograd.grad(values.mean(), list(weights.values()), allow_unused=True)
    return {
        "values": values.tolist(),
        "gradients": {
            name: [] if gradient is None else gradient.flatten().tolist()
            for name, gradient in zip(weights, gradients)
        },
    }


real = wave((3, 8, 8, 2), 0.7, 0.5) + 0.5
generated = wave((3, 8, 8, 2), 0.8, 0.5) + 0.5
share = torch.tensor([0.2, 0.5, 0.9]).reshape(3, 1, 1, 1)

print(
    json.dumps(
        {
            "r1": result(0.5 * slope(real).square().sum(1)),
            "gradientPenalty": result((slope(share * real + (1 - share) * generated).norm(dim=1) - 1).square()),
        }
    )
)
