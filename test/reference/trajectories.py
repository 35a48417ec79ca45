"""Writes trajectories.json: 20 steps in PyTorch of a small conv VAE, of a small Wasserstein GAN with gradient penalty, and of a
residual net whose convolutions are all 3x3 with stride 1, with a penalty on the gradient by its pictures.

Values come from one formula (see `wave`), which test/train/trajectories.test.ts repeats; layouts are ours
(images [n, h, w, c], convolutions [kh, kw, in, out]) and are permuted here. Run: python3 trajectories.py > trajectories.json
"""
import json

import torch
from torch.nn import functional as F

import formula


def wave(shape, phase, scale):
    return torch.from_numpy(formula.wave(shape, phase, scale))


def parameter(shape, phase, scale):
    return wave(shape, phase, scale).requires_grad_(True)


def conv(x, w, stride, padding):
    return F.conv2d(x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), stride=stride, padding=padding).permute(0, 2, 3, 1)


def deconv(y, w, stride, padding):
    return F.conv_transpose2d(y.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), stride=stride, padding=padding).permute(0, 2, 3, 1)


def vae():
    p = {
        "conv": parameter((4, 4, 1, 4), 0.1, 0.3),
        "mean": parameter((64, 3), 0.2, 0.2),
        "logVariance": parameter((64, 3), 0.3, 0.2),
        "dense": parameter((3, 64), 0.4, 0.4),
        "deconv": parameter((4, 4, 1, 4), 0.5, 0.3),
        "bias": parameter((1,), 0.6, 0.1),
    }
    optimizer = torch.optim.Adam(p.values(), lr=1e-2)
    losses = []
    for step in range(20):
        x = wave((6, 8, 8, 1), 1.0 + step, 0.5) + 0.5
        h = torch.relu(conv(x, p["conv"], 2, 1)).reshape(6, 64)
        mean, log_variance = h @ p["mean"], h @ p["logVariance"]
        z = mean + (0.5 * log_variance).exp() * wave((6, 3), 2.0 + step, 1.0)
        maps = torch.relu(z @ p["dense"]).reshape(6, 4, 4, 4)
        logits = deconv(maps, p["deconv"], 2, 1) + p["bias"]
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / 6
        kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum() / 6
        loss = reconstruction + kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "weights": {name: value.flatten()[:12].tolist() for name, value in p.items()}}


def gan():
    g = {"g1": parameter((4, 16), 0.1, 0.5), "g2": parameter((16, 72), 0.2, 0.3)}
    c = {"c1": parameter((3, 3, 2, 5), 0.3, 0.3), "c2": parameter((45, 1), 0.4, 0.3)}
    g_adam = torch.optim.Adam(g.values(), lr=5e-3, betas=(0.5, 0.9))
    c_adam = torch.optim.Adam(c.values(), lr=5e-3, betas=(0.5, 0.9))

    def generate(z):
        return torch.tanh(torch.tanh(z @ g["g1"]) @ g["g2"]).reshape(-1, 6, 6, 2)

    def criticize(x):
        return torch.tanh(conv(x, c["c1"], 2, 1)).reshape(-1, 45) @ c["c2"]

    losses = {"critic": [], "generator": []}
    for step in range(20):
        real = wave((5, 6, 6, 2), 3.0 + step, 0.8)
        fake = generate(wave((5, 4), 4.0 + step, 1.0)).detach()
        share = 0.5 + wave((5, 1, 1, 1), 5.0 + step, 0.5)
        between = (share * real + (1 - share) * fake).requires_grad_(True)
        slope = torch.autograd.grad(criticize(between).sum(), between, create_graph=True)[0]
        penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
        loss = criticize(fake).mean() - criticize(real).mean() + 10 * penalty
        c_adam.zero_grad()
        loss.backward()
        c_adam.step()
        losses["critic"].append(loss.item())
        loss = -criticize(generate(wave((5, 4), 6.0 + step, 1.0))).mean()
        g_adam.zero_grad()
        loss.backward()
        g_adam.step()
        losses["generator"].append(loss.item())
    weights = {name: value.flatten()[:12].tolist() for name, value in {**g, **c}.items()}
    return {"losses": losses, "weights": weights}


def residual():
    p = {
        "first": parameter((3, 3, 4, 8), 0.1, 0.2),
        "bias": parameter((8,), 0.2, 0.1),
        "second": parameter((3, 3, 8, 8), 0.3, 0.15),
        "back": parameter((3, 3, 4, 8), 0.4, 0.15),
        "out": parameter((8, 3), 0.5, 0.5),
    }
    optimizer = torch.optim.Adam(p.values(), lr=1e-2)
    losses = []
    for step in range(20):
        x = wave((4, 7, 6, 4), 1.0 + step, 0.8).requires_grad_(True)
        h = torch.tanh(conv(x, p["first"], 1, 1) + p["bias"])
        h = h + torch.tanh(conv(h, p["second"], 1, 1))
        logits = h.mean(dim=(1, 2)) @ p["out"]
        slope = torch.autograd.grad(logits[:, 0].sum(), x, create_graph=True)[0]
        loss = F.cross_entropy(logits, torch.tensor([0, 2, 1, 0])) + ((deconv(h, p["back"], 1, 1) - x) ** 2).mean()
        loss = loss + 10 * (slope**2).sum() / 4
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "weights": {name: value.flatten()[:12].tolist() for name, value in p.items()}}


print(json.dumps({"torch": torch.__version__, "vae": vae(), "gan": gan(), "residual": residual()}))
