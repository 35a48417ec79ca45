// A trained model in use: heads compiled with the weights as constants, any batch size.
import { type NdArray, ndarray, sizeOf, zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { ImageSet } from "../data/dataset.ts";
import { NOISE_PREFIX } from "../graph/names.ts";
import * as g from "../graph/ops/index.ts";
import { constant, input, type Tensor } from "../graph/tensor.ts";
import { argmax, softmaxRows } from "../metrics/classification.ts";
import { findModel } from "../models/index.ts";
import type { DataSpec, Heads } from "../models/model.ts";
import { Build, drawNoise, type NoiseSpec } from "../nn/scope.ts";
import { FREE_BATCH } from "../onnx/lower.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import { StepFeeds } from "./feeds.ts";
import type { Snapshot } from "./fit.ts";
import { type Judgement, judge, judgementOf } from "./judge.ts";
import type { RunConfig } from "./run.ts";
import { averagePath, batchTensors, pixelsToUnit } from "./steps.ts";

type HeadName = Exclude<keyof Heads, "codeSize">;

interface Prediction {
  label: string;
  /** Of the label, 0..1. */
  probability: number;
  probabilities: Record<string, number>;
  /**
   * How unlike the training data: 0 for a typical picture, 1 at the 99th percentile of validation pictures, more beyond.
   * Undefined for a model without a density.
   */
  novelty?: number;
}

interface CompiledHead {
  executable: Executable;
  noises: ReadonlyMap<string, NoiseSpec>;
  outputShape: readonly number[];
}

const BATCH = 256;
/** The same where a set of a known size is judged. */
const JUDGE_BATCH = 128;

export class TrainedModel {
  readonly spec: DataSpec;
  readonly temperature: number;
  private readonly heads: Heads;
  private readonly snapshot: Snapshot;
  private readonly backend: Backend;
  private readonly compiled = new Map<HeadName, Promise<CompiledHead>>();

  constructor(
    protected readonly config: Pick<RunConfig, "model" | "options" | "data">,
    snapshot: Snapshot,
    backend: Backend,
  ) {
    const model = findModel(config.model);
    this.spec = config.data;
    this.heads = model.build(config.options, this.spec).heads;
    this.snapshot = snapshot;
    this.temperature = snapshot.temperature;
    this.backend = backend;
  }

  has(head: HeadName): boolean {
    return this.heads[head] !== undefined;
  }

  /** Width of the code; 0 without one. */
  get codeSize(): number {
    return this.heads.codeSize ?? 0;
  }

  /** A walk over the heads with the averaged weights as constants. */
  build(): Build {
    return new Build(false, (path, spec) => {
      const value = this.snapshot.state.get(spec.trainable ? averagePath(path) : path);
      if (!value)
        fail(
          "E_RUN_CONFLICT",
          `the checkpoint has no "${path}": it was made by another version of the model; train again`,
        );
      return constant(value);
    });
  }

  /** The graph of class probabilities from bytes, with the temperature inside: what `export` writes. */
  classifierGraph(batch: number): { pixels: Tensor; probabilities: Tensor; label: Tensor } {
    const { height, width, channels } = this.spec;
    const pixels = input("pixels", [batch, height, width, channels], "uint8");
    const logits = this.require("classify")(this.build().root, pixelsToUnit(pixels));
    const probabilities = g.softmax(g.mul(logits, 1 / this.temperature));
    return { pixels, probabilities, label: g.argmax(probabilities) };
  }

  private require<H extends HeadName>(head: H): NonNullable<Heads[H]> {
    const found = this.heads[head];
    if (!found)
      fail(
        "E_HEAD",
        `this model cannot ${head}; it can ${Object.keys(this.heads)
          .filter((name) => name !== "codeSize")
          .join(", ")}`,
      );
    return found as NonNullable<Heads[H]>;
  }

  private compile(head: HeadName): Promise<CompiledHead> {
    const known = this.compiled.get(head);
    if (known) return known;
    const make = async (): Promise<CompiledHead> => {
      const { height, width, channels } = this.spec;
      const build = this.build();
      const x =
        head === "decode"
          ? input("input", [FREE_BATCH, this.codeSize])
          : pixelsToUnit(input("input", [FREE_BATCH, height, width, channels], "uint8"));
      const output = this.require(head)(build.root, x);
      const executable = await this.backend.compile(head, { output }, { mode: "infer", freeBatch: FREE_BATCH });
      return { executable, noises: build.noises, outputShape: output.shape.slice(1) };
    };
    const pending = make();
    this.compiled.set(head, pending);
    return pending;
  }

  /** Runs a head over rows of bytes or codes, in batches. Returns `[n, …]`. */
  private async run(
    head: HeadName,
    rows: Uint8Array | Float32Array,
    rowShape: readonly number[],
    seed = 0,
  ): Promise<NdArray> {
    const { executable, noises, outputShape } = await this.compile(head);
    const size = sizeOf(rowShape);
    const n = rows.length / size;
    const width = sizeOf(outputShape);
    const out = new Float32Array(n * width);
    for (let from = 0, index = 0; from < n; from += BATCH, index++) {
      const count = Math.min(BATCH, n - from);
      const part = rows.slice(from * size, (from + count) * size);
      const inputs: Record<string, NdArray> = {
        input: ndarray(part instanceof Uint8Array ? "uint8" : "float32", [count, ...rowShape], part),
      };
      for (const [name, spec] of noises) {
        const noise = new Float32Array(count * sizeOf(spec.shape.slice(1)));
        drawNoise(spec, name, seed, index, noise);
        inputs[NOISE_PREFIX + name] = ndarray("float32", [count, ...spec.shape.slice(1)], noise);
      }
      const output = ndarray("float32", [count, ...outputShape], new Float32Array(count * width));
      await executable.run(inputs, { output });
      out.set(output.data, from * width);
    }
    return ndarray("float32", [n, ...outputShape], out);
  }

  /** What the model says of each picture of a decoded set. All its heads are one graph, computed where training would be. */
  async judge(set: ImageSet): Promise<Judgement> {
    this.require("classify");
    const size = Math.min(JUDGE_BATCH, set.labels.length);
    const build = this.build();
    const { x } = batchTensors(size, this.spec);
    const outputs = judgementOf(this.heads, build.root, x);
    const executable = await this.backend.compile("evaluate", Object.fromEntries(outputs), { mode: "infer" });
    const feeds = new StepFeeds({ graph: { name: "evaluate" }, noises: build.noises, ramps: build.ramps });
    try {
      return await judge(set, size, 0, feeds, async (inputs) => {
        const results = Object.fromEntries([...outputs].map(([name, { shape }]) => [name, zeros(shape)]));
        await executable.run(inputs, results);
        return results;
      });
    } finally {
      await executable.dispose();
    }
  }

  private get imageShape(): readonly number[] {
    return [this.spec.height, this.spec.width, this.spec.channels];
  }

  /** Logits `[n, classes]` of bytes `[n, h, w, c]`. */
  logits(pixels: Uint8Array): Promise<NdArray> {
    return this.run("classify", pixels, this.imageShape);
  }

  /** Codes `[n, code]`. */
  encode(pixels: Uint8Array): Promise<NdArray> {
    return this.run("encode", pixels, this.imageShape);
  }

  /** Images `[n, h, w, c]` in 0..1 of codes `[n, code]`. */
  decode(codes: Float32Array): Promise<NdArray> {
    return this.run("decode", codes, [this.codeSize]);
  }

  /** Reconstructions `[n, h, w, c]` in 0..1. */
  reconstruct(pixels: Uint8Array): Promise<NdArray> {
    return this.run("reconstruct", pixels, this.imageShape);
  }

  /** A lower bound on ln p(x), nats `[n]`: the mean over `samples` codes. */
  async logDensity(pixels: Uint8Array, samples = 1): Promise<NdArray> {
    const first = await this.run("logDensity", pixels, this.imageShape, 0);
    for (let s = 1; s < samples; s++) {
      const next = await this.run("logDensity", pixels, this.imageShape, s);
      next.data.forEach((value, i) => {
        first.data[i]! += value;
      });
    }
    return { ...first, data: (first.data as Float32Array).map((value) => value / samples) };
  }

  /** Label, probability and novelty of each picture of bytes `[n, h, w, c]`. */
  async classify(pixels: Uint8Array): Promise<Prediction[]> {
    const { classes } = this.spec;
    const k = classes.length;
    const p = softmaxRows((await this.logits(pixels)).data, k, this.temperature);
    const novelty = await this.novelty(pixels);
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

  /** See `Prediction.novelty`. */
  async novelty(pixels: Uint8Array): Promise<Float64Array | undefined> {
    const scale = this.snapshot.novelty;
    if (!scale || !this.has("logDensity")) return undefined;
    const density = await this.logDensity(pixels, 4);
    const span = Math.max(scale.p99 - scale.median, 1e-6);
    return Float64Array.from(density.data, (value) => (-value - scale.median) / span);
  }

  async dispose(): Promise<void> {
    for (const head of this.compiled.values()) await (await head).executable.dispose();
    this.compiled.clear();
  }
}

export type { Prediction };
