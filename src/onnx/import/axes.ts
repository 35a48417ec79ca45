// Reshaping a value whose axes lie in another order than the file's.
import { type Shape, sizeOf } from "../../base/array.ts";
import * as g from "../../graph/ops/index.ts";
import { asInFile, type Computed, channelsLast, computed, fileOrder, inOrder } from "./values.ts";

/** Axes that hold the same elements before and after a reshape, in the file's order; those of size 1 are left out. */
interface Group {
  readonly from: number[];
  readonly to: number[];
}

/** The smallest groups of axes that a reshape joins or splits; undefined where they do not fit. */
function groupsOf(from: Shape, to: Shape): Group[] | undefined {
  const real = (shape: Shape) => fileOrder(shape.length).filter((axis) => shape[axis] !== 1);
  const [before, after] = [real(from), real(to)];
  const groups: Group[] = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    const group: Group = { from: [before[i]!], to: [after[j]!] };
    let [a, b] = [from[before[i++]!]!, to[after[j++]!]!];
    while (a !== b) {
      if (a < b && i < before.length) {
        group.from.push(before[i]!);
        a *= from[before[i++]!]!;
      } else if (b < a && j < after.length) {
        group.to.push(after[j]!);
        b *= to[after[j++]!]!;
      } else return undefined;
    }
    groups.push(group);
  }
  return i === before.length && j === after.length ? groups : undefined;
}

/** A usual order of the axes of `shape` in which those of more than one element come as in `sequence`, else one made up. */
function orderWith(sequence: readonly number[], shape: Shape): number[] {
  const rank = shape.length;
  const matters = (order: readonly number[]) => order.filter((axis) => shape[axis] !== 1).join();
  for (const order of [channelsLast(rank), fileOrder(rank)]) if (matters(order) === sequence.join()) return order;
  const ones = fileOrder(rank).filter((axis) => shape[axis] === 1);
  return [...ones, ...sequence];
}

/**
 * The value in another shape, both in the file's order. Nothing is moved where each group of axes that is joined or split lies
 * together; else the axes of each group are brought together where the first of them lies.
 */
export function reshaped(x: Computed, shape: Shape): Computed {
  const groups = sizeOf(x.shape) === sizeOf(shape) ? groupsOf(x.shape, shape) : undefined;
  if (!groups) return computed(g.reshape(asInFile(x), shape), fileOrder(shape.length), x);
  const lying = x.order.filter((axis) => x.shape[axis] !== 1);
  const inTurn = [...new Set(lying.map((axis) => groups.find(({ from }) => from.includes(axis))!))];
  const ones = x.order.filter((axis) => x.shape[axis] === 1);
  const together = inOrder(x, [...ones, ...inTurn.flatMap(({ from }) => from)]);
  const order = orderWith(
    inTurn.flatMap(({ to }) => to),
    shape,
  );
  return computed(
    g.reshape(
      together,
      order.map((axis) => shape[axis]!),
    ),
    order,
    x,
  );
}
