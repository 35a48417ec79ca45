"""Writes exports.json: small networks as PyTorch exports them, with values and gradients of one, for test/onnx/import.test.ts.

`networks` has each as `name: {opset, file}`, the file's bytes in base64; `gradients` has of one in addition the output for a picture
made by `wave`, and the gradient of sum(output * wave) by each parameter and by the picture. Needs PyTorch 2.6 and onnx 1.17.
Run: python3 exports.py > exports.json
"""
import base64
import io
import json
import math
import warnings

import torch
from torch import nn
from torch.nn import functional as F

import formula

warnings.filterwarnings("ignore")


def wave(shape, phase=0.0, scale=1.0):
    return torch.from_numpy(formula.wave(shape, phase, scale))


def settle(network):
    """Weights and statistics from `wave`, so that nothing depends on a random generator."""
    for k, (name, value) in enumerate(network.state_dict().items()):
        if not value.is_floating_point():
            continue
        fan = max(1, math.prod(value.shape[1:]))
        new = wave(value.shape, k, 1.5 / math.sqrt(fan))
        if name.endswith("running_var"):
            new = 1 + 0.5 * wave(value.shape, k)
        elif value.dim() == 1 and name.endswith("weight"):
            new = 1 + 0.3 * wave(value.shape, k)
        value.copy_(new)
    return network.eval()


