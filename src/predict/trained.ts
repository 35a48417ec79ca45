// A trained model in use: what it was made from, and what it can be asked.
import { type NdArray, zeros } from "../base/array.ts";
import type { StopSignal } from "../base/stop-signal.ts";
import { type ImageSet, keptPartner } from "../data/dataset.ts";
import type { Resize } from "../data/picture.ts";
import { argmax, softmaxRows } from "../metrics/classification.ts";
import { type Fitted, type Metric, Predictions, temperatureOf } from "../metrics/metric.ts";
import { type Heads, requireHead } from "../models/heads.ts";
import { findModel, parseOptions } from "../models/index.ts";
import type { BuiltModel, DataSpec, LikelihoodSpec, Model } from "../models/model.ts";
import { type Build, evaluatedPath } from "../nn/scope.ts";
import type { Backend } from "../runtime/backend.ts";
import type { State } from "../runtime/program.ts";
import { plainBatch } from "./batch.ts";
import { StepFeeds } from "./feeds.ts";
import { type CallOptions, type HeadFeeds, type HeadGraph, HeadRunner } from "./head-runner.ts";
import { type NoveltyBasis, noveltyOf } from "./novelty.ts";
import { metricsOf, outputsOf, outputTensors, predictSet } from "./outputs.ts";
import { type Prediction, predictionsOf } from "./prediction.ts";
import { rowsAtOnce } from "./rows.ts";
import { translationOf } from "./translation.ts";

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
  /** Whether it learnt from pictures as they are, be it beside changed ones: what it decodes is then taught by these. */
  readonly sawPlain: boolean;
  /** Where heads are computed. */
  readonly backend: Backend;
  private readonly runner: HeadRunner;

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
    this.sawPlain = Object.values(built.streams ?? {}).some(({ views = {} }) => Object.values(views)[0] === "plain");
    this.fitted = weights.fitted;
    this.backend = backend;
    const { heads, spec, latentSize, fitted } = this;
    this.runner = new HeadRunner({ heads, spec, latentSize, state: weights.state, fitted, backend });
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
    return this.runner.walk();
  }

  /** A head for batches of `batch`, pictures as bytes. @throws `E_HEAD` where the model lacks it */
  headGraph(name: string, batch: number): HeadGraph {
    return this.runner.graph(name, batch);
  }

  /**
   * Rows `[n, …]` that a head gives for rows of what it takes, in batches.
   * @param feeds what the head takes: see `heads[name].takes`
   * @param options `seed` of the head's own noise (default 0; see `headNoise`); `count` of rows, for a head that takes nothing;
   * `signal` ends the work between two batches: the call then throws its reason; `isLong`: see `CallOptions`
   * @throws `E_HEAD` for a head that the model lacks, `E_SHAPE` for an input that is missing or of another size,
   * `E_NAN` for a result that is not finite
   */
  async run(name: string, feeds: HeadFeeds, options: CallOptions & { count?: number } = {}): Promise<NdArray> {
    const [rows] = await this.runner.run([name], feeds, options);
    return rows!;
  }

  /**
   * What the model gives for each picture of a decoded set. All its heads are one graph, computed where training would be; a signal
   * ends it between two batches.
   */
  async predict(set: ImageSet, signal?: StopSignal): Promise<Predictions> {
    // Samples beside pictures without a label are of all classes in turn, in each batch.
    const turn = this.heads.sample?.takes.includes("label") && set.labels.includes(-1) ? this.spec.classes.length : 1;
    const size = Math.min(SET_BATCH, Math.max(rowsAtOnce(this.spec), turn), set.labels.length);
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
    const [logits, scores] = await this.runner.run(heads, { picture: pixels });
    const p = softmaxRows(logits!.data, k, this.temperature);
    const labels = Array.from({ length: p.length / k }, (_, i) => argmax(p, i * k, k));
    return predictionsOf(classes, p, labels, scores?.data);
  }

  /** Frees what was compiled. */
  dispose(): Promise<void> {
    return this.runner.dispose();
  }
}
