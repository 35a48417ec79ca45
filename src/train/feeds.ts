// What a step is fed besides batch and state: noise and scalars.
import { type NdArray, ndarray, sizeOf } from "../base/array.ts";
import { NOISE_PREFIX, SCALAR_PREFIX } from "../graph/names.ts";
import { drawNoise, type NoiseSpec } from "../nn/scope.ts";
import type { Step } from "./steps.ts";

/** Inputs of a step besides batch and state: noise and scalars, in buffers that are filled again. */
export class StepFeeds {
  readonly values: Record<string, NdArray> = {};
  private readonly step: Step;
  private readonly noises: [string, NoiseSpec, Float32Array][];

  constructor(step: Step) {
    this.step = step;
    this.noises = [...step.noises].map(([name, spec]) => {
      const value = ndarray("float32", spec.shape, new Float32Array(sizeOf(spec.shape)));
      this.values[NOISE_PREFIX + name] = value;
      return [`${step.graph.name}/${name}`, spec, value.data as Float32Array];
    });
  }

  scalar(name: string, value: number): void {
    const known = (this.values[SCALAR_PREFIX + name] ??= ndarray("float32", [], [0]));
    known.data[0] = value;
  }

  draw(seed: number, step: number, progress: number): void {
    for (const [name, spec, out] of this.noises) drawNoise(spec, name, seed, step, out);
    for (const [name, ramp] of this.step.ramps) this.scalar(name, ramp(progress));
  }
}
