import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ndarray, sizeOf } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { SCALAR_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, input, type Tensor } from "../../src/graph/tensor.ts";
import { bernoulli, gaussian } from "../../src/nn/distributions.ts";
import { crossEntropy, perExample } from "../../src/nn/losses.ts";
import { type AdamOptions, adam, applyOptimizer, optimizerScalar } from "../../src/nn/optim.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { Program, type State, type StepGraph } from "../../src/runtime/program.ts";
import { webBackend } from "../../src/web.ts";
import { BACKENDS, BY_TILES, expectClose } from "../helpers.ts";
import { wave } from "../reference/wave.ts";

interface Trajectory<L> {
  losses: L;
  weights: Record<string, number[]>;
}
/** Written by test/reference/trajectories.py with PyTorch 2.6. */
const reference = JSON.parse(readFileSync(new URL("../reference/trajectories.json", import.meta.url), "utf8")) as {
  vae: Trajectory<number[]>;
  gan: Trajectory<{ critic: number[]; generator: number[] }>;
  residual: Trajectory<number[]>;
};
/** Both compute in float32; twenty steps of Adam spread single roundings to about 1e-5. */
const TOLERANCE = 1e-4;

type Shapes = Record<string, [shape: number[], phase: number, scale: number]>;

/** One phase: a loss of named parameters and inputs, Adam on those whose name starts with one of `moves`. */
function phase(
  name: string,
  shapes: Shapes,
  moves: (path: string) => boolean,
  options: AdamOptions,
  state: State,
  loss: (p: Record<string, Tensor>) => Tensor,
): StepGraph {
  const p = Object.fromEntries(
    Object.entries(shapes).map(([path, [shape]]) => [path, input(STATE_PREFIX + path, shape)]),
  );
  const value = loss(p);
  const moved = Object.keys(shapes).filter(moves);
  const slot = (path: string, shape: readonly number[]) => {
    state.set(path, ndarray("float32", shape, new Float32Array(sizeOf(shape))));
    return input(STATE_PREFIX + path, shape);
  };
  const gradients = grad(
    value,
    moved.map((path) => p[path]!),
  );
  const trained = moved.map((path, i) => ({ path, parameter: p[path]!, gradient: gradients[i]! }));
  const updates = applyOptimizer(name, adam(options), trained, slot);
  return { name, updates, log: new Map([["loss", value]]) };
}

const scalars = (phase: string, options: AdamOptions, step: number, learningRate: number) =>
  Object.fromEntries(
    Object.entries(adam(options).scalars({ step: step + 1, learningRate, decayScale: 1 })).map(([name, value]) => [
      SCALAR_PREFIX + optimizerScalar(phase, name),
      ndarray("float32", [], [value]),
    ]),
  );

const stateOf = (shapes: Shapes): State =>
  new Map(Object.entries(shapes).map(([path, [shape, at, scale]]) => [path, wave(shape, at, scale)]));

