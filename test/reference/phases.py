"""Writes phases.json: 18 steps of training in two phases in PyTorch, which test/train/phase-step.test.ts repeats with `fit`.

A trunk with batch normalisation is trained with a classifier; a decoder of the trunk's code is trained on every second step.
The layouts are ours: weights [in, out]. Run: python3 phases.py > phases.json
"""
import json
import math

import torch
from torch.nn import functional as F

import formula

STEPS = 18
CLIP = 0.25
SMOOTHING = 0.1


def wave(shape, phase, scale):
    return torch.from_numpy(formula.wave(shape, phase, scale))


def parameter(values):
    return values.requires_grad_(True)


# 12 pictures of 4 x 4 bytes; every fourth has no label, the others are of three classes.
pixels = torch.tensor([(37 * i * i + 11 * i + 5) % 256 for i in range(12 * 16)], dtype=torch.float32).reshape(12, 16) / 255
labels = torch.tensor([-1 if i % 4 == 3 else i % 4 for i in range(12)])

norm = torch.nn.BatchNorm1d(6)
trunk = {
    "trunk/weights": parameter(wave((16, 6), 0.1, 0.4)),
    "trunk/norm/scale": norm.weight,
    "trunk/norm/shift": norm.bias,
}
classifier = {
    "classifier/weights": parameter(wave((6, 3), 0.2, 0.5)),
    "classifier/bias": parameter(torch.zeros(3)),
}
decoder = {
    "decoder/weights": parameter(wave((6, 16), 0.3, 0.4)),
    "decoder/bias": parameter(torch.zeros(16)),
}


def encode(x):
    return torch.tanh(norm(x @ trunk["trunk/weights"]))


def classify(x):
    return encode(x) @ classifier["classifier/weights"] + classifier["classifier/bias"]


def class_loss(x):
    return F.cross_entropy(classify(x), labels, ignore_index=-1, label_smoothing=SMOOTHING)


class Averages:
    """Exponential moving averages with the warm-up min(decay, (1 + t) / (10 + t)) over the updates t = 0, 1, ..."""

    def __init__(self, parameters, decay):
        self.parameters, self.decay, self.updates = parameters, decay, 0
        self.values = {name: value.detach().clone() for name, value in parameters.items()}

    def update(self):
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in self.parameters.items():
            self.values[name] = decay * self.values[name] + (1 - decay) * value.detach()
        self.updates += 1


def set_learning_rate(optimizer, rate):
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("rate_scale", 1)


class_optimizer = torch.optim.AdamW(
    [
        {"params": classifier.values()},
        {"params": trunk.values(), "rate_scale": 0.5, "weight_decay": 0},
    ],
    weight_decay=0.5,
)
decoder_optimizer = torch.optim.AdamW(decoder.values(), betas=(0.5, 0.9), weight_decay=0)
class_averages = Averages({**trunk, **classifier}, 0.6)
decoder_averages = Averages(decoder, 0.3)

losses = {"classify": [], "reconstruct": []}
for step in range(STEPS):
    cosine = 0.5 * (1 + math.cos(math.pi * step / STEPS))

    loss = class_loss(pixels) + class_loss(pixels**2)
    class_optimizer.zero_grad()
    loss.backward()
    length = torch.nn.utils.clip_grad_norm_([*trunk.values(), *classifier.values()], CLIP)
    assert length > CLIP, f"nothing is clipped at step {step}: the gradient has length {length}"
    set_learning_rate(class_optimizer, 0.02 * cosine)
    class_optimizer.step()
    class_averages.update()
    losses["classify"].append(loss.item())

    if step % 2 == 0:
        # The batch's statistics normalise; the running ones are those of the phase that moves the trunk.
        norm.momentum = 0.0
        code = encode(pixels).detach()
        norm.momentum = 0.1
        decoded = torch.sigmoid(code @ decoder["decoder/weights"] + decoder["decoder/bias"])
        loss = F.mse_loss(decoded, pixels, reduction="sum") / 12
        decoder_optimizer.zero_grad()
        loss.backward()
        set_learning_rate(decoder_optimizer, 0.05 * cosine)
        decoder_optimizer.step()
        decoder_averages.update()
        losses["reconstruct"].append(loss.item())

state = {
    **trunk,
    **classifier,
    **decoder,
    **{f"average/{name}": value for averages in (class_averages, decoder_averages) for name, value in averages.values.items()},
    "trunk/norm/mean": norm.running_mean,
    "trunk/norm/variance": norm.running_var,
}
print(json.dumps({"torch": torch.__version__, "losses": losses, "state": {k: v.flatten().tolist() for k, v in state.items()}}))
