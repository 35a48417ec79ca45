// Sums, means and extremes over axes.
import { interpret } from "../../graph/interpret.ts";
import * as g from "../../graph/ops/index.ts";
import { constant, type Tensor } from "../../graph/tensor.ts";
import type { Call, Importer } from "./call.ts";
import { arrayOf, computed, fileOrder } from "./values.ts";

type Reduce = (x: Tensor, axes: readonly number[], keep: boolean) => Tensor;

/**
 * The axes of a reduction, all where none are given; undefined where none are given, and it then changes nothing.
 * @param since the opset from which they are an operand; before, they are an attribute
 */
function axesOf(call: Call, since: number, rank: number): readonly number[] | undefined {
  const given = call.axes(call.opset >= since ? 1 : undefined, rank);
  if (given?.length === 0 && call.int("noop_with_empty_axes", 0) === 1) return undefined;
  return given && given.length > 0 ? given : fileOrder(rank);
}

/** @param since see `axesOf` */
const reduction =
  (reduce: Reduce, since: number, fold?: (values: readonly number[]) => number): Importer =>
  (call) => {
    const x = call.value(0);
    const rank = x.shape.length;
    const axes = axesOf(call, since, rank);
    if (!axes) return x;
    const keep = call.int("keepdims", 1) === 1;
    if (x.kind === "known") {
      if (fold && axes.length === rank)
        return call.result(x.type, keep ? x.shape.map(() => 1) : [], [fold(Array.from(x.data))]);
      if (x.type !== "float") call.refuse(`whole numbers [${x.shape}] over axes [${axes}]`);
      // Of weights, as where they are normalised.
      const [y] = interpret([reduce(constant(arrayOf(x)), axes, keep)], {});
      return call.result(x.type, y!.shape, y!.data);
    }
    const own = axes.map((axis) => x.order.indexOf(axis));
    const y = reduce(x.tensor, own, keep);
    if (keep) return computed(y, x.order, x);
    const left = fileOrder(rank).filter((axis) => !axes.includes(axis));
    return computed(
      y,
      x.order.filter((axis) => left.includes(axis)).map((axis) => left.indexOf(axis)),
      x,
    );
  };

const min: Reduce = (x, axes, keep) => g.neg(g.max(g.neg(x), axes, keep));
const length: Reduce = (x, axes, keep) => g.sqrt(g.sum(g.square(x), axes, keep));
const product = (values: readonly number[]) => values.reduce((a, b) => a * b, 1);
const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

export const REDUCTION: Readonly<Record<string, Importer>> = {
  ReduceMean: reduction(g.mean, 18),
  ReduceSum: reduction(g.sum, 13, total),
  ReduceMax: reduction(g.max, 18, (values) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)),
  ReduceMin: reduction(min, 18, (values) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)),
  ReduceL2: reduction(length, 18),
  ReduceL1: reduction((x, axes, keep) => g.sum(g.abs(x), axes, keep), 18),
  ReduceSumSquare: reduction((x, axes, keep) => g.sum(g.square(x), axes, keep), 18),
  ReduceLogSumExp: reduction(g.logSumExp, 18),
  ReduceProd: (call) => {
    const x = call.known(0);
    const rank = x.shape.length;
    const axes = axesOf(call, 18, rank);
    if (!axes) return x;
    if (axes.length < rank) call.refuse(`a product of [${x.shape}] over axes [${axes}], and not over all`);
    return call.result(x.type, call.int("keepdims", 1) === 1 ? x.shape.map(() => 1) : [], [
      product(Array.from(x.data)),
    ]);
  },
};
