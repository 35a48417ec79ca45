"""Times PyTorch on a job of bench/jobs.ts. Lines in: "run N". Lines out: JSON {ms, peakMb, version}.

Eager mode, float32, default Adam; `--tuned` and `--compiled` as torch_variant.py says.
"""
import json
import resource
import sys
import time

import torch
from torch.nn import functional as F

from torch_nets import (
    ANet, ClassCritic, Classifier, ConditionalGenerator, ConvVae, EfficientNetLite0, MatchingCritic, MlpVae, Multiscale,
    NoiseGenerator, cnn_net, critic_net, generator_net,
)
from torch_variant import adam, image, module

torch.manual_seed(1)


def mlp_vae():
    net = module(MlpVae())
    optimizer, data = adam(net.parameters()), torch.randint(0, 256, (128, 784), dtype=torch.uint8)

    def step():
        optimizer.zero_grad()
        loss = net(data.float() / 255)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def conv_vae():
    net = module(ConvVae())
    optimizer = adam(net.parameters())
    data, labels = torch.randint(0, 256, (128, 1, 28, 28), dtype=torch.uint8), torch.randint(0, 10, (128,))

    def step():
        optimizer.zero_grad()
        loss = net(image(data.float() / 255), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def cnn():
    net = module(cnn_net())
    optimizer = adam(net.parameters())
    data, labels = torch.randint(0, 256, (64, 3, 32, 32), dtype=torch.uint8), torch.randint(0, 10, (64,))

    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(net(image(data.float() / 255)), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def dcgan():
    critic, generator = module(critic_net()), module(generator_net())
    critic_adam, generator_adam = adam(critic.parameters()), adam(generator.parameters())
    data = torch.randint(0, 256, (64, 3, 32, 32), dtype=torch.uint8)
    ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)
    bce = F.binary_cross_entropy_with_logits

    def step():
        real = image(data.float() / 255)
        with torch.no_grad():
            fake = generator(torch.randn(64, 100))
        critic_adam.zero_grad()
        loss = bce(critic(real), ones) + bce(critic(fake), zeros)
        loss.backward()
        critic_adam.step()
        # The critic's weights need no gradient in the generator's step.
        for parameter in critic.parameters():
            parameter.requires_grad_(False)
        generator_adam.zero_grad()
        loss2 = bce(critic(generator(torch.randn(64, 100))), ones)
        loss2.backward()
        generator_adam.step()
        for parameter in critic.parameters():
            parameter.requires_grad_(True)
        return loss.item() + loss2.item()

    return step


def classifier(net, batch=512, side=32):
    net = module(net)
    optimizer = adam([parameter for parameter in net.parameters() if parameter.requires_grad])
    data = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8)
    labels = torch.randint(0, 10, (batch,))

    def step():
        optimizer.zero_grad()
        loss = net(image(data.float() / 255), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def acgan():
    critic, generator = module(ClassCritic()), module(ConditionalGenerator())
    options = {"lr": 2e-4, "betas": (0.0, 0.99)}
    critic_adam, generator_adam = adam(critic.parameters(), **options), adam(generator.parameters(), **options)
    data, labels = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8), torch.randint(0, 10, (64,))

    def step():
        real = image(data.float() / 255)
        with torch.no_grad():
            fake = generator(labels)
        critic_adam.zero_grad()
        scores, logits = critic(torch.cat([real, fake]))
        loss = F.relu(1 - scores[:64]).mean() + F.relu(1 + scores[64:]).mean()
        loss = loss + F.cross_entropy(logits[:64], labels) + F.cross_entropy(logits[64:], labels + 10)
        loss.backward()
        critic_adam.step()
        # The critic's weights need no gradient in the generator's step.
        for parameter in critic.parameters():
            parameter.requires_grad_(False)
        generator_adam.zero_grad()
        scores, logits = critic(generator(labels))
        loss2 = F.cross_entropy(logits, labels) - F.cross_entropy(logits, labels + 10) - scores.mean()
        loss2.backward()
        generator_adam.step()
        for parameter in critic.parameters():
            parameter.requires_grad_(True)
        return loss.item() + loss2.item()

    return step


def sgan():
    critic, generator = module(MatchingCritic()), module(NoiseGenerator())
    options = {"lr": 3e-3, "betas": (0.5, 0.999), "eps": 1e-4}
    critic_adam, generator_adam = adam(critic.parameters(), **options), adam(generator.parameters(), **options)
    pictures = [torch.randint(0, 256, (100, 1, 28, 28), dtype=torch.uint8) for _ in range(3)]
    labels = torch.randint(0, 10, (100,))

    def step():
        labelled, real, matched = (x.float() / 255 for x in pictures)
        with torch.no_grad():
            fake = generator(torch.rand(100, 100))
        critic_adam.zero_grad()
        logits = critic(torch.cat([labelled, real, fake]), True)
        odds = logits.logsumexp(1)
        loss = F.cross_entropy(logits[:100], labels)
        loss = loss + 0.5 * (F.softplus(-odds[100:200]).mean() + F.softplus(odds[200:]).mean())
        loss.backward()
        critic_adam.step()
        # The critic's weights need no gradient in the generator's step.
        for parameter in critic.parameters():
            parameter.requires_grad_(False)
        generator_adam.zero_grad()
        loss2 = F.mse_loss(critic(generator(torch.rand(100, 100)), False).mean(0), critic(matched, False).mean(0))
        loss2.backward()
        generator_adam.step()
        for parameter in critic.parameters():
            parameter.requires_grad_(True)
        return loss.item() + loss2.item()

    return step


def inference(batch):
    net = module(Classifier(ConvVae()).eval())
    data = torch.randint(0, 256, (batch, 1, 28, 28), dtype=torch.uint8)

    def step():
        with torch.inference_mode():
            return net(image(data.float() / 255))

    return step


def matmul():
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return lambda: a @ b


def prepare(name):
    if name.startswith("inference-"):
        return inference(int(name.split("-")[1]))
    jobs = {"mlp-vae": mlp_vae, "conv-vae": conv_vae, "cnn": cnn, "dcgan": dcgan, "acgan": acgan, "sgan": sgan}
    jobs |= {"matmul": matmul}
    jobs |= {"fine-tune": lambda: classifier(EfficientNetLite0(), 16, 224)}
    jobs |= {"a-net": lambda: classifier(ANet()), "multiscale": lambda: classifier(Multiscale())}
    return jobs[name]()


once = prepare(sys.argv[1])
for line in sys.stdin:
    times = []
    for _ in range(int(line.split()[1])):
        begun = time.perf_counter()
        once()
        times.append((time.perf_counter() - begun) * 1e3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"ms": times, "peakMb": peak, "version": torch.__version__}), flush=True)
