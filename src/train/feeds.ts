// What a step is fed besides batch and state: noise and scalars.
import { type NdArray, ndarray, sizeOf } from "../base/array.ts";
import { NOISE_PREFIX, SCALAR_PREFIX } from "../graph/names.ts";
import { drawNoise, type NoiseSpec } from "../nn/scope.ts";
import type { Step } from "./steps.ts";

/** The noise of one step. */
interface Drawn {
  /** -1: of none yet. */
  step: number;
  readonly arrays: readonly NdArray[];
}

/** Inputs of a step besides batch and state: noise and scalars. Noise has two buffers: one fills while the other is used. */
export class StepFeeds {
  readonly values: Record<string, NdArray> = {};
  private readonly step: ConstructorParameters<typeof StepFeeds>[0];
  private readonly noises: readonly (readonly [name: string, spec: NoiseSpec])[];
  private current: Drawn;
  private next: Drawn;

  constructor(step: Pick<Step, "noises" | "ramps"> & { readonly graph: { readonly name: string } }) {
    this.step = step;
    this.noises = [...step.noises];
    const buffer = (): Drawn => ({
      step: -1,
      arrays: this.noises.map(([, { shape }]) => ndarray("float32", shape, new Float32Array(sizeOf(shape)))),
    });
    this.current = buffer();
    this.next = buffer();
  }

  scalar(name: string, value: number): void {
    const known = (this.values[SCALAR_PREFIX + name] ??= ndarray("float32", [], [0]));
    known.data[0] = value;
  }

  /** Sets the values of step number `step`, `progress` 0..1 into the run. */
  draw(seed: number, step: number, progress: number): void {
    if (this.next.step === step) [this.current, this.next] = [this.next, this.current];
    else this.fill(this.current, seed, step);
    this.noises.forEach(([name], i) => {
      this.values[NOISE_PREFIX + name] = this.current.arrays[i]!;
    });
    for (const [name, ramp] of this.step.ramps) this.scalar(name, ramp(progress));
  }

  /** Draws the noise of a step beforehand, while the one before is computed. */
  prepare(seed: number, step: number): void {
    this.fill(this.next, seed, step);
  }

  private fill(drawn: Drawn, seed: number, step: number): void {
    drawn.step = step;
    this.noises.forEach(([name, spec], i) => {
      drawNoise(spec, `${this.step.graph.name}/${name}`, seed, step, drawn.arrays[i]!.data as Float32Array);
    });
  }
}
