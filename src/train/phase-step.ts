// The training step of a phase: forward, backward and optimizer in one graph.
import { fail } from "../base/errors.ts";
import { grad } from "../graph/grad.ts";
import { STATE_PREFIX } from "../graph/names.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { Batch, Phase } from "../models/model.ts";
import { zerosInit } from "../nn/init.ts";
import { applyOptimizer, clipByGlobalNorm, globalNorm, optimizerScalar, type Trained } from "../nn/optim.ts";
import { Build, type BuildOptions, type StateSpec } from "../nn/scope.ts";
import type { Step } from "../predict/feeds.ts";
import { GRADIENT_NORM } from "./alarms.ts";
import { type AverageRates, type StepsTaken, stepsOf } from "./averages.ts";
import { type TrainedGroup, trainedGroups } from "./groups.ts";

/** The training step of a phase. */
export interface PhaseStep extends Step {
  readonly phase: Phase;
  /**
   * Numbers that a step of the phase is fed.
   * @param taken steps that each phase has taken, by name, with this one
   */
  scalars(taken: StepsTaken, learningRate: number): Record<string, number>;
}

/** A phase whose loss has been walked, with its optimizer's part of a step: what its step is made of. */
export interface Walk {
  readonly phase: Phase;
  readonly build: Build;
  readonly groups: readonly TrainedGroup[];
  /** Decay of the averages that it keeps; absent: it keeps none. */
  readonly decay?: number;
  /** New values of the state by path. */
  readonly updates: Map<string, Tensor>;
  readonly log: ReadonlyMap<string, Tensor>;
}

/** What of a walk depends on the run. */
interface WalkOptions {
  /** Path prefixes of parameters that are not trained. */
  readonly frozen: readonly string[];
  /** Decay of moving averages where the phase says none. */
  readonly emaDecay: number;
  /** What is fed in place of being computed. */
  readonly precomputed: BuildOptions["precomputed"];
  /** Whether the norm of its gradients is told. */
  readonly watched: boolean;
  /** The phase by whose name its slots go. */
  readonly owner: string;
}

/**
 * Walks the loss of a phase.
 * @param batches those of all streams, the first of them the main one
 * @param specs gets what the phase and its optimizer have in the state
 * @throws `E_OPTION` where nothing is left to train
 */
export function walkPhase(
  phase: Phase,
  batches: Readonly<Record<string, Batch>>,
  specs: Map<string, StateSpec>,
  { frozen, emaDecay, precomputed, watched, owner }: WalkOptions,
): Walk {
  const build = new Build(true, { frozen, precomputed });
  const { loss, log } = phase.loss(build.root, Object.values(batches)[0]!, batches);
  const groups = trainedGroups(phase, build, owner);
  const parameters = groups.flatMap(({ parameters }) => parameters);
  if (parameters.length === 0)
    fail("E_OPTION", `phase "${phase.name}" has nothing to train: all that it moves is frozen; freeze less`);
  const raw = grad(
    loss,
    parameters.map(([, tensor]) => tensor),
  );
  const gradients = phase.clip ? clipByGlobalNorm(raw, phase.clip) : raw;
  const slot = (path: string, shape: readonly number[]) => {
    specs.set(path, { shape, init: zerosInit, trainable: false });
    return input(STATE_PREFIX + path, shape);
  };
  const updates = new Map<string, Tensor>();
  let taken = 0;
  for (const { owner, optimizer, parameters } of groups) {
    const trained = parameters.map(
      ([path, parameter]): Trained => ({ path, parameter, gradient: gradients[taken++]! }),
    );
    for (const [path, value] of applyOptimizer(owner, optimizer, trained, slot)) updates.set(path, value);
  }
  for (const [path, spec] of build.state) specs.set(path, spec);
  // Statistics of a network that another phase moves are that phase's: they would be taken twice a step, of other pictures.
  const prefixes = phase.updates.map((update) => (typeof update === "string" ? update : update.prefix));
  for (const [path, value] of build.assigned)
    if (!build.isFrozen(path) && prefixes.some((prefix) => path.startsWith(prefix))) updates.set(path, value);
  const { emaDecay: decay = emaDecay } = phase;
  return {
    ...{ phase, build, groups, updates },
    ...(decay === "none" ? {} : { decay }),
    log: new Map([...Object.entries(log), ...(watched ? [[GRADIENT_NORM, globalNorm(raw)] as const] : [])]),
  };
}

/**
 * The step of a phase.
 * @param sharing the phases that move its slots, itself among them: an optimizer's step number is that of its slots
 * @param rates those of the averages that it keeps
 */
export function phaseStep(
  { phase, build, groups, updates, log }: Walk,
  sharing: readonly string[],
  rates: AverageRates | undefined,
): PhaseStep {
  return {
    phase,
    graph: { name: phase.name, updates, log },
    noises: build.noises,
    annealed: build.annealed,
    scalars(taken, learningRate) {
      const scalars: Record<string, number> = { ...rates?.(taken) };
      const step = stepsOf(sharing, taken);
      for (const { owner, optimizer, rateScale, decayScale } of groups) {
        const own = optimizer.scalars({ step, learningRate: learningRate * rateScale, decayScale });
        for (const [name, value] of Object.entries(own)) scalars[optimizerScalar(owner, name)] = value;
      }
      return scalars;
    },
  };
}
