// From a model's phases to step graphs: forward, backward, optimizer and averages in one graph a phase.

import { ndarray } from "../base/array.ts";
import { BATCH_INPUTS, MIX_FIELDS } from "../data/batches.ts";
import { grad } from "../graph/grad.ts";
import { SCALAR_PREFIX, STATE_PREFIX } from "../graph/names.ts";
import * as g from "../graph/ops/index.ts";
import { constant, input, type Tensor } from "../graph/tensor.ts";
import type { Batch, BuiltModel, DataSpec, Mixed, Phase } from "../models/model.ts";
import { zerosInit } from "../nn/init.ts";
import { applyOptimizer } from "../nn/optim.ts";
import { Build, type NoiseSpec, type Ramp, type StateSpec } from "../nn/scope.ts";
import type { StepGraph } from "../runtime/program.ts";
import { judgementOf } from "./judge.ts";

/** A step graph with what must be fed to it besides the batch. */
export interface Step {
  readonly graph: StepGraph;
  readonly noises: ReadonlyMap<string, NoiseSpec>;
  readonly ramps: ReadonlyMap<string, Ramp>;
}

export interface PhaseStep extends Step {
  readonly phase: Phase;
}

export interface CompiledModel {
  readonly phases: readonly PhaseStep[];
  /** Per-example results on a batch with averaged weights, for validation. */
  readonly validate: Step;
  /** Everything that the state holds, with first values. */
  readonly specs: ReadonlyMap<string, StateSpec>;
}

export const averagePath = (path: string): string => `average/${path}`;
/** The scalar that pulls an average towards the newest weights: 1 - decay. */
export const AVERAGE_SCALAR = "average";

/** What of a batch depends on the run. */
export interface BatchUse {
  /** Weight of each class in the class loss; all 1 when absent. */
  readonly classWeights?: Float32Array;
  /** Whether pictures are mixed. */
  readonly mixes?: boolean;
}

export function batchTensors(size: number, { height, width, channels }: DataSpec, use: BatchUse = {}): Batch {
  const pixels = input(BATCH_INPUTS.pixels, [size, height, width, channels], "uint8");
  const labels = input(BATCH_INPUTS.labels, [size], "int32");
  const weights = input(BATCH_INPUTS.weights, [size]);
  const x = pixelsToUnit(pixels);
  const known = g.cast(g.greaterEqual(labels, 0), "float32");
  const labelled = use.classWeights ? g.mul(known, weightOf(labels, use.classWeights)) : known;
  const batch = { x, labels, weights, labelled };
  return use.mixes ? { ...batch, mixed: mixed(batch) } : batch;
}

/** The class weight of each label; unlabelled ones read the first, and count nothing. */
function weightOf(labels: Tensor, weights: Float32Array): Tensor {
  const table = constant(ndarray("float32", [weights.length], weights));
  return g.gather(table, g.maximum(labels, 0));
}

/** Pictures with a partner's mixed in: inside a box by one share, outside by another (see `MIX_FIELDS`). */
function mixed({ x, labels, labelled }: Batch): Mixed {
  const [n, height, width] = x.shape as [number, number, number, number];
  const partner = input(BATCH_INPUTS.partner, [n], "int32");
  const mix = input(BATCH_INPUTS.mix, [n, MIX_FIELDS]);
  const field = (i: number) => g.reshape(g.slice(mix, [0, i], [n, 1]), [n, 1, 1, 1]);
  const along = (length: number, shape: number[]) =>
    constant(
      ndarray(
        "float32",
        shape,
        Float32Array.from({ length }, (_, i) => i),
      ),
    );
  const within = (at: Tensor, from: Tensor, to: Tensor) =>
    g.mul(g.cast(g.greaterEqual(at, from), "float32"), g.cast(g.less(at, to), "float32"));
  const inside = g.mul(
    within(along(height, [1, height, 1, 1]), field(0), field(2)),
    within(along(width, [1, 1, width, 1]), field(1), field(3)),
  );
  const share = g.add(g.mul(inside, field(4)), g.mul(g.sub(1, inside), field(5)));
  const other = g.gather(x, partner);
  return {
    x: g.add(other, g.mul(g.sub(x, other), share)),
    labels: g.gather(labels, partner),
    share: g.reshape(g.slice(mix, [0, 6], [n, 1]), [n]),
    labelled: g.mul(labelled, g.gather(labelled, partner)),
  };
}

/** Bytes 0..255 to 0..1. */
export const pixelsToUnit = (pixels: Tensor): Tensor => g.mul(g.cast(pixels, "float32"), 1 / 255);

/** Binds parameters to their averages; running statistics have none and stay themselves. */
export const bindAverages = (path: string, spec: StateSpec): Tensor =>
  input(STATE_PREFIX + (spec.trainable ? averagePath(path) : path), spec.shape);

export function compileModel(model: BuiltModel, data: DataSpec, batchSize: number, use: BatchUse = {}): CompiledModel {
  const specs = new Map<string, StateSpec>();
  const phases = model.phases.map((phase) => phaseStep(phase, batchTensors(batchSize, data, use), specs));
  return { phases, validate: validateStep(model, data, batchSize), specs };
}

function phaseStep(phase: Phase, batch: Batch, specs: Map<string, StateSpec>): PhaseStep {
  const build = new Build(true);
  const { loss, log } = phase.loss(build.root, batch);
  const parameters = phase.updates.flatMap((prefix) => build.trainable(prefix));
  const gradients = grad(
    loss,
    parameters.map(([, tensor]) => tensor),
  );
  const slot = (path: string, shape: readonly number[]) => {
    specs.set(path, { shape, init: zerosInit, trainable: false });
    return input(STATE_PREFIX + path, shape);
  };
  const use = { phase: phase.name, optimizer: phase.optimizer, clip: phase.clip };
  const updates = applyOptimizer(use, parameters, gradients, slot);
  for (const [path, spec] of build.state) {
    specs.set(path, spec);
    if (spec.trainable) specs.set(averagePath(path), { ...spec, trainable: false });
  }
  const pull = input(SCALAR_PREFIX + AVERAGE_SCALAR, []);
  for (const [path, tensor] of parameters) {
    const average = input(STATE_PREFIX + averagePath(path), tensor.shape);
    updates.set(averagePath(path), g.add(average, g.mul(g.sub(updates.get(path)!, average), pull)));
  }
  for (const [path, value] of build.assigned) updates.set(path, value);
  const graph = { name: phase.name, updates, log: new Map(Object.entries(log)) };
  return { phase, graph, noises: build.noises, ramps: build.ramps };
}

function validateStep({ heads }: BuiltModel, data: DataSpec, batchSize: number): Step {
  const build = new Build(false, bindAverages);
  const { x } = batchTensors(batchSize, data);
  const graph = { name: "validate", updates: new Map(), log: judgementOf(heads, build.root, x) };
  return { graph, noises: build.noises, ramps: build.ramps };
}
