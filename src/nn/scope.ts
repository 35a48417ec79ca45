// Named parameters. A layer is a function of a scope; the scope remembers what was declared, and a build is one walk.
import { type NdArray, type Shape, sameShape } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { NOISE_PREFIX, SCALAR_PREFIX, STATE_PREFIX } from "../graph/names.ts";
import { input, scalar, type Tensor } from "../graph/tensor.ts";
import { hashName, Random } from "../random/random.ts";
import type { Initializer } from "./init.ts";

export interface StateSpec {
  readonly shape: Shape;
  readonly init: Initializer;
  /** Whether optimizers move it; running statistics are assigned instead. */
  readonly trainable: boolean;
}

export type NoiseKind = "normal" | "uniform";

/** A scalar as a function of training progress, 0 at the first step to 1 at the last. */
export type Ramp = (progress: number) => number;

export interface NoiseSpec {
  readonly shape: Shape;
  readonly kind: NoiseKind;
}

/** What one walk over a model's functions declared. */
export class Build {
  readonly training: boolean;
  readonly state = new Map<string, StateSpec>();
  readonly tensors = new Map<string, Tensor>();
  readonly noises = new Map<string, NoiseSpec>();
  readonly assigned = new Map<string, Tensor>();
  readonly ramps = new Map<string, Ramp>();
  /** When given, parameters become these tensors (constants of an export, averages) instead of state inputs. */
  readonly bind: ((path: string, spec: StateSpec) => Tensor) | undefined;

  constructor(training: boolean, bind?: Build["bind"]) {
    this.training = training;
    this.bind = bind;
  }

  get root(): Scope {
    return new Scope(this, "");
  }

  /** Parameters whose path starts with `prefix`, in order of declaration. */
  trainable(prefix: string): [path: string, tensor: Tensor][] {
    return [...this.state]
      .filter(([path, spec]) => spec.trainable && path.startsWith(prefix))
      .map(([path]) => [path, this.tensors.get(path)!]);
  }
}

export class Scope {
  private readonly build: Build;
  readonly path: string;

  constructor(build: Build, path: string) {
    this.build = build;
    this.path = path;
  }

  /** Whether dropout, noise and batch statistics are active. */
  get training(): boolean {
    return this.build.training;
  }

  child(name: string): Scope {
    return new Scope(this.build, `${this.path}${name}/`);
  }

  /** A trained parameter. The same path twice is the same tensor (weight sharing). */
  param(name: string, shape: Shape, init: Initializer): Tensor {
    return this.declare(name, { shape, init, trainable: true });
  }

  /** State that is assigned, not trained. */
  buffer(name: string, shape: Shape, init: Initializer): Tensor {
    return this.declare(name, { shape, init, trainable: false });
  }

  private declare(name: string, spec: StateSpec): Tensor {
    const path = this.path + name;
    const known = this.build.tensors.get(path);
    if (known) {
      if (!sameShape(known.shape, spec.shape))
        fail(
          "E_SHAPE",
          `parameter "${path}" is [${known.shape}] and is asked for again as [${spec.shape}]; give the second layer a child() of its own`,
        );
      return known;
    }
    const tensor = this.build.bind?.(path, spec) ?? input(STATE_PREFIX + path, spec.shape);
    this.build.state.set(path, spec);
    this.build.tensors.set(path, tensor);
    return tensor;
  }

  /** Gives a buffer its value after this step. */
  assign(name: string, value: Tensor): void {
    this.build.assigned.set(this.path + name, value);
  }

  /** A scalar that changes as training goes on (a loss weight that warms up); outside training its final value. */
  ramp(name: string, value: Ramp): Tensor {
    if (!this.training) return scalar(value(1));
    const path = this.path + name;
    this.build.ramps.set(path, value);
    return input(SCALAR_PREFIX + path, []);
  }

  /** Fresh noise every step: standard normal, or uniform in (0, 1). */
  noise(name: string, shape: Shape, kind: NoiseKind = "normal"): Tensor {
    const path = this.path + name;
    if (this.build.noises.has(path)) fail("E_NAME", `internal: noise "${path}" is declared twice`);
    this.build.noises.set(path, { shape, kind });
    return input(NOISE_PREFIX + path, shape);
  }
}

/** First values of declared state: each depends on the seed and its path alone. */
export function initialState(specs: ReadonlyMap<string, StateSpec>, seed: number): Map<string, NdArray> {
  const state = new Map<string, NdArray>();
  for (const [path, { shape, init }] of specs)
    state.set(path, { shape, dtype: "float32", data: init(shape, new Random(seed, `init:${path}`)) });
  return state;
}

/** The noise of one step: a function of seed, name and step number, so a resumed run sees the same. */
export function drawNoise(spec: NoiseSpec, name: string, seed: number, step: number, out: Float32Array): void {
  const random = new Random(seed, hashName(`noise:${name}`), step * Math.ceil(out.length / 2));
  if (spec.kind === "normal") random.fillNormal(out);
  else random.fillUniform(out);
}