async function vaeTrajectory(backend: Backend): Promise<{ losses: number[]; program: Program }> {
  const shapes: Shapes = {
    conv: [[4, 4, 1, 4], 0.1, 0.3],
    mean: [[64, 3], 0.2, 0.2],
    logVariance: [[64, 3], 0.3, 0.2],
    dense: [[3, 64], 0.4, 0.4],
    deconv: [[4, 4, 1, 4], 0.5, 0.3],
    bias: [[1], 0.6, 0.1],
  };
  const state = stateOf(shapes);
  const x = input("x", [6, 8, 8, 1]);
  const step = phase(
    "vae",
    shapes,
    () => true,
    {},
    state,
    (p) => {
      const h = g.flatten(g.relu(g.conv2d(x, p.conv!, { stride: 2, padding: 1 })));
      const [mean, logVariance] = [g.matmul(h, p.mean!), g.matmul(h, p.logVariance!)];
      const z = gaussian.sample(mean, logVariance, input("noise", [6, 3]));
      const maps = g.reshape(g.relu(g.matmul(z, p.dense!)), [6, 4, 4, 4]);
      const logits = g.add(g.conv2dTranspose(maps, p.deconv!, [8, 8], { stride: 2, padding: 1 }), p.bias!);
      return g.sub(
        g.mean(perExample(gaussian.klToStandard(mean, logVariance))),
        g.mean(perExample(bernoulli.logProb(x, logits))),
      );
    },
  );
  const program = await Program.create(backend, [step], state);
  const losses: number[] = [];
  for (let t = 0; t < 20; t++) {
    const image = wave([6, 8, 8, 1], 1 + t, 0.5);
    const feeds = {
      x: { ...image, data: image.data.map((v) => v + 0.5) },
      noise: wave([6, 3], 2 + t, 1),
      ...scalars("vae", {}, t, 1e-2),
    };
    losses.push((await program.run("vae", feeds)).loss!.data[0]!);
  }
  return { losses, program };
}

/** A net all of whose convolutions can be in tiles, in all directions and in second derivatives. */
async function residualTrajectory(backend: Backend): Promise<{ losses: number[]; program: Program }> {
  const shapes: Shapes = {
    first: [[3, 3, 4, 8], 0.1, 0.2],
    bias: [[8], 0.2, 0.1],
    second: [[3, 3, 8, 8], 0.3, 0.15],
    back: [[3, 3, 4, 8], 0.4, 0.15],
    out: [[8, 3], 0.5, 0.5],
  };
  const state = stateOf(shapes);
  const x = input("x", [4, 7, 6, 4]);
  const labels = constant(ndarray("int32", [4], [0, 2, 1, 0]));
  const step = phase(
    "residual",
    shapes,
    () => true,
    {},
    state,
    (p) => {
      const bottom = g.tanh(g.conv2d(x, p.first!, { padding: 1, bias: p.bias }));
      const h = g.add(g.tanh(g.conv2d(bottom, p.second!, { padding: 1 })), bottom);
      const logits = g.matmul(g.mean(h, [1, 2]), p.out!);
      const slope = grad(g.sum(g.slice(logits, [0, 0], [4, 1])), [x])[0]!;
      const error = g.mean(g.square(g.sub(g.conv2dTranspose(h, p.back!, [7, 6], { padding: 1 }), x)));
      const penalty = g.mean(perExample(g.square(slope)));
      return g.add(g.add(g.mean(crossEntropy(logits, labels)), error), g.mul(penalty, 10));
    },
  );
  const program = await Program.create(backend, [step], state);
  const losses: number[] = [];
  for (let t = 0; t < 20; t++) {
    const feeds = { x: wave([4, 7, 6, 4], 1 + t, 0.8), ...scalars("residual", {}, t, 1e-2) };
    losses.push((await program.run("residual", feeds)).loss!.data[0]!);
  }
  return { losses, program };
}

