// What a step is fed besides batch and state: noise and scalars.
import { type NdArray, ndarray, type Shape, zeros } from "../base/array.ts";
import { NOISE_PREFIX, SCALAR_PREFIX } from "../graph/names.ts";
import { type Annealing, drawNoise, type NoiseSpec } from "../nn/scope.ts";
import type { StepGraph } from "../runtime/program.ts";

/** A step graph with what must be fed to it besides the batch. */
export interface Step {
  readonly graph: StepGraph;
  readonly noises: ReadonlyMap<string, NoiseSpec>;
  readonly annealed: ReadonlyMap<string, Annealing>;
}

/** The noise of one step. */
interface Drawn {
  /** -1: of none yet. */
  step: number;
  readonly arrays: readonly NdArray[];
}

/** Steps in flight: the one after the first is queued where the backend computes. */
export const IN_FLIGHT = 2;

/** Inputs of a step besides batch and state. There is a buffer of noise for each step in flight, and one that fills meanwhile. */
export class StepFeeds {
  private readonly step: ConstructorParameters<typeof StepFeeds>[0];
  private readonly noises: readonly (readonly [name: string, spec: NoiseSpec])[];
  private readonly drawn: readonly Drawn[];
  private drawnSteps = 0;

  /** @param allocate makes the arrays of noise: those that a backend reads without a copy, say */
  constructor(
    step: Pick<Step, "noises" | "annealed"> & { readonly graph: { readonly name: string } },
    allocate: (shape: Shape) => NdArray = zeros,
  ) {
    this.step = step;
    this.noises = [...step.noises];
    this.drawn = Array.from({ length: IN_FLIGHT + 1 }, () => ({
      step: -1,
      arrays: this.noises.map(([, { shape }]) => allocate(shape)),
    }));
  }

  /**
   * What step number `step` is fed, `progress` 0..1 into its stage; valid until so many later steps have been asked for as may
   * be in flight.
   */
  at(
    seed: number,
    step: number,
    progress: number,
    scalars: Readonly<Record<string, number>> = {},
  ): Record<string, NdArray> {
    const { arrays } = this.prepare(seed, step);
    const feeds: Record<string, NdArray> = {};
    const scalar = (name: string, value: number) => {
      feeds[SCALAR_PREFIX + name] = ndarray("float32", [], [value]);
    };
    this.noises.forEach(([name], i) => {
      feeds[NOISE_PREFIX + name] = arrays[i]!;
    });
    for (const [name, value] of this.step.annealed) scalar(`annealed/${name}`, value(progress));
    for (const [name, value] of Object.entries(scalars)) scalar(name, value);
    return feeds;
  }

  /** Draws the noise of a step, if that was not done before: beforehand, while others are computed. */
  prepare(seed: number, step: number): Drawn {
    const known = this.drawn.find((drawn) => drawn.step === step);
    if (known) return known;
    // In turn, and not by step number: a set that is predicted again begins again with step 0.
    const oldest = this.drawn[this.drawnSteps++ % this.drawn.length]!;
    oldest.step = step;
    this.noises.forEach(([name, spec], i) => {
      drawNoise(spec, `${this.step.graph.name}/${name}`, seed, step, oldest.arrays[i]!.data as Float32Array);
    });
    return oldest;
  }
}
