"""Trains the default `vae` model of genclass in PyTorch: the same network, losses, batch, schedule and augmentation.

The folder holds MNIST's four .gz files; for the arguments see torch_run.py.
"""
import gzip
import math
import os

import torch
from torch import nn
from torch.nn import functional as F

from torch_run import cosine, fit, run
from torch_variant import adam, image

BATCH, RATE, WARMUP, CLASS_WEIGHT, SMOOTHING, KL_WARMUP, DECAY = 128, 1.5e-3, 0.02, 500, 0.05, 0.1, 0.999
SHIFT, ROTATE, SCALE = 0.08, math.radians(10), 0.1


def read(name, header):
    with gzip.open(os.path.join(run.folder, name)) as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 32, 4, 2, 1), nn.Conv2d(32, 64, 4, 2, 1)
        self.dense, self.mean, self.log_variance = nn.Linear(3136, 256), nn.Linear(256, 32), nn.Linear(256, 32)
        self.seeds = nn.Linear(32, 3136)
        self.t2, self.t1 = nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ConvTranspose2d(32, 1, 4, 2, 1)
        self.r1, self.r2 = nn.Conv2d(64, 64, 3, 1, 1), nn.Conv2d(64, 128, 3, 2, 1)
        self.class_dense, self.out = nn.Linear(2048, 256), nn.Linear(256, 10)
        glorot = (self.mean, self.log_variance, self.out, self.t1)
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                nn.init.zeros_(layer.bias)
                if layer in glorot:
                    nn.init.xavier_uniform_(layer.weight)
                elif isinstance(layer, nn.ConvTranspose2d):
                    nn.init.normal_(layer.weight, std=math.sqrt(2 / (4 * 64)))
                else:
                    nn.init.kaiming_normal_(layer.weight)

    def features(self, x):
        return F.relu(self.c2(F.relu(self.c1(x))))

    def classify(self, pixels):
        return self.classes(self.features(image(pixels.float() / 255)))

    def classes(self, maps):
        y = F.relu(self.r2(F.relu(self.r1(maps))))
        y = F.relu(self.class_dense(F.dropout(y, 0.25, self.training).flatten(1)))
        return self.out(F.dropout(y, 0.5, self.training))

    def forward(self, x, labels, beta):
        maps = self.features(x)
        hidden = F.relu(self.dense(maps.flatten(1)))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        logits = self.t1(F.relu(self.t2(image(F.relu(self.seeds(code)).view(-1, 64, 7, 7)))))
        n = x.shape[0]
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / n
        kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum() / n
        return reconstruction + beta * kl + CLASS_WEIGHT * F.cross_entropy(
            self.classes(maps), labels, label_smoothing=SMOOTHING
        )


def augment(x):
    """Rotation, scale and shift about the centre, bilinear, edges repeated; a whole batch at once."""
    n = x.shape[0]
    angle, zoom = (2 * torch.rand(n) - 1) * ROTATE, 1 + (2 * torch.rand(n) - 1) * SCALE
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    move = (2 * torch.rand(n, 2) - 1) * 2 * SHIFT
    theta = torch.stack([torch.stack([cos, sin, move[:, 0]], 1), torch.stack([-sin, cos, move[:, 1]], 1)], 1)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def schedule(progress):
    return max(progress, 1e-3) / WARMUP if progress < WARMUP else cosine((progress - WARMUP) / (1 - WARMUP))


pixels = read("train-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)
labels = read("train-labels-idx1-ubyte.gz", 8).long()
test_pixels = read("t10k-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)
test_labels = read("t10k-labels-idx1-ubyte.gz", 8).long()
net = Vae()


def loss_of(net, batch, progress, _):
    # A number would be compiled in.
    beta = torch.tensor(min(1, progress / KL_WARMUP))
    return net(image(augment(pixels[batch].float() / 255)), labels[batch], beta)


fit(
    net, loss_of, [adam(net.parameters(), lr=RATE)], (pixels, labels), (test_pixels, test_labels), BATCH, schedule, DECAY,
)