describe("a training trajectory", () => {
  it.each(BACKENDS)("of a small conv VAE equals PyTorch's for 20 steps on $name", async (backend) => {
    const { losses, program } = await vaeTrajectory(backend);
    expectClose(Float64Array.from(losses), Float64Array.from(reference.vae.losses), TOLERANCE, "losses");
    for (const [path, values] of Object.entries(reference.vae.weights))
      expectClose(program.read(path).data.slice(0, values.length), Float64Array.from(values), TOLERANCE, path);
    await program.dispose();
  });

  it("of a small conv VAE is the same on WebAssembly", async () => {
    const { losses, program } = await vaeTrajectory(webBackend());
    expectClose(Float64Array.from(losses), Float64Array.from(reference.vae.losses), TOLERANCE, "losses");
    await program.dispose();
  });

  it.each(BACKENDS)(
    "of a two-phase Wasserstein GAN with gradient penalty equals PyTorch's on $name; each phase moves only its own network",
    async (backend) => {
      const options = { beta1: 0.5, beta2: 0.9 };
      const shapes: Shapes = {
        g1: [[4, 16], 0.1, 0.5],
        g2: [[16, 72], 0.2, 0.3],
        c1: [[3, 3, 2, 5], 0.3, 0.3],
        c2: [[45, 1], 0.4, 0.3],
      };
      const state = stateOf(shapes);
      const z = input("z", [5, 4]);
      const generate = (p: Record<string, Tensor>) =>
        g.reshape(g.tanh(g.matmul(g.tanh(g.matmul(z, p.g1!)), p.g2!)), [5, 6, 6, 2]);
      const criticize = (p: Record<string, Tensor>, x: Tensor) =>
        g.matmul(g.reshape(g.tanh(g.conv2d(x, p.c1!, { stride: 2, padding: 1 })), [5, 45]), p.c2!);
      const critic = phase(
        "critic",
        shapes,
        (path) => path.startsWith("c"),
        options,
        state,
        (p) => {
          const real = input("real", [5, 6, 6, 2]);
          const share = input("share", [5, 1, 1, 1]);
          const fake = generate(p);
          const between = g.add(g.mul(share, real), g.mul(g.sub(1, share), fake));
          const slope = grad(g.sum(criticize(p, between)), [between])[0]!;
          const length = g.sqrt(perExample(g.square(slope)));
          const penalty = g.mean(g.square(g.sub(length, 1)));
          return g.add(g.sub(g.mean(criticize(p, fake)), g.mean(criticize(p, real))), g.mul(penalty, 10));
        },
      );
      const generator = phase(
        "generator",
        shapes,
        (path) => path.startsWith("g"),
        options,
        state,
        (p) => g.neg(g.mean(criticize(p, generate(p)))),
      );
      expect(
        [...critic.updates.keys()].every((path) => path.startsWith("c") || path.startsWith("optimizer/critic/")),
      ).toBe(true);
      expect(
        [...generator.updates.keys()].every((path) => path.startsWith("g") || path.startsWith("optimizer/generator/")),
      ).toBe(true);
      const program = await Program.create(backend, [critic, generator], state);
      const losses: Record<string, number[]> = { critic: [], generator: [] };
      for (let t = 0; t < 20; t++) {
        const share = wave([5, 1, 1, 1], 5 + t, 0.5);
        const feeds = {
          real: wave([5, 6, 6, 2], 3 + t, 0.8),
          z: wave([5, 4], 4 + t, 1),
          share: { ...share, data: share.data.map((v) => v + 0.5) },
          ...scalars("critic", options, t, 5e-3),
        };
        losses.critic!.push((await program.run("critic", feeds)).loss!.data[0]!);
        losses.generator!.push(
          (await program.run("generator", { z: wave([5, 4], 6 + t, 1), ...scalars("generator", options, t, 5e-3) }))
            .loss!.data[0]!,
        );
      }
      for (const name of ["critic", "generator"] as const)
        expectClose(
          Float64Array.from(losses[name]!),
          Float64Array.from(reference.gan.losses[name]),
          TOLERANCE,
          `${name} losses`,
        );
      for (const [path, values] of Object.entries(reference.gan.weights))
        expectClose(program.read(path).data.slice(0, values.length), Float64Array.from(values), TOLERANCE, path);
      await program.dispose();
    },
  );

  it.each([...BACKENDS, ...BY_TILES])(
    "of a residual net with a penalty on its gradient equals PyTorch's for 20 steps on $name",
    async (backend) => {
      const { losses, program } = await residualTrajectory(backend);
      expectClose(Float64Array.from(losses), Float64Array.from(reference.residual.losses), TOLERANCE, "losses");
      for (const [path, values] of Object.entries(reference.residual.weights))
        expectClose(program.read(path).data.slice(0, values.length), Float64Array.from(values), TOLERANCE, path);
      await program.dispose();
    },
  );
});