class Of(nn.Module):
    """A network of named parts and a function of them and the picture."""

    def __init__(self, run, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.run = run

    def forward(self, x):
        return self.run(self, x)


def seq(*parts):
    return nn.Sequential(*parts)


C, B, R = nn.Conv2d, nn.BatchNorm2d, nn.ReLU


def attention(m, x):
    n = x.shape[0]
    t = m.patches(x).flatten(2).transpose(1, 2)
    t = torch.cat([m.token.expand(n, -1, -1), t], 1) + m.places
    q, k, v = m.qkv(m.norm(t)).reshape(n, 17, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
    a = (q @ k.transpose(-2, -1) * 0.5).softmax(-1)
    t = t + m.out((a @ v).transpose(1, 2).reshape(n, 17, 8))
    return m.head(t[:, 0])


class Transformer(Of):
    def __init__(self):
        super().__init__(
            attention,
            patches=C(3, 8, 4, 4),
            norm=nn.LayerNorm(8),
            qkv=nn.Linear(8, 24),
            out=nn.Linear(8, 8),
            head=nn.Linear(8, 5),
        )
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.places = nn.Parameter(torch.zeros(1, 17, 8))


def shuffled(x, groups):
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def windows(x):
    n, c, h, w = x.shape
    x = torch.roll(x, shifts=(-2, -2), dims=(2, 3))
    x = x.view(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, c)
    x = x - x.mean(1, keepdim=True)
    return x.reshape(n, h // 4, w // 4, 4, 4, c).permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)


def convnext(m, x):
    y = m.deep(m.stem(x)).permute(0, 2, 3, 1)
    y = m.gamma(m.down(F.gelu(m.up(m.norm(y))))).permute(0, 3, 1, 2)
    return y.mean([2, 3])


NETWORKS = {
    "residual block": (9, lambda: Of(
        lambda m, x: F.relu(m.b(F.relu(m.a(x))) + m.skip(x)).mean((2, 3)),
        a=seq(C(3, 4, 3, 2, 1, bias=False), B(4)), b=seq(C(4, 4, 3, 1, 1, bias=False), B(4)),
        skip=seq(C(3, 4, 1, 2, bias=False), B(4)))),
    "bottleneck with a head": (11, lambda: seq(C(3, 4, 7, 2, 3), B(4), R(), nn.MaxPool2d(3, 2, 1), C(4, 2, 1), R(),
                                               C(2, 2, 3, 1, 1), R(), C(2, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                                               nn.Linear(8, 5))),
    "inverted residual": (10, lambda: Of(
        lambda m, x: (lambda y: (y + m.block(y)).mean([2, 3]))(m.stem(x)),
        stem=C(3, 4, 3, 2, 1), block=seq(C(4, 12, 1, bias=False), B(12), nn.ReLU6(), C(12, 12, 3, 1, 1, groups=12, bias=False),
                                          B(12), nn.ReLU6(), C(12, 4, 1, bias=False), B(4)))),
    "squeeze and excitation": (14, lambda: Of(
        lambda m, x: (lambda y: (y * m.gate(y)).flatten(1))(m.stem(x)),
        stem=seq(C(3, 6, 3, 4, 1), nn.Hardswish()), gate=seq(nn.AdaptiveAvgPool2d(1), C(6, 2, 1), R(), C(2, 6, 1), nn.Hardsigmoid()))),
    "groups and dilation": (13, lambda: seq(C(3, 8, 3, 2, 1), R(), C(8, 12, 3, 1, 2, dilation=2, groups=4), nn.SiLU(), nn.Flatten(),
                                            nn.Linear(768, 3))),
    "channel multiplier": (13, lambda: seq(C(3, 6, 3, 2, 1, groups=3), R(), C(6, 6, (5, 3), (1, 2), (2, 1), groups=6), nn.Flatten())),
    "channel shuffle": (11, lambda: Of(lambda m, x: shuffled(m.a(x), 2).mean((2, 3)) + m.b(shuffled(m.a(x), 4)).mean((2, 3)),
                                       a=C(3, 8, 3, 2, 1), b=C(8, 8, 1, groups=2))),
    "dense block": (12, lambda: Of(lambda m, x: torch.cat([x[:, :, ::2, ::2], m.a(x), F.avg_pool2d(x, 2)], 1).amax((2, 3)),
                                   a=C(3, 4, 3, 2, 1))),
    "fire": (9, lambda: Of(lambda m, x: (lambda y: torch.cat([F.relu(m.b(y)), F.relu(m.c(y))], 1).flatten(1))(F.relu(m.a(x))),
                           a=C(3, 2, 1, 4), b=C(2, 3, 1), c=C(2, 3, 3, padding=1))),
    "ConvNeXt block": (17, lambda: Of(convnext, stem=C(3, 8, 4, 4), deep=C(8, 8, 7, padding=3, groups=8), norm=nn.LayerNorm(8),
                                      up=nn.Linear(8, 16), down=nn.Linear(16, 8), gamma=nn.Linear(8, 8, bias=False))),
    "transformer": (17, Transformer),
    "transformer of opset 12": (12, Transformer),
    "bilinear upsampling": (11, lambda: Of(lambda m, x: F.interpolate(m.a(x), scale_factor=2, mode="bilinear").flatten(1),
                                           a=C(3, 2, 3, 2, 1))),
    "corners aligned": (13, lambda: Of(lambda m, x: F.interpolate(m.a(x), size=(9, 11), mode="bilinear", align_corners=True).flatten(1),
                                       a=C(3, 2, 3, 2, 1))),
    "sizes of another map": (13, lambda: Of(lambda m, x: (m.a(x) + F.interpolate(m.b(x), size=m.a(x).shape[2:])).mean((2, 3)),
                                            a=C(3, 2, 3, 2, 1), b=C(3, 2, 5, 4, 2))),
    "nearest upsampling": (9, lambda: Of(lambda m, x: F.interpolate(m.a(x), scale_factor=2).flatten(1), a=C(3, 2, 3, 2, 1))),
    "transposed convolution": (13, lambda: seq(C(3, 4, 3, 2, 1), nn.Softplus(), nn.ConvTranspose2d(4, 3, 3, 2, 1, output_padding=1),
                                               nn.Tanh(), nn.ConvTranspose2d(3, 2, 4, 2, 1, bias=False), nn.Flatten())),
    "uneven pooling": (11, lambda: Of(lambda m, x: torch.cat([
        F.avg_pool2d(m.a(x), 3, 2, 1, ceil_mode=True, count_include_pad=False).flatten(1),
        F.avg_pool2d(m.a(x), 3, 2, 1, ceil_mode=True).flatten(1),
        F.max_pool2d(m.a(x), 3, 2, ceil_mode=True).flatten(1)], 1), a=C(3, 2, 3, 2, 1))),
    "margins and instance norm": (11, lambda: seq(nn.ReflectionPad2d(2), C(3, 4, 5, 2), nn.InstanceNorm2d(4, affine=True), nn.LeakyReLU(0.2),
                                                  nn.ReplicationPad2d(1), C(4, 2, 3), nn.ZeroPad2d((1, -1, 0, 2)), nn.Flatten())),
    "group norm": (17, lambda: seq(C(3, 8, 3, 2, 1), nn.GroupNorm(4, 8), nn.Mish(), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(1))),
    "activations": (9, lambda: Of(lambda m, x: m.p(m.a(x)).sigmoid().mean((2, 3)) - F.elu(m.a(x), 0.7).mean((2, 3)) / (1 + m.a(x).abs().mean((2, 3)))
                                  + F.normalize(m.a(x), dim=1).sum((2, 3)), a=C(3, 4, 3, 2, 1), p=nn.PReLU(4))),
    "pixel shuffle": (13, lambda: Of(lambda m, x: F.pixel_unshuffle(F.pixel_shuffle(m.a(x), 2), 4).mean((2, 3)), a=C(3, 8, 3, 2, 1))),
    "shifted windows": (14, lambda: Of(lambda m, x: windows(m.a(x)).flatten(1), a=C(3, 4, 3, 2, 1))),
    "recurrent": (14, lambda: Of(lambda m, x: m.r(x.flatten(2))[0][:, -1], r=nn.LSTM(256, 4, batch_first=True))),
    "sums by letters": (14, lambda: Of(lambda m, x: torch.einsum("nchw,ncab->nhb", m.a(x), m.a(x)), a=C(3, 2, 3, 2, 1))),
}


def every_op(m, x):
    y = F.pad((x - 0.45) / 0.22, (1, 0, 0, 1))
    y = m.norm(m.conv(y)).relu()  # [n, 8, 8, 8]
    y = y + F.hardswish(m.grouped(y)) * F.hardsigmoid(m.deep(y))
    low = F.relu6(F.max_pool2d(y, 3, 2, 1)) - F.leaky_relu(F.avg_pool2d(y, 2), 0.1)  # [n, 8, 4, 4]
    up = F.interpolate(low, scale_factor=2, mode="bilinear") / (1 + m.up(low).sigmoid())
    y = torch.cat([up[:, 2:6], F.silu(y)], 1)  # [n, 12, 8, 8]
    t = m.layer(F.gelu(y.flatten(2).transpose(1, 2)))  # [n, 64, 12]
    a = torch.softmax(torch.matmul(t, t.transpose(1, 2)) * 0.05, -1)
    t = torch.matmul(a, t).mean(1).unsqueeze(2).unsqueeze(3)  # [n, 12, 1, 1]
    pooled = F.adaptive_avg_pool2d(y, 1)
    return m.head((t * pooled).squeeze(3).reshape(-1, 12))


def gradients():
    with torch.no_grad():
        network = settle(Of(every_op, conv=C(3, 8, 3, 2), norm=B(8), grouped=C(8, 8, 3, padding=2, dilation=2, groups=2), deep=C(8, 8, 3, padding=1, groups=8),
                            up=nn.ConvTranspose2d(8, 8, 2, 2), layer=nn.LayerNorm(12), head=nn.Linear(12, 5)))
    x = (wave((2, 3, 16, 16), 0.3, 0.5) + 0.5).requires_grad_(True)
    y = network(x)
    (y * wave(y.shape, 1)).sum().backward()
    numbers = lambda t: [float(f"{v:.7g}") for v in t.detach().flatten().tolist()]
    return {**file_of(network, 17), "output": numbers(y), "picture": numbers(x.grad),
            "parameters": {name: numbers(p.grad) for name, p in network.named_parameters()}}


def file_of(network, opset, picture=torch.zeros(2, 3, 16, 16), free={"picture": {0: "n"}}):
    out = io.BytesIO()
    # Not for inference, which would fold batch normalisation into the convolution before it.
    torch.onnx.export(network, picture, out, opset_version=opset, dynamo=False, input_names=["picture"],
                      training=torch.onnx.TrainingMode.PRESERVE, dynamic_axes=free)
    return {"opset": opset, "file": base64.b64encode(out.getvalue()).decode()}


with torch.no_grad():
    networks = {name: file_of(settle(make()), opset) for name, (opset, make) in NETWORKS.items()}
    fixed = settle(seq(C(3, 4, 3, 2, 1), R(), nn.Flatten(), nn.Linear(256, 3)))
    networks["made for one picture"] = file_of(fixed, 13, torch.zeros(1, 3, 16, 16), {})
print(json.dumps({"networks": networks, "gradients": gradients()}))
