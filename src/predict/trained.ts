// A trained model in use: any head by name, compiled with the weights as constants, at any batch size.

import { type DType, type NdArray, ndarray, sizeOf, type TypedArray, zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { StopSignal } from "../base/stop-signal.ts";
import { type ImageSet, keptPartner } from "../data/dataset.ts";
import type { Resize } from "../data/picture.ts";
import { constant, input, type Tensor } from "../graph/tensor.ts";
import { argmax, softmaxRows } from "../metrics/classification.ts";
import { type Fitted, type Metric, Predictions, temperatureOf } from "../metrics/metric.ts";
import { applyHead, type Head, type HeadInput, type Heads, requireHead } from "../models/heads.ts";
import { findModel, parseOptions } from "../models/index.ts";
import type { BuiltModel, DataSpec, LikelihoodSpec, Model } from "../models/model.ts";
import { Build, evaluatedPath, type NoiseSpec } from "../nn/scope.ts";
import { FREE_BATCH } from "../onnx/lower.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import type { State } from "../runtime/program.ts";
import { pixelsToUnit, plainBatch } from "./batch.ts";
import { StepFeeds } from "./feeds.ts";
import { headNoise } from "./noise.ts";
import { type NoveltyBasis, noveltyOf } from "./novelty.ts";
import { metricsOf, outputsOf, outputTensors, predictSet } from "./outputs.ts";
import { ROWS_AT_ONCE, requireFinite } from "./rows.ts";
import { translationOf } from "./translation.ts";

/** What a classifier says of a picture. */
export interface Prediction {
  /** Name of the likeliest class. */
  label: string;
  /** Of the label, 0..1. */
  probability: number;
  /** Of each class, 0..1. */
  probabilities: Record<string, number>;
  /**
   * How unlike the training data: 0 for a typical picture, above 1 for an alarm, which of pictures like those of validation
   * at most a share `TrainedModel.novelty.falseAlarms` raises. Undefined where it has no basis: see `TrainedModel.novelty`.
   */
  novelty?: number;
}

/** Rows that a head is given: pictures as bytes `[n, h, w, c]`, latent vectors `[n, latentSize]`, class numbers `[n]`. */
export interface HeadFeeds {
  /** Bytes `[n, h, w, c]`. */
  readonly picture?: Uint8Array;
  /** Pictures of the second source, bytes `[n, h, w, c]`. */
  readonly second?: Uint8Array;
  /** Latent vectors `[n, latentSize]`. */
  readonly latent?: Float32Array;
  /** Class numbers `[n]`. */
  readonly label?: Int32Array;
}

/** How rows are computed. */
export interface CallOptions {
  /** Of the noise that is drawn. Default 0. */
  readonly seed?: number;
  /** Ends the work between two batches: the call then throws its reason. */
  readonly signal?: StopSignal;
}

/** A head as a graph: its inputs by what they are, the noise that it draws, and its result. */
export interface HeadGraph {
  /** By what they are. */
  readonly inputs: ReadonlyMap<HeadInput, Tensor>;
  /** Noise that it draws, by path. */
  readonly noises: ReadonlyMap<string, NoiseSpec>;
  /** Its result. */
  readonly output: Tensor;
}

interface CompiledHeads extends Omit<HeadGraph, "output"> {
  readonly executable: Executable;
  /** Shape of a row of the result, by head. */
  readonly rowShapes: ReadonlyMap<string, readonly number[]>;
}

/** What a trained model was made from. */
export interface ModelConfig {
  /** Name of the model. */
  readonly model: string;
  /** Its options; those that are missing have their defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The pictures that it takes and the classes that it knows; `resize`: how others became so large, `fit` when absent. */
  readonly data: DataSpec & { readonly resize?: Resize };
}

/** What of a checkpoint a trained model needs. */
export interface TrainedWeights {
  /** Parameters and buffers, by path. */
  readonly state: State;
  /** What was fitted on validation pictures, by name. */
  readonly fitted: Fitted;
}

/** What of a state a trained model is evaluated with: without optimizer slots, and of each parameter the average where one is kept. */
export const evaluatedState = (state: State): State =>
  new Map([...state].filter(([path]) => !path.startsWith("optimizer/") && evaluatedPath(path, state) === path));

/** Names of a head's inputs in its graph, and so in an exported file. */
const INPUT_NAMES: Readonly<Record<HeadInput, string>> = {
  picture: "pixels",
  second: "secondPixels",
  latent: "latent",
  label: "label",
};
const INPUT_TYPES: Readonly<Record<HeadInput, DType>> = {
  picture: "uint8",
  second: "uint8",
  latent: "float32",
  label: "int32",
};

/** Pictures that are computed at once where a set of a known size is predicted. */
const SET_BATCH = 128;

/** A model with trained weights. */
export class TrainedModel {
  /** The pictures that it takes and the classes that it knows. */
  readonly spec: DataSpec;
  /** How pictures of another size become as large as those that it takes. */
  readonly resize: Resize;
  /** What was fitted on validation pictures. */
  readonly fitted: Fitted;
  /** What it can do, by name. */
  readonly heads: Heads;
  /** The metrics that can be computed for it, common ones and its own. */
  readonly metrics: readonly Metric[];
  /** Width of latent vectors; 0 without any. */
  readonly latentSize: number;
  /** What its head `logLikelihood` is of, where it has one. */
  readonly likelihood: LikelihoodSpec | undefined;
  /** Whether it can tell how unlike the training data pictures are: then it has a head `novelty`. */
  readonly novelty: NoveltyBasis;
  /** Where heads are computed. */
  readonly backend: Backend;
  private readonly state: State;
  private readonly compiled = new Map<string, Promise<CompiledHeads>>();

  /** @param model the model of the run, where it is not among `MODELS` */
  constructor(config: ModelConfig, weights: TrainedWeights, backend: Backend, model: Model = findModel(config.model)) {
    this.spec = config.data;
    this.resize = config.data.resize ?? "fit";
    const built: BuiltModel = model.build(parseOptions(model, config.options), this.spec);
    this.novelty = noveltyOf(built.heads, weights.fitted);
    const translate = translationOf(built.heads);
    this.heads = {
      ...built.heads,
      ...(translate ? { translate } : {}),
      ...("head" in this.novelty ? { novelty: this.novelty.head } : {}),
    };
    this.latentSize = built.latentSize ?? 0;
    this.metrics = metricsOf({ ...built, heads: this.heads });
    this.likelihood = built.likelihood;
    this.state = weights.state;
    this.fitted = weights.fitted;
    this.backend = backend;
  }

  /** Whether the model has a head of this name. */
  has(head: string): boolean {
    return Object.hasOwn(this.heads, head);
  }

  /** The factor that divides logits; 1 where none was fitted. */
  get temperature(): number {
    return temperatureOf(this.fitted);
  }

  /** A walk for graphs of heads, with the averaged weights as constants. */
  walk(): Build {
    const { state } = this;
    return new Build(false, {
      fitted: this.fitted,
      bind(path) {
        const value = state.get(evaluatedPath(path, state));
        if (!value)
          fail(
            "E_RUN_CONFLICT",
            `the checkpoint has no "${path}": it was made by another version of the model; train again`,
          );
        return constant(value);
      },
    });
  }

  /** A head for batches of `batch`, pictures as bytes. @throws `E_HEAD` where the model lacks it */
  headGraph(name: string, batch: number): HeadGraph {
    const head = requireHead(this.heads, name);
    const inputs = new Map(head.takes.map((kind) => [kind, this.inputTensor(kind, batch)]));
    const walk = this.walk();
    const read = (kind: HeadInput) => {
      const tensor = inputs.get(kind)!;
      return kind === "picture" || kind === "second" ? pixelsToUnit(tensor) : tensor;
    };
    const given = Object.fromEntries(head.takes.map((kind) => [kind, read(kind)]));
    const output = applyHead(head, walk.root, batch, given);
    return { inputs, noises: walk.noises, output };
  }

  private inputTensor(kind: HeadInput, batch: number): Tensor {
    return input(INPUT_NAMES[kind], [batch, ...this.rowShape(kind)], INPUT_TYPES[kind]);
  }

  private rowShape(kind: HeadInput): readonly number[] {
    if (kind === "label") return [];
    return kind === "latent" ? [this.latentSize] : this.imageShape;
  }

  private get imageShape(): readonly number[] {
    return [this.spec.height, this.spec.width, this.spec.channels];
  }

  /** Heads as one executable: they share what they have in common. */
  private compile(names: readonly string[]): Promise<CompiledHeads> {
    const key = names.join(" ");
    const known = this.compiled.get(key);
    if (known) return known;
    const make = async (): Promise<CompiledHeads> => {
      const graphs = new Map(names.map((name) => [name, this.headGraph(name, FREE_BATCH)]));
      const all = [...graphs.values()];
      const outputs = Object.fromEntries([...graphs].map(([name, { output }]) => [name, output]));
      return {
        executable: await this.backend.compile(key, outputs, { mode: "infer", freeBatch: FREE_BATCH }),
        inputs: new Map(all.flatMap(({ inputs }) => [...inputs])),
        // Noise of one path is one: it depends on the path, the seed and the row.
        noises: new Map(all.flatMap(({ noises }) => [...noises])),
        rowShapes: new Map([...graphs].map(([name, { output }]) => [name, output.shape.slice(1)])),
      };
    };
    const pending = make();
    this.compiled.set(key, pending);
    // The next call tries again.
    pending.catch(() => this.compiled.delete(key));
    return pending;
  }

  /**
   * Rows `[n, …]` that a head gives for rows of what it takes, in batches.
   * @param feeds what the head takes: see `heads[name].takes`
   * @param options `seed` of the head's own noise (default 0; see `headNoise`); `count` of rows, for a head that takes nothing;
   * `signal` ends the work between two batches: the call then throws its reason
   * @throws `E_HEAD` for a head that the model lacks, `E_SHAPE` for an input that is missing or of another size,
   * `E_NAN` for a result that is not finite
   */
  async run(name: string, feeds: HeadFeeds, options: CallOptions & { count?: number } = {}): Promise<NdArray> {
    const [rows] = await this.runTogether([name], feeds, options);
    return rows!;
  }

  /** As `run`, of several heads that take the same. */
  private async runTogether(
    names: readonly [string, ...string[]],
    feeds: HeadFeeds,
    options: CallOptions & { count?: number } = {},
  ): Promise<NdArray[]> {
    const n = this.rowsOf(names[0], requireHead(this.heads, names[0]), feeds, options.count);
    const { executable, inputs, noises, rowShapes } = await this.compile(names);
    const results = [...rowShapes].map(([name, shape]) => ({ name, shape, all: zeros([n, ...shape]) }));
    const imageSize = sizeOf(this.imageShape);
    for (let from = 0, index = 0; from < n; from += ROWS_AT_ONCE, index++) {
      options.signal?.throwIfAborted();
      const count = Math.min(ROWS_AT_ONCE, n - from);
      const values: Record<string, NdArray> = {};
      for (const [kind, { dtype }] of inputs) {
        const shape = this.rowShape(kind);
        const size = sizeOf(shape);
        values[INPUT_NAMES[kind]] = ndarray(
          dtype,
          [count, ...shape],
          feeds[kind]!.slice(from * size, (from + count) * size),
        );
      }
      const pictures = feeds.picture?.subarray(from * imageSize, (from + count) * imageSize);
      Object.assign(values, headNoise(noises, options.seed ?? 0, { count, batch: index, pictures }));
      const outputs = Object.fromEntries(results.map(({ name, shape }) => [name, zeros([count, ...shape])]));
      await executable.run(values, outputs);
      for (const { name, shape, all } of results) all.data.set(outputs[name]!.data, from * sizeOf(shape));
    }
    for (const { name, shape, all } of results) requireFinite(name, all.data as Float32Array, sizeOf(shape));
    return results.map(({ all }) => all);
  }

  /** How many rows are asked for. */
  private rowsOf(name: string, { takes }: Head, feeds: HeadFeeds, count?: number): number {
    let n = count;
    for (const kind of takes) {
      const rows: TypedArray | undefined = feeds[kind];
      const size = sizeOf(this.rowShape(kind));
      if (!rows) fail("E_SHAPE", `${name} takes ${takes.join(" and ")}; ${kind} is missing`);
      if (rows.length % size !== 0 || (n !== undefined && rows.length !== n * size))
        fail(
          "E_SHAPE",
          `${name}: ${kind} has ${rows.length} values; expected ${n ?? "a whole number of"} rows of [${this.rowShape(kind)}]`,
        );
      n = rows.length / size;
    }
    if (n === undefined) fail("E_SHAPE", `${name} takes nothing: say how many rows with count`);
    return n;
  }

  /**
   * What the model gives for each picture of a decoded set. All its heads are one graph, computed where training would be; a signal
   * ends it between two batches.
   */
  async predict(set: ImageSet, signal?: StopSignal): Promise<Predictions> {
    const size = Math.min(SET_BATCH, set.labels.length);
    const build = this.walk();
    const needed = new Set(this.metrics.flatMap(({ needs }) => needs));
    const paired = keptPartner(set) !== undefined;
    const names = outputsOf(this.heads, paired).filter((name) => needed.has(name));
    const none = new Map<string, Float32Array>();
    if (names.length === 0 || size === 0)
      return new Predictions(none, set.labels, this.spec.classes.length, this.fitted);
    const outputs = outputTensors(this.heads, names, build.root, plainBatch(size, this.spec, { paired }));
    const executable = await this.backend.compile("evaluate", Object.fromEntries(outputs), { mode: "infer" });
    const feeds = new StepFeeds({ graph: { name: "evaluate" }, noises: build.noises, annealed: build.annealed });
    try {
      const rows = await predictSet(set, size, 0, feeds, async (inputs) => {
        signal?.throwIfAborted();
        const results = Object.fromEntries([...outputs].map(([name, { shape }]) => [name, zeros(shape)]));
        await executable.run(inputs, results);
        return results;
      });
      return new Predictions(rows, set.labels, this.spec.classes.length, this.fitted);
    } finally {
      await executable.dispose();
    }
  }

  /** Logits `[n, classes]` of bytes `[n, h, w, c]`. */
  logits(picture: Uint8Array, options: Pick<CallOptions, "signal"> = {}): Promise<NdArray> {
    return this.run("classify", { picture }, options);
  }

  /** Latent vectors `[n, latentSize]` of bytes `[n, h, w, c]`. */
  encode(picture: Uint8Array): Promise<NdArray> {
    return this.run("encode", { picture });
  }

  /**
   * Images `[n, h, w, c]` in 0..1 of latent vectors `[n, latentSize]`.
   * @param label class numbers `[n]`, for a model that is told the class
   */
  decode(latent: Float32Array, label?: Int32Array): Promise<NdArray> {
    return this.run("decode", { latent, label });
  }

  /**
   * Reconstructions `[n, h, w, c]` in 0..1 of bytes of the same shape.
   * @param label class numbers `[n]`, for a model that is told the class; by default the one that it classifies as
   */
  async reconstruct(picture: Uint8Array, label?: Int32Array): Promise<NdArray> {
    return this.run("reconstruct", { picture, label: label ?? (await this.labelsFor("reconstruct", picture)) });
  }

  /**
   * Translations `[n, h, w, c]` in 0..1 of bytes of the same shape: what the model makes of pictures.
   * @param label class numbers `[n]` that it shall make them, for a model that is told
   */
  translate(picture: Uint8Array, label?: Int32Array): Promise<NdArray> {
    return this.run("translate", { picture, label });
  }

  /** The classes of pictures for a head that takes them, as the model itself classifies. */
  private async labelsFor(head: string, picture: Uint8Array): Promise<Int32Array | undefined> {
    if (!requireHead(this.heads, head).takes.includes("label") || !this.has("classify")) return undefined;
    const k = this.spec.classes.length;
    const { data } = await this.logits(picture);
    return Int32Array.from({ length: data.length / k }, (_, i) => argmax(data, i * k, k));
  }

  /**
   * New images `[n, h, w, c]` in 0..1.
   * @param label class numbers `[n]`, for a model that is asked for classes; by default all classes in turn
   */
  sample(n: number, { label, ...options }: CallOptions & { label?: Int32Array } = {}): Promise<NdArray> {
    const k = this.spec.classes.length;
    return this.run(
      "sample",
      { label: label ?? Int32Array.from({ length: n }, (_, i) => i % k) },
      { ...options, count: n },
    );
  }

  /** A lower bound on ln p(x), nats `[n]`: the mean over `draws` of the latent vector. */
  async elbo(picture: Uint8Array, draws = 1): Promise<NdArray> {
    const label = await this.labelsFor("elbo", picture);
    const first = await this.run("elbo", { picture, label });
    for (let seed = 1; seed < draws; seed++) {
      const next = await this.run("elbo", { picture, label }, { seed });
      next.data.forEach((value, i) => {
        first.data[i]! += value;
      });
    }
    return { ...first, data: (first.data as Float32Array).map((value) => value / draws) };
  }

  /** Label, probability and novelty of each picture of bytes `[n, h, w, c]`. */
  async classify(pixels: Uint8Array): Promise<Prediction[]> {
    const { classes } = this.spec;
    const k = classes.length;
    const heads = this.has("novelty") ? (["classify", "novelty"] as const) : (["classify"] as const);
    const [logits, scores] = await this.runTogether(heads, { picture: pixels });
    const p = softmaxRows(logits!.data, k, this.temperature);
    const novelty = scores?.data;
    return Array.from({ length: p.length / k }, (_, i) => {
      const best = argmax(p, i * k, k);
      return {
        label: classes[best]!,
        probability: p[i * k + best]!,
        probabilities: Object.fromEntries(classes.map((name, c) => [name, p[i * k + c]!])),
        ...(novelty ? { novelty: novelty[i]! } : {}),
      };
    });
  }

  /** Frees what was compiled. */
  async dispose(): Promise<void> {
    for (const head of this.compiled.values()) await (await head).executable.dispose();
    this.compiled.clear();
  }
}
