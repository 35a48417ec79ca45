"""The networks of bench/jobs.ts in PyTorch."""
import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from torch_variant import image


def bce_sum(logits, target):
    return F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / logits.shape[0]


def kl(mean, log_variance):
    return -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum() / mean.shape[0]


class MlpVae(nn.Module):
    def __init__(self):
        super().__init__()
        self.e1, self.mean, self.log_variance = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.d1, self.d2 = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, x):
        h = F.relu(self.e1(x))
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        return bce_sum(self.d2(F.relu(self.d1(z))), x) + kl(mean, log_variance)


class ConvVae(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 32, 4, 2, 1), nn.Conv2d(32, 64, 4, 2, 1)
        self.e1, self.mean, self.log_variance = nn.Linear(3136, 256), nn.Linear(256, 32), nn.Linear(256, 32)
        self.d1, self.d2 = nn.Linear(32, 256), nn.Linear(256, 3136)
        self.t1, self.t2 = nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ConvTranspose2d(32, 1, 4, 2, 1)
        self.classifier = nn.Linear(256, 10)

    def features(self, x):
        return F.relu(self.e1(F.relu(self.c2(F.relu(self.c1(x)))).flatten(1)))

    def classify(self, x):
        return self.classifier(self.features(x))

    def forward(self, x, labels):
        h = self.features(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        maps = F.relu(self.d2(F.relu(self.d1(z)))).view(-1, 64, 7, 7)
        logits = self.t2(F.relu(self.t1(image(maps))))
        return bce_sum(logits, x) + kl(mean, log_variance) + F.cross_entropy(self.classifier(h), labels)


class Classifier(nn.Module):
    """A ConvVae's answer alone."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return F.softmax(self.net.classify(x), 1)


def cnn_net():
    layers, c = [], 3
    for o in (32, 64, 128):
        layers += [nn.Conv2d(c, o, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        c = o
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 10))


def critic_net():
    layers, c = [], 3
    for o in (64, 128, 256):
        layers += [nn.Conv2d(c, o, 4, 2, 1), nn.LeakyReLU(0.2)]
        c = o
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4096, 1))


def generator_net():
    return nn.Sequential(
        nn.Linear(100, 4096), nn.ReLU(), nn.Unflatten(1, (256, 4, 4)),
        nn.ConvTranspose2d(256, 128, 4, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Sigmoid(),
    )


class ConditionalNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels, affine=False)
        self.scale, self.shift = nn.Linear(32, channels, bias=False), nn.Linear(32, channels, bias=False)

    def forward(self, x, vectors):
        return self.norm(x) * (1 + self.scale(vectors))[:, :, None, None] + self.shift(vectors)[:, :, None, None]


class ConditionalGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.vectors = nn.Embedding(10, 32)
        self.dense, self.condition = nn.Linear(64, 4704, bias=False), nn.Linear(32, 4704, bias=False)
        self.up1 = nn.ConvTranspose2d(96, 48, 4, 2, 1, bias=False)
        self.up2 = nn.ConvTranspose2d(48, 24, 4, 2, 1, bias=False)
        self.norms = nn.ModuleList([ConditionalNorm(c) for c in (96, 48, 24)])
        self.pixels = nn.Conv2d(24, 1, 3, padding=1)

    def forward(self, labels):
        vectors = self.vectors(labels)
        y = self.dense(torch.randn(len(labels), 64)) + self.condition(vectors)
        y = F.relu(self.norms[0](image(y.view(-1, 96, 7, 7)), vectors))
        y = F.relu(self.norms[1](self.up1(y), vectors))
        y = F.relu(self.norms[2](self.up2(y), vectors))
        return torch.sigmoid(self.pixels(y))


class ClassCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = spectral_norm(nn.Conv2d(1, 48, 4, 2, 1))
        self.c2 = spectral_norm(nn.Conv2d(48, 96, 4, 2, 1))
        self.c3 = spectral_norm(nn.Conv2d(96, 96, 3, 1, 1))
        self.dense = spectral_norm(nn.Linear(4704, 192))
        self.out, self.classes = spectral_norm(nn.Linear(192, 1)), spectral_norm(nn.Linear(192, 20))

    def forward(self, x):
        y = F.leaky_relu(self.c1(x), 0.2)
        y = F.leaky_relu(self.c3(F.leaky_relu(self.c2(y), 0.2)), 0.2).flatten(1)
        y = F.leaky_relu(self.dense(y), 0.2)
        return self.out(y)[:, 0], self.classes(y)


class NormedLinear(nn.Module):
    """Weights of length 1 times a scale, which is trained or set once: outputs are divided by the lengths, as they are fewer."""

    def __init__(self, inputs, units, gain=True, std=0.1):
        super().__init__()
        self.weight, self.bias = nn.Parameter(std * torch.randn(units, inputs)), nn.Parameter(torch.zeros(units))
        self.gain = nn.Parameter(torch.ones(units)) if gain else None
        self.register_buffer("scale", torch.ones(units))
        self.register_buffer("shift", torch.zeros(units))

    def forward(self, x):
        scale = self.scale if self.gain is None else self.scale * self.gain
        lengths = (self.weight.square().sum(1) + 1e-6).sqrt()
        return F.linear(x, self.weight) * (scale / lengths) + (self.bias + self.shift)


class MatchingCritic(nn.Module):
    """The features of pictures, or with `logits` what is made of them; noise is added before every layer."""

    def __init__(self):
        super().__init__()
        sizes = (784, 1000, 500, 250, 250, 250)
        self.layers = nn.ModuleList(NormedLinear(a, b, gain=False) for a, b in zip(sizes, sizes[1:]))
        self.out = NormedLinear(250, 10)

    def forward(self, x, logits):
        y = x.flatten(1)
        for i, layer in enumerate(self.layers):
            y = F.relu(layer(y + (0.5 if i else 0.3) * torch.randn_like(y)))
        return self.out(y + 0.5 * torch.randn_like(y)) if logits else y


class NoiseGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.ModuleList([nn.Linear(100, 500, bias=False), nn.Linear(500, 500, bias=False)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(500), nn.BatchNorm1d(500)])
        self.out = NormedLinear(500, 784, std=math.sqrt(2 / (500 + 784)))

    def forward(self, noise):
        y = noise
        for dense, norm in zip(self.dense, self.norms):
            y = F.softplus(norm(dense(y)))
        return torch.sigmoid(self.out(y)).view(-1, 1, 28, 28)


class FastNet(nn.Module):
    """The maps after each group of the fast net."""

    def __init__(self, widths=(64, 256, 256)):
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.whiten.weight.requires_grad_(False)
        self.groups = nn.ModuleList()
        c = 24
        for o in widths:
            layers = [nn.Conv2d(c, o, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(o), nn.GELU()]
            layers += [nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.GELU()]
            self.groups.append(nn.Sequential(*layers))
            c = o
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.requires_grad_(False)

    def forward(self, x):
        y, maps = F.gelu(self.whiten(x)), []
        for group in self.groups:
            y = group(y)
            maps.append(y)
        return maps


class ANet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.out = FastNet(), nn.Linear(256, 10, bias=False)

    def forward(self, x, labels):
        return F.cross_entropy(self.out(self.net(x)[-1].amax((2, 3))), labels)


class Multiscale(nn.Module):
    def __init__(self, widths=(64, 256, 256)):
        super().__init__()
        self.net = FastNet(widths)
        self.sums = nn.ModuleList(nn.Sequential(nn.LayerNorm(2 * c), nn.Linear(2 * c, 64)) for c in widths)
        self.each = nn.ModuleList(nn.Linear(64, 10, bias=False) for _ in widths)
        self.code, self.out = nn.Linear(192, 64), nn.Linear(64, 10, bias=False)

    def forward(self, x, labels):
        seen = [
            summed(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1))
            for summed, maps in zip(self.sums, self.net(x))
        ]
        logits = self.out(self.code(F.dropout(torch.cat(seen, 1), 0.2)))
        own = F.cross_entropy(logits, labels)
        return own + 0.3 * sum(F.cross_entropy(out(one), labels) for out, one in zip(self.each, seen))


class Block(nn.Module):
    """An inverted bottleneck: 1x1 wider, depthwise, 1x1 narrower; batch normalisation is folded, as in the file."""

    def __init__(self, c, o, kernel, stride, expand):
        super().__init__()
        wide = c * expand
        layers = [nn.Conv2d(c, wide, 1), nn.ReLU6()] if expand > 1 else []
        layers += [nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide), nn.ReLU6(), nn.Conv2d(wide, o, 1)]
        self.layers, self.adds = nn.Sequential(*layers), stride == 1 and c == o

    def forward(self, x):
        return x + self.layers(x) if self.adds else self.layers(x)


class EfficientNetLite0(nn.Module):
    def __init__(self):
        super().__init__()
        layers, c = [nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU6()], 32
        # Blocks, kernel, stride of the first, times wider inside, channels (Tan & Le 2019, table 1, without squeeze and excitation).
        for count, kernel, stride, expand, o in (
            (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
            (1, 3, 1, 6, 320),
        ):
            for i in range(count):
                layers.append(Block(c, o, kernel, stride if i == 0 else 1, expand))
                c = o
        self.net = nn.Sequential(*layers, nn.Conv2d(320, 1280, 1), nn.ReLU6())
        self.norm, self.out = nn.BatchNorm1d(1280), nn.Linear(1280, 10)

    def forward(self, x, labels):
        features = self.norm(self.net(x).mean((2, 3)))
        return F.cross_entropy(self.out(F.dropout(features, 0.4)), labels)
