"""Writes fast-net.json: the fast net's logits and six steps of Muon and SGD in PyTorch, which test/nn/fast-net.test.ts repeats.

Two groups of 5 and 6 channels on pictures of 9 x 8 x 2, in float64; filters by Muon, biases and the last layer by SGD with Nesterov
momentum. Weights are made in our layouts and stored so. Run: python3 fast_net.py > fast-net.json
"""
import json
import math

import torch
from torch.nn import functional as F

import formula

torch.set_default_dtype(torch.float64)
STEPS, CLASSES, BATCH = 6, 3, 4


def wave(shape, phase, scale):
    return torch.from_numpy(formula.wave(shape, phase, scale, "float64"))


pictures = wave((BATCH, 9, 8, 2), 0.0, 0.5) + 0.5
labels = torch.tensor([0, 2, 1, 2])
fixed = wave((2, 2, 2, 16), 0.4, 0.8)
shapes = {
    "whiten/bias": (16,),
    "group1/conv1/weights": (3, 3, 16, 5),
    "group1/norm1/shift": (5,),
    "group1/conv2/weights": (3, 3, 5, 5),
    "group1/norm2/shift": (5,),
    "group2/conv1/weights": (3, 3, 5, 6),
    "group2/norm1/shift": (6,),
    "group2/conv2/weights": (3, 3, 6, 6),
    "group2/norm2/shift": (6,),
    "out/weights": (6, CLASSES),
}
weights = {name: wave(shape, 0.1 * k, 0.3).requires_grad_(True) for k, (name, shape) in enumerate(shapes.items())}


def convolve(x, filters, padding):
    return F.conv2d(x, filters.permute(3, 2, 0, 1), padding=padding)


def normalise(x, shift):
    return F.batch_norm(x, None, None, None, shift, training=True)


def logits():
    y = convolve(pictures.permute(0, 3, 1, 2), fixed, 0) + weights["whiten/bias"][:, None, None]
    y = F.gelu(y)
    for group in ("group1", "group2"):
        y = F.max_pool2d(convolve(y, weights[f"{group}/conv1/weights"], 1), 2)
        y = F.gelu(normalise(y, weights[f"{group}/norm1/shift"]))
        y = convolve(y, weights[f"{group}/conv2/weights"], 1)
        y = F.gelu(normalise(y, weights[f"{group}/norm2/shift"]))
    return y.amax((2, 3)) @ weights["out/weights"]


def orthogonalise(matrix, rounds=3):
    x = matrix / matrix.norm()
    for _ in range(rounds):
        square = x @ x.T
        x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
    return x


others = [value for name, value in weights.items() if "/conv" not in name]
sgd = torch.optim.SGD(others, lr=0.05, momentum=0.85, nesterov=True, weight_decay=0.01)
velocities = {name: torch.zeros_like(value) for name, value in weights.items() if "/conv" in name}
first, losses = None, []
for _ in range(STEPS):
    for value in weights.values():
        value.grad = None
    found = logits()
    first = found if first is None else first
    loss = F.cross_entropy(found, labels, label_smoothing=0.2)
    loss.backward()
    losses.append(loss.item())
    sgd.step()
    with torch.no_grad():
        for name, velocity in velocities.items():
            value = weights[name]
            velocity.mul_(0.6).add_(value.grad)
            direction = value.grad + 0.6 * velocity
            # Rows are filters, as PyTorch has them.
            rows = direction.reshape(-1, value.shape[-1]).T
            value.mul_(math.sqrt(len(rows)) / value.norm())
            value.sub_(0.1 * orthogonalise(rows).T.reshape(value.shape))

print(
    json.dumps(
        {
            "torch": torch.__version__,
            "logits": first.flatten().tolist(),
            "losses": losses,
            "weights": {name: value.flatten()[::5].tolist() for name, value in weights.items()},
        }
    )
)
