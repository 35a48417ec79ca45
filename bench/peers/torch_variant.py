"""How PyTorch computes, by flags of the command line: eager with its defaults; `--tuned`: fused optimizers and channels-last
memory; `--compiled`: that and torch.compile, which needs a C++ compiler."""
import sys

import torch

COMPILED = "--compiled" in sys.argv
TUNED = COMPILED or "--tuned" in sys.argv
FUSED = {"fused": True} if TUNED else {}


def adam(parameters, **options):
    return torch.optim.Adam(parameters, **{"lr": 1e-3, **options}, **FUSED)


def image(x):
    return x.contiguous(memory_format=torch.channels_last) if TUNED else x


def module(net):
    net = net.to(memory_format=torch.channels_last) if TUNED else net
    return torch.compile(net) if COMPILED else net
