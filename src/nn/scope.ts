// Named parameters. A layer is a function of a scope; the scope remembers what was declared, and a build is one walk over a
// model's functions.
import { type NdArray, type Shape, sameShape } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { NOISE_PREFIX, SCALAR_PREFIX, STATE_PREFIX } from "../graph/names.ts";
import { constant, full, input, scalar, type Tensor } from "../graph/tensor.ts";
import { hashName, Random } from "../random/random.ts";
import type { Initializer, MeasuredInit } from "./init.ts";

/** One entry of the state: its shape, its first value, and whether optimizers move it. */
export interface StateSpec {
  /** Sizes of its axes. */
  readonly shape: Shape;
  /** Its first value. */
  readonly init: Initializer | MeasuredInit;
  /** True for parameters, which optimizers move; false for buffers (running statistics), which a step assigns. */
  readonly trainable: boolean;
}

/** Standard normal, or uniform in (0, 1). */
export type NoiseKind = "normal" | "uniform";

/** A scalar as a function of the progress of its stage: 0 at the first step, 1 at the last. */
export type Annealing = (progress: number) => number;

/** Noise that a step is fed: its shape and distribution. */
export interface NoiseSpec {
  /** Of the whole batch. */
  readonly shape: Shape;
  /** Its distribution. */
  readonly kind: NoiseKind;
}

/** The path in the state of the exponential moving average (EMA) of a parameter. */
export const averagePath = (path: string): string => `average/${path}`;

/** The path of what a parameter is evaluated with: its average where one is kept, else itself. */
export const evaluatedPath = (path: string, state: { has(path: string): boolean }): string =>
  state.has(averagePath(path)) ? averagePath(path) : path;

/** What a path may not begin with: the state and the checkpoint keep other things there. */
const RESERVED = ["average/", "optimizer/", "fitted/", "table/"];

/** Options of a walk. */
export interface BuildOptions {
  /**
   * Gives a parameter or buffer its tensor: a constant of an exported model, say, or the average in place of the parameter.
   * Absent: an input that reads the state.
   */
  readonly bind?: (path: string, spec: StateSpec) => Tensor;
  /** Values that were fitted on validation pictures, by name; absent before anything was fitted. */
  readonly fitted?: ReadonlyMap<string, NdArray>;
  /** Path prefixes of what is not trained: no phase moves it, and its layers behave as outside training. */
  readonly frozen?: readonly string[];
  /** What stands for the result of a frozen part on `x`, where that was computed beforehand; undefined where it was not. */
  readonly precomputed?: (part: Scope, x: Tensor) => Tensor | undefined;
}

/** What one walk over a model's functions declared. */
export class Build {
  /** Whether dropout, noise and batch statistics are active. */
  readonly training: boolean;
  /** What the walk was begun with. */
  readonly options: BuildOptions;
  /** Declared parameters and buffers by path. */
  readonly state = new Map<string, StateSpec>();
  /** The tensor of each parameter and buffer; of a buffer that was assigned, its value before this step. */
  readonly tensors = new Map<string, Tensor>();
  /** Paths whose moving average was read. */
  readonly averaged = new Set<string>();
  /** Noise that was drawn, by path. */
  readonly noises = new Map<string, NoiseSpec>();
  /** New values of buffers after this step. */
  readonly assigned = new Map<string, Tensor>();
  /** Scalars that change with progress, by path. */
  readonly annealed = new Map<string, Annealing>();

  constructor(training: boolean, options: BuildOptions = {}) {
    this.training = training;
    this.options = options;
  }

  /** Where a walk begins. */
  get root(): Scope {
    return new Scope(this, "");
  }

  /** Whether a path is under a frozen prefix. */
  isFrozen(path: string): boolean {
    return this.options.frozen?.some((prefix) => path.startsWith(prefix)) ?? false;
  }

  /** Parameters that may be trained and whose path starts with `prefix`, in order of declaration. */
  trainable(prefix: string): [path: string, tensor: Tensor][] {
    return [...this.state]
      .filter(([path, spec]) => spec.trainable && path.startsWith(prefix) && !this.isFrozen(path))
      .map(([path]) => [path, this.tensors.get(path)!]);
  }
}

/** A place in the tree of names, from which layers declare what they need. */
export class Scope {
  private readonly build: Build;
  private readonly readsAverages: boolean;
  /** Path of this scope: empty at the root, else ending in "/". */
  readonly path: string;

  constructor(build: Build, path: string, readsAverages = false) {
    this.build = build;
    this.path = path;
    this.readsAverages = readsAverages;
  }

  /** Whether dropout, noise and batch statistics are active here: not outside training, nor in averaged or frozen parts. */
  get training(): boolean {
    return this.build.training && !this.readsAverages && !this.build.isFrozen(this.path);
  }

  /** The scope of a named part. */
  child(name: string): Scope {
    return new Scope(this.build, `${this.path}${name}/`, this.readsAverages);
  }

  /**
   * The same place with the moving averages of the parameters in their stead, behaving as outside training: a teacher
   * (Tarvainen & Valpola 2017), or the averaged generator. No gradient reaches the parameters through it.
   */
  get averaged(): Scope {
    return new Scope(this.build, this.path, true);
  }

  /**
   * The result of this part on `x`: what was computed of it beforehand, while it is frozen, else what `compute` makes. A part that
   * asks so may be costly: its results are then kept, and its graph is not there in training.
   */
  costly(x: Tensor, compute: () => Tensor): Tensor {
    return this.build.options.precomputed?.(this, x) ?? compute();
  }

