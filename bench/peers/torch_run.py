"""What the scripts that train a whole model have in common.

    SCRIPT FOLDER EPOCHS SEED [--tuned | --compiled] [--steps N]

FOLDER holds the data. Prints one line of JSON: test accuracy, seconds that training took, PyTorch's version. With `--steps`, after
so many steps instead: the median seconds of one, without the first ones, and how many the whole run would take.
"""
import argparse
import copy
import json
import math
import statistics
import time

import torch

from torch_variant import module

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("epochs", type=int)
parser.add_argument("seed", type=int)
parser.add_argument("--steps", type=int, default=0)
for flag in ("--tuned", "--compiled"):
    parser.add_argument(flag, action="store_true")  # read by torch_variant.py
run = parser.parse_args()
torch.manual_seed(run.seed)
HELD_OUT = 0.1
WARMING = 4


def tell(**values):
    print(json.dumps({**values, "version": torch.__version__}), flush=True)


def accuracy(net, pixels, labels):
    net.eval()
    hits = 0
    with torch.inference_mode():
        for i in range(0, len(labels), 256):
            hits += (net.classify(pixels[i : i + 256]).argmax(1) == labels[i : i + 256]).sum().item()
    return hits / len(labels)


def fit(net, loss_of, optimizers, train, test, batch, schedule, decay):
    """Trains `net`, validates its averaged weights each epoch, and tells how they do on `test`.

    loss_of(net, indices, progress, epoch) is the loss of the training pictures with those indices; `optimizers` begin with the
    learning rates that `schedule`, of progress 0..1, multiplies; `train` and `test` are pixels and labels. A tenth is held out.
    """
    pixels, labels = train
    order = torch.randperm(len(labels))
    held = order[: round(HELD_OUT * len(labels))]
    rest = order[len(held) :]
    trained = module(net)
    average = copy.deepcopy(net)
    rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    epoch_steps = len(rest) // batch
    planned, step, times = run.epochs * epoch_steps, 0, []
    begun = time.perf_counter()
    for epoch in range(run.epochs):
        mixed = rest[torch.randperm(len(rest))]
        for i in range(epoch_steps):
            step_begun = time.perf_counter()
            factor = schedule(step / planned)
            groups = [group for optimizer in optimizers for group in optimizer.param_groups]
            for group, rate in zip(groups, rates):
                group["lr"] = rate * factor
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss = loss_of(trained, mixed[i * batch : (i + 1) * batch], step / planned, epoch)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            loss.item()
            with torch.no_grad():
                pull = 1 - min(decay, (1 + step) / (10 + step))
                torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), pull)
            step += 1
            times.append(time.perf_counter() - step_begun)
            if step == run.steps:
                tell(stepSeconds=statistics.median(times[WARMING:]), steps=step, planned=planned)
                return
        for mine, its in zip(average.buffers(), net.buffers()):
            mine.copy_(its)
        accuracy(average, pixels[held], labels[held])
    seconds = time.perf_counter() - begun
    tell(accuracy=accuracy(average, *test), seconds=seconds)


def cosine(progress):
    return 0.5 * (1 + math.cos(math.pi * progress))
