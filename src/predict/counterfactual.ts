// The search behind an explanation: from the latent vector of a picture to the nearest one whose picture is of another class.
import { type NdArray, ndarray, sizeOf, zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { StopSignal } from "../base/stop-signal.ts";
import { grad } from "../graph/grad.ts";
import * as g from "../graph/ops/index.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { applyHead, requireHead } from "../models/heads.ts";
import type { Executable } from "../runtime/backend.ts";
import { componentsOf } from "./mixture-sampler.ts";
import type { TrainedModel } from "./trained.ts";

/**
 * Calibrated logit of the class above every other that is aimed at, and that suffices: of two classes, 99.97 % and 95 %. With 4 aimed at,
 * another network agreed less often.
 */
const MARGIN = 8;
/** See `MARGIN`. */
export const VALID_MARGIN = 3;
/**
 * Weights of the change of pixels (absolute, summed; of pictures of more values than a digit of MNIST in proportion less) and of the latent
 * vector (squared): nearer, and not off what is usual.
 */
const [PIXEL_WEIGHT, VALUES] = [0.2, 784];
const LATENT_WEIGHT = 0.02;
/**
 * Changes of values that are left out, as a share of a picture's largest: the decoder moves all values a little, on most of which the class
 * does not depend. In a trial on 160 validation pictures of MNIST another network agreed with 94.4 % without it, and with 96.3 % of less
 * change where what was below 0.15 was left out; on 320 with 97.8 % at 0.15 and 98.4 % at 0.25, of 5 % less change, but with 95.0 % at 0.35.
 */
const LEAST_CHANGE = 0.25;
/** Adam (Kingma & Ba 2015) on the latent vector; its rate falls to zero along a straight line, so that it comes to rest. */
const ADAM_STEPS = 60;
const ADAM = { rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
/** Halvings of the line to the class on which the search begins. */
const HALVINGS = 6;

/** What the model makes of latent vectors beside the pictures that they belong to. */
export interface Tried {
  /** Of the objective by the latent vectors, `[n, d]`. */
  readonly gradient: Float32Array;
  /** Calibrated logit of the target less the largest other, `[n]`: the least over the picture and its neighbours. */
  readonly margin: Float32Array;
  /** What is left of the margin that is aimed at, and the weighted change of the picture, `[n]`. */
  readonly cost: Float32Array;
  /** Sum of absolute changes of the picture, `[n]`. */
  readonly change: Float32Array;
  /** The changed pictures, `[n, h, w, c]` in 0..1. */
  readonly changed: Float32Array;
}

/** The best latent vectors so far: valid ones before others, of valid ones those of the least cost. */
export interface Best {
  readonly latent: Float32Array;
  readonly margin: Float32Array;
  readonly cost: Float32Array;
  readonly change: Float32Array;
}

/** Rows of a batch: see `Search.run`. */
interface SearchRows {
  readonly latent: Float32Array;
  readonly start: Float32Array;
  readonly picture: Float32Array;
  readonly residual: Float32Array;
  readonly target: Int32Array;
}

type Evaluate = (latent: Float32Array) => Promise<Tried>;

/** Between two rows of values: `share` of the way, 0..1, at each place. */
export const onLine = (from: Float32Array, to: Float32Array, share: (at: number) => number): Float32Array =>
  from.map((value, at) => value + share(at) * (to[at]! - value));

/** The compiled objective with its derivative. */
export class Search {
  private readonly d: number;

  private constructor(
    private readonly model: TrainedModel,
    private readonly executable: Executable,
    private readonly outputs: Readonly<Record<string, Tensor>>,
    private readonly batch: number,
    private readonly signal: StopSignal | undefined,
  ) {
    this.d = model.latentSize;
  }

  /** @param signal makes `run` throw its reason, between two steps */
  static async create(model: TrainedModel, batch: number, signal?: StopSignal): Promise<Search> {
    for (const head of ["encode", "decode", "classify"]) requireHead(model.heads, head);
    const outputs = objective(model, batch);
    const executable = await model.backend.compile("explain", outputs, { mode: "infer" });
    return new Search(model, executable, outputs, batch, signal);
  }

  dispose(): Promise<void> {
    return this.executable.dispose();
  }

  /**
   * Searches for `n` pictures.
   * @param picture `[n, h, w, c]` in 0..1
   * @param residual what the decoder leaves out of them, of the same shape
   * @param start their latent vectors `[n, d]`
   * @param target class numbers `[n]`
   */
  async run(rows: Omit<SearchRows, "latent">): Promise<Best & { readonly evaluate: Evaluate }> {
    const { start, target } = rows;
    const evaluate: Evaluate = (latent) => this.evaluate({ ...rows, latent });
    const best: Best = {
      latent: start.slice(),
      margin: new Float32Array(target.length).fill(Number.NEGATIVE_INFINITY),
      cost: new Float32Array(target.length),
      change: new Float32Array(target.length),
    };
    await this.descend(await this.begin(start, target, evaluate, best), evaluate, best);
    return { ...best, evaluate };
  }

  /** The first point on the line to the nearest component of the class at which the class is likeliest; the component where none is. */
  private async begin(start: Float32Array, to: Int32Array, evaluate: Evaluate, best: Best): Promise<Float32Array> {
    const { model, d } = this;
    const end = new Float32Array(start.length);
    to.forEach((target, i) => {
      const away = ({ mean }: { mean: Float64Array }) =>
        mean.reduce((sum, value, j) => sum + (value - start[i * d + j]!) ** 2, 0);
      const [nearest] = componentsOf(model, target).sort((a, b) => away(a) - away(b));
      end.set(nearest!.mean, i * d);
    });
    const low = new Float32Array(to.length);
    const high = new Float32Array(to.length).fill(1);
    const at = (share: (i: number) => number) => onLine(start, end, (j) => share(Math.floor(j / d)));
    keepBest(best, end, await evaluate(end), d);
    for (let step = 0; step < HALVINGS; step++) {
      const latent = at((i) => (low[i]! + high[i]!) / 2);
      const tried = await evaluate(latent);
      keepBest(best, latent, tried, d);
      tried.margin.subarray(0, to.length).forEach((margin, i) => {
        const middle = (low[i]! + high[i]!) / 2;
        if (margin > 0) high[i] = middle;
        else low[i] = middle;
      });
    }
    return at((i) => high[i]!);
  }

  private async descend(latent: Float32Array, evaluate: Evaluate, best: Best): Promise<void> {
    const { rate, beta1, beta2, epsilon } = ADAM;
    const mean = new Float64Array(latent.length);
    const square = new Float64Array(latent.length);
    for (let step = 1; step <= ADAM_STEPS; step++) {
      const now = rate * (1 - (step - 1) / ADAM_STEPS);
      const tried = await evaluate(latent);
      keepBest(best, latent, tried, this.d);
      latent.forEach((value, j) => {
        const slope = tried.gradient[j]!;
        mean[j] = beta1 * mean[j]! + (1 - beta1) * slope;
        square[j] = beta2 * square[j]! + (1 - beta2) * slope ** 2;
        const [m, v] = [mean[j]! / (1 - beta1 ** step), square[j]! / (1 - beta2 ** step)];
        latent[j] = value - (now * m) / (Math.sqrt(v) + epsilon);
      });
    }
  }

  /** Runs the objective on up to a batch of rows. */
  private async evaluate(rows: SearchRows): Promise<Tried> {
    this.signal?.throwIfAborted();
    const { batch, model } = this;
    const { height, width, channels } = model.spec;
    const padded = <T extends Float32Array | Int32Array>(values: T, empty: T): T => {
      empty.set(values);
      return empty;
    };
    const inputs: Record<string, NdArray> = {};
    for (const [name, values] of Object.entries(rows)) {
      const shape =
        name === "target"
          ? [batch]
          : name === "picture" || name === "residual"
            ? [batch, height, width, channels]
            : [batch, this.d];
      inputs[name] =
        values instanceof Int32Array
          ? ndarray("int32", shape, padded(values, new Int32Array(sizeOf(shape))))
          : ndarray("float32", shape, padded(values, new Float32Array(sizeOf(shape))));
    }
    const results = Object.fromEntries(Object.entries(this.outputs).map(([name, { shape }]) => [name, zeros(shape)]));
    await this.executable.run(inputs, results);
    const n = rows.target.length;
    const own = (name: string) => {
      const data = results[name]!.data as Float32Array;
      return data.subarray(0, (n * data.length) / batch);
    };
    return {
      ...{ gradient: own("gradient"), changed: own("changed") },
      ...{ margin: own("margin"), cost: own("cost"), change: own("change") },
    };
  }
}

/** Keeps those of the latent vectors that are better than the best so far. */
function keepBest(best: Best, latent: Float32Array, { margin, cost, change }: Tried, d: number): void {
  for (let i = 0; i < margin.length; i++) {
    const valid = margin[i]! >= VALID_MARGIN;
    const wasValid = best.margin[i]! >= VALID_MARGIN;
    const better = valid && wasValid ? cost[i]! < best.cost[i]! : margin[i]! > best.margin[i]!;
    if (!better || (wasValid && !valid)) continue;
    best.latent.set(latent.subarray(i * d, (i + 1) * d), i * d);
    best.margin[i] = margin[i]!;
    best.cost[i] = cost[i]!;
    best.change[i] = change[i]!;
  }
}

/** The objective of the search for a batch of latent vectors, its derivative, and what is told of them. */
function objective(model: TrainedModel, n: number): Record<string, Tensor> {
  const { spec, heads, latentSize } = model;
  const walk = model.walk();
  const shape = [n, spec.height, spec.width, spec.channels];
  const latent = input("latent", [n, latentSize]);
  const target = input("target", [n], "int32");
  const picture = input("picture", shape);
  const decoded = applyHead(requireHead(heads, "decode"), walk.root, n, { latent, label: target });
  const change = g.sub(g.add(input("residual", shape), decoded), picture);
  const size = g.abs(change);
  const largest = g.reshape(g.max(g.reshape(size, [n, -1]), 1), [n, 1, 1, 1]);
  const isSeen = g.cast(g.greater(size, g.mul(largest, LEAST_CHANGE)), "float32");
  const moved = g.add(picture, g.mul(change, isSeen));
  const changed = g.clip(moved, 0, 1);
  const isTarget = g.oneHot(target, spec.classes.length);
  const marginOf = (x: Tensor) => {
    const given = applyHead(requireHead(heads, "classify"), walk.root, n, { picture: x });
    const logits = g.mul(given, 1 / model.temperature);
    // The target is put far below every logit.
    const others = g.max(g.sub(logits, g.mul(isTarget, 1e6)), 1);
    return g.sub(g.sum(g.mul(logits, isTarget), 1), others);
  };
  const margin = neighbours(changed).reduce((least, x) => g.minimum(least, marginOf(x)), marginOf(changed));
  if (walk.noises.size > 0)
    fail("E_HEAD", "this model draws noise where it decodes or classifies; explain needs one that does not");
  const pixels = g.sum(g.abs(g.sub(moved, picture)), [1, 2, 3]);
  const pixelWeight = PIXEL_WEIGHT * Math.min(1, VALUES / sizeOf(shape.slice(1)));
  const cost = g.add(g.relu(g.sub(MARGIN, margin)), g.mul(pixels, pixelWeight));
  const away = g.sum(g.square(g.sub(latent, input("start", [n, latentSize]))));
  const [gradient] = grad(g.add(g.sum(cost), g.mul(away, LATENT_WEIGHT)), [latent]);
  return { gradient: gradient!, margin, cost, change: g.sum(g.abs(g.sub(changed, picture)), [1, 2, 3]), changed };
}

/**
 * Pictures `[n, h, w, c]` moved by one pixel in each direction. A change that is of the class in these places too is one that is
 * seen, rather than one that deceives this network alone.
 */
function neighbours(x: Tensor): Tensor[] {
  return [1, 2].flatMap((axis) => {
    const size = x.shape[axis]!;
    const part = (from: number, to: number) => g.sliceAxis(x, axis, from, to);
    if (size < 2) return [];
    return [g.concat([part(0, 1), part(0, size - 1)], axis), g.concat([part(1, size), part(size - 1, size)], axis)];
  });
}
