// Margins around pictures: a value, the edge again, or a mirror.
import * as g from "../../graph/ops/index.ts";
import type { Call, Importer } from "./call.ts";
import { type Computed, computed, fileOrder, type Value } from "./values.ts";

const pad: Importer = (call) => {
  const x = call.computed(0);
  const rank = x.shape.length;
  if (call.text("mode", "constant") !== "constant") return mirrored(call, x);
  const [pads, value] = paddingOf(call, rank);
  const before = x.order.map((axis) => pads[axis]!);
  const after = x.order.map((axis) => pads[axis + rank]!);
  call.requireSize(x.shape.map((dim, axis) => dim + Math.abs(pads[axis]!) + Math.abs(pads[axis + rank]!)));
  // A negative margin cuts.
  const cut = (list: readonly number[]) => list.map((n) => Math.max(0, -n));
  const [cutBefore, cutAfter] = [cut(before), cut(after)];
  const size = x.tensor.shape.map((dim, i) => dim - cutBefore[i]! - cutAfter[i]!);
  if (size.some((dim) => dim < 1)) call.refuse(`margins [${pads}] leave nothing of [${x.shape}]`);
  const inner = g.slice(x.tensor, cutBefore, size);
  const grow = (list: readonly number[]) => list.map((n) => Math.max(0, n));
  return computed(g.pad(inner, grow(before), grow(after), value), x.order, x);
};

/** Margins before and after each axis of the file, and what they hold. */
function paddingOf(call: Call, rank: number): [pads: readonly number[], value: number] {
  if (call.opset < 11) return [call.ints("pads") ?? [], call.float("value", 0)];
  const given = call.wholeNumbers(1);
  const axes = call.has(3) ? call.axes(3, rank)! : fileOrder(rank);
  const pads = new Array<number>(2 * rank).fill(0);
  if (given.length !== 2 * axes.length) call.refuse(`it has ${given.length} margins for ${axes.length} axes`);
  for (const [i, axis] of axes.entries()) {
    pads[axis] = given[i]!;
    pads[axis + rank] = given[i + axes.length]!;
  }
  return [pads, call.number(2, 0)];
}

/** Margins that repeat the edge, or mirror what is beside it. */
function mirrored(call: Call, x: Computed): Value {
  const mode = call.text("mode", "");
  const [pads] = paddingOf(call, x.shape.length);
  let tensor = x.tensor;
  for (const [at, axis] of x.order.entries()) {
    const [before, after, dim] = [pads[axis]!, pads[axis + x.shape.length]!, x.shape[axis]!];
    if (before === 0 && after === 0) continue;
    if (before < 0 || after < 0 || Math.max(before, after) >= dim || !["reflect", "edge"].includes(mode))
      call.refuse(`mode "${mode}" with margins of ${before} and ${after} on an axis of ${dim}`);
    const part = (from: number, to: number) => g.sliceAxis(tensor, at, from, to);
    const edge = (place: number, times: number) => Array.from({ length: times }, () => part(place, place + 1));
    const ends =
      mode === "edge"
        ? [edge(0, before), edge(dim - 1, after)]
        : [
            before ? [g.reverse(part(1, before + 1), at)] : [],
            after ? [g.reverse(part(dim - 1 - after, dim - 1), at)] : [],
          ];
    tensor = g.concat([...ends[0]!, tensor, ...ends[1]!], at);
  }
  return computed(tensor, x.order, x);
}

export const PADDING: Readonly<Record<string, Importer>> = {
  Pad: pad,
};
