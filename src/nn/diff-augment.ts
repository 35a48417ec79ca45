// Differentiable augmentation (Zhao et al. 2020, Differentiable Augmentation for Data-Efficient GAN Training): a discriminator
// sees real and generated pictures only after random changes of one kind, which pass gradients on to the generator. So it
// cannot learn few real pictures by heart, and the generator does not learn the changes.
import { ndarray } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import type { Scope } from "./scope.ts";

/** One kind of change of pictures `[n, h, w, c]`, drawn anew for each. */
type Change = (scope: Scope, x: Tensor) => Tensor;

/** Kinds of changes by name. */
const CHANGES = { colour, translation, cutout } satisfies Record<string, Change>;

/** Policies by name: the changes of each, in order; what fits grey pictures is `translation+cutout`. */
export const DIFF_AUGMENT_POLICIES = {
  none: [],
  translation: ["translation"],
  "translation+cutout": ["translation", "cutout"],
  "colour+translation+cutout": ["colour", "translation", "cutout"],
} as const satisfies Record<string, readonly (keyof typeof CHANGES)[]>;

/** The name of a policy. */
export type DiffAugmentPolicy = keyof typeof DIFF_AUGMENT_POLICIES;

/**
 * Pictures `[n, h, w, c]`, of pixels in 0..1, each changed at random by a policy, of the same shape: `translation` by up to an
 * eighth of the sides, with 0 where nothing comes from; `cutout` of a rectangle of half the sides, of which at least a quarter
 * is inside; `colour`: brightness ± 0.25, saturation times 0..2, contrast times 0.5..1.5 (what is outside 0..1 then stays so, as
 * in the authors' program, whose pixels are -1..1).
 */
export function diffAugment(scope: Scope, x: Tensor, policy: DiffAugmentPolicy): Tensor {
  return DIFF_AUGMENT_POLICIES[policy].reduce((y, name) => CHANGES[name](scope.child(name), y), x);
}

/** A uniform number in 0..1 for each picture, `[n, 1, 1, 1]`. */
const draw = (scope: Scope, name: string, n: number): Tensor => scope.noise(name, [n, 1, 1, 1], "uniform");

function colour(scope: Scope, x: Tensor): Tensor {
  const n = x.shape[0]!;
  const bright = g.add(x, g.mul(g.sub(draw(scope, "brightness", n), 0.5), 0.5));
  /** The distance of each value to the mean over `axes`, times `factor`. */
  const spread = (y: Tensor, axes: readonly number[], factor: Tensor) => {
    const mean = g.mean(y, axes, true);
    return g.add(g.mul(g.sub(y, mean), factor), mean);
  };
  // A grey picture has no saturation: its only channel is its own mean.
  const saturated = x.shape[3] === 1 ? bright : spread(bright, [3], g.mul(draw(scope, "saturation", n), 2));
  return spread(saturated, [1, 2, 3], g.add(draw(scope, "contrast", n), 0.5));
}

/** The numbers 0, 1, … `size` - 1, as float32. */
const places = (size: number) =>
  constant(
    ndarray(
      "float32",
      [size],
      Float32Array.from({ length: size }, (_, i) => i),
    ),
  );

/** A whole number from 0 to `below` - 1 for each picture, all as likely, `[n, 1, 1]`. */
const whole = (scope: Scope, name: string, n: number, below: number) =>
  g.floor(g.mul(scope.noise(name, [n, 1, 1], "uniform"), below));

/** Where each place of a side of `size` reads from, as matrices `[n, size, size]` of 0 and 1: all from one random shift on. */
function shifts(scope: Scope, name: string, n: number, size: number): Tensor {
  const most = Math.round(size / 8);
  const shift = g.sub(whole(scope, name, n, 2 * most + 1), most);
  const from = g.add(g.reshape(places(size), [size, 1]), shift);
  return g.cast(g.equal(from, places(size)), "float32");
}

function translation(scope: Scope, x: Tensor): Tensor {
  const [n, h, w, c] = x.shape as readonly number[] as [number, number, number, number];
  // Products with matrices of 0 and 1, whose derivatives are products again. Rows first, then columns.
  const rows = g.matmul(shifts(scope, "rows", n, h), g.reshape(x, [n, h, w * c]));
  const columns = shifts(scope, "columns", n, w);
  if (c === 1) return g.reshape(g.matmul(rows, columns, false, true), x.shape);
  const turned = g.reshape(g.transpose(g.reshape(rows, [n, h, w, c]), [0, 2, 1, 3]), [n, w, h * c]);
  return g.transpose(g.reshape(g.matmul(columns, turned), [n, w, h, c]), [0, 2, 1, 3]);
}

/** Which places of a side of `size` are in a random interval of half of it, `[n, size]` of 0 and 1. */
function interval(scope: Scope, name: string, n: number, size: number): Tensor {
  const length = Math.round(size / 2);
  // The middle is anywhere in the picture; the interval ends at the border.
  const first = g.sub(whole(scope, name, n, size + 1 - (length % 2)), Math.floor(length / 2));
  const offset = g.reshape(g.sub(places(size), first), [n, size]);
  return g.cast(g.and(g.greaterEqual(offset, 0), g.less(offset, length)), "float32");
}

function cutout(scope: Scope, x: Tensor): Tensor {
  const [n, h, w] = x.shape as readonly number[] as [number, number, number];
  const rows = g.reshape(interval(scope, "rows", n, h), [n, h, 1, 1]);
  const columns = g.reshape(interval(scope, "columns", n, w), [n, 1, w, 1]);
  return g.mul(x, g.sub(1, g.mul(rows, columns)));
}