  /** A trained parameter. The same path again gives the same tensor (weight sharing). @throws `E_SHAPE` for another shape */
  param(name: string, shape: Shape, init: StateSpec["init"]): Tensor {
    const current = this.declare(name, { shape, init, trainable: true });
    const path = this.path + name;
    // Outside training everything is bound to averages where there are any; what is frozen is its own average.
    if (!this.readsAverages || this.build.options.bind || this.build.isFrozen(path)) return current;
    this.build.averaged.add(path);
    return input(STATE_PREFIX + averagePath(path), shape);
  }

  /** State that is assigned, not trained; after `assign` in the same step, the value assigned. @throws `E_SHAPE` */
  buffer(name: string, shape: Shape, init: StateSpec["init"]): Tensor {
    const before = this.declare(name, { shape, init, trainable: false });
    return this.build.assigned.get(this.path + name) ?? before;
  }

  private declare(name: string, spec: StateSpec): Tensor {
    const path = this.path + name;
    const reserved = RESERVED.find((prefix) => path.startsWith(prefix));
    if (reserved)
      fail("E_NAME", `"${path}": names that begin with "${reserved}" are taken; call the outermost part otherwise`);
    const known = this.build.tensors.get(path);
    if (known) {
      if (!sameShape(known.shape, spec.shape))
        fail(
          "E_SHAPE",
          `parameter "${path}" is [${known.shape}] and is asked for again as [${spec.shape}]; give the second layer a child() of its own`,
        );
      return known;
    }
    const tensor = this.build.options.bind?.(path, spec) ?? input(STATE_PREFIX + path, spec.shape);
    this.build.state.set(path, spec);
    this.build.tensors.set(path, tensor);
    return tensor;
  }

  /**
   * Gives a buffer its value after this step. Assigned again in the same step (batch norm on a real and a generated batch),
   * the last value stays; it has been made from the one before, since `buffer` gives that.
   */
  assign(name: string, value: Tensor): void {
    this.build.assigned.set(this.path + name, value);
  }

  /**
   * A scalar that changes as its stage goes on, such as a loss weight that warms up; outside training its last value. The same
   * name again may be another scalar.
   */
  annealed(name: string, value: Annealing): Tensor {
    if (!this.build.training) return scalar(value(1));
    const path = numbered(this.path + name, this.build.annealed);
    this.build.annealed.set(path, value);
    return input(`${SCALAR_PREFIX}annealed/${path}`, []);
  }

  /**
   * A quantity that is fitted on validation pictures (`BuiltModel.fitted`), for heads: `initial` everywhere before it has been
   * fitted, in training and validation. An exported head holds it as a constant.
   * @throws `E_SHAPE` where what was fitted has another shape
   */
  fitted(name: string, shape: Shape, initial: number): Tensor {
    const value = this.build.options.fitted?.get(name);
    if (!value) return full(shape, initial);
    if (!sameShape(value.shape, shape))
      fail("E_SHAPE", `the fitted quantity "${name}" is [${value.shape}] and is asked for as [${shape}]`);
    return constant(value);
  }

  /** Fresh noise every step. The same name again is other noise: `name#2`, `name#3`, … */
  noise(name: string, shape: Shape, kind: NoiseKind = "normal"): Tensor {
    const path = numbered(this.path + name, this.build.noises);
    this.build.noises.set(path, { shape, kind });
    return input(NOISE_PREFIX + path, shape);
  }
}

/** A path that is not among those known: itself, or with the next number behind it. */
function numbered(path: string, known: ReadonlyMap<string, unknown>): string {
  let free = path;
  for (let k = 2; known.has(free); k++) free = `${path}#${k}`;
  return free;
}

/**
 * First values of declared state: each depends on the seed and its path alone, or on pictures.
 * @param pictures `[n, h, w, c]` in 0..1, for values that are measured
 * @throws `E_DATA_EMPTY` for such a value without pictures
 */
export function initialState(
  specs: ReadonlyMap<string, StateSpec>,
  seed: number,
  pictures?: NdArray,
): Map<string, NdArray> {
  const first = (path: string, { shape, init }: StateSpec): Float32Array => {
    if (typeof init === "function") return init(shape, new Random(seed, `init:${path}`));
    if (pictures) return init.measure(shape, pictures);
    fail("E_DATA_EMPTY", `the first value of "${path}" is measured on pictures, and there are none; hand some over`);
  };
  const state = new Map<string, NdArray>();
  for (const [path, spec] of specs) state.set(path, { shape: spec.shape, dtype: "float32", data: first(path, spec) });
  return state;
}

/** The noise of one step: a function of seed, name and step number, so a resumed run sees the same. No two steps share any. */
export const drawNoise = (spec: NoiseSpec, name: string, seed: number, step: number, out: Float32Array): void =>
  drawNoiseFrom(spec, name, seed, 2 * step * Math.ceil(out.length / 2), out);

/** The numbers from place `first` on, 0 or more, of an endless row of noise: a function of seed and name. */
export function drawNoiseFrom({ kind }: NoiseSpec, name: string, seed: number, first: number, out: Float32Array): void {
  // They are drawn in pairs.
  const skipped = first % 2;
  const drawn = skipped > 0 ? new Float32Array(out.length + skipped) : out;
  const random = new Random(seed, hashName(`noise:${name}`), (first - skipped) / 2);
  if (kind === "normal") random.fillNormal(drawn);
  else random.fillUniform(drawn);
  if (drawn !== out) out.set(drawn.subarray(skipped));
}
