"""Trains genclass's `cnn --set net=fast` on CIFAR-10 in PyTorch: the same network, first values, loss, optimizers, batch, schedule and
augmentation. The bias of the whitening layer and what is added after normalisations go by Adam, filters by Muon, as there.

The folder holds CIFAR-10's data_batch_N.bin and test_batch.bin, .gz or not; for the arguments see torch_run.py.
"""
import glob
import gzip
import math
import os

import torch
from torch import nn
from torch.nn import functional as F

from torch_nets import FastNet
from torch_run import fit, run
from torch_variant import COMPILED, adam, image

BATCH, RATE, MUON_RATE, MOMENTUM, ITERATIONS, SMOOTHING, DECAY = 512, 4e-3, 0.12, 0.6, 3, 0.05, 0.99
SHIFT = 2
PICTURES_OF_WHITENING, FLOOR = 500, 5e-4


def read(pattern):
    files = sorted(glob.glob(os.path.join(run.folder, pattern + ".bin*")))
    parts = []
    for name in files:
        with (gzip.open if name.endswith(".gz") else open)(name, "rb") as file:
            parts.append(torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).view(-1, 3073))
    rows = torch.cat(parts)
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].long()


def whiten(layer, pictures):
    """The principal directions of 2x2 patches over their standard deviations, then their negatives; the mean patch gives 0."""
    patches = F.unfold(pictures.double(), 2).transpose(1, 2).reshape(-1, 12)
    values, vectors = torch.linalg.eigh(torch.cov(patches.T))
    scale = 1 / (values.clamp(min=0) + max(FLOOR * values.sum().item() / 12, 1e-8)).sqrt()
    filters = (vectors * scale).T
    filters = torch.cat([filters, -filters])
    layer.weight.data.copy_(filters.view(24, 3, 2, 2))
    layer.bias.data.copy_(-filters @ patches.mean(0))


class Net(nn.Module):
    def __init__(self, pictures):
        super().__init__()
        self.trunk, self.out = FastNet(), nn.Linear(256, 10, bias=False)
        whiten(self.trunk.whiten, pictures)
        nn.init.normal_(self.out.weight, std=1 / 256)
        for layer in self.filters():
            # Uniform in ±1/√fan in, as PyTorch begins, but for filters that hand on a channel of the input.
            nn.init.dirac_(layer.weight.data[: layer.in_channels])

    def filters(self):
        return [layer for layer in self.trunk.groups.modules() if isinstance(layer, nn.Conv2d)]

    def logits(self, x):
        return self.out(self.trunk(x)[-1].amax((2, 3)))

    def classify(self, pixels):
        return self.logits(image(pixels.float() / 255))

    def forward(self, x, labels):
        return F.cross_entropy(self.logits(x), labels, label_smoothing=SMOOTHING)


def orthogonalized(matrix):
    """Singular values brought near 1 by Newton-Schulz iterations (Jordan et al. 2024, Muon)."""
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix / (matrix.square().sum() + 1e-14).sqrt()
    for _ in range(ITERATIONS):
        gram = x @ x.T if wide else x.T @ x
        factor = -4.775 * gram + 2.0315 * gram @ gram
        x = 3.4445 * x + (factor @ x if wide else x @ factor)
    return x


if COMPILED:
    orthogonalized = torch.compile(orthogonalized, dynamic=False)


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weights in group["params"]:
                state = self.state[weights]
                velocity = state.setdefault("velocity", torch.zeros_like(weights))
                velocity.mul_(MOMENTUM).add_(weights.grad)
                direction = orthogonalized((weights.grad + MOMENTUM * velocity).flatten(1)).view_as(weights)
                weights.mul_(math.sqrt(len(weights)) / (weights.square().sum() + 1e-14).sqrt())
                weights.sub_(group["lr"] * direction)


def schedule(progress):
    return 0.2 + 0.8 * progress / 0.23 if progress < 0.23 else max(0, (1 - progress) / 0.77)


train, test = read("data_batch_*"), read("test_batch")
pixels, labels = train
net = Net(pixels[torch.randperm(len(labels))[:PICTURES_OF_WHITENING]].float() / 255)
filters = [layer.weight for layer in net.filters()]
others = [p for p in net.parameters() if p.requires_grad and not any(p is weights for weights in filters)]
mirrored_first = torch.rand(len(labels)) < 0.5


def augment(batch, epoch):
    """Each picture is mirrored in every second epoch and moved by up to two pixels, edges repeated."""
    n = len(batch)
    moves = ((2 * torch.rand(2, n, 1) - 1) * SHIFT).round().long()
    rows, columns = (torch.arange(32) + moves).clamp(0, 31)
    mirrored = mirrored_first[batch] ^ (epoch % 2 == 1)
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    moved = pixels[batch[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return image(moved.permute(0, 3, 1, 2).float() / 255)


def loss_of(net, batch, _, epoch):
    return net(augment(batch, epoch), labels[batch])


fit(net, loss_of, [adam(others, lr=RATE), Muon(filters, MUON_RATE)], train, test, BATCH, schedule, DECAY)
