"""Trains the default `vae` model of genclass in PyTorch: the same network, losses, batch, schedule and augmentation.

    torch_vae.py FOLDER EPOCHS SEED

FOLDER holds MNIST's four .gz files. Prints one line of JSON: test accuracy, and the seconds that training took.
"""
import gzip
import json
import math
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

folder, epochs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(seed)
BATCH, RATE, WARMUP, CLASS_WEIGHT, SMOOTHING, KL_WARMUP, DECAY = 128, 1.5e-3, 0.02, 500, 0.05, 0.1, 0.999
SHIFT, ROTATE, SCALE = 0.08, math.radians(10), 0.1


def read(name, header):
    with gzip.open(os.path.join(folder, name)) as file:
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

    def classify(self, maps):
        y = F.relu(self.r2(F.relu(self.r1(maps))))
        y = F.relu(self.class_dense(F.dropout(y, 0.25, self.training).flatten(1)))
        return self.out(F.dropout(y, 0.5, self.training))

    def forward(self, x, labels, beta):
        maps = self.features(x)
        hidden = F.relu(self.dense(maps.flatten(1)))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        logits = self.t1(F.relu(self.t2(F.relu(self.seeds(code)).view(-1, 64, 7, 7))))
        n = x.shape[0]
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / n
        kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum() / n
        return reconstruction + beta * kl + CLASS_WEIGHT * F.cross_entropy(
            self.classify(maps), labels, label_smoothing=SMOOTHING
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


def accuracy(net, pixels, labels):
    net.eval()
    hits = 0
    with torch.inference_mode():
        for i in range(0, len(labels), 256):
            logits = net.classify(net.features(pixels[i : i + 256].float() / 255))
            hits += (logits.argmax(1) == labels[i : i + 256]).sum().item()
    net.train()
    return hits / len(labels)


pixels = read("train-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)
labels = read("train-labels-idx1-ubyte.gz", 8).long()
test_pixels = read("t10k-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)
test_labels = read("t10k-labels-idx1-ubyte.gz", 8).long()
order = torch.randperm(len(labels))
held, rest = order[:6000], order[6000:]
net, average = Vae(), Vae()
average.load_state_dict(net.state_dict())
optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
steps_per_epoch = len(rest) // BATCH
planned, step = epochs * steps_per_epoch, 0
begun = time.perf_counter()
for epoch in range(epochs):
    mixed = rest[torch.randperm(len(rest))]
    for i in range(steps_per_epoch):
        progress = step / planned
        factor = (
            max(progress, 1e-3) / WARMUP
            if progress < WARMUP
            else 0.5 * (1 + math.cos(math.pi * (progress - WARMUP) / (1 - WARMUP)))
        )
        optimizer.param_groups[0]["lr"] = RATE * factor
        batch = mixed[i * BATCH : (i + 1) * BATCH]
        optimizer.zero_grad()
        loss = net(augment(pixels[batch].float() / 255), labels[batch], min(1, progress / KL_WARMUP))
        loss.backward()
        optimizer.step()
        loss.item()
        with torch.no_grad():
            pull = 1 - min(DECAY, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), pull)
        step += 1
    accuracy(average, pixels[held], labels[held])
seconds = time.perf_counter() - begun
print(json.dumps({"accuracy": accuracy(average, test_pixels, test_labels), "seconds": seconds}))
