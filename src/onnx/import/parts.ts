// Ops that put values together and take parts of them, of pictures and of what is known beforehand.
import { normalizeAxis, sizeOf, stridesOf } from "../../base/array.ts";
import * as g from "../../graph/ops/index.ts";
import { constant } from "../../graph/tensor.ts";
import type { Call, Importer } from "./call.ts";
import { shapedTo } from "./shapes.ts";
import { arrayOf, computed, fileOrder, inOrder, type Value } from "./values.ts";

const concat: Importer = (call) => {
  const values = call.values();
  const rank = values[0]!.shape.length;
  const axis = normalizeAxis(call.int("axis", 1), rank, "Concat");
  if (values.some(({ shape }) => shape.length !== rank)) call.refuse("its operands have different numbers of axes");
  if (values.every((value) => value.kind === "known")) {
    const shape = values[0]!.shape.map((dim, i) =>
      i === axis ? values.reduce((total, value) => total + value.shape[axis]!, 0) : dim,
    );
    call.requireSize(shape);
    const data = new Float64Array(sizeOf(shape));
    const [rows, inner] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
    let offset = 0;
    for (const value of values) {
      const width = value.shape[axis]! * inner;
      for (let row = 0; row < rows; row++)
        for (let i = 0; i < width; i++) data[row * shape[axis]! * inner + offset + i] = value.data[row * width + i]!;
      offset += width;
    }
    return call.result(values[0]!.type, shape, data);
  }
  const first = values.find((value) => value.kind === "computed")!;
  const like = { ...first, level: call.level, learned: call.learned };
  const tensors = values.map((value) =>
    value.kind === "computed" ? inOrder(value, like.order) : call.weight(value, like.order),
  );
  // A class token is there once, and stands before the places of each picture.
  const n = like.tensor.shape[0]!;
  const spread = tensors.map((t) =>
    t.shape[0] === 1 && n > 1 && axis > 0 ? g.broadcast(t, [n, ...t.shape.slice(1)]) : t,
  );
  return computed(g.concat(spread, like.order.indexOf(axis)), like.order, like);
};

/** Elements `begin + i · step`, `size` of them, of one axis. */
function sliced(call: Call, x: Value, axis: number, begin: number, size: number, step = 1): Value {
  if (size < 1) call.refuse(`it leaves nothing of axis ${axis} of [${x.shape}]`);
  if (x.kind === "computed") {
    const at = x.order.indexOf(axis);
    const forward = step > 0 ? x.tensor : g.reverse(x.tensor, at);
    const first = step > 0 ? begin : x.shape[axis]! - 1 - begin;
    const end = first + (size - 1) * Math.abs(step) + 1;
    return computed(g.sliceAxis(forward, at, first, end, Math.abs(step)), x.order, x);
  }
  const shape = x.shape.map((dim, i) => (i === axis ? size : dim));
  const strides = stridesOf(x.shape);
  const own = stridesOf(shape);
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    let at = 0;
    for (let k = 0; k < shape.length; k++) {
      const place = Math.floor(i / own[k]!) % shape[k]!;
      at += (k === axis ? begin + place * step : place) * strides[k]!;
    }
    return x.data[at]!;
  });
  return call.result(x.type, shape, data);
}

const slice: Importer = (call) => {
  let x = call.value(0);
  const rank = x.shape.length;
  const old = call.opset < 10;
  const bounds = (operand: number, name: string) =>
    (old ? call.ints(name) : call.wholeNumbers(operand)) ?? call.refuse(`it names no ${name}`);
  const [starts, ends] = [bounds(1, "starts"), bounds(2, "ends")];
  const axes = (old ? call.ints("axes") : call.has(3) ? call.wholeNumbers(3) : undefined) ?? fileOrder(starts.length);
  const steps = !old && call.has(4) ? call.wholeNumbers(4) : starts.map(() => 1);
  for (const [i, given] of axes.entries()) {
    const axis = normalizeAxis(given, rank, "Slice");
    const [dim, step] = [x.shape[axis]!, steps[i] ?? 1];
    if (step === 0) call.refuse("its step is 0");
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
    const within = (place: number) => Math.min(Math.max(place < 0 ? place + dim : place, low), high);
    const begin = Math.min(within(starts[i] ?? 0), step > 0 ? dim : dim - 1);
    const end = within(ends[i] ?? dim);
    x = sliced(call, x, axis, begin, Math.max(0, Math.ceil((end - begin) / step)), step);
  }
  return x;
};

const split: Importer = (call) => {
  const x = call.value(0);
  const axis = normalizeAxis(call.int("axis", 0), x.shape.length, "Split");
  const parts = call.node.outputs.length;
  const each = Math.ceil(x.shape[axis]! / parts);
  const sizes =
    (call.has(1) ? call.wholeNumbers(1) : call.ints("split")) ??
    Array.from({ length: parts }, (_, i) => Math.min(each, x.shape[axis]! - i * each));
  let at = 0;
  return sizes.map((size) => {
    at += size;
    if (at > x.shape[axis]!) call.refuse(`parts [${sizes}] of an axis of ${x.shape[axis]}`);
    return sliced(call, x, axis, at - size, size);
  });
};

const gather: Importer = (call) => {
  const [x, index] = [call.value(0), call.known(1)];
  const axis = normalizeAxis(call.int("axis", 0), x.shape.length, "Gather");
  const dim = x.shape[axis]!;
  const places = Array.from(index.data, (i) => (i < 0 ? i + dim : i));
  if (places.some((place) => !(place >= 0 && place < dim))) call.refuse(`it reads beyond axis ${axis} of [${x.shape}]`);
  const shape = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)];
  call.requireSize(shape);
  if (places.length === 1) return shapedTo(call, sliced(call, x, axis, places[0]!, 1), shape);
  if (x.kind === "computed") {
    const front = [axis, ...x.order.filter((other) => other !== axis)];
    const rows = g.gather(inOrder(x, front), constant(arrayOf({ ...index, data: places, shape: [places.length] })));
    const picked = x.shape.map((size, i) => (i === axis ? places.length : size));
    return shapedTo(call, { ...x, tensor: rows, order: front, shape: picked }, shape);
  }
  const inner = sizeOf(x.shape.slice(axis + 1));
  const outer = sizeOf(x.shape.slice(0, axis));
  const data = new Float64Array(sizeOf(shape));
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (const place of places) for (let i = 0; i < inner; i++) data[at++] = x.data[(o * dim + place) * inner + i]!;
  return call.result(x.type, shape, data);
};

export const PARTS: Readonly<Record<string, Importer>> = {
  Concat: concat,
  Slice: slice,
  Split: split,
  Gather: gather,
};
